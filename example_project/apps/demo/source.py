"""Where the demo content takes its identifiers, times and choices from.

Nothing in the demo content may depend on the clock, on the operating system's randomness or on the order in
which unrelated tables are filled: the same seed gives the same rows on every database. So each model has
random streams of its own, derived from the seed and the model's label.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from random import Random
from typing import TypeVar
from uuid import UUID

T = TypeVar("T")

EPOCH = datetime(2025, 1, 6, 7, 30, 0, 137, tzinfo=UTC)
"""The site's first working morning; every generated moment lies after it."""

LONGEST_STEP = 90_000
"""Seconds between two rows of one table, at most, at scale 1; larger scales fill the same stretch of time."""

SHORTEST_STEP = 30

FARTHEST = timedelta(days=640)
"""Moments wrap round after this, so that even a very large site stays in the past."""


class Source:
    """A seeded supply of uuids, moments, primary keys and choices, one stream per purpose.

    `scale` only shortens the time between two rows, so that a large site doesn't reach into the future.
    """

    def __init__(self, seed: int, scale: int = 1) -> None:
        self.seed = seed
        self.scale = scale
        self._streams: dict[str, Random] = {}
        self._elapsed: dict[str, timedelta] = {}
        self._last_key: dict[str, int] = {}

    def stream(self, purpose: str) -> Random:
        """Return the random stream for `purpose`: always the same object for the same purpose."""
        if purpose not in self._streams:
            # A string seed is hashed with SHA-512, which is the same on every machine and Python version.
            self._streams[purpose] = Random(f"edms-demo/{self.seed}/{purpose}")
        return self._streams[purpose]

    def uuid(self, label: str) -> UUID:
        """Return the next uuid (version 4 in form) for the model `label`."""
        return UUID(int=self.stream(f"uuid/{label}").getrandbits(128), version=4)

    def moment(self, label: str) -> datetime:
        """Return the next moment for the model `label`: later than the one before, with odd microseconds."""
        stream = self.stream(f"moment/{label}")
        longest = max(SHORTEST_STEP + 1, LONGEST_STEP // self.scale)
        elapsed = self._elapsed.get(label, timedelta(0)) + timedelta(
            seconds=stream.randrange(SHORTEST_STEP, longest)
        )
        self._elapsed[label] = elapsed % FARTHEST
        return odd_microseconds(EPOCH + self._elapsed[label], stream)

    def choice(self, purpose: str, options: Sequence[T]) -> T:
        """Return one of `options` from the stream for `purpose`."""
        return options[self.stream(f"choice/{purpose}").randrange(len(options))]

    def next_key(self, label: str, highest: Callable[[], int]) -> int:
        """Return the next primary key for the model `label`; `highest` finds the highest in its table.

        Keys start at another number in every table and have gaps, as on a site where rows have been deleted,
        so that no two tables' keys agree by luck.
        """
        stream = self.stream(f"key/{label}")
        if label not in self._last_key:
            self._last_key[label] = highest() + stream.randrange(3, 90)
            return self._last_key[label]
        step = 1 if stream.random() < 0.85 else stream.randrange(2, 7)
        self._last_key[label] += step
        return self._last_key[label]


def odd_microseconds(moment: datetime, stream: Random) -> datetime:
    """Return `moment` with microseconds that no format with milliseconds can hold."""
    microsecond = stream.randrange(1000) * 1000 + stream.randrange(1, 1000)
    return moment.replace(microsecond=microsecond)


def later(moment: datetime, **passed: float) -> datetime:
    """Return the moment that lies this much time (as for timedelta) after `moment`, with odd microseconds."""
    return made_odd(moment + timedelta(**passed))


def made_odd(result: datetime) -> datetime:
    """Return the moment, a microsecond later if it were one that milliseconds could hold."""
    return result if result.microsecond % 1000 else result + timedelta(microseconds=1)


OUTSIDE = -1
"""The seed of what factories make when no site is being seeded."""

_current = Source(seed=OUTSIDE)
_seeding = False


def current() -> Source:
    """Return the source that factories draw from at the moment."""
    return _current


def seeding() -> bool:
    """Tell whether a demo site is being seeded, so that rows get their primary keys from the source."""
    return _seeding


@contextmanager
def drawing_from(source: Source) -> Iterator[Source]:
    """Let factories draw from `source`, primary keys included, until the block ends."""
    global _current, _seeding
    before = (_current, _seeding)
    _current, _seeding = source, True
    try:
        yield source
    finally:
        _current, _seeding = before
