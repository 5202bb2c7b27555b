"""Factories for the models that come with Django."""

import factory
from django.contrib.contenttypes.models import ContentType

from .base import Moment, RawFactory


class GroupFactory(RawFactory):
    """Groups that Django's permissions are granted to."""

    class Meta:
        model = "auth.Group"
        django_get_or_create = ("name",)

    name = factory.Sequence(lambda number: f"Group {number}")


class PermissionFactory(RawFactory):
    """Permissions that no migration creates: sites add such rows by hand."""

    class Meta:
        model = "auth.Permission"
        django_get_or_create = ("content_type", "codename")

    name = "Can release a batch"
    codename = factory.Sequence(lambda number: f"release_batch_{number}")
    content_type = factory.LazyFunction(
        lambda: ContentType.objects.get(app_label="documents", model="document")
    )


class LogEntryFactory(RawFactory):
    """What happened in the admin."""

    class Meta:
        model = "admin.LogEntry"

    action_time = Moment()
    user = factory.SubFactory("apps.demo.factories.users.UserFactory")
    content_type = None
    object_id = None
    object_repr = "–"
    action_flag = 2
    change_message = ""


class SiteFactory(RawFactory):
    """Names under which the EDMS is reached."""

    class Meta:
        model = "sites.Site"
        django_get_or_create = ("domain",)

    domain = factory.Sequence(lambda number: f"edms{number}.example.com")
    name = "Example EDMS"


class SessionFactory(RawFactory):
    """Signed-in browsers."""

    class Meta:
        model = "sessions.Session"
        django_get_or_create = ("session_key",)

    session_key = factory.Sequence(lambda number: f"demosession{number:021d}")
    session_data = ""
    expire_date = Moment()
