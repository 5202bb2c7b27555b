"""Runs: submitting one for somebody else to carry out, carrying it out, watching and cancelling it."""

from __future__ import annotations

import hmac
import logging
import time
import uuid
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from edms_backup.create.report import CreateRequest
from edms_backup.errors import (
    EdmsBackupError,
    IntegrityError,
    PlanBlocked,
    PlanStale,
    RunLocked,
    RunNotFound,
    UsageError,
)
from edms_backup.history import (
    Actor,
    AdmitRequest,
    DeleteRequest,
    LookRequest,
    Recording,
    Request,
    UndoRequest,
    VerifyRequest,
    asked_by,
    decode_request,
)
from edms_backup.history.folder import RunFolder, as_uuid
from edms_backup.models import Run, RunKind, RunState
from edms_backup.restore import journal as journals
from edms_backup.restore.journal import all_journals
from edms_backup.restore.report import RestoreReport, RestoreRequest
from edms_backup.service.packages import Packages
from edms_backup.service.site import SiteViews
from edms_backup.service.writing import Writing

logger = logging.getLogger(__name__)

PATIENCE = 30.0
"""Seconds that a run waits for its turn when another one, a command for example, came in between."""
_FILTERS = ("kind", "state", "actor_id", "idempotency_key")


@dataclass(frozen=True, slots=True, kw_only=True)
class RunPage:
    """Some runs of a longer list."""

    total: int
    """How many runs fit the question."""
    runs: tuple[Run, ...]


class Runs(Writing, Packages, SiteViews):
    """The verbs about runs."""

    __slots__ = ()

    def queue(
        self,
        kind: RunKind,
        request: Request,
        *,
        backend: str,
        actor: Actor | None = None,
        idempotency_key: str = "",
    ) -> tuple[Run, bool]:
        """Write a run down for a worker, and return it and whether it is new.

        ``edms_backup.tasks.submit`` does this and tells the worker; faces call that. Raises ``RunLocked``
        while another run that writes is queued or running.
        """
        self._close_lost()
        self._prune_runs()
        who = actor or self.actor
        return self.register.queue(kind, request, who, backend=backend, idempotency_key=idempotency_key)

    def carry_out(self, run_id: uuid.UUID | str) -> Run:
        """Do what a queued run asks for, here and now, and return how it ended.

        An error of ours is not raised but recorded: the run tells it. A run that is not queued (cancelled
        meanwhile, or delivered twice by its queue) is returned as it is. Raises ``RunNotFound``.
        """
        known = self._run_id(run_id)
        self._close_lost()
        try:
            with self.register.claimed(known) as recording:
                if recording is not None:
                    self._carry_out(recording)
        except EdmsBackupError as error:
            if isinstance(error, RunNotFound):
                raise
            logger.info("run %s: %s", known, error.message)
        except KeyboardInterrupt:
            if self.register.read(known).cancel_requested_at is None:
                raise  # not somebody's request to cancel, but a signal to this process
        return self.register.read(known)

    def _carry_out(self, recording: Recording) -> None:
        kind = RunKind(recording.run.kind)
        request = decode_request(kind, recording.run.request)
        service = replace(self, actor=asked_by(recording.run), recording=recording)
        if not kind.writes:
            return service._answer_in_turn(recording, kind, request)
        with service._recorded_run(recording) as recorded:
            return recorded._answer_in_turn(recording, kind, request)

    def _answer_in_turn(self, recording: Recording, kind: RunKind, request: Request) -> None:
        until = time.monotonic() + PATIENCE
        while True:
            try:
                return self._answer(recording, kind, request)
            except RunLocked:
                # Raised before anything began. Whoever came in between may be through in a moment.
                if time.monotonic() > until:
                    raise
                recording.stop_if_asked()
                time.sleep(0.5)

    def _answer(self, recording: Recording, kind: RunKind, request: Request) -> None:
        match request:
            case CreateRequest():
                self.create(request)
            case RestoreRequest() if kind == RunKind.PLAN:
                self._within(
                    recording, lambda service: RestoreReport.of_plan(service.plan(request)), _blocked
                )
            case RestoreRequest():
                self.restore(request)
            case UndoRequest():
                self.undo(run_id=request.run_id, plan_digest=request.plan_digest, may_grant=request.may_grant)
            case VerifyRequest():
                self._within(recording, lambda service: service.verify(request.package), _damaged)
            case LookRequest() if kind == RunKind.CHECK:
                self._within(recording, lambda service: service.check())
            case LookRequest():
                self._within(recording, lambda service: service.inventory())
            case DeleteRequest():
                self.delete(request.package)
            case AdmitRequest():
                self.admit(request.upload)

    # -- watching ----------------------------------------------------------------------------------

    def run(self, run_id: uuid.UUID | str) -> Run:
        """Return one run as it is at this moment; raises ``RunNotFound``."""
        self._close_lost()
        return self.register.read(self._run_id(run_id))

    def runs(self, *, offset: int = 0, limit: int | None = None, **where: str) -> RunPage:
        """Return runs, the newest first.

        ``where`` may hold ``kind``, ``state``, ``actor_id`` and ``idempotency_key``; raises ``UsageError`` for
        anything else.
        """
        for name, choices in (("kind", RunKind.values), ("state", RunState.values)):
            if where.get(name, choices[0]) not in choices:
                raise UsageError(f"There is no {name} {where[name]!r}.", hint=f"Known: {', '.join(choices)}.")
        strange = sorted(set(where) - set(_FILTERS))
        if strange:
            raise UsageError(
                f"Runs cannot be asked for by {strange[0]!r}.", hint=f"Known: {', '.join(_FILTERS)}."
            )
        self._close_lost()
        total, found = self.register.page(where, offset, limit)
        return RunPage(total=total, runs=tuple(found))

    def confirmed_plan(self, run_id: uuid.UUID | str, plan_digest: str) -> RestoreRequest:
        """Return the restore that a run planned, bound to its plan, which somebody saw and confirms.

        Raises ``RunNotFound``, ``UsageError`` for a run that is no plan, ``PlanBlocked`` for a plan that is not
        made, or that findings forbid, and ``PlanStale`` for another digest.
        """
        run = self.run(run_id)
        if run.kind != RunKind.PLAN:
            raise UsageError("That run is no plan of a restore.")
        if not run.ended or run.report is None:
            raise PlanBlocked(
                f"There is no plan: the run is {run.get_state_display()}.", hint="Wait for it, or plan again."
            )
        if not hmac.compare_digest(str(run.report.get("plan_digest", "")).encode(), plan_digest.encode()):
            raise PlanStale("That is not the digest of the plan.", hint="Look at the plan and confirm it.")
        if run.error is not None:
            raise PlanBlocked(str(run.error["message"]), hint=str(run.error["hint"]))
        request = decode_request(RunKind.PLAN, run.request)
        assert isinstance(request, RestoreRequest)
        return replace(request, plan_digest=plan_digest)

    def cancel(self, run_id: uuid.UUID | str, *, actor: Actor | None = None) -> Run:
        """Cancel a queued run at once, or ask a running one to stop, and return it.

        What had begun is rolled back at the next step that the run makes; its state then is ``cancelled``.
        Raises ``RunNotFound``, and ``RunEnded`` when it is too late.
        """
        self._close_lost()
        known, who = self._run_id(run_id), actor or self.actor
        with replace(self, actor=who)._recorded("cancel", str(known)) as service:
            service._begin()
            return self.register.cancel(known, who.name)

    def give_up(self, run: Run, error: EdmsBackupError) -> None:
        """Close a queued run that no worker could be told of."""
        self.register.fail(run, error)

    def log_of(self, run_id: uuid.UUID | str) -> Path:
        """Return the file for what a detached process of this run says."""
        return RunFolder(self.settings.state_directory, self._run_id(run_id)).path / "output.log"

    def _run_id(self, text: uuid.UUID | str) -> uuid.UUID:
        run_id = text if isinstance(text, uuid.UUID) else as_uuid(text)
        if run_id is None:
            raise RunNotFound(f"{str(text)[:40]!r} is no id of a run.", hint="`edms_backup runs` lists them.")
        return run_id

    # -- closing what was lost ---------------------------------------------------------------------

    def _close_lost(self) -> None:
        """Close the runs whose worker is gone: settle what they left, then say what became of them."""
        if self.recording is None and self.register.suspects():
            self._recover_if_idle()
            self.register.close_lost(self._verdict)

    def _verdict(self, run: Run) -> tuple[str, bool]:
        """Return what became of a run whose worker is gone, and whether that is the last word."""
        gone = "The process that carried it out ended before it did"
        if run.kind in (RunKind.RESTORE, RunKind.UNDO):
            return _what_the_journal_says(self.settings.state_directory, run, gone)
        if run.kind == RunKind.CREATE:
            made = self._made_by(run)
            said = f"the package {made} was made" if made else "no package was made"
            return f"{gone}; {said}.", True
        if run.kind == RunKind.DELETE:
            name = run.request["package"]
            there = any(ref.name == name for ref in self.store.list())
            return f"{gone}; the package {name} is {'still there' if there else 'gone'}.", True
        return f"{gone}; ask again.", True


def _what_the_journal_says(state_directory: Path, run: Run, gone: str) -> tuple[str, bool]:
    record: Any = next(
        (found.record for found in all_journals(state_directory) if found.record.run_id == run.pk.hex), None
    )
    state = record.state if record is not None else journals.ROLLED_BACK
    if state == journals.RUNNING:
        return (
            f"{gone}; whether it was committed is not known until the database answers and no other run works.",
            False,
        )
    if state == journals.PARTIAL:
        return f"{gone}; it was committed in some of its databases only. Undo it.", True
    if state == journals.ROLLED_BACK:
        return f"{gone}; nothing had been committed, and everything is as it was before.", True
    return (
        f"{gone}, but after the commit: it stands, rows and files are complete; hooks may be missing.",
        True,
    )


def _blocked(report: RestoreReport) -> EdmsBackupError | None:
    if report.exit_code != PlanBlocked.exit_code:
        return None
    return PlanBlocked("Findings forbid this restore.", hint="The findings of the plan say what to do.")


def _damaged(report: Any) -> EdmsBackupError | None:
    return None if report.ok else IntegrityError("The package is damaged; its findings say where.")
