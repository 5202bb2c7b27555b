"""Every point of a small create and a small restore: ``python -m tests.faults.sweep`` (``make faults``).

At each point the process is killed, stopped by SIGTERM, loses its connection, or finds the disk full or broken,
and then site, package and what the command said are looked at. Prints each problem as it is found and a line of
counts per vendor, command and strike; exits 1 when there was a problem. The servers are those that the tests
use (tests/README.md); a vendor without a server is left out, and that is said.
"""

import argparse
import sys
import tempfile
from collections import Counter
from contextlib import AbstractContextManager
from pathlib import Path

from tests import databases
from tests.faults.arena import QUICK, RESTORE, Arena
from tests.faults.creating import CreateTrials, CreateTry, create_trials
from tests.faults.races import race
from tests.faults.sampling import some
from tests.faults.trials import ALL_KINDS, DONE, KINDS, Trials, Try
from tests.sites import SiteTemplates

COMMANDS = ("create", "restore")
STRIKES = ("kill", "terminate", "sever", "fill", "break")
RACES = 67
"""On each vendor; about 200 on the three."""
LINE = "{:<11} {:<8} {:<10} {:>6} {:>7} {:>6} {:>5} {:>9} {:>9}\n"
COLUMNS = ("points", "before", "after", "torn", "recovered", "problems")
Result = tuple[Counter[str], list[str]]


def sweep(
    arena: Arena, command: str, strike: str, *, every: int = 1, sample: int = 0, complete: bool = False
) -> Result:
    """Strike at every n-th point, or at ``sample`` evenly chosen ones; return counts and problems."""
    kinds = KINDS.get(strike, ALL_KINDS)
    counts: Counter[str] = Counter()
    problems: list[str] = []
    trials: AbstractContextManager[Trials | CreateTrials] = (
        create_trials(arena) if command == "create" else Trials(arena, RESTORE if complete else QUICK)
    )
    with trials as stage:
        points = stage.points(kinds)
        chosen = range(1, len(points) + 1, every)
        for at in some(chosen, sample) if sample else chosen:
            tried = stage.attempt(strike, at, points[at - 1], kinds)
            if tried.attempt.code >= 0 and len(tried.attempt.points) < at:
                # This time it ended without having come to this point: fine only if it worked.
                if tried.attempt.code not in DONE:
                    problems.append(f"{command}: no {strike} at {at}, and it ends {tried.attempt.said}")
                continue
            counts["points"] += 1
            counts[tried.settled if tried.settled in ("before", "after") else "torn"] += 1
            counts["recovered"] += tried.recovered
            problems.extend(_problems(tried, strike))
    counts["problems"] = len(problems)
    return counts, problems


def _problems(tried: Try | CreateTry, strike: str) -> list[str]:
    return tried.problems if isinstance(tried, CreateTry) else tried.problems(strike)


def tell(vendor: str, command: str, strike: str, result: Result) -> None:
    """Print one line of the table, and the problems before it."""
    counts, problems = result
    for problem in problems:
        sys.stdout.write(f"PROBLEM {vendor} {problem}\n")
    sys.stdout.write(LINE.format(vendor, command, strike, *(counts[name] for name in COLUMNS)))
    sys.stdout.flush()


def sweep_vendor(vendor: str, options: argparse.Namespace) -> Counter[str]:
    """Run everything that is asked for on one vendor; return the sum of the counts."""
    total: Counter[str] = Counter()
    with tempfile.TemporaryDirectory(prefix="edms-sweep-") as place:
        templates = SiteTemplates(Path(place))
        arena = Arena(vendor, templates, Path(place))
        try:
            for command in options.command or COMMANDS:
                for strike in options.strike or STRIKES:
                    if vendor == "sqlite" and strike == "sever":
                        continue  # there is no connection to lose
                    result = sweep(arena, command, strike, every=options.every, complete=options.complete)
                    tell(vendor, command, strike, result)
                    total.update(result[0])
            if options.races:
                site = arena.copy(arena.changed)
                counts, problems = race(arena, site, options.races)
                counts["problems"] = len(problems)
                tell(vendor, "both", "race", (counts, problems))
                total.update(counts)
                arena.discard(site)
        finally:
            arena.drop()
            templates.drop()
    return total


def main() -> int:
    """Run a sweep from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--vendor", choices=databases.VENDORS, action="append", help="may be repeated")
    parser.add_argument("--command", choices=COMMANDS, action="append", help="may be repeated")
    parser.add_argument("--strike", choices=(*STRIKES, "interrupt"), action="append", help="may be repeated")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="only every N-th point")
    parser.add_argument("--races", type=int, default=RACES, metavar="N", help=f"races per vendor ({RACES})")
    parser.add_argument("--complete", action="store_true", help="the whole package and a safety package")
    options = parser.parse_args()
    missing = databases.missing_vendors()
    for vendor in missing:
        sys.stdout.write(f"{vendor} is left out: {databases.SERVER_VARIABLES[vendor]} is not set\n")
    sys.stdout.write(LINE.format("database", "command", "strike", *COLUMNS))
    total: Counter[str] = Counter()
    for vendor in options.vendor or databases.VENDORS:
        if vendor not in missing:
            total.update(sweep_vendor(vendor, options))
    sys.stdout.write(LINE.format("total", "", "", *(total[name] for name in COLUMNS)))
    return 1 if total["problems"] or total["torn"] else 0


if __name__ == "__main__":
    sys.exit(main())
