"""What the faces on the web have in common: who asks, what they may give, and whether it is really them.

Restoring and deleting need a password that was typed lately: somebody else may sit at the screen, or hold the
session. A confirmation stands in the session, and is worth nothing with another account or another password.
"""

from __future__ import annotations

import time
from typing import Any

from django.contrib.auth import authenticate
from django.http import HttpRequest

from edms_backup.audit import Actor
from edms_backup.conf import get_settings
from edms_backup.errors import ReauthenticationRequired
from edms_backup.models import RunKind

NEEDED = {
    RunKind.CREATE: "create_package",
    RunKind.RESTORE: "restore_package",
    RunKind.UNDO: "restore_package",
    RunKind.PLAN: "restore_package",
    RunKind.DELETE: "delete_package",
    RunKind.ADMIT: "upload_package",
    RunKind.VERIFY: "verify_package",
    RunKind.CHECK: "view_package",
    RunKind.INVENTORY: "view_package",
}
"""Kind of a run to the permission that asking for it, or stopping it, needs."""

_CONFIRMED = "edms_backup_confirmed"


def actor_of(request: HttpRequest, origin: str, reason: str = "") -> Actor:
    """Return who sent a request, for the run and the audit trail. ``origin`` is ``api`` or ``admin``.

    The address is that of the connection; what a proxy says of others counts only where the host's own middleware
    has put it there. Raises ``UsageError`` for a reason that is too long.
    """
    user: Any = request.user
    return Actor(
        name=user.get_username(),
        user_id=str(user.pk),
        origin=origin,
        address=str(request.META.get("REMOTE_ADDR", "")),
        reason=reason,
    )


def may_grant(user: Any) -> tuple[str, ...] | None:
    """Return what a restore by this user may give to others, for ``RestoreRequest.may_grant``.

    A superuser may give everything (``None``), others what they hold themselves.
    """
    if user.is_active and user.is_superuser:
        return None
    held = {f"permission {name}" for name in user.get_all_permissions()}
    if getattr(user, "is_staff", False):
        held.add("staff")
    groups = getattr(user, "groups", None)
    if groups is not None:
        held.update(f"group {name}" for name in groups.values_list("name", flat=True))
    return tuple(sorted(held))


def check_password(request: HttpRequest, password: str) -> None:
    """Raise ``ReauthenticationRequired`` unless the password is the one of who sent the request.

    Asks the host's authentication backends, so what counts failed attempts there counts these too.
    """
    user: Any = request.user
    found: Any = None
    if user.is_authenticated and password and "\0" not in password:
        name = {user.USERNAME_FIELD: user.get_username()}
        found = authenticate(request, password=password, **name)
    if found is None or found.pk != user.pk:
        raise ReauthenticationRequired("The password is not the right one.", hint="Try it again.")


def confirm(request: HttpRequest, password: str) -> None:
    """Note in the session that the password was typed now; raises ``ReauthenticationRequired`` for a wrong one."""
    check_password(request, password)
    session: Any = request.session
    session.cycle_key()
    session[_CONFIRMED] = [str(request.user.pk), _fingerprint(request.user), int(time.time())]


def is_confirmed(request: HttpRequest) -> bool:
    """Return whether the password was typed in this session within ``REAUTHENTICATION_AGE`` seconds."""
    session: Any = getattr(request, "session", None)
    noted = session.get(_CONFIRMED) if session is not None else None
    if not isinstance(noted, list) or len(noted) != len(("user", "hash", "time")):
        return False
    user, fingerprint, at = noted
    age = time.time() - at
    return (user, fingerprint) == (str(request.user.pk), _fingerprint(request.user)) and (
        0 <= age <= get_settings().reauthentication_age
    )


def require_confirmed(request: HttpRequest) -> None:
    """Raise ``ReauthenticationRequired`` unless ``is_confirmed``."""
    if not is_confirmed(request):
        raise ReauthenticationRequired(
            "This needs your password again: it was not typed lately.",
            hint="Confirm it, then repeat the call.",
        )


def _fingerprint(user: Any) -> str:
    """Return what changes with the password of a user."""
    return str(user.get_session_auth_hash()) if hasattr(user, "get_session_auth_hash") else ""
