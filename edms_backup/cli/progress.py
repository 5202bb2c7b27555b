"""What moves while a run lasts: one line that is rewritten on a terminal, a line now and then in a log."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable

from edms_backup.cli.output import DETAILED, Output, Stream
from edms_backup.cli.text import duration, number, shown
from edms_backup.events import Event, NullReporter, Progress, Reporter, StepFinished, StepStarted

TERMINAL_EVERY = 0.1
"""Seconds between two rewrites of the line: more often than people read."""
LOG_EVERY = 10.0
"""Seconds between two lines in a log."""
_ERASE = "\r\x1b[K"


def choose_reporter(out: Output, *, wanted: bool) -> Reporter:
    """Return the reporter that fits standard error: a terminal, a log that wants details, or nobody."""
    if wanted and out.stderr.is_terminal and out.verbosity > 0:
        return TerminalReporter(out.stderr)
    if wanted and out.verbosity >= DETAILED:
        return LogReporter(out.stderr)
    return NullReporter()


class _Steps:
    """Remembers the step under way and decides when it is time to speak again."""

    def __init__(self, stream: Stream, every: float, clock: Callable[[], float]) -> None:
        self._stream = stream
        self._every = every
        self._clock = clock
        self._spoke = float("-inf")
        self._total: int | None = None
        self._unit = "rows"

    def _begin(self, event: StepStarted) -> None:
        self._total, self._unit = event.total, event.unit

    def _due(self) -> bool:
        now = self._clock()
        if now - self._spoke < self._every:
            return False
        self._spoke = now
        return True

    def _text(self, event: Progress) -> str:
        done = number(event.done)
        if self._total:
            done += f"/{number(self._total)} {self._unit} ({min(100, 100 * event.done // self._total)} %)"
        else:
            done += f" {self._unit}"
        return f"{event.step}: {done}" + (f"  {shown(event.subject)}" if event.subject else "")


class TerminalReporter(_Steps):
    """One line on a terminal, erased when its step ends."""

    def __init__(self, stream: Stream, clock: Callable[[], float] = time.monotonic) -> None:
        """Draw on ``stream``, which must be a terminal."""
        super().__init__(stream, TERMINAL_EVERY, clock)

    def emit(self, event: Event) -> None:
        """Redraw the line if it is time to."""
        if isinstance(event, StepStarted):
            self._begin(event)
            self._draw(f"{event.step} …")
        elif isinstance(event, Progress) and self._due():
            self._draw(self._text(event))
        elif isinstance(event, StepFinished):
            self._draw("")

    def _draw(self, text: str) -> None:
        width = shutil.get_terminal_size().columns - 1
        self._stream.write(_ERASE + text[:width])


class LogReporter(_Steps):
    """Whole lines, seldom enough for a log file."""

    def __init__(self, stream: Stream, clock: Callable[[], float] = time.monotonic) -> None:
        """Write lines to ``stream``."""
        super().__init__(stream, LOG_EVERY, clock)

    def emit(self, event: Event) -> None:
        """Write a line if it is time to."""
        if isinstance(event, StepStarted):
            self._begin(event)
            self._due()
            self._stream.write(f"{event.step} …\n")
        elif isinstance(event, Progress) and self._due():
            self._stream.write(self._text(event) + "\n")
        elif isinstance(event, StepFinished):
            done = f"{number(event.done)} {self._unit}"
            self._stream.write(f"{event.step}: {done} in {duration(event.seconds)}\n")
