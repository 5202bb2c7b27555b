"""Users, roles, groups and permissions."""

from datetime import UTC, datetime
from typing import Any

from django.contrib.auth.models import Permission

from apps.demo.accounts import password_hashes
from apps.demo.factories.contrib import GroupFactory, PermissionFactory
from apps.demo.factories.users import MFADeviceFactory, RoleFactory, UserFactory, UserRoleFactory
from apps.demo.rows import link, overwrite
from apps.demo.source import later

from .site import Site

NINETEEN_SEVENTY = datetime(1970, 1, 1, 0, 0, 0, 1, tzinfo=UTC)
LAST_OF_32_BITS = datetime(2038, 1, 19, 3, 14, 8, 999999, tzinfo=UTC)

USERS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("admin", {"first_name": "Site", "last_name": "Administrator", "is_superuser": True, "is_staff": True}),
    ("reviewer", {"first_name": "Jürgen", "last_name": "Müller", "position": "Head of QA", "is_staff": True}),
    ("author", {"first_name": "Anna‑Lena", "last_name": "Öztürk", "department": "Produktion"}),
    ("approver", {"first_name": "花子", "last_name": "山田", "position": "品質保証部長"}),
    ("søren.å", {"first_name": "Søren", "last_name": "Ångström", "department": "", "phone_number": ""}),
    (
        "o'brien+qa@example.com",
        {"first_name": "Siobhán", "last_name": "O'Brien", "phone_number": "+353 1 5550100"},
    ),
    ("viewer", {"first_name": "Vera", "last_name": "", "department": None, "position": None}),
    (
        "trainer",
        {"first_name": "Иван", "last_name": "Петров", "metadata": {"languages": ["ru", "de", "日本語"]}},
    ),
    ("auditor", {"first_name": "Extern", "last_name": "Prüferin", "validation_expiry": LAST_OF_32_BITS}),
    ("locked", {"first_name": "Lou", "last_name": "Closed", "failed_login_attempts": 5}),
    (
        "leaver",
        {"first_name": "Lea", "last_name": "Vorher", "is_active": False, "last_login": NINETEEN_SEVENTY},
    ),
    ("kiosk", {"first_name": "", "last_name": "", "email": "", "employee_id": None}),
    ("edms_system", {"first_name": "EDMS", "last_name": "System", "employee_id": None, "is_active": False}),
)

ROLES = (
    ("Document Viewer", "O1", "read", None),
    ("Document Author", "O1", "write", "Document Viewer"),
    ("Document Reviewer", "O1", "review", "Document Author"),
    ("Document Approver", "O1", "approve", "Document Reviewer"),
    ("Document Admin", "O1", "admin", "Document Approver"),
    ("User Admin", "S1", "admin", None),
    ("Audit Reader", "S2", "read", None),
    ("Backup Operator", "S4", "write", None),
    ("Placeholder‑Verwaltung", "S6", "admin", "Document Viewer"),
)

ASSIGNMENTS = (
    ("admin", "Document Admin"),
    ("admin", "User Admin"),
    ("admin", "Backup Operator"),
    ("reviewer", "Document Reviewer"),
    ("author", "Document Author"),
    ("approver", "Document Approver"),
    ("søren.å", "Document Author"),
    ("o'brien+qa@example.com", "Document Reviewer"),
    ("viewer", "Document Viewer"),
    ("trainer", "Document Author"),
    ("auditor", "Audit Reader"),
    ("leaver", "Document Author"),
    ("reviewer", "Placeholder‑Verwaltung"),
)

GROUPS: dict[str, tuple[str, ...]] = {
    "Document Viewers": (
        "documents.view_document",
        "documents.view_documentversion",
        "documents.view_documentcomment",
    ),
    "Document Authors": (
        "documents.add_document",
        "documents.change_document",
        "documents.add_documentcomment",
        "documents.add_documentattachment",
    ),
    "Quality Assurance": (
        "audit.view_audittrail",
        "audit.view_compliancereport",
        "audit.add_compliancereport",
    ),
    "Administratoren für Prüfmittel": (
        "settings.change_systemconfiguration",
        "documents.change_systemconfiguration",
    ),
    "User Admins": ("users.add_user", "users.change_user", "users.view_user"),
    "Nobody": (),
}

MEMBERS: dict[str, tuple[str, ...]] = {
    "Document Viewers": ("viewer", "author", "reviewer", "leaver"),
    "Document Authors": ("author", "søren.å", "trainer"),
    "Quality Assurance": ("reviewer", "approver", "auditor"),
    "User Admins": ("admin",),
    "Administratoren für Prüfmittel": ("o'brien+qa@example.com",),
}


def tell(site: Site) -> None:
    """Bring in the people."""
    _users(site)
    _roles(site)
    _permissions(site)
    _devices(site)


def _users(site: Site) -> None:
    """Hire everybody, then set who manages and created whom: two manage each other, one created itself."""
    hashes = password_hashes()
    for index, (username, details) in enumerate(USERS):
        values = {"username": username, "employee_id": f"E-{index:05d}", **details}
        if username == "edms_system":
            values["password"] = ""  # As service accounts of the former EDMS are: no hash at all.
        elif username != "kiosk":
            values["password"] = hashes.get(username, hashes["author"])
        site.users[username] = UserFactory(**values)
    admin = site.user("admin")
    for username, manager in (
        ("reviewer", "approver"),
        ("approver", "reviewer"),
        ("author", "reviewer"),
        ("søren.å", "author"),
        ("viewer", "viewer"),
        ("leaver", "søren.å"),
    ):
        site.user(username).manager = site.user(manager)
    for user in site.users.values():
        user.created_by = None if user.username == "edms_system" else admin
        user.is_validated = user.username in ("admin", "reviewer", "approver")
        user.validation_date = later(user.created_at, days=3, microseconds=1) if user.is_validated else None
        overwrite(user)
    locked = site.user("locked")
    locked.account_locked_until = later(locked.updated_at, days=20_000, microseconds=999999)
    overwrite(locked)


def _roles(site: Site) -> None:
    """Make the roles, each of which may inherit from another, and give them out."""
    for name, module, level, parent in ROLES:
        site.roles[name] = RoleFactory(
            name=name,
            module=module,
            permission_level=level,
            inherits_from=site.roles.get(parent or ""),
            is_system_role=module != "O1",
            created_by=site.user("admin"),
            metadata={"rank": len(site.roles), "limits": {"documents": None, "days": [1, 2.5]}},
        )
    for username, role in ASSIGNMENTS:
        left = username == "leaver"
        assignment = UserRoleFactory.build(
            user=site.user(username),
            role=site.roles[role],
            assigned_by=None if username == "admin" else site.user("admin"),
            assignment_reason="" if username == "viewer" else f"Einarbeitung als {role}",
            is_active=not left,
            revocation_reason="Left the company" if left else "",
        )
        if left:
            assignment.revoked_by = site.user("admin")
            assignment.revoked_at = later(assignment.assigned_at, days=100, microseconds=1)
            assignment.expires_at = assignment.revoked_at
        UserRoleFactory.store(assignment)


def _permissions(site: Site) -> None:
    """Grant permissions to groups and users, one of them a row that no migration creates."""
    release = PermissionFactory(codename="release_batch", name="Can release a batch (Chargenfreigabe)")
    granted = Permission.objects.select_related("content_type")
    known = {
        f"{permission.content_type.app_label}.{permission.codename}": permission for permission in granted
    }
    for name, codenames in GROUPS.items():
        site.groups[name] = GroupFactory(name=name)
        link(site.groups[name], "permissions", [known[codename] for codename in codenames])
    link(site.groups["Quality Assurance"], "permissions", [release])
    for name, usernames in MEMBERS.items():
        for username in usernames:
            link(site.user(username), "groups", [site.groups[name]])
    link(site.user("approver"), "user_permissions", [release])
    own = [known["documents.delete_document"], known["documents.view_document"]]
    link(site.user("author"), "user_permissions", own)


def _devices(site: Site) -> None:
    """Give some people a second factor."""
    MFADeviceFactory(
        user=site.user("admin"),
        name="Telefon 📱",
        backup_codes=["19af-44c0", "d03e-91b2", "7c55-0aa8"],
        is_verified=True,
        usage_count=41,
    )
    MFADeviceFactory(
        user=site.user("reviewer"),
        device_type="email",
        name="E‑Mail",
        email_address="qa@example.com",
        secret_key="",
    )
    MFADeviceFactory(
        user=site.user("auditor"),
        device_type="sms",
        name="SMS",
        phone_number="+41 31 555 01 00",
        is_active=False,
    )
