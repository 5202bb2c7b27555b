"""What a run says while it runs: frozen values, given to one ``Reporter``.

The core never prints. It emits events; faces turn them into progress bars, log lines or history.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from edms_backup.findings import Finding


@dataclass(frozen=True, slots=True, kw_only=True)
class StepStarted:
    """A step of a pipeline begins."""

    step: str
    """For example ``dump``, ``files``, ``verify``, ``plan``, ``load``, ``validate``."""
    total: int | None = None
    """How many units the step will handle, when known."""
    unit: str = "rows"


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """The step has handled ``done`` units so far."""

    step: str
    done: int
    subject: str = ""
    """What is being handled, for example a model label."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StepFinished:
    """A step ended well after ``seconds``."""

    step: str
    done: int
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingRaised:
    """A finding came up while the step ran."""

    finding: Finding


Event = StepStarted | Progress | StepFinished | FindingRaised


class Reporter(Protocol):
    """Something that listens to a run."""

    def emit(self, event: Event) -> None:
        """Take one event. Must not raise and must not write to the database of the run."""


class NullReporter:
    """A reporter that listens to nothing, so that nobody has to ask whether there is one."""

    def emit(self, event: Event) -> None:
        """Drop the event."""
