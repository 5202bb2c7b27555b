"""The rows that a new EDMS starts with.

Every site knows them by the same names and codes, the demo site too, while primary keys and uuids differ
from one site to the next. `system_reinit` makes them anew from here.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.contrib.auth.models import Group, Permission
from django.db import transaction

from apps.documents.models import DocumentSource, DocumentType
from apps.documents.models import SystemConfiguration as Company
from apps.placeholders.models import PlaceholderDefinition
from apps.settings.models import FeatureToggle, NotificationTemplate, SystemConfiguration
from apps.users.models import Role, User
from apps.workflows.models import DocumentState, WorkflowType

ADMIN_USERNAME = "admin"
INITIAL_ADMIN_PASSWORD = "change-this-first"

DOCUMENT_TYPES = [
    # code, name, years to keep
    ("POL", "Policy", 10),
    ("SOP", "Standard Operating Procedure", 7),
    ("WIN", "Work Instruction", 7),
    ("MAN", "Manual", 10),
    ("FRM", "Form", 5),
    ("REC", "Record", 15),
]
DOCUMENT_SOURCES = [
    # name, kind
    ("Original digital draft", "original_digital"),
    ("Scanned original document", "scanned_original"),
    ("Scanned copy", "scanned_copy"),
    ("External document", "external"),
]
DOCUMENT_STATES = [
    # code, name (names repeat), initial, final
    ("DRAFT", "Draft", True, False),
    ("PENDING_REVIEW", "Pending review", False, False),
    ("UNDER_REVIEW", "Under review", False, False),
    ("REVIEW_COMPLETED", "Review completed", False, False),
    ("PENDING_APPROVAL", "Pending approval", False, False),
    ("UNDER_APPROVAL", "Under approval", False, False),
    ("APPROVED", "Approved", False, False),
    ("APPROVED_PENDING_EFFECTIVE", "Approved", False, False),
    ("EFFECTIVE", "Effective", False, True),
    ("PENDING_OBSOLETION", "Pending obsoletion", False, False),
    ("SCHEDULED_FOR_OBSOLESCENCE", "Pending obsoletion", False, False),
    ("OBSOLETE", "Obsolete", False, True),
    ("SUPERSEDED", "Superseded", False, True),
    ("TERMINATED", "Terminated", False, True),
]
WORKFLOW_TYPES = [
    # name, kind, days until it times out
    ("Document review", "REVIEW", 30),
    ("Document approval", "APPROVAL", 14),
    ("Obsolescence", "OBSOLETE", 7),
    ("Emergency approval", "APPROVAL", 3),
]
ROLES = [
    # name, module, level
    ("Document Admin", "O1", "admin"),
    ("Document Approver", "O1", "approve"),
    ("Document Reviewer", "O1", "review"),
    ("Document Author", "O1", "write"),
    ("Document Viewer", "O1", "read"),
    ("User Admin", "S1", "admin"),
    ("Audit Reader", "S2", "read"),
]
GROUPS = {
    # name: permissions as app_label.codename
    "Document Authors": [
        "documents.add_document",
        "documents.change_document",
        "documents.delete_document",
        "documents.view_document",
    ],
    "Quality Assurance": ["documents.change_document", "documents.view_document"],
    "Document Viewers": ["documents.view_document"],
    "User Admins": ["users.add_user", "users.change_user", "users.view_user"],
}
PLACEHOLDERS = [
    # name, label, kind, source, field
    ("DOC_NUMBER", "Document Number", "DOCUMENT", "DOCUMENT_MODEL", "document_number"),
    ("DOC_TITLE", "Document Title", "DOCUMENT", "DOCUMENT_MODEL", "title"),
    ("DOCUMENT_TYPE", "Document Type", "DOCUMENT", "DOCUMENT_MODEL", "document_type__name"),
    ("VERSION_FULL", "Full Version", "DOCUMENT", "COMPUTED", "version"),
    ("DOCUMENT_STATUS", "Document Status", "DOCUMENT", "DOCUMENT_MODEL", "status"),
    ("EFFECTIVE_DATE", "Effective Date", "DATE", "DOCUMENT_MODEL", "effective_date"),
    ("AUTHOR_NAME", "Author", "USER", "USER_MODEL", "author"),
    ("REVIEWER_NAME", "Reviewer", "USER", "USER_MODEL", "reviewer"),
    ("APPROVER_NAME", "Approver", "USER", "USER_MODEL", "approver"),
    ("COMPANY_NAME", "Company", "SYSTEM", "SYSTEM_CONFIG", "company_name"),
    ("CURRENT_DATE", "Current Date", "DATE", "COMPUTED", "today"),
]
SETTINGS = [
    # key, label, category, type, value, sensitive
    ("notification.sender", "Sender of mail", "NOTIFICATION", "EMAIL", "edms@example.com", False),
    ("documents.review_months", "Months between reviews", "WORKFLOW", "INTEGER", "24", False),
    ("security.session_minutes", "Minutes until a session ends", "SECURITY", "INTEGER", "30", False),
    ("smtp.password", "Password of the mail server", "INTEGRATION", "PASSWORD", "", True),
]
FEATURE_TOGGLES = [
    # key, name, kind, on
    ("e_signature", "Electronic signatures", "RELEASE", True),
    ("new_editor", "New editor", "EXPERIMENT", False),
    ("maintenance_mode", "Maintenance mode", "OPERATIONAL", False),
]
NOTIFICATIONS = [
    # channel, event, name, subject
    ("EMAIL", "DOCUMENT_APPROVED", "Document approved", "{document_number} has been approved"),
    ("EMAIL", "WORKFLOW_ASSIGNED", "Workflow assigned", "{document_number} waits for you"),
    ("IN_APP", "DOCUMENT_EFFECTIVE", "Document effective", "{document_number} is effective"),
]


def administrator(password: str = INITIAL_ADMIN_PASSWORD) -> User:
    """Return the administrator, made with this password where there is none yet."""
    admin = User.objects.filter(username=ADMIN_USERNAME).first()
    return admin or User.objects.create_superuser(ADMIN_USERNAME, "admin@example.com", password)


@transaction.atomic
def create_defaults(admin: User | None = None, *, backwards: bool = False) -> User:
    """Make the rows that are missing, and return the administrator.

    Args:
        admin: Who is to own them; the administrator of this site, made when needed, by default.
        backwards: Make the rows of each table in the opposite order, so that not even the distances
            between their primary keys are those of another site.
    """
    admin = admin or administrator()
    makers = [
        lambda: _document_catalogue(admin, backwards),
        lambda: _workflow_catalogue(admin, backwards),
        lambda: _roles_and_groups(admin, backwards),
        lambda: _placeholders(admin, backwards),
        lambda: _settings(admin, backwards),
    ]
    for make in makers:
        make()
    return admin


def _in_order(rows: Iterable[Any], backwards: bool) -> list[Any]:
    """Return the rows in the wanted order."""
    ordered = list(rows)
    return ordered[::-1] if backwards else ordered


def _document_catalogue(admin: User, backwards: bool) -> None:
    """Make document types, sources and the row with the company's name."""
    for code, name, years in _in_order(DOCUMENT_TYPES, backwards):
        DocumentType.objects.get_or_create(
            code=code,
            defaults={"name": name, "retention_years": years, "numbering_prefix": code, "created_by": admin},
        )
    for name, kind in _in_order(DOCUMENT_SOURCES, backwards):
        DocumentSource.objects.get_or_create(name=name, defaults={"source_type": kind})
    if not Company.objects.exists():
        Company.objects.create(company_name="Example Company")


def _workflow_catalogue(admin: User, backwards: bool) -> None:
    """Make document states and workflow types."""
    for code, name, initial, final in _in_order(DOCUMENT_STATES, backwards):
        DocumentState.objects.get_or_create(
            code=code, defaults={"name": name, "is_initial": initial, "is_final": final}
        )
    for name, kind, days in _in_order(WORKFLOW_TYPES, backwards):
        WorkflowType.objects.get_or_create(
            name=name, defaults={"workflow_type": kind, "timeout_days": days, "created_by": admin}
        )


def _roles_and_groups(admin: User, backwards: bool) -> None:
    """Make roles, and groups with their permissions."""
    for name, module, level in _in_order(ROLES, backwards):
        Role.objects.get_or_create(
            name=name,
            defaults={
                "module": module,
                "permission_level": level,
                "is_system_role": True,
                "created_by": admin,
            },
        )
    for name, grants in _in_order(GROUPS.items(), backwards):
        group, made = Group.objects.get_or_create(name=name)
        if made:
            for grant in grants:
                app_label, codename = grant.split(".")
                permission = Permission.objects.get(content_type__app_label=app_label, codename=codename)
                group.permissions.add(permission)


def _placeholders(admin: User, backwards: bool) -> None:
    """Make placeholder definitions."""
    for name, label, kind, source, field in _in_order(PLACEHOLDERS, backwards):
        PlaceholderDefinition.objects.get_or_create(
            name=name,
            defaults={
                "display_name": label,
                "placeholder_type": kind,
                "data_source": source,
                "source_field": field,
                "created_by": admin,
            },
        )


def _settings(admin: User, backwards: bool) -> None:
    """Make settings, feature toggles and the default notification templates."""
    for key, label, category, kind, value, sensitive in _in_order(SETTINGS, backwards):
        SystemConfiguration.objects.get_or_create(
            key=key,
            defaults={
                "display_name": label,
                "category": category,
                "setting_type": kind,
                "value": value,
                "default_value": value,
                "is_sensitive": sensitive,
                "updated_by": admin,
            },
        )
    for key, name, kind, enabled in _in_order(FEATURE_TOGGLES, backwards):
        FeatureToggle.objects.get_or_create(
            key=key,
            defaults={"name": name, "toggle_type": kind, "is_enabled": enabled, "created_by": admin},
        )
    for channel, event, name, subject in _in_order(NOTIFICATIONS, backwards):
        NotificationTemplate.objects.get_or_create(
            template_type=channel,
            event_type=event,
            is_default=True,
            defaults={
                "name": name,
                "subject_template": subject,
                "body_template": subject + ".",
                "created_by": admin,
            },
        )
