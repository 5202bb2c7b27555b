"""Starting the processes of the oracle: each has a site, a database and a folder of its own, gone afterwards."""

import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests import databases
from tests.oracle.deselected import DESELECTED, LEFT_OUT
from tests.oracle.differences import WAYS, entry_for
from tests.oracle.source import ROOT

# What an app of Django's tests needs beside itself.
COMPANIONS = {
    "flatpages_tests": ["django.contrib.flatpages"],
    "redirects_tests": ["django.contrib.redirects"],
}
LONGEST = 7200  # seconds for one app


class RunFailed(Exception):
    """A process of the oracle ended without a result."""


@dataclass(slots=True)
class Compared:
    """What came of one app: a result for each dataset, and how the test methods ended that made them."""

    results: list[dict[str, Any]] = field(default_factory=list)
    endings: Counter[str] = field(default_factory=Counter)


def compare_app(
    app: str,
    vendor: str,
    tests: Path,
    *,
    methods: bool = False,
    limit: int = 0,
    tell: Callable[[dict[str, Any]], None] | None = None,
) -> Compared:
    """Take the datasets of one app there and back by both ways; return what came of it.

    ``methods``: also what each test method leaves. ``limit``: at most so many datasets. ``tell`` is called
    with each result as it comes. Raises ``RunFailed`` when the process itself fails.
    """
    command = [sys.executable, "-m", "tests.oracle.there_and_back", app, "--tests", str(tests)]
    command += ["--limit", str(limit), *(["--methods"] if methods else [])]
    compared = Compared()
    with _place(vendor) as (home, url):
        environment = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "tests.oracle.site_settings",
            "EDMS_ORACLE_HOME": str(home),
            "EDMS_ORACLE_URL": url,
            "EDMS_ORACLE_APPS": ",".join([*COMPANIONS.get(app, ()), app]),
        }
        for line in _lines(command, environment, home / "errors"):
            told = json.loads(line)
            if "endings" in told:
                compared.endings.update(told["endings"])
                continue
            compared.results.append(told)
            if tell is not None:
                tell(told)
    return compared


def _lines(command: Sequence[str], environment: dict[str, str], errors: Path) -> Iterator[str]:
    """Run a command; yield the lines of its output as they come."""
    with errors.open("w+") as sink:
        process = subprocess.Popen(
            ["timeout", str(LONGEST), *command],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=sink,
            text=True,
        )
        with process:
            yield from process.stdout or ()
        if process.returncode:
            sink.seek(0)
            raise RunFailed(f"{' '.join(command)} ended with {process.returncode}:\n{sink.read()[-3000:]}")


@contextmanager
def _place(vendor: str) -> Iterator[tuple[Path, str]]:
    with tempfile.TemporaryDirectory(prefix="edms-oracle-") as name:
        home = Path(name)
        for folder in ("media", "packages", "state"):
            (home / folder).mkdir()
        url = databases.create_database(vendor, home)
        try:
            yield home, url
        finally:
            databases.drop_database(url)


def run_suite(apps: Sequence[str], vendor: str, tests: Path) -> dict[str, Any]:
    """Run Django's own tests of some apps with our reader and writer; return how they ended (``suite_runner``).

    Raises ``RunFailed`` when the suite itself does not run.
    """
    with tempfile.TemporaryDirectory(prefix="edms-oracle-") as name:
        result = Path(name) / "result.json"
        environment = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "EDMS_ORACLE_URL": str(databases.server_url(vendor))
            if vendor != "sqlite"
            else "sqlite://:memory:",
            "EDMS_ORACLE_RESULT": str(result),
        }
        # CI sets it to ask runtests.py for other settings; ours are named.
        environment.pop("DJANGO_SETTINGS_MODULE", None)
        command = [sys.executable, "runtests.py", "--settings=tests.oracle.suite_settings", "--parallel=1"]
        done = subprocess.run(
            [*command, *apps],
            cwd=tests,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=LONGEST,
            check=False,
        )
        if not result.is_file():
            raise RunFailed(f"Django's suite ended with {done.returncode}:\n{done.stderr[-3000:]}")
        told: dict[str, Any] = json.loads(result.read_text())
        return told


def suite_problems(told: dict[str, Any]) -> list[str]:
    """Return what is wrong with a run of Django's tests: failures, and entries of the list that are not needed."""
    problems = [f"{name} failed:\n{text}" for name, text in told["failures"].items()]
    problems += [f"{name} is deselected, but passes" for name in told["unexpected"]]
    modules = {name.split(".")[0] for name in told["found"]}
    listed = DESELECTED.keys() | LEFT_OUT.keys()
    gone = {name for name in listed if name.split(".")[0] in modules} - set(told["found"])
    return [*problems, *(f"{name} is deselected, but does not exist" for name in sorted(gone))]


def difference_problems(result: dict[str, Any]) -> list[str]:
    """Return what differs after a way there and back, and stands in no list."""
    return [
        f"{result['name']}, {way}: {place}: {shown}"
        for way in WAYS
        for place, shown in result[way].items()
        if entry_for(way, result["name"], place, shown) is None
    ]
