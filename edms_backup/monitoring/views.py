"""Two plain endpoints: how backups stand as JSON, and as metrics. Open to nobody by default.

Who asks shows the token of ``EDMS_BACKUP["MONITORING_TOKEN"]`` (``Authorization: Bearer …``), or is signed in and
has the permission ``edms_backup.view_status``. An answer holds no path and no secret.
"""

from __future__ import annotations

import functools
import hmac
import logging
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from edms_backup.errors import ConfigurationError, EdmsBackupError
from edms_backup.monitoring.prometheus import exposition
from edms_backup.service import BackupService, Level

logger = logging.getLogger(__name__)

View = Callable[[HttpRequest], HttpResponse]
PERMISSION = "edms_backup.view_status"
_UNAVAILABLE = 503


def _guarded(view: View) -> View:
    """Answer 401 unless the caller may know, and 503 when nothing can be said; ask before anything is looked at."""

    @functools.wraps(view)
    def answer(request: HttpRequest) -> HttpResponse:
        try:
            if not _may(request):
                refusal = JsonResponse({"status": "unknown", "code": "not_authenticated"}, status=401)
                refusal["WWW-Authenticate"] = 'Bearer realm="edms_backup"'
                return refusal
            return view(request)
        except EdmsBackupError as error:
            logger.warning("the status cannot be told: %s", error)
            return JsonResponse({"status": "unknown", "code": error.code}, status=_UNAVAILABLE)

    return never_cache(require_safe(answer))


def _may(request: HttpRequest) -> bool:
    user = getattr(request, "user", None)
    if user is not None and user.is_authenticated and user.has_perm(PERMISSION):
        return True
    kind, _, shown = request.headers.get("Authorization", "").partition(" ")
    secret = BackupService.from_settings().monitoring_token
    if secret is None or kind.lower() != "bearer":
        return False
    try:
        token = secret.read()
    except ConfigurationError as error:
        logger.warning("nobody is let in by token: %s", error)
        return False
    return hmac.compare_digest(shown.strip().encode(), token.encode())


@_guarded
def status(request: HttpRequest) -> HttpResponse:
    """Answer 200 while backups are in order or only worth a warning, 503 when the status is critical or unknown."""
    report = BackupService.from_settings().status()
    well = report.level in (Level.OK, Level.WARNING)
    return JsonResponse(report.to_dict(), status=200 if well else _UNAVAILABLE)


@_guarded
def metrics(request: HttpRequest) -> HttpResponse:
    """Answer the metrics in the text format of Prometheus; 503 without the extra."""
    return HttpResponse(exposition(), content_type="text/plain; version=0.0.4; charset=utf-8")
