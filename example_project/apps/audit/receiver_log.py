"""Which receivers of the EDMS have fired.

Every receiver of this project writes one entry before it does its work, so that a test can tell whether
a restore let any of them run, and which.
"""

from collections import deque
from typing import Any, NamedTuple

LONGEST = 100_000
"""A long-running process forgets older entries."""


class Firing(NamedTuple):
    """One call of a receiver: its name, the sender's label, the row's primary key, the `raw` it was given."""

    receiver: str
    sender: str
    pk: Any
    raw: bool


_firings: deque[Firing] = deque(maxlen=LONGEST)


def record(receiver: str, sender: Any, instance: Any, raw: bool = False) -> None:
    """Add an entry for a call of a receiver."""
    _firings.append(Firing(receiver, sender._meta.label, getattr(instance, "pk", None), bool(raw)))


def firings(receiver: str | None = None) -> list[Firing]:
    """Return the entries since the last clear, oldest first; of one receiver only, when one is named."""
    return [firing for firing in _firings if receiver is None or firing.receiver == receiver]


def clear() -> None:
    """Forget all entries."""
    _firings.clear()
