"""Threads that read the one view of a create at the same time, each through connections of its own."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, suppress
from contextvars import copy_context
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

from django.db import Error

from edms_backup.errors import EdmsBackupError

logger = logging.getLogger(__name__)

Item = TypeVar("Item")
Made = TypeVar("Made")
Breaker = Callable[[], None]
"""Breaks off what a worker's connections are doing; may be called in any thread."""
View = Callable[[], AbstractContextManager[Breaker]]
"""Holds the view in the thread that calls it."""

_TICK = 0.1
"""Seconds between two looks at what the workers are doing."""


class Stopped(Exception):
    """Another worker has failed, or the whole is broken off: nobody waits for this one's answer."""


class Workers:
    """The caller's own thread, or threads of their own; which of them, nobody has to know."""

    def __init__(self) -> None:
        self.refusals: list[str] = []
        """Why workers that were asked for could not take part."""
        self._threads: list[threading.Thread] = []
        self._tasks: SimpleQueue[tuple[int, Callable[[], Any]] | None] = SimpleQueue()
        self._ended: SimpleQueue[tuple[int, Any, BaseException | None]] = SimpleQueue()
        self._begun: SimpleQueue[Breaker | BaseException] = SimpleQueue()
        self._breakers: list[Breaker] = []
        self._stop = threading.Event()

    def begin(self, view: View, count: int) -> None:
        """Begin ``count`` threads; return when each holds the view or has said that it cannot."""
        for number in range(count):
            name = f"edms-create-{number + 1}"
            # What is said about languages and time zones of this thread holds for its workers too.
            thread = threading.Thread(
                target=copy_context().run, args=(self._serve, view), name=name, daemon=True
            )
            thread.start()
            self._threads.append(thread)
        for _ in range(count):
            begun = self._begun.get()
            if isinstance(begun, EdmsBackupError | Error):
                self.refusals.append(str(begun).strip().splitlines()[0])
            elif isinstance(begun, BaseException):
                raise begun
            else:
                self._breakers.append(begun)

    @property
    def several(self) -> bool:
        """Return whether the work is done in other threads than the caller's."""
        return bool(self._breakers)

    def run(
        self, work: Callable[[Item], Made], items: Sequence[Item], meanwhile: Callable[[], None]
    ) -> list[Made]:
        """Return what ``work`` makes of each item, in the order of the items, in which they are begun as well.

        ``meanwhile`` is called in this thread, again and again. An error of ``work`` ends everything: when it is
        raised here, nobody works any more.
        """
        if not self.several:
            return [work(item) for item in items]
        for number, item in enumerate(items):
            self._tasks.put((number, lambda item=item: work(item)))  # type: ignore[misc]
        made: dict[int, Made] = {}
        try:
            while len(made) < len(items):
                with suppress(Empty):
                    number, result, error = self._ended.get(timeout=_TICK)
                    if error is not None:
                        raise error
                    made[number] = result
                meanwhile()
        except BaseException:
            self.close()
            raise
        return [made[number] for number in range(len(items))]

    def go_on(self) -> None:
        """Raise ``Stopped`` when the work of this thread is not wanted any more; called now and then by ``work``."""
        if self._stop.is_set():
            raise Stopped

    def close(self) -> None:
        """End all threads, whatever they do, and wait until they have let go of their connections."""
        self._stop.set()
        for _ in self._threads:
            self._tasks.put(None)
        while any(thread.is_alive() for thread in self._threads):
            for thread in self._threads:
                thread.join(_TICK)
            for stop in self._breakers if any(thread.is_alive() for thread in self._threads) else ():
                stop()

    def _serve(self, view: View) -> None:
        """Work on what is to be done until there is no more."""
        begun = False
        try:
            with view() as breaker:
                begun = True
                self._begun.put(breaker)
                while (task := self._tasks.get()) is not None and not self._stop.is_set():
                    self._attempt(*task)
        except BaseException as error:  # noqa: BLE001 - it is raised, or told, where somebody waits for this thread
            if begun:  # all that was read has been handed over, and nothing was written
                logger.info("a worker of a create did not leave its view well: %s", type(error).__name__)
            else:
                self._begun.put(error)

    def _attempt(self, number: int, work: Callable[[], Any]) -> None:
        try:
            self._ended.put((number, work(), None))
        except Stopped:
            return
        except BaseException as error:  # noqa: BLE001 - it is raised where somebody waits for the result
            self._ended.put((number, None, error))
            self._stop.set()
