"""Factories for users, roles, role assignments and second factors."""

import factory

from apps.demo.accounts import UNUSABLE_PASSWORD

from .base import Moment, RawFactory, Uuid, after


class UserFactory(RawFactory):
    """People and service accounts; without a usable password unless one is given."""

    class Meta:
        model = "users.User"
        django_get_or_create = ("username",)

    uuid = Uuid()
    username = factory.Sequence(lambda number: f"user{number:04d}")
    password = UNUSABLE_PASSWORD
    first_name = "Ada"
    last_name = factory.Sequence(lambda number: f"Beispiel {number}")
    email = factory.LazyAttribute(
        lambda row: f"{row.username.encode('ascii', 'ignore').decode()}@example.com"
    )
    employee_id = factory.Sequence(lambda number: f"F-{number:05d}")
    phone_number = None
    department = "Quality Assurance"
    position = ""
    created_at = Moment()
    date_joined = factory.SelfAttribute("created_at")
    password_changed_at = after("created_at", seconds=2, microseconds=31)
    updated_at = after("created_at", hours=5, microseconds=17)
    metadata = factory.LazyFunction(dict)


class RoleFactory(RawFactory):
    """Roles in the EDMS."""

    class Meta:
        model = "users.Role"
        django_get_or_create = ("name",)

    uuid = Uuid()
    name = factory.Sequence(lambda number: f"Role {number}")
    description = ""
    module = "O1"
    permission_level = "read"
    created_at = Moment()
    updated_at = after("created_at", days=1, microseconds=11)
    metadata = factory.LazyFunction(dict)


class UserRoleFactory(RawFactory):
    """Roles given to users."""

    class Meta:
        model = "users.UserRole"

    uuid = Uuid()
    user = factory.SubFactory(UserFactory)
    role = factory.SubFactory(RoleFactory)
    assigned_at = Moment()
    assignment_reason = ""
    revocation_reason = ""
    metadata = factory.LazyFunction(dict)


class MFADeviceFactory(RawFactory):
    """Second factors."""

    class Meta:
        model = "users.MFADevice"

    uuid = Uuid()
    user = factory.SubFactory(UserFactory)
    device_type = "totp"
    name = "Phone"
    secret_key = "JBSWY3DPEHPK3PXP"
    backup_codes = factory.LazyFunction(list)
    phone_number = ""
    email_address = ""
    created_at = Moment()
    verified_at = None
    metadata = factory.LazyFunction(dict)
