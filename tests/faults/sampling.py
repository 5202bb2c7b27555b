"""How much of a sweep a normal run does: some points of each kind, all of them with ``EDMS_FAULTS=1``."""

import os
from collections.abc import Sequence
from typing import TypeVar

Thing = TypeVar("Thing")
EVERYTHING = os.environ.get("EDMS_FAULTS") == "1"


def some(things: Sequence[Thing], count: int) -> list[Thing]:
    """Return ``count`` evenly chosen ones, the first and the last among them; all with ``EDMS_FAULTS=1``."""
    if EVERYTHING or len(things) <= count:
        return list(things)
    if count == 1:
        return [things[len(things) // 2]]
    return [things[round(number * (len(things) - 1) / (count - 1))] for number in range(count)]
