"""Neighbours in a package that are read together: by itself, a small member would cost more than its bytes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from edms_backup.package.container import Member

__all__ = ["SPAN", "Span", "spans"]

SPAN = 1024 * 1024
"""So many bytes are held at most; a larger member comes alone, and is read in pieces."""


class Span(NamedTuple):
    """Members that follow each other without a gap."""

    members: list[Member]
    start: int
    end: int

    @property
    def small(self) -> bool:
        """Return whether it may be held as a whole."""
        return self.end - self.start <= SPAN


def spans(members: Iterable[Member]) -> Iterator[Span]:
    """Part members, which come in the order in which they lie, into spans."""
    together: list[Member] = []
    start = end = 0
    for member in members:
        stop = member.end
        if together and (member.offset != end or stop - start > SPAN):
            yield Span(together, start, end)
            together = []
        if not together:
            start = member.offset
        together.append(member)
        end = stop
    if together:
        yield Span(together, start, end)
