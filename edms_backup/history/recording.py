"""What a run writes down while it lasts: its step, its sign of life, and at the end how it ended.

Nothing here can hinder the run: a disk that is full is a line in the log. The one thing that comes back from
here is a request to stop, which ends the run as an interrupt would.
"""

from __future__ import annotations

import datetime
import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol

from edms_backup.errors import EXIT_OK, EdmsBackupError, Interrupted
from edms_backup.events import Event, FindingRaised, Progress, Reporter, StepFinished, StepStarted
from edms_backup.findings import Finding, Severity
from edms_backup.history import rows
from edms_backup.history.folder import RunFolder, beat
from edms_backup.models import Run, RunState

logger = logging.getLogger(__name__)

EVERY = 0.5
"""Seconds between two writes of the progress, and between two looks for a request to stop."""
BEAT = 5.0
"""Seconds between two signs of life."""
_FINDINGS = 500
"""Findings that are kept; the report counts all of them."""
_SUBJECT = 255


class Cancelled(KeyboardInterrupt):
    """Somebody asked the run to stop. Like an interrupt, it undoes what had begun."""


class Report(Protocol):
    """What every report of the service has."""

    def to_dict(self) -> dict[str, object]:
        """Return the report as JSON-ready values."""


@dataclass(slots=True, kw_only=True)
class Recording:
    """One run under way, written down; made by ``RunRegister``."""

    run: Run
    folder: RunFolder
    clock: Callable[[], datetime.datetime]
    too_late: list[str] = field(default_factory=list)
    """Filled as soon as the work stands and can no longer be stopped: one sentence that says so."""
    _spoke: float = float("-inf")
    _looked: float = float("-inf")

    def reporter(self, other: Reporter) -> Reporter:
        """Return a reporter that writes the progress down and passes everything on to ``other``."""
        return _RecordingReporter(self, other)

    @contextmanager
    def noting_the_end(self) -> Iterator[None]:
        """Note what the block raises, and let it go on."""
        try:
            yield
        except BaseException as error:
            self._failed(error)
            raise

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the run and give signs of life for as long as the block lasts."""
        over = threading.Event()
        with self.folder.held() as descriptor:

            def beat_until_over() -> None:
                while not over.wait(BEAT):
                    beat(descriptor)

            heart = threading.Thread(target=beat_until_over, name="edms_backup heartbeat", daemon=True)
            heart.start()
            try:
                yield
            finally:
                over.set()
                heart.join()

    def attempted(self) -> None:
        """Count one more attempt to begin."""
        self.run.attempt += 1
        self._write()

    def succeeded(self, report: Report, refusal: EdmsBackupError | None = None) -> None:
        """Note the report of a run that did what it was asked for, and what is wrong all the same."""
        document = report.to_dict()
        self.run.report = document
        self.run.findings = list(document.get("findings", ()))[:_FINDINGS]  # type: ignore[call-overload]
        asked = self.folder.cancel_request()
        if asked is not None:
            self.run.findings.append(_too_late_to_cancel(asked["who"]).to_dict())
        state = RunState.DEFECTS if getattr(report, "exit_code", EXIT_OK) else RunState.SUCCEEDED
        if refusal is not None:
            state, self.run.error = RunState.FAILED, refusal.to_dict()
        self._end(state)

    def _failed(self, error: BaseException) -> None:
        state, noted = _how(error, self.too_late)
        asked = self.folder.cancel_request()
        if isinstance(error, Cancelled) and asked is not None and state == RunState.CANCELLED:
            noted = Interrupted(f"Cancelled by {asked['who'] or 'somebody'}; everything is as it was before.")
        self.run.error = noted.to_dict()
        self.run.findings = [finding.to_dict() for finding in noted.findings[:_FINDINGS]] or self.run.findings
        self._end(state)

    def _end(self, state: RunState) -> None:
        self.run.state = state
        self.run.ended_at = self.run.heartbeat_at = self.clock()
        if self._write(durable=True):
            try:
                self.folder.close()
            except EdmsBackupError as error:
                logger.warning("run %s: %s", self.run.pk, error)
        rows.mirror(self.run)

    # -- while it lasts ----------------------------------------------------------------------------

    def began(self, step: str, total: int | None, unit: str) -> None:
        """Note that a step begins."""
        self.run.step, self.run.done, self.run.total, self.run.unit, self.run.subject = (
            step,
            0,
            total,
            unit,
            "",
        )
        self._spoke = time.monotonic()
        self._write()
        self.stop_if_asked()

    def came_to(self, done: int, subject: str) -> None:
        """Note how far the step is, if it is time to."""
        self.run.done, self.run.subject = done, subject[:_SUBJECT]
        now = time.monotonic()
        if now - self._spoke >= EVERY:
            self._spoke = now
            self._write()
        self.stop_if_asked()

    def found(self, finding: Finding) -> None:
        """Note a finding that came up; the report of the end holds them all."""
        if len(self.run.findings) < _FINDINGS:
            self.run.findings.append(finding.to_dict())

    def stop_if_asked(self) -> None:
        """Raise ``Cancelled`` when somebody asked for it and it is not too late."""
        now = time.monotonic()
        if now - self._looked < EVERY or self.too_late:
            return
        self._looked = now
        if self.folder.cancel_request() is not None:
            raise Cancelled

    def _write(self, *, durable: bool = False) -> bool:
        try:
            self.folder.write(self.run, durable=durable)
        except EdmsBackupError as error:
            logger.warning("run %s: %s", self.run.pk, error)
            return False
        return True


@dataclass(frozen=True, slots=True)
class _RecordingReporter:
    """Writes down what a run says, and passes it on."""

    recording: Recording
    other: Reporter

    def emit(self, event: Event) -> None:
        """Note the event. Raises ``Cancelled`` when somebody asked the run to stop."""
        self.other.emit(event)
        if isinstance(event, StepStarted):
            self.recording.began(event.step, event.total, event.unit)
        elif isinstance(event, Progress):
            self.recording.came_to(event.done, event.subject)
        elif isinstance(event, StepFinished):
            self.recording.came_to(event.done, "")
        elif isinstance(event, FindingRaised):
            self.recording.found(event.finding)


def _how(error: BaseException, stands: list[str]) -> tuple[RunState, EdmsBackupError]:
    """Return the state in which a run ends that ``error`` ended, and the error to show.

    The text of an unexpected exception may hold a row's content or a secret: it goes to the log of the worker
    only.
    """
    if isinstance(error, EdmsBackupError) and not isinstance(error, Interrupted):
        return RunState.FAILED, error
    if stands:
        return RunState.DEFECTS, Interrupted(stands[-1], stands=True)
    if isinstance(error, Interrupted):
        return RunState.DEFECTS if error.stands else RunState.FAILED, error
    if isinstance(error, KeyboardInterrupt | SystemExit):
        return RunState.CANCELLED, Interrupted("Interrupted; everything is as it was before.")
    name = type(error).__name__
    return RunState.FAILED, EdmsBackupError(
        f"Unexpected {name}; everything is as it was before, or the journal settles it with the next command.",
        hint="The log of the worker has the details.",
    )


def _too_late_to_cancel(who: str) -> Finding:
    return Finding(
        code="cancelled_too_late",
        severity=Severity.INFO,
        message=f"{who or 'Somebody'} asked to cancel this run when its work was done already: it stands.",
    )
