"""Every point of a restore, one after the other: ``python -m tests.faults.sweep --vendor sqlite --every 1``.

Prints each problem as it is found and the counts at the end; exits 1 when there was a problem. The servers
are those that the tests use (tests/README.md).
"""

import argparse
import sys
import tempfile
from collections import Counter
from pathlib import Path

from tests import databases
from tests.faults.arena import QUICK, RESTORE, Arena
from tests.faults.trials import ALL_KINDS, CODES, Trials
from tests.sites import SiteTemplates


def sweep(arena: Arena, strike: str, every: int, *, complete: bool) -> tuple[Counter[str], list[str]]:
    """Strike at every n-th point until a run passes fewer points than that; return counts and problems."""
    kinds = {"sever": ("statement", "commit"), "fill": ("space",)}.get(strike, ALL_KINDS)
    counts: Counter[str] = Counter()
    problems: list[str] = []
    with Trials(arena, RESTORE if complete else QUICK) as trials:
        points = trials.points(kinds)
        at = 1
        while True:
            point = points[at - 1] if at <= len(points) else "?"
            tried = trials.attempt(strike, at, point, kinds)
            if tried.attempt.code >= 0 and len(tried.attempt.points) < at:
                break  # it ended without having come to this point
            counts["points"] += 1
            counts[f"ended {tried.settled if tried.settled in ('before', 'after') else 'mixed'}"] += 1
            counts["settled by the next command"] += tried.recovered
            for problem in tried.problems(strike):
                counts["problems"] += 1
                problems.append(problem)
                sys.stdout.write(problem + "\n")
                sys.stdout.flush()
            at += every
    return counts, problems


def main() -> int:
    """Run a sweep from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--vendor", choices=databases.VENDORS, required=True)
    parser.add_argument("--strike", choices=sorted(CODES), default="kill")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="only every N-th point")
    parser.add_argument("--complete", action="store_true", help="the whole package and a safety package")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="edms-sweep-") as place:
        templates = SiteTemplates(Path(place))
        arena = Arena(options.vendor, templates, Path(place))
        try:
            counts, problems = sweep(arena, options.strike, options.every, complete=options.complete)
        finally:
            arena.drop()
            templates.drop()
    for name, count in counts.items():
        sys.stdout.write(f"{count:6} {name}\n")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
