"""The walk of a restore: choose or upload → verified → plan → confirm → progress → proof → undo.

Each step is a run, and its page (``runs``) offers the next one. Nothing is kept between the steps but the runs:
who confirms a plan confirms the digest that stands in it, and the service refuses it when package or site are
other ones by then.
"""

from __future__ import annotations

import uuid
from dataclasses import replace

from django.http import HttpResponse
from django.utils.translation import gettext as _

from edms_backup.admin.forms import ConfirmForm, PlanForm, ReasonForm, UploadForm
from edms_backup.admin.pages import Page, new_key
from edms_backup.errors import PackageNotFound, UsageError
from edms_backup.service import (
    AdmitRequest,
    BackupService,
    Mode,
    RestoreRecord,
    RestoreRequest,
    Run,
    RunKind,
    RunState,
    UndoRequest,
    VerifyRequest,
)
from edms_backup.service.people import may_grant

VERIFIED = (RunKind.VERIFY, RunKind.ADMIT)
"""Runs after which a package is known to be intact."""


def choose(page: Page, upload: UploadForm | None = None, status: int = 200) -> HttpResponse:
    """Show what can be restored, and where a package from elsewhere comes in."""
    chosen = ""
    if page.request.method == "POST" and upload is None:
        chosen = str(page.request.POST.get("package", ""))
        if chosen:
            return _verified_first(page, chosen)
    return page.render(
        "choose",
        _("Restore: choose a package"),
        section="restore",
        status=status,
        packages=[found for found in page.service().list() if found.readable],
        upload=upload or UploadForm(initial={"once": new_key()}),
        once=new_key(),
        nothing_chosen=page.request.method == "POST" and upload is None,
        step=1,
    )


def _verified_first(page: Page, package_id: str) -> HttpResponse:
    name = page.service().find(package_id).name
    form = ReasonForm(page.request.POST)
    once = form.key if form.is_valid() else ""
    page.require("restore_package")
    return page.submitted(RunKind.VERIFY, VerifyRequest(package=name), once=once)


def receive(page: Page) -> HttpResponse:
    """Take an upload into quarantine, and let it be verified and admitted."""
    form = UploadForm(page.request.POST, page.request.FILES)
    if not form.is_valid():
        return choose(page, form, status=400)
    sent = form.cleaned_data["package"]
    upload = page.service(form.reason_given).receive(sent, length=sent.size)
    return page.submitted(RunKind.ADMIT, AdmitRequest(upload=str(upload)), reason=form.reason_given)


def plan(page: Page, run_id: uuid.UUID) -> HttpResponse:
    """Let a plan be made for the package that a run verified."""
    run = page.service().run(run_id)
    name = verified_package(run)
    form = PlanForm(page.request.POST)
    if not name or not form.is_valid():
        raise UsageError(_("Only what was verified can be planned."), hint=_("Begin again with a package."))
    request = RestoreRequest(
        package=name,
        mode=Mode(form.cleaned_data["mode"]),
        files=form.cleaned_data["with_files"],
        may_grant=may_grant(page.user),
    )
    return page.submitted(RunKind.PLAN, request)


def undo(page: Page, run_id: uuid.UUID) -> HttpResponse:
    """Let a plan be made for taking a restore back."""
    record = undoable(page.service(), run_id)
    if record is None:
        raise PackageNotFound(
            _("This restore cannot be undone any more."),
            hint=_("Only the last restore can be undone, and only while its safety package is there."),
        )
    request = page.service().undoing(record.run_id, may_grant(page.user))
    return page.submitted(RunKind.PLAN, request)


def apply(page: Page, run_id: uuid.UUID) -> HttpResponse:
    """Carry out the plan of a run, once whoever asks has typed the name of the site."""
    run = page.service().run(run_id)
    digest = str((run.report or {}).get("plan_digest", ""))
    planned = page.service().confirmed_plan(run_id, digest)
    form = ConfirmForm(page, page.request.POST)
    if not form.is_valid():
        from edms_backup.admin.runs import show  # noqa: PLC0415  (the page of a run shows the form again)

        return show(page, run_id, form=form)
    once, reason, grant = form.key, form.reason_given, may_grant(page.user)
    if not undoes(run):
        return page.submitted(RunKind.RESTORE, replace(planned, may_grant=grant), reason=reason, once=once)
    record = undone_by(page.service(), run)
    if record is None:
        raise PackageNotFound(
            _("This restore cannot be undone any more."), hint=_("Look at the list of runs.")
        )
    taken_back = UndoRequest(run_id=record.run_id, plan_digest=digest, may_grant=grant)
    return page.submitted(RunKind.UNDO, taken_back, reason=reason, once=once)


# -- what a run is in the walk -------------------------------------------------------------------------


def verified_package(run: Run) -> str:
    """Return the package that a run found intact; empty when it did not."""
    intact = run.kind in VERIFIED and run.state in (RunState.SUCCEEDED, RunState.DEFECTS)
    return str((run.report or {}).get("package", "")) if intact else ""


def confirmable(run: Run) -> bool:
    """Return whether a run holds a plan that nothing forbids."""
    planned = run.kind == RunKind.PLAN and run.state in (RunState.SUCCEEDED, RunState.DEFECTS)
    return planned and bool((run.report or {}).get("plan_digest"))


def undoes(run: Run) -> bool:
    """Return whether a plan is the one of an undo."""
    return run.kind == RunKind.PLAN and bool(run.request.get("exact"))


def undoable(service: BackupService, run_id: uuid.UUID) -> RestoreRecord | None:
    """Return the record of a restore while it is the last one and can be undone."""
    record = service.last_undoable()
    return record if record is not None and record.run_id == run_id.hex else None


def undone_by(service: BackupService, run: Run) -> RestoreRecord | None:
    """Return the restore that the plan of an undo would take back."""
    record = service.last_undoable()
    return record if record is not None and record.safety_package == run.request.get("package") else None
