"""Doing a little ahead what waits for the disk: in threads, a bounded part, given out in the order of the items."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

THREADS = 2
BATCH = 8
"""So many items are one task: handing each over by itself would cost more than it brings."""
WAITING = 3
"""So many batches are under way or wait to be taken, beside the one that is being taken."""


def ahead(items: Iterable[Item], do: Callable[[Item], Result]) -> Generator[tuple[Item, Result], None, None]:
    """Yield each item with what ``do`` returned for it, in a thread and a little earlier; in the order of the items.

    What ``do`` raises is raised when the turn of its batch comes. ``items`` are asked for in the caller's thread.
    Close the generator (``contextlib.closing``) to be certain that no thread is left.
    """
    source = iter(items)
    waiting: deque[Future[list[tuple[Item, Result]]]] = deque()
    pool = ThreadPoolExecutor(THREADS, thread_name_prefix="edms-ahead")
    try:
        while batch := list(itertools.islice(source, BATCH)):
            waiting.append(pool.submit(_done, batch, do))
            if len(waiting) > WAITING:
                yield from _taken(waiting.popleft())
        while waiting:
            yield from _taken(waiting.popleft())
    finally:
        pool.shutdown(cancel_futures=True)


def _done(batch: list[Item], do: Callable[[Item], Result]) -> list[tuple[Item, Result]]:
    """Return the results of a batch, the last one first."""
    return [(item, do(item)) for item in batch][::-1]


def _taken(future: Future[list[tuple[Item, Result]]]) -> Iterator[tuple[Item, Result]]:
    """Yield what a batch has, holding nothing of what was given out."""
    results = future.result()
    del future
    while results:
        yield results.pop()
