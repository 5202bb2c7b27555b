"""A run: how far it is, what it found, what comes next; its progress as JSON for the script of the page."""

from __future__ import annotations

import uuid
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpResponse, JsonResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from edms_backup.admin.forms import ConfirmForm, PlanForm
from edms_backup.admin.pages import Page, new_key
from edms_backup.admin.walk import confirmable, undoable, undoes, undone_by, verified_package
from edms_backup.errors import PackageNotFound
from edms_backup.service import BackupService, Run, RunKind, RunState
from edms_backup.service.people import NEEDED
from edms_backup.templatetags.edms_backup import percent, progress_text, step_name

REFRESH = 3
"""Seconds after which a page without script loads itself again."""
_STEPS = {
    RunKind.ADMIT: 2,
    RunKind.VERIFY: 2,
    RunKind.PLAN: 3,
    RunKind.RESTORE: 4,
}
_TITLES = {
    RunKind.CREATE: gettext_lazy("Make a backup"),
    RunKind.VERIFY: gettext_lazy("Verify a package"),
    RunKind.ADMIT: gettext_lazy("Take in an upload"),
    RunKind.PLAN: gettext_lazy("Plan of a restore"),
    RunKind.RESTORE: gettext_lazy("Restore"),
    RunKind.UNDO: gettext_lazy("Undo a restore"),
    RunKind.DELETE: gettext_lazy("Delete a package"),
    RunKind.CHECK: gettext_lazy("Check the site"),
    RunKind.INVENTORY: gettext_lazy("Models of the site"),
}


def show(page: Page, run_id: uuid.UUID, form: ConfirmForm | None = None) -> HttpResponse:
    """Show a run, and offer what can be done next."""
    service = page.service()
    run = service.run(run_id)
    report = run.report or {}
    return page.render(
        "run",
        title_of(run),
        status=400 if form is not None else 200,
        section="restore" if run.kind in _STEPS else "runs",
        run=run,
        report=report,
        **_counted(run, report),
        package=_package(service, run),
        step=_step(run),
        refresh=0 if run.ended else REFRESH,
        may_stop=not run.ended and page.may(NEEDED[RunKind(run.kind)]),
        may_plan=page.may("restore_package") and bool(verified_package(run)),
        plan_form=PlanForm(),
        undoing=undone_by(service, run) if undoes(run) else None,
        confirm=form or _confirm(page, service, run),
        site_name=page.site_name,
        undoable=undoable(service, run.pk) if run.kind == RunKind.RESTORE else None,
    )


def title_of(run: Run) -> str:
    """Return what a run does, as a heading."""
    return _("Plan of an undo") if undoes(run) else str(_TITLES[RunKind(run.kind)])


def _step(run: Run) -> int:
    """Return which step of the walk a run is; 0 for a run that is none."""
    if run.kind == RunKind.UNDO or undoes(run):
        return 0
    done = run.kind == RunKind.RESTORE and run.state in (RunState.SUCCEEDED, RunState.DEFECTS)
    return 5 if done else _STEPS.get(RunKind(run.kind), 0)


def _confirm(page: Page, service: BackupService, run: Run) -> ConfirmForm | None:
    if not confirmable(run) or not page.may("restore_package"):
        return None
    if undoes(run) and undone_by(service, run) is None:
        return None
    return ConfirmForm(page, initial={"once": new_key()})


def _package(service: BackupService, run: Run) -> Any:
    """Return the package that a run is about, while it is in the store."""
    name = str((run.report or {}).get("package") or run.request.get("package") or "")
    if run.kind == RunKind.DELETE or not name:
        return None
    return next((found for found in service.list() if found.name == name and found.readable), None)


def _counted(run: Run, report: dict[str, Any]) -> dict[str, Any]:
    """Return the models of a plan or of a proof, and their sums."""
    if run.kind not in (RunKind.PLAN, RunKind.RESTORE, RunKind.UNDO):
        return {}
    rows = model_rows(report)
    names = ("expected", "identical", "inserted", "updated", "deleted", "refused")
    return {
        "models": rows,
        "totals": {name: sum(row[name] or 0 for row in rows) for name in names},
        "untouched": sum(not row["changes"] for row in rows),
        "inserted_samples": any("inserted" in row["samples"] for row in rows),
    }


def model_rows(report: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the models of a plan or report: counts, samples, and whether anything changes."""
    samples = report.get("samples", {})
    rows = [
        {
            "label": label,
            **counts,
            "samples": samples.get(label, {}),
            "changes": counts["inserted"] + counts["updated"] + counts["deleted"] + counts["refused"],
        }
        for label, counts in report.get("models", {}).items()
    ]
    return sorted(rows, key=lambda row: (not row["changes"], row["label"]))


def progress(page: Page, run_id: uuid.UUID) -> HttpResponse:
    """Answer how far a run is."""
    try:
        run = page.service().run(run_id)
    except PackageNotFound:
        return JsonResponse({"code": "run_not_found"}, status=404)
    return JsonResponse(
        {
            "state": run.state,
            "state_shown": run.get_state_display(),
            "ended": run.ended,
            "step": step_name(run.step),
            "done": run.done,
            "total": run.total,
            "percent": percent(run),
            "subject": run.subject,
            "text": progress_text(run),
        }
    )


def cancel(page: Page, run_id: uuid.UUID) -> HttpResponse:
    """Ask a run to stop."""
    service = page.service()
    run = service.run(run_id)
    if not page.may(NEEDED[RunKind(run.kind)]):
        raise PermissionDenied
    if service.cancel(run_id).ended:
        page.tell(_("The run was cancelled before it began."))
    else:
        page.tell(_("The run was asked to stop. What it had begun is rolled back."))
    return page.to("run_change", run_id)
