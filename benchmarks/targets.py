"""What the project wants to reach, and how each target is read off the figures."""

from collections.abc import Iterator
from dataclasses import dataclass

from benchmarks.rounds import BY_GENERIC, US, Figure
from tests import databases


@dataclass(frozen=True)
class Target:
    """A ratio between what a rival takes and what we take, or the other way round; or what one of many costs."""

    vendor: str
    objects: int | None
    """``None``: at each size that was measured."""
    task: str
    rival: str
    floor: float
    goal: float
    times_faster: bool = True
    """Whether the number says how many times faster we are; else it is our time in units of the rival's."""

    @property
    def unit(self) -> str:
        """Return what the numbers count."""
        return "×" if self.times_faster else "of its time" if self.rival else "µs each"


LOOK_UPS = tuple(
    Target(vendor, None, f"look-up, {way}", "", 50, 10, times_faster=False)
    for vendor in databases.VENDORS
    for way in ("keys of rows", "rows by key")
)
"""What one key costs, in microseconds, by no rival's measure."""

GENERIC = tuple(
    Target(vendor, 30_000, task + BY_GENERIC, rival, floor, goal)
    for vendor in databases.VENDORS
    for task, rival, floor, goal in (
        ("create", "dumpdata", 25, 50),
        ("restore, fresh site", "loaddata", 18, 40),
    )
)
"""What any database is worth, by nothing but what Django offers; the rival's task is the same without the engine."""

TARGETS = (
    *GENERIC,
    Target("sqlite", 30_000, "create", "dumpdata", 25, 50),
    Target("sqlite", 100_000, "create", "dumpdata", 50, 100),
    Target("postgresql", 100_000, "create", "dumpdata", 45, 75),
    Target("postgresql", 300_000, "create", "dumpdata", 80, 150),
    Target("postgresql", 1_000_000, "create", "pg_dump -Fc", 1.2, 0.6, times_faster=False),
    Target("postgresql", 1_000_000, "create", "COPY TO", 5, 2.5, times_faster=False),
    Target("mariadb", 30_000, "create", "dumpdata", 25, 40),
    Target("sqlite", 30_000, "restore, fresh site", "loaddata", 30, 45),
    Target("postgresql", 100_000, "restore, fresh site", "loaddata", 45, 100),
    Target("postgresql", 1_000_000, "restore, fresh site", "pg_restore", 3, 1.2, times_faster=False),
    Target("mariadb", 30_000, "restore, fresh site", "loaddata", 20, 30),
    *LOOK_UPS,
    Target("files", None, "create", "borg", 1.0, 0.5, times_faster=False),
    Target("files", None, "1 % of files changed", "first run", 0.25, 0.12, times_faster=False),
)


@dataclass(frozen=True)
class Verdict:
    """A target and what was measured."""

    target: Target
    objects: int
    ratio: float
    extrapolated: bool

    @property
    def met(self) -> str:
        """Return ``goal``, ``floor`` or ``missed``."""
        better = (
            (lambda limit: self.ratio >= limit)
            if self.target.times_faster
            else (lambda limit: self.ratio <= limit)
        )
        return "goal" if better(self.target.goal) else "floor" if better(self.target.floor) else "missed"


def with_extrapolated(figures: list[Figure]) -> list[Figure]:
    """Add what stock tools would take at sizes that they were not given, in proportion to the rows."""
    stock = [figure for figure in figures if figure.tool in ("dumpdata", "loaddata")]
    ours = {(figure.vendor, figure.objects, figure.task) for figure in figures if figure.tool == US}
    added = []
    for vendor, objects, task in sorted(ours):
        known = [f for f in stock if f.vendor == vendor and f.task == task]
        if known and not any(figure.objects == objects for figure in known):
            base = max(known, key=lambda figure: figure.objects)
            seconds = base.seconds * objects / base.objects
            added.append(Figure(vendor, objects, task, base.tool, seconds, extrapolated=True))
    return [*figures, *added]


def verdicts(figures: list[Figure]) -> Iterator[Verdict]:
    """Yield a verdict for each target, at each of its sizes, whose two sides were measured."""
    found = {(f.vendor, f.objects, f.task, f.tool): f for f in figures}
    for target in TARGETS:
        sizes = sorted({f.objects for f in figures if f.vendor == target.vendor})
        for objects in sizes if target.objects is None else [target.objects]:
            place = (target.vendor, objects, target.task)
            ours = found.get((*place, US))
            theirs = found.get((*place[:2], target.task.removesuffix(BY_GENERIC), target.rival))
            if ours is not None and not target.rival:
                yield Verdict(target, objects, ours.each, False)
            elif ours is not None and theirs is not None:
                ratio = theirs.seconds / ours.seconds
                ratio = ratio if target.times_faster else 1 / ratio
                yield Verdict(target, objects, ratio, theirs.extrapolated)
