"""The one place that every call which changes something passes: who asked is written down, then how it ended.

``_recorded`` surrounds the whole call, ``_alone`` the part of it that holds the locks. The first entry is written
under the lock and before the work, the second before the lock is given back: so whoever holds the lock and finds a
call without its second entry knows that its process died.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from typing import Any, Self, TypeVar

from edms_backup.audit import Call, Result
from edms_backup.engines.errors import at_border
from edms_backup.engines.locking import database_locks
from edms_backup.errors import (
    EXIT_OK,
    AuditUnavailable,
    DatabaseUnavailable,
    EdmsBackupError,
    IntegrityError,
    Interrupted,
    RunLocked,
)
from edms_backup.events import FindingRaised
from edms_backup.findings import Finding
from edms_backup.history import Recording, Request, prune
from edms_backup.history.recording import Report
from edms_backup.locks import RunLock
from edms_backup.models import Run, RunKind, is_marked
from edms_backup.notices import Notice, failure, process_died, tell
from edms_backup.restore.aftercare import send
from edms_backup.restore.recover import postponed, recover, unsettled
from edms_backup.service.parts import Parts
from edms_backup.signals import backup_failed, restore_failed

logger = logging.getLogger(__name__)

Done = TypeVar("Done", bound=Report)

_FAILED = {"create": backup_failed, "restore": restore_failed, "undo": restore_failed}


class Recorded(Parts):
    """What surrounds a call."""

    __slots__ = ()

    def _as_run(self, kind: RunKind, request: Request, work: Callable[[Self], Done]) -> Done:
        """Do what changes something: every such verb passes here, whoever calls it, and is recorded as a run.

        ``work`` gets the service to work with, and calls ``_stands`` once its work stands. What it raises is
        recorded and goes on.
        """
        if self.recording is not None:  # a worker carries out what was recorded when it was submitted
            return self._within(self.recording, work)
        self._prune_runs()
        recording: Recording | None = None
        try:
            with (
                self.register.begun(kind, request, self.actor) as recording,
                self._recorded_run(recording) as service,
            ):
                return service._within(recording, work)
        except KeyboardInterrupt as error:
            # However late it came, between two lines of what writes the end down: the work stands.
            if recording is not None:
                _tell_if_it_stands(recording, error)
            raise

    def _prune_runs(self) -> None:
        """Let the folders of old runs go; what hinders that is told to the log, and hinders nothing."""
        try:
            settings = self.settings
            prune(
                settings.state_directory,
                settings.keep_runs,
                self.clock(),
                lambda: {ref.name for ref in self.store.list()},
            )
        except (EdmsBackupError, OSError) as error:
            logger.warning("folders of old runs stay: %s", error)

    def _within(
        self,
        recording: Recording,
        work: Callable[[Self], Done],
        refusal: Callable[[Done], EdmsBackupError | None] = lambda report: None,
    ) -> Done:
        """Do the work of a run; ``refusal`` tells what is wrong with a report that is no success."""
        service = replace(self, recording=recording, reporter=recording.reporter(self.reporter))
        try:
            recording.attempted()
            with at_border():
                report = work(service)
            recording.succeeded(report, refusal(report))
        except KeyboardInterrupt as error:
            _tell_if_it_stands(recording, error)
            raise
        return report

    def _recorded_run(self, recording: Recording) -> AbstractContextManager[Self]:
        """Record a run that changes something: under its own id, about what it is asked to change."""
        request = recording.run.request
        subject = str(request.get("package") or request.get("upload") or request.get("run_id") or "")
        return self._recorded(recording.run.kind, subject, recording.run.pk.hex)

    @contextmanager
    def _recorded(self, what: str, subject: str = "", call_id: str = "") -> Iterator[Self]:
        """Record a call: its end, however it comes, and what has to be told because of it.

        Yields the service to work with; its ``call`` is the new one. What comes up meanwhile stands in the
        findings of the call, or in those of the error.
        """
        call = Call(what=what, actor=self.actor, subject=subject)
        call.id = call_id or call.id
        service = replace(self, call=call)
        try:
            with at_border():
                yield service
            if not call.ended:
                service._done()
        except BaseException as error:
            service._failed(call, error)
            service._tell_failure(call, error)
            raise

    @contextmanager
    def _alone(self, what: str) -> Iterator[tuple[Finding, ...]]:
        """Hold the locks of a writing run, and let its call begin; settle what an interrupted run left.

        Yields what was settled. Raises ``RunLocked``, and ``AuditUnavailable`` when the beginning cannot be written.
        """
        with RunLock(self.settings.state_directory, what), database_locks(self._engines().values()):
            dead = self._trail.close_unended()
            try:
                with at_border():
                    if self.call is not None:
                        self._trail.begin(self.call)
                        self.call.findings += self._told(process_died(entry) for entry in dead)
                    yield self._recovered()
            except BaseException as error:
                if self.call is not None:
                    self._failed(self.call, error)
                raise

    def _begin(self) -> None:
        """Let a call begin that needs no lock; raises ``AuditUnavailable``."""
        if self.call is not None:
            self._trail.begin(self.call)

    def _stands(self, if_interrupted: str, exit_code: int = EXIT_OK, **details: Any) -> None:
        """Note that the work is done, with its numbers; to be called as soon as that is so.

        From now on an interrupt says ``if_interrupted``, and a request to cancel is too late.
        """
        if self.recording is not None:
            self.recording.too_late.append(if_interrupted)
        self._done(exit_code, **details)

    @contextmanager
    def _asked_when_interrupted(self, stands: Callable[[Run], str]) -> Iterator[None]:
        """After an interrupt, ask whether the work was done already and only could not be noted (``_stands``).

        ``stands`` gets the run, and returns what is to be said; nothing when the work was not done.
        """
        try:
            yield
        except KeyboardInterrupt:
            if self.recording is not None and not self.recording.too_late:
                try:
                    said = stands(self.recording.run)
                except EdmsBackupError as error:
                    logger.warning(
                        "run %s was interrupted, and nobody says how far it was: %s",
                        self.recording.run.pk,
                        error,
                    )
                    said = ""
                if said:
                    self._stands(said)
            raise

    def _done(self, exit_code: int = EXIT_OK, **details: Any) -> None:
        """Write that the work of the call is done."""
        if self.call is not None:
            self.call.details.update(details)
            self._trail.end(self.call, Result.DONE if exit_code == EXIT_OK else Result.DEFECTS)

    def _failed(self, call: Call, error: BaseException) -> None:
        """Write that a call ended badly, unless its end was written."""
        if call.ended:
            return
        stands = self.recording is not None and self.recording.too_late
        self._trail.end(call, Result.DEFECTS if stands else _result(call, error), _code(error))

    @property
    def _said(self) -> Sequence[Finding]:
        """Return what came up while the call was recorded."""
        return tuple(self.call.findings) if self.call is not None else ()

    def _tell_failure(self, call: Call, error: BaseException) -> None:
        """Send the signal of a failure and the notices that settings ask for."""
        if call.result in (Result.DONE, Result.DEFECTS):
            return  # the work stands; what came after it has been said
        findings = list(call.findings)
        if call.what in _FAILED and (call.begun or call.what == "create"):
            signal = _FAILED[call.what]
            findings += send(signal, type(self), what=call.what, call=call.id, error=error, actor=call.actor)
        if call.begun or call.what in ("create", "verify"):
            findings += self._told([failure(call, error)])
        if isinstance(error, EdmsBackupError):
            error.findings = (*error.findings, *findings)
        for finding in findings:
            logger.warning("%s", finding.message)

    def _told(self, notices: Iterable[Notice]) -> list[Finding]:
        return tell(self.settings.notify, notices, site=self.settings.site_name, now=self.clock())

    # -- settling ----------------------------------------------------------------------------------

    def _recovered(self) -> tuple[Finding, ...]:
        """Settle what an interrupted restore left; the caller holds the locks."""
        if not unsettled(self.settings.state_directory):
            return ()
        with self._recorded("recovery") as service:
            service._begin()
            findings = recover(self.settings.state_directory, self._roots(), is_marked)
            service._done(settled=len(findings))
        for finding in findings:
            self.reporter.emit(FindingRaised(finding=finding))
        return (*findings, *service._said)

    def _recover_if_idle(self) -> tuple[Finding, ...]:
        """Settle an interrupted restore unless a run is in progress."""
        if not unsettled(self.settings.state_directory):
            return ()
        try:
            with self._alone("recovery") as findings:
                return findings
        except RunLocked:
            return ()
        except (DatabaseUnavailable, AuditUnavailable) as error:
            # What asks no database (list, show, verify) has to work on the day when it is away.
            later = postponed(error)
            self.reporter.emit(FindingRaised(finding=later))
            return (later,)


def _tell_if_it_stands(recording: Recording, error: KeyboardInterrupt) -> None:
    """Raise ``Interrupted`` in the place of an interrupt that came when the work was done."""
    if recording.too_late:
        raise Interrupted(recording.too_late[-1], stands=True) from error


def _result(call: Call, error: BaseException) -> Result:
    """Return how a call ended that an exception has ended."""
    if isinstance(error, KeyboardInterrupt | Interrupted):
        return Result.INTERRUPTED
    if call.begun or isinstance(error, IntegrityError) or not isinstance(error, EdmsBackupError):
        return Result.FAILED
    return Result.REFUSED


def _code(error: BaseException) -> str:
    """Return the code of an error: ours, or the name of its class."""
    if isinstance(error, KeyboardInterrupt):
        return Interrupted.code
    return error.code if isinstance(error, EdmsBackupError) else type(error).__name__
