"""What is said when a call does not work: problem details (RFC 9457) with the codes of ``errors``.

Messages of errors are for operators, who may read paths of the server; callers may not.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.db import InterfaceError, OperationalError
from django.http import Http404, UnreadablePostError
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import set_rollback

from edms_backup import errors
from edms_backup.errors import EdmsBackupError

logger = logging.getLogger(__name__)

CONTENT_TYPE = "application/problem+json"
STATUS: dict[type[EdmsBackupError], HTTPStatus] = {
    EdmsBackupError: HTTPStatus.INTERNAL_SERVER_ERROR,
    errors.UsageError: HTTPStatus.BAD_REQUEST,
    errors.KeyReused: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.PackageExists: HTTPStatus.CONFLICT,
    errors.ConfigurationError: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.ReauthenticationRequired: HTTPStatus.FORBIDDEN,
    errors.PackageNotFound: HTTPStatus.NOT_FOUND,
    errors.RunLocked: HTTPStatus.CONFLICT,
    errors.RunEnded: HTTPStatus.CONFLICT,
    errors.IntegrityError: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.UnsupportedFormat: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.SchemaError: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.PlanBlocked: HTTPStatus.CONFLICT,
    errors.StoreFull: HTTPStatus.INSUFFICIENT_STORAGE,
    errors.PackageTooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    errors.StoreUnavailable: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.DatabaseUnavailable: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.AuditUnavailable: HTTPStatus.SERVICE_UNAVAILABLE,
}
"""Status by class of error; the nearest one above counts."""
_TEXTS = {"message", "hint", "problem", "detail", "subject", "package", "safety_package", "output", "member"}
"""Members of answers that may name a place."""
_PATH = re.compile(r"""(?<![\w./:])/[^\s/'"<>,;:()]+(?:/[^\s/'"<>,;:()]+)+/?""")


def without_paths(value: Any) -> Any:
    """Return a document without paths of the server in its texts for people; of a file the name is left."""
    if isinstance(value, Mapping):
        return {
            name: _text(name, item) if isinstance(item, str) and name in _TEXTS else without_paths(item)
            for name, item in value.items()
        }
    if isinstance(value, list | tuple):
        return [without_paths(item) for item in value]
    return value


def _text(name: str, text: str) -> str:
    if name in ("package", "safety_package", "output", "member") and text.startswith("/"):
        return text.rstrip("/").rpartition("/")[2]
    return _PATH.sub("(a path of the server)", text)


def status_of(error: EdmsBackupError) -> HTTPStatus:
    """Return the HTTP status of an error."""
    return next(STATUS[cls] for cls in type(error).__mro__ if cls in STATUS)


def problem(error: Exception, context: Mapping[str, Any]) -> Response:
    """Return the answer to a call that raised ``error``; every view of this app has it as exception handler."""
    set_rollback()
    headers: dict[str, str] = {}
    match error:
        case EdmsBackupError():
            status = status_of(error)
            body = _ours(error)
        case exceptions.APIException():
            status = HTTPStatus(error.status_code)
            body = _of_framework(error, headers)
        case Http404():
            status, body = HTTPStatus.NOT_FOUND, {"code": "not_found", "detail": "There is no such thing."}
        case PermissionDenied():
            status, body = (
                HTTPStatus.FORBIDDEN,
                {"code": "permission_denied", "detail": "You may not do this."},
            )
        case RequestDataTooBig():
            status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
            body = {"code": "body_too_large", "detail": "The body of the call is too large."}
        case UnreadablePostError():
            status = HTTPStatus.BAD_REQUEST
            body = {"code": "body_incomplete", "detail": "The connection ended before the body did."}
        case OperationalError() | InterfaceError():
            logger.warning("the database cannot answer a call: %s", type(error).__name__)
            status = status_of(errors.DatabaseUnavailable(""))
            detail = "The database cannot be reached, or went away; nothing was changed."
            body = {"code": errors.DatabaseUnavailable.code, "detail": detail}
        case _:
            logger.error("a call failed", exc_info=error)
            status = HTTPStatus.INTERNAL_SERVER_ERROR
            body = {"code": EdmsBackupError.code, "detail": "Something unexpected happened; the log has it."}
    document = {
        "type": f"urn:edms-backup:problem:{body['code']}",
        "title": status.phrase,
        "status": int(status),
        **body,
    }
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        headers["Retry-After"] = "30"
    return Response(without_paths(document), status=status, headers=headers, content_type=CONTENT_TYPE)


def _ours(error: EdmsBackupError) -> dict[str, Any]:
    document = error.to_dict()
    body = {"code": error.code, "detail": error.message}
    if error.hint:
        body["hint"] = error.hint
    return body | {name: document[name] for name in ("findings", "holder") if name in document}


def _of_framework(error: exceptions.APIException, headers: dict[str, str]) -> dict[str, Any]:
    if isinstance(error, exceptions.ValidationError):
        return {"code": "invalid", "detail": "The request is not as it must be.", "errors": error.detail}
    wait = getattr(error, "wait", None)  # of Throttled
    if wait is not None:
        headers["Retry-After"] = str(int(wait) + 1)
    if getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = str(error.auth_header)  # type: ignore[attr-defined,unused-ignore]
    return {"code": str(error.get_codes()), "detail": str(error.detail)}
