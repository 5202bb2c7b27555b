"""What every call has in common: access, the service with the actor, runs as answers, and what the schema says."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, TypeVar

from django.urls import reverse
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.exceptions import UnsupportedMediaType
from rest_framework.parsers import BaseParser
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import BaseThrottle
from rest_framework.views import APIView

from edms_backup.api import access
from edms_backup.api.access import JsonOnly, MayCall, Need, Rate, SmallJson, need_of, plain_request
from edms_backup.api.answers import Problem, RunAnswer, of_run
from edms_backup.api.problems import CONTENT_TYPE, problem
from edms_backup.api.questions import LONGEST_REASON, ONE_LINE, Strict
from edms_backup.errors import PackageTooLarge, UsageError
from edms_backup.service import Actor, BackupService, Run, RunKind, people
from edms_backup.service import Request as Asked
from edms_backup.tasks import submit

Method = TypeVar("Method", bound=Callable[..., Any])
KEY = "Idempotency-Key"
_KEY = re.compile("[!-~]{1,128}")
_FORMS = ("multipart/form-data", "application/x-www-form-urlencoded")
_OFTEN = (400, 401, 403, 404, 429, 503)


class View(APIView):
    """One route. Whatever the host's settings of REST framework say, access is as this class says."""

    needs: ClassVar[dict[str, Need]] = {}
    """What each method needs; one that is not named is not served."""
    renderer_classes = (JSONRenderer,)
    parser_classes: Sequence[type[BaseParser]] = (SmallJson,)
    permission_classes = (MayCall,)
    content_negotiation_class = JsonOnly
    versioning_class = None
    metadata_class = None
    schema = AutoSchema()

    def get_exception_handler(self) -> Any:
        """Return what makes problem details of errors."""
        return problem

    def get_throttles(self) -> list[BaseThrottle]:
        """Return what counts this kind of call."""
        kind = need_of(self, self.request.method).rate
        return [Rate(kind, self.rates[kind])]

    @property
    def rates(self) -> dict[str, str]:
        """Return how often kinds of calls are allowed."""
        return BackupService.from_settings().settings.api_rates

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Refuse a body that nobody reads before anything reads it; then look who it is and what they may."""
        need = need_of(self, request.method)
        self._refuse_body(request)
        super().initial(request, *args, **kwargs)
        if need.password:
            access.require_password(request, self, self.rates["password"])

    def _refuse_body(self, request: Request) -> None:
        """Refuse forms, whose files Django would store before anybody is known, and JSON beyond the limit."""
        kind = str(request._request.content_type or "").lower()
        if kind in _FORMS:
            raise UnsupportedMediaType(kind)
        length = str(request._request.META.get("CONTENT_LENGTH") or "")
        if SmallJson in self.parser_classes and length.isdigit() and int(length) > access.LONGEST_BODY:
            raise PackageTooLarge(f"A call has {access.LONGEST_BODY} bytes of JSON at most.")

    # -- for the methods ---------------------------------------------------------------------------

    def service(self, request: Request, reason: str = "") -> BackupService:
        """Return the service; its actor is who sent this call."""
        return BackupService.from_settings(actor=self.actor(request, reason))

    def actor(self, request: Request, reason: str = "") -> Actor:
        """Return who sent this call, for the audit trail."""
        header = access.text_of(request, access.REASON)
        for given in filter(None, (reason, header)):  # the header is looked at even where the body counts
            if len(given) > LONGEST_REASON or not re.fullmatch(ONE_LINE, given):
                raise UsageError(f"A reason is one line of at most {LONGEST_REASON} characters.")
        return people.actor_of(plain_request(request), "api", reason or header)

    def body(self, request: Request, kind: type[Strict]) -> dict[str, Any]:
        """Return the body of a call; raises ``ValidationError``."""
        serializer = kind(data=request.data)
        serializer.is_valid(raise_exception=True)
        return dict(serializer.validated_data)

    def query(self, request: Request, kind: type[Strict]) -> dict[str, Any]:
        """Return the query of a call; raises ``ValidationError``."""
        serializer = kind(data=request.query_params.dict())
        serializer.is_valid(raise_exception=True)
        return dict(serializer.validated_data)

    def begun(self, request: Request, kind: RunKind, asked: Asked, reason: str = "") -> Response:
        """Hand work over to a worker, and answer 202 with the run and where it is."""
        key = access.text_of(request, KEY)
        if key and not _KEY.fullmatch(key):
            raise UsageError(f"{KEY} has 1 to 128 printable characters of ASCII.")
        service = self.service(request, reason)
        run = submit(kind, asked, actor=service.actor, idempotency_key=key, service=service)
        return self.run_answer(request, run, 202)

    def run_answer(self, request: Request, run: Run, status: int = 200) -> Response:
        """Answer a run, with its place."""
        return Response(
            of_run(run), status=status, headers={"Location": self.place(request, "run", run=run.pk)}
        )

    def place(self, request: Request, name: str, **values: Any) -> str:
        """Return the path of another route, wherever the host has put the interface."""
        match = request._request.resolver_match
        return reverse(f"{match.namespace}:{name}" if match is not None else name, kwargs=values)


# -- for the schema ---------------------------------------------------------------------------------

_REASON = OpenApiParameter(
    access.REASON,
    {"type": "string", "maxLength": LONGEST_REASON, "pattern": ONE_LINE.replace("+$", "*$")},
    OpenApiParameter.HEADER,
    description="Why; stands in the audit trail.",
)
_PASSWORD = OpenApiParameter(
    access.PASSWORD,
    OpenApiTypes.STR,
    OpenApiParameter.HEADER,
    description="The caller's password, unless it was confirmed in this session lately.",
)
_KEY_PARAMETER = OpenApiParameter(
    KEY,
    {"type": "string", "pattern": "^[!-~]{0,128}$"},
    OpenApiParameter.HEADER,
    description="The same key and body again give the same run.",
)


def described(  # noqa: PLR0913 (a table of keywords)
    name: str,
    answer: Any,
    *,
    status: int = 200,
    kind: str = "",
    body: Any = None,
    query: Any = None,
    more: tuple[int, ...] = (),
    begins: bool = False,
    password: bool = False,
    reason: bool = False,
) -> Callable[[Method], Method]:
    """Describe a method for the schema. ``begins``: it answers 202 with a run."""
    parameters: list[Any] = [query] if query is not None else []
    parameters += [_REASON] if reason or begins else []
    parameters += [_PASSWORD] if password else []
    parameters += [_KEY_PARAMETER] if begins else []
    if begins:
        status, answer, more = 202, RunAnswer, (409, 422, 507, *more)
    failures = sorted({*_OFTEN, *more, *((413, 415) if body is not None else ())})
    said: dict[Any, Any] = {status: answer}
    if kind:
        said = {(200, kind): answer, (206, kind): answer}
    said |= {(code, CONTENT_TYPE): OpenApiResponse(Problem) for code in failures}
    describe = extend_schema(operation_id=name, request=body, parameters=parameters, responses=said)

    def describing(method: Method) -> Method:
        # Without it the class is the one of the host's settings, which may know nothing of all this.
        method.kwargs = {"schema": AutoSchema}  # type: ignore[attr-defined]
        return describe(method)

    return describing
