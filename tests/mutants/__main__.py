"""Change the code at random places and see which changes no test notices: ``make mutants``, or
``python -m tests.mutants [options] [path ...]``.

Works on a copy of the repository, with SQLite, in one process. Ends with 0 whatever survives: a survivor is a
question, not a fault. With ``--sabotage`` the changes are the mistakes of ``sabotages/*.toml`` instead, each with the
tests that must fail: a test that passes all the same ends it with 1.
"""

import argparse
import dataclasses
import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from tests.mutants.changes import Mutant, mutants
from tests.mutants.plugin import BUDGET
from tests.mutants.sabotage import sabotage
from tests.mutants.trial import ROOT, answered, copied, say

TESTS: dict[str, tuple[str, ...]] = {
    "edms_backup/package": ("tests/package",),
    "edms_backup/naturalkeys": ("tests/unit",),
    "edms_backup/restore": ("tests/unit",),
    "edms_backup/engines": ("tests/unit",),
    "edms_backup/schema": ("tests/unit",),
    "edms_backup/create": ("tests/unit",),
    "edms_backup/storage": ("tests/storage", "tests/unit"),
}
"""Folder -> the tests that are there for it. None that keeps a database file from test to test."""

HEART = ("edms_backup/restore", "edms_backup/naturalkeys", "edms_backup/package")
NOTICED = ("killed", "timeout")
Tests = tuple[str, ...]


def main() -> int:
    """Do what the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("paths", nargs="*", default=HEART, help="files or folders; the heart by default")
    parser.add_argument("--sample", type=int, default=100, help="how many mutants of each path (0: all)")
    parser.add_argument("--seed", type=int, default=0, help="which ones")
    parser.add_argument("--lines", type=int, nargs="+", help="only mutants of these lines")
    parser.add_argument("--tests", nargs="+", help="the tests to run, instead of those of the folder")
    parser.add_argument(
        "--budget",
        type=float,
        default=10,
        help="seconds of tests for a mutant, the quickest of each file first (0: all)",
    )
    parser.add_argument(
        "--quick", action="store_true", help="leave out what runs on import: each costs a fresh pytest"
    )
    parser.add_argument(
        "--sabotage",
        nargs="*",
        metavar="ENTRY",
        help="make the mistakes of these entries of docs/pitfalls.md on purpose (none named: of all)",
    )
    parser.add_argument("--killed", action="store_true", help="also show what was noticed, and by which test")
    options = parser.parse_args()
    if options.sabotage is not None:
        return sabotage(options.sabotage)
    groups: dict[Tests, list[Mutant]] = {}
    for path in options.paths:
        chosen = choose(ROOT / path, options)
        groups.setdefault(tuple(options.tests or TESTS[folder(path)]), []).extend(chosen)
    counted: dict[str, Counter[str]] = {}
    with copied() as copy:
        for tests, mutants_of_tests in groups.items():
            for mutant, status, by in attempt(copy, mutants_of_tests, tests, options.budget):
                counted.setdefault(folder(mutant.path), Counter())[status] += 1
                if options.killed or status not in NOTICED:
                    say(f"{status:<9} {mutant.path}:{mutant.line}  {mutant.kind}  ({by})")
                    say(f"          - {' '.join(mutant.before.split())}")
                    say(f"          + {' '.join(mutant.after.split())}")
    for name, statuses in counted.items():
        score = sum(statuses[status] for status in NOTICED) / statuses.total()
        figures = ", ".join(f"{number} {status}" for status, number in sorted(statuses.items()))
        say(f"{name}: {statuses.total()} mutants, {figures}; score {100 * score:.1f} %")
    return 0


def folder(path: str | Path) -> str:
    """Return the folder of the product that a path is in."""
    return "/".join((ROOT / path).relative_to(ROOT).parts[:2])


def choose(path: Path, options: argparse.Namespace) -> list[Mutant]:
    """Return the mutants of a file or folder that were asked for, in their order."""
    every = [
        mutant
        for file in (sorted(path.rglob("*.py")) if path.is_dir() else [path])
        for mutant in mutants(file.relative_to(ROOT).as_posix(), file.read_text())
        if (mutant.function or not options.quick) and (not options.lines or mutant.line in options.lines)
    ]
    chosen = every
    if options.sample and options.sample < len(every):
        chosen = random.Random(options.seed).sample(every, options.sample)
        chosen.sort(key=lambda mutant: (mutant.path, mutant.line))
    say(f"{path.relative_to(ROOT)}: {len(chosen)} of {len(every)} mutants, seed {options.seed}")
    return chosen


def attempt(
    copy: Path, chosen: list[Mutant], tests: Tests, budget: float
) -> Iterator[tuple[Mutant, str, str]]:
    """Let pytest try the mutants; tell what became of each, and by whom."""
    orders = [dataclasses.asdict(mutant) for mutant in chosen]
    answers = answered(copy, orders, tests, {BUDGET: str(budget)})
    for mutant, result in zip(chosen, answers, strict=True):
        yield mutant, result["status"], result["by"]


if __name__ == "__main__":
    raise SystemExit(main())
