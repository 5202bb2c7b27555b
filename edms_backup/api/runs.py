"""Runs: listed, watched, cancelled; their reports; restores undone."""

from __future__ import annotations

import uuid
from typing import Any

from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from edms_backup.api.access import ANY, Need, has
from edms_backup.api.answers import ReportAnswer, RunAnswer, RunPageAnswer, of_report, of_run
from edms_backup.api.questions import ApplyBody, ReasonBody, RunQuery
from edms_backup.api.view import View, described
from edms_backup.errors import RunNotFound, UsageError
from edms_backup.service import Run, RunKind, UndoRequest, people


def visible(run: Run, request: Request) -> Run:
    """Return a run that the caller may see: one of their own, or any with ``view_run``; else ``RunNotFound``."""
    user: Any = request.user
    if run.actor_id != str(user.pk) and not has(user, "view_run"):
        raise RunNotFound(f"There is no run {run.pk}.")
    return run


class Runs(View):
    """All runs."""

    needs = {"GET": Need(ANY)}

    @described("runs_list", RunPageAnswer, query=RunQuery)
    def get(self, request: Request) -> Response:
        """List runs, the newest first: one's own, or all with the permission for that."""
        asked = self.query(request, RunQuery)
        where: dict[str, str] = {name: asked[name] for name in ("kind", "state") if name in asked}
        user: Any = request.user
        if not has(user, "view_run"):
            where["actor_id"] = str(user.pk)
        page = self.service(request).runs(offset=asked["offset"], limit=asked["limit"], **where)
        results = [of_run(run) for run in page.runs]
        return Response(
            {"total": page.total, "limit": asked["limit"], "offset": asked["offset"], "results": results}
        )


class OneRun(View):
    """One run."""

    needs = {"GET": Need(ANY)}

    @described("runs_detail", RunAnswer)
    def get(self, request: Request, run: uuid.UUID) -> Response:
        """Tell how far a run is."""
        return Response(of_run(visible(self.service(request).run(run), request)))


class Report(View):
    """The report of a run."""

    needs = {"GET": Need(ANY)}

    @described("runs_report", ReportAnswer)
    def get(self, request: Request, run: uuid.UUID) -> Response:
        """Tell how a run ended, or what came up so far. The report of a plan is the plan."""
        return Response(of_report(visible(self.service(request).run(run), request)))


class Cancel(View):
    """A request to stop."""

    needs = {"POST": Need(ANY, "write")}

    @described("runs_cancel", RunAnswer, status=202, body=ReasonBody, more=(409,))
    def post(self, request: Request, run: uuid.UUID) -> Response:
        """Ask a run to stop; what had begun is rolled back."""
        body = self.body(request, ReasonBody)
        service = self.service(request, body.get("reason", ""))
        found = visible(service.run(run), request)
        if not has(request.user, people.NEEDED[RunKind(found.kind)]):
            raise PermissionDenied("Only who may begin such a run may cancel it.")
        return self.run_answer(request, service.cancel(found.pk), 202)


class UndoPlan(View):
    """First call of an undo: what it would do."""

    needs = {"POST": Need("restore_package", "write")}

    @described("runs_undo_plan", None, body=ReasonBody, begins=True)
    def post(self, request: Request, run: uuid.UUID) -> Response:
        """Plan to take a restore back; nothing is written. The report of the new run is the plan."""
        body = self.body(request, ReasonBody)
        service = self.service(request)
        found = _restore(service.run(run))
        asked = service.undoing(found.pk.hex, people.may_grant(request.user))
        return self.begun(request, RunKind.PLAN, asked, body.get("reason", ""))


class Undo(View):
    """Second call of an undo: the plan that was shown is carried out."""

    needs = {"POST": Need("restore_package", "write", password=True)}

    @described("runs_undo", None, body=ApplyBody, begins=True, password=True)
    def post(self, request: Request, run: uuid.UUID) -> Response:
        """Take a restore back as planned."""
        body = self.body(request, ApplyBody)
        service = self.service(request)
        found = _restore(service.run(run))
        visible(service.run(body["plan"]), request)
        planned = service.confirmed_plan(body["plan"], body["plan_digest"])
        # Asked of the report first: the same call again, with its key, comes when the restore is undone already.
        safety = (found.report or {}).get("safety_package") or service.undoing(found.pk.hex).package
        if not planned.exact or planned.package != safety:
            raise UsageError("That plan is not one of undoing this restore.")
        asked = UndoRequest(
            run_id=found.pk.hex,
            plan_digest=planned.plan_digest,
            may_grant=people.may_grant(request.user),
        )
        return self.begun(request, RunKind.UNDO, asked, body.get("reason", ""))


def _restore(run: Run) -> Run:
    """Return a run that can be undone by its kind. Who may restore may undo what others restored."""
    if run.kind != RunKind.RESTORE:
        raise RunNotFound(f"There is no restore {run.pk}.", hint="Only a restore can be undone.")
    return run
