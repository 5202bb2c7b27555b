"""SIGINT and SIGTERM while a run lasts: the first one stops it in good order, further ones change nothing."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

from edms_backup.errors import EXIT_SIGINT, EXIT_SIGTERM


@dataclass(slots=True)
class Interruption:
    """Whether the operator or the system asked to stop, and with which exit code that ends."""

    signal: int | None = None

    @property
    def exit_code(self) -> int:
        """Return 143 after SIGTERM, 130 otherwise."""
        return EXIT_SIGTERM if self.signal == signal.SIGTERM else EXIT_SIGINT


@contextmanager
def stoppable(active: bool) -> Iterator[Interruption]:
    """Turn the first SIGINT or SIGTERM inside of the block into ``KeyboardInterrupt``.

    What undoes the work then must not itself be interrupted, so whatever comes after the first is ignored.
    Outside of the main thread, and when not ``active``, the handlers stay as they are.
    """
    interruption = Interruption()
    if not active or threading.current_thread() is not threading.main_thread():
        yield interruption
        return

    def stop(number: int, frame: FrameType | None) -> None:
        if interruption.signal is None:
            interruption.signal = number
            raise KeyboardInterrupt

    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    # Who started this process so that it ignores a signal (nohup, a shell's background jobs) meant it.
    before = {number: handler for number, handler in before.items() if handler not in (signal.SIG_IGN, None)}
    for number in before:
        signal.signal(number, stop)
    try:
        yield interruption
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
