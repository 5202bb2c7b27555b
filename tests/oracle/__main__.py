"""The whole comparison with stock Django: ``make oracle``, or ``python -m tests.oracle [options] [app ...]``.

On SQLite, and on PostgreSQL when ``EDMS_TEST_POSTGRESQL_URL`` names a server. Ends with 1 when anything
differs that stands in no list (``deselected.py``, ``differences.py``), and when an entry of these is not needed.
"""

import argparse
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from tests import databases
from tests.oracle.apps import DATA, SUITE
from tests.oracle.deselected import DESELECTED
from tests.oracle.differences import VENDORS, WAYS, reasons, unneeded
from tests.oracle.runs import Compared, RunFailed, compare_app, difference_problems, run_suite, suite_problems
from tests.oracle.source import django_tests

_SAME: dict[str, dict[str, str]] = {way: {} for way in WAYS}


def main() -> int:
    """Run what the command line asks for; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.oracle", description=__doc__)
    parser.add_argument("apps", nargs="*", help="apps of Django's tests; all that are known by default")
    parser.add_argument("--vendor", choices=VENDORS, action="append", default=[])
    parser.add_argument("--part", choices=("suite", "data"), help="only Django's own tests, or only the data")
    parser.add_argument(
        "--methods", action="store_true", help="also what each test method leaves (takes long)"
    )
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    here = [vendor for vendor in VENDORS if vendor not in databases.missing_vendors()]
    tests = django_tests()
    problems: list[str] = []
    for vendor in options.vendor or here:
        if options.part != "data":
            problems += suite(vendor, tests, options)
        if options.part != "suite":
            problems += data(vendor, tests, options)
    for problem in problems:
        say(f"PROBLEM {problem}")
    say(f"{len(problems)} problems")
    return 1 if problems else 0


def say(text: str) -> None:
    """Write a line at once: the command takes minutes."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def suite(vendor: str, tests: Path, options: argparse.Namespace) -> list[str]:
    """Run Django's own tests; return what is wrong."""
    chosen = [app for app in SUITE if not options.apps or app in options.apps]
    if not chosen:
        return []
    try:
        told = run_suite(chosen, vendor, tests)
    except RunFailed as error:
        return [str(error)]
    ended = len(told["failures"]) + len(told["skipped"]) + len(told["deselected"]) + len(told["unexpected"])
    say(
        f"Django's tests, {vendor}: {len(told['found'])} tests of {len(chosen)} apps: "
        f"{len(told['found']) - ended} passed, {len(told['failures'])} failed, "
        f"{len(told['skipped'])} skipped by themselves, {len(told['deselected'])} deselected; "
        f"our reader or writer was at work in {len(told['ours'])} of them all. Deselected:"
    )
    for why, count in Counter(
        DESELECTED.get(name, "Django itself expects it to fail") for name in told["deselected"]
    ).most_common():
        say(f"    {count:3} {why}")
    return suite_problems(told)


def data(vendor: str, tests: Path, options: argparse.Namespace) -> list[str]:
    """Take the datasets of all apps there and back; return what is wrong."""
    problems: list[str] = []
    compared: dict[str, Compared] = {}

    def run(app: str) -> None:
        try:
            compared[app] = compare_app(app, vendor, tests, methods=options.methods)
        except RunFailed as error:
            problems.append(str(error))
            return
        found = compared[app].results
        wrong = [problem for result in found for problem in difference_problems(result)]
        problems.extend(wrong)
        rows = sum(result["rows"] for result in found)
        say(f"    {app}: {len(found)} datasets, {rows} rows, {len(wrong)} problems")

    say(f"There and back, {vendor}:")
    with ThreadPoolExecutor(options.jobs) as pool:
        list(pool.map(run, options.apps or DATA))
    results = [result for each in compared.values() for result in each.results]
    summarize(results, sum((each.endings for each in compared.values()), Counter()))
    return problems + unneeded(vendor, compared, results, methods=options.methods)


def summarize(results: list[dict[str, Any]], endings: Counter[str]) -> None:
    """Say how many datasets there were, and where each way ended elsewhere than it began, by reason."""
    if endings:
        ended = ", ".join(f"{number} {ending}" for ending, number in sorted(endings.items()))
        say(f"{endings.total()} test methods were run for their rows: {ended}")
    say(f"{len(results)} datasets, {sum(result['rows'] for result in results)} rows; as before:")
    for way, entries in WAYS.items():
        same = sum(not result[way] for result in results)
        new = sum(
            bool(difference_problems({**_SAME, "name": result["name"], way: result[way]}))
            for result in results
        )
        say(
            f"    {way}: {same} the same, {len(results) - same - new} with listed differences, {new} with others"
        )
        for name, number in reasons(way, results).most_common():
            say(f"        {number:4} {entries[name].why}")


if __name__ == "__main__":
    sys.exit(main())
