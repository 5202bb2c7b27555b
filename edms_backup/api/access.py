"""Who may call what, how often, and with which proof that it is them: data of each view, looked at in one place."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import IO, Any

from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest
from rest_framework.exceptions import MethodNotAllowed, ParseError, Throttled, UnsupportedMediaType
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.throttling import SimpleRateThrottle
from rest_framework.views import APIView

from edms_backup.errors import UsageError
from edms_backup.service import people

APP = "edms_backup"
PERMISSIONS = (
    "view_package",
    "view_run",
    "view_status",
    "view_auditevent",
    "create_package",
    "upload_package",
    "download_package",
    "verify_package",
    "restore_package",
    "delete_package",
)
"""All permissions that open a call."""
ANY = ""
"""Stands for: any one of them."""
PASSWORD = "Edms-Backup-Password"
REASON = "Edms-Backup-Reason"
LONGEST_BODY = 64 * 1024
"""Bytes of JSON that a call may have."""


@dataclass(frozen=True, slots=True)
class Need:
    """What one call needs."""

    permission: str
    rate: str = "read"
    """Kind of call, a key of ``API_RATES``."""
    password: bool = False
    """Whether the password must have been typed lately."""


def has(user: Any, permission: str) -> bool:
    """Return whether a user has a permission of this app (``ANY``: one of them)."""
    wanted = PERMISSIONS if permission == ANY else (permission,)
    return any(user.has_perm(f"{APP}.{name}") for name in wanted)


def need_of(view: APIView, method: str | None) -> Need:
    """Return what a call needs; raises ``MethodNotAllowed`` for one that nobody described."""
    needs: dict[str, Need] = getattr(view, "needs", {})
    name = "GET" if method == "HEAD" else str(method)
    if name not in needs:
        raise MethodNotAllowed(str(method))
    return needs[name]


class MayCall(BasePermission):
    """Lets in who has the permission that the view names for this method; nobody else."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        """Return whether the user may make this call."""
        user: Any = request.user
        if not user or not user.is_authenticated:
            return False
        return has(user, need_of(view, request.method).permission)


class Rate(SimpleRateThrottle):
    """Counts the calls of one kind by one user: those of the present stretch of time, and a share of the last one.

    REST framework keeps a list of times, which parallel calls overwrite for each other. A number is raised by one
    step of the cache, so that none is lost.
    """

    def __init__(self, kind: str, rate: str) -> None:
        self.scope, self.rate = kind, rate
        self.num_requests, self.duration = self.parse_rate(rate)
        self._wait = 0.0

    def get_cache_key(self, request: Request, view: APIView) -> str:
        """Return under which name calls are counted."""
        return f"edms_backup_rate_{self.scope}_{request.user.pk}"

    def allow_request(self, request: Request, view: APIView) -> bool:
        """Count a call; return whether it is allowed. One that is not does not count."""
        key, duration, most = (
            self.get_cache_key(request, view),
            float(self.duration or 0),
            self.num_requests or 0,
        )
        stretch, passed = divmod(self.timer(), duration)
        here, last = (f"{key}_{int(number)}" for number in (stretch, stretch - 1))
        # In the next stretch a share of this one still counts.
        self.cache.add(here, 0, timeout=int(2 * duration) + 1)
        before = min(int(self.cache.get(last) or 0), most)
        counted = self._step(here, 1)
        if counted + before * (1 - passed / duration) <= most:
            return True
        counted = self._step(here, -1)
        self._wait = _until_free(counted, before, most, passed / duration) * duration
        return False

    def wait(self) -> float:
        """Return after how many seconds the next call is allowed."""
        return max(1.0, self._wait)

    def _step(self, key: str, by: int) -> int:
        try:
            return int(self.cache.incr(key, by))
        except ValueError:  # a cache that keeps nothing counts nothing
            return max(by, 0)


def _until_free(counted: int, before: int, most: int, passed: float) -> float:
    """Return in how many stretches of time one more call fits; ``passed``: the part of this one that is over."""
    if counted >= most:
        return 1 - passed + 1 / most
    return 1 - (most - 1 - counted) / before - passed if before else 0.0


def require_password(request: Request, view: APIView, rate: str) -> None:
    """Raise ``ReauthenticationRequired`` unless the password was typed lately, or comes with this call.

    Raises ``Throttled`` for who guesses.
    """
    plain = plain_request(request)
    given = text_of(request, PASSWORD)
    if not given:
        people.require_confirmed(plain)
        return
    count_attempt(request, view, rate)
    people.check_password(plain, given)


def count_attempt(request: Request, view: APIView, rate: str) -> None:
    """Count a password that is tried; raises ``Throttled``."""
    throttle = Rate("password", rate)
    if not throttle.allow_request(request, view):
        raise Throttled(throttle.wait())


def plain_request(request: Request) -> HttpRequest:
    """Return Django's request behind the one of REST framework, with the user that the latter knows."""
    plain = request._request
    plain.user = request.user
    return plain


def text_of(request: Request, header: str) -> str:
    """Return a header as text, which callers write in UTF-8; raises ``UsageError`` for anything else."""
    value = str(request.headers.get(header, ""))
    try:
        return value.encode("latin-1").decode("utf-8")
    except UnicodeError:
        raise UsageError(f"The header {header} is no UTF-8.") from None


class JsonOnly(BaseContentNegotiation):
    """Answers JSON whatever is asked for: there is nothing else."""

    def select_parser(self, request: Request, parsers: Any) -> Any:
        """Return the parser for the content type; ``None`` is answered with 415."""
        kind = str(request.content_type or "").partition(";")[0].strip().lower()
        return next((parser for parser in parsers if parser.media_type == kind), None)

    def select_renderer(self, request: Request, renderers: Any, format_suffix: Any = None) -> Any:
        """Return the only renderer."""
        return renderers[0], renderers[0].media_type


class SmallJson(BaseParser):
    """Reads a JSON object of a few kilobytes, strictly: no member twice, no NaN, no depth that is an attack."""

    media_type = "application/json"

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Any = None
    ) -> dict[str, Any]:
        """Return the object; raises ``ParseError``, or ``RequestDataTooBig``."""
        data = stream.read(LONGEST_BODY + 1)
        if len(data) > LONGEST_BODY:
            raise RequestDataTooBig(f"A call has {LONGEST_BODY} bytes of JSON at most.")
        try:
            found = json.loads(data.decode("utf-8"), object_pairs_hook=_once, parse_constant=_refuse)
            json.dumps(found, ensure_ascii=False).encode("utf-8")  # halves of characters are no text
        except (ValueError, RecursionError):
            raise ParseError("The body is no JSON object in UTF-8, or names a member twice.") from None
        if not isinstance(found, dict):
            raise ParseError("The body is no JSON object.")
        return found


class Bytes(BaseParser):
    """Leaves the body where it is: whoever wants it reads the request."""

    media_type = "application/octet-stream"

    def parse(self, stream: IO[Any], media_type: str | None = None, parser_context: Any = None) -> Any:
        """Return the stream."""
        return stream


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a member stands there twice")
    return found


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is no JSON")


def refuse_other_type(request: Request, wanted: str) -> None:
    """Raise ``UnsupportedMediaType`` unless the body is said to be of the type ``wanted``."""
    kind = str(request.content_type or "").partition(";")[0].strip().lower()
    if kind != wanted:
        raise UnsupportedMediaType(str(request.content_type or ""))
