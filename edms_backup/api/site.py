"""The site: its inventory, its state, its audit trail; the caller's password; the schema; and all that is not there."""

from __future__ import annotations

from typing import Any

from django.http import Http404
from drf_spectacular.generators import SchemaGenerator
from rest_framework.authentication import SessionAuthentication
from rest_framework.request import Request
from rest_framework.response import Response

from edms_backup.api.access import ANY, Need, plain_request
from edms_backup.api.answers import (
    AuditAnswer,
    AuditPage,
    StatusAnswer,
    of_entry,
)
from edms_backup.api.problems import without_paths
from edms_backup.api.questions import AnchorBody, PageQuery, PasswordBody, ReasonBody
from edms_backup.api.view import View, described
from edms_backup.errors import UsageError
from edms_backup.service import LookRequest, RunKind, people


class Inventory(View):
    """The models of the site."""

    needs = {"POST": Need("view_package", "costly")}

    @described("inventory", None, body=ReasonBody, begins=True)
    def post(self, request: Request) -> Response:
        """Let a run tell of every model: its rows, its key, its files, whether it travels. Counts all rows."""
        reason = self.body(request, ReasonBody).get("reason", "")
        return self.begun(request, RunKind.INVENTORY, LookRequest(), reason)


class Check(View):
    """What would spoil a backup."""

    needs = {"POST": Need("view_package", "costly")}

    @described("check", None, body=ReasonBody, begins=True)
    def post(self, request: Request) -> Response:
        """Let a run audit keys and tables on live data. Reads all keys."""
        reason = self.body(request, ReasonBody).get("reason", "")
        return self.begun(request, RunKind.CHECK, LookRequest(), reason)


class Status(View):
    """How backups stand."""

    needs = {"GET": Need("view_status")}

    @described("status", StatusAnswer)
    def get(self, request: Request) -> Response:
        """Tell whether backups are in order; 200 also when they are not."""
        return Response(without_paths(self.service(request).status().to_dict()))


class Audit(View):
    """The audit trail."""

    needs = {"GET": Need("view_auditevent")}

    @described("audit", AuditPage, query=PageQuery)
    def get(self, request: Request) -> Response:
        """List entries of the audit trail, the newest first."""
        asked = self.query(request, PageQuery)
        limit, offset = asked["limit"], asked["offset"]
        entries = self.service(request).audit_entries()
        page = list(reversed(entries))[offset : offset + limit]
        results = [of_entry(entry) for entry in page]
        return Response({"total": len(entries), "limit": limit, "offset": offset, "results": results})


class VerifyAudit(View):
    """Is the audit trail what was written?"""

    needs = {"POST": Need("view_auditevent", "costly")}

    @described("audit_verify", AuditAnswer, body=AnchorBody)
    def post(self, request: Request) -> Response:
        """Look at every entry, on disk and in the database; 200 also when the trail is not what was written."""
        anchor = self.body(request, AnchorBody).get("anchor", "")
        return Response(without_paths(self.service(request).verify_audit(anchor=anchor).to_dict()))


class Reauthenticate(View):
    """The password again."""

    needs = {"POST": Need(ANY, "password")}

    @described("reauthenticate", None, status=204, body=PasswordBody)
    def post(self, request: Request) -> Response:
        """Confirm the password for this session; restoring, undoing and deleting need that."""
        body = self.body(request, PasswordBody)
        if not isinstance(request.successful_authenticator, SessionAuthentication):
            raise UsageError(
                "There is no session that could remember it.",
                hint="Send the password with the call that needs it, in the header Edms-Backup-Password.",
            )
        people.confirm(plain_request(request), body["password"])
        return Response(status=204)


class Schema(View):
    """The description of this interface."""

    needs = {"GET": Need(ANY)}
    schema = None  # type: ignore[assignment]

    def get(self, request: Request) -> Response:
        """Answer the OpenAPI schema."""
        base = self.place(request, "schema").removesuffix("v1/schema/").rstrip("/")
        return Response(document(base or "/"))


def document(base: str) -> dict[str, Any]:
    """Return the OpenAPI schema of this interface, served below ``base``."""
    generator = SchemaGenerator(urlconf="edms_backup.api.urls")  # type: ignore[no-untyped-call]
    found: dict[str, Any] = generator.get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    found["servers"] = [{"url": base}]
    found["info"] = {"title": "edms_backup", "version": "1"}
    for name, component in found["components"]["schemas"].items():
        if name.endswith("Body"):
            component["additionalProperties"] = False
    return found


class Nowhere(View):
    """Everything else below the version: answered like all other problems."""

    schema = None  # type: ignore[assignment]

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Answer 404."""
        raise Http404
