"""Inside pytest: run the tests once to learn who executes which line, then try each mutant in a fork.

A fork has Django, the collected tests and the database in memory at once. The function that a mutant changes
gets its new code in the fork alone. The file is changed too, for tests that begin processes of their own; what
only runs on import is therefore tried in a fresh pytest.
"""

import contextlib
import gc
import itertools
import json
import os
import resource
import signal
import sys
import time
from collections import Counter
from functools import _lru_cache_wrapper
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any

import coverage
import pytest
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings

from tests.mutants.changes import Mutant

ORDERS, ANSWERS, BUDGET = "EDMS_MUTANTS", "EDMS_MUTANTS_ANSWERS", "EDMS_MUTANTS_BUDGET"
"""Variables: the file with the mutants, the descriptor to answer on, seconds of tests for each mutant."""

NAMED, OUTCOMES = "EDMS_MUTANTS_NAMED", "EDMS_MUTANTS_OUTCOMES"
"""Variables: set where the orders say which tests to run; the file that a fresh pytest writes outcomes into."""

MEMORY = 3 * 1024**3
FILE_SIZE = 1024**3
FRESH_PYTEST = 20.0
"""Seconds that a fresh pytest may take before its first test."""


def pytest_configure(config: pytest.Config) -> None:
    """Take over the loop over the tests; let Hypothesis try the same each time."""
    hypothesis_settings.register_profile(
        "mutants", derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck)
    )
    hypothesis_settings.load_profile("mutants")
    if ORDERS in os.environ:
        kind = NamedTrials if NAMED in os.environ else Trials
        config.pluginmanager.register(kind(config.rootpath, Path(os.environ[ORDERS])))
    elif OUTCOMES in os.environ:
        config.pluginmanager.register(Outcomes(Path(os.environ[OUTCOMES])))


class Trials:
    """The loop of a session that tries mutants."""

    def __init__(self, root: Path, orders: Path) -> None:
        self.root = root
        self.orders = self.understood(json.loads(orders.read_text()))
        self.said = orders.with_suffix(".said")
        self.answers = int(os.environ[ANSWERS])
        self.budget = float(os.environ.get(BUDGET, "0"))
        self.session: pytest.Session
        self.failed = ""
        self.seconds: dict[str, float] = {}
        self.executed: dict[str, dict[int, set[str]]] = {}

    def understood(self, orders: list[Any]) -> list[Any]:
        """Return the mutants to try."""
        return [mutant_of(order) for order in orders]

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note that a test failed."""
        if report.failed:
            self.failed = report.nodeid

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Run all tests once, then some of them for each mutant."""
        self.session = session
        self.rehearse()
        for mutant in self.orders:
            status, by = self.judge(mutant)
            os.write(self.answers, json.dumps({"status": status, "by": by}).encode() + b"\n")
        return True

    def rehearse(self) -> None:
        """Learn which tests execute which line, and how long each takes."""
        changed = sorted({mutant.path for mutant in self.orders})
        recorder = coverage.Coverage(
            data_file=None, config_file=False, include=[str(self.root / path) for path in changed]
        )
        # The first test makes the database for all others: that is not its own time.
        self.run(self.session.items[0], self.session)
        recorder.start()
        for item, following in zip(self.session.items, [*self.session.items[1:], self.session], strict=True):
            recorder.switch_context(item.nodeid)
            began = time.perf_counter()
            self.run(item, following)
            self.seconds[item.nodeid] = time.perf_counter() - began
            if self.failed:
                raise pytest.UsageError(f"fails without any change: {self.failed}")
        recorder.stop()
        data = recorder.get_data()
        for path in changed:
            found = data.contexts_by_lineno(str(self.root / path))
            self.executed[path] = {line: {test for test in who if test} for line, who in found.items()}

    def run(self, item: pytest.Item, following: Any) -> None:
        """Run a test; what lives as long as the session stays."""
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)

    def judge(self, mutant: Mutant) -> tuple[str, str]:
        """Return what became of a mutant: killed (by which test), survived, timeout or uncovered."""
        every = self.covering(mutant)
        if not every:
            return "uncovered", ""
        tests = self.affordable(every)
        status = self.strike(mutant, tests)
        if os.WIFSIGNALED(status):
            timeout = os.WTERMSIG(status) in (signal.SIGALRM, signal.SIGXCPU)
            return ("timeout" if timeout else "killed"), f"signal {os.WTERMSIG(status)}"
        if os.WEXITSTATUS(status):
            return "killed", self.said.read_text()
        return "survived", f"{len(tests)} of {len(every)} tests"

    def strike(self, mutant: Mutant, tests: list[pytest.Item]) -> int:
        """Run tests in a fork in which the mutant's file is changed; return how the fork ended."""
        file = self.root / mutant.path
        source = file.read_text()
        file.write_text(mutant.source)
        self.said.write_text("")
        try:
            pid = os.fork()
            if not pid:
                self.child(mutant, tests)
            status = os.waitpid(pid, 0)[1]
            with contextlib.suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGKILL)
        finally:
            file.write_text(source)
        return status

    def affordable(self, tests: list[pytest.Item]) -> list[pytest.Item]:
        """Return the first of the tests, and more as long as there are seconds for them."""
        if not self.budget:
            return tests
        ends = itertools.accumulate(self.seconds[item.nodeid] for item in tests)
        number = sum(end <= self.budget for end in ends)
        return tests[: max(1, number)]

    def covering(self, mutant: Mutant) -> list[pytest.Item]:
        """Return the tests that can notice: the quickest of each file, then the second of each, and so on."""
        lines = self.executed[mutant.path]
        chosen = mutant.lines if mutant.function else tuple(lines)
        names = {test for line in chosen for test in lines.get(line, ())}
        quick = sorted(names, key=self.seconds.__getitem__)
        turn: Counter[str] = Counter()
        turns = {}
        for name in quick:
            file = name.partition("::")[0]
            turns[name] = turn[file]
            turn[file] += 1
        return sorted(
            (item for item in self.session.items if item.nodeid in names),
            key=lambda item: (turns[item.nodeid], self.seconds[item.nodeid]),
        )

    def child(self, mutant: Mutant, tests: list[pytest.Item]) -> None:
        """In the fork: change the function and run the tests until one fails. Never returns."""
        os.setpgid(0, 0)
        code = 3
        try:
            resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
            resource.setrlimit(resource.RLIMIT_FSIZE, (FILE_SIZE, FILE_SIZE))
            silence = os.open(os.devnull, os.O_WRONLY)
            self.session.config.get_terminal_writer()._file = os.fdopen(silence, "w")
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            allowed = self.allowed(tests)
            if not mutant.function or not exchange(self.root / mutant.path, mutant):
                signal.setitimer(signal.ITIMER_REAL, allowed + FRESH_PYTEST)
                begin_again(self.root, tests, self.said)
            signal.setitimer(signal.ITIMER_REAL, allowed)
            code = self.perform(tests)
        except BaseException as error:  # noqa: BLE001 - the fork must not go on with the parent's work
            self.said.write_text(f"{type(error).__name__}: {error}")
        finally:
            os._exit(code)

    def allowed(self, tests: list[pytest.Item]) -> float:
        """Return how many seconds the tests may take."""
        return 5 + 4 * sum(self.seconds[item.nodeid] for item in tests)

    def perform(self, tests: list[pytest.Item]) -> int:
        """In the fork: run the tests until one fails; return the exit code."""
        for item in tests:
            self.run(item, self.session)
            if self.failed:
                self.said.write_text(self.failed)
                return 1
        return 0


class Outcomes:
    """Writes down what became of each test, a line of JSON for each."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note the outcome of a call, and what kept a test from being called."""
        if report.when == "call" or report.skipped or (report.failed and report.when == "setup"):
            outcome = "error" if report.failed and report.when != "call" else report.outcome
            with self.path.open("a") as lines:
                lines.write(json.dumps([report.nodeid, outcome, reason(report)]) + "\n")


class NamedTrials(Trials):
    """The loop of a session that makes mistakes on purpose, each with the tests that must then fail.

    No database outside of memory is opened in this process itself, so that forks share none.
    """

    def __init__(self, root: Path, orders: Path) -> None:
        super().__init__(root, orders)
        self.outcomes = Outcomes(self.said)

    def understood(self, orders: list[Any]) -> list[Any]:
        """Return what to try: a mutant, the names of the tests, the database."""
        return [(mutant_of(order["mutant"]), order["tests"], order["vendor"]) for order in orders]

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note every outcome."""
        self.outcomes.pytest_runtest_logreport(report)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Try one after the other."""
        self.session = session
        self.warm_up()
        for mutant, names, vendor in self.orders:
            tests = [item for item in session.items if wanted(item, names, vendor)]
            status = self.strike(mutant, tests)
            lines = self.said.read_text().splitlines()
            outcomes = [json.loads(line) for line in lines if line.startswith("[")]
            others = " ".join(line for line in lines if not line.startswith("["))
            answer = {"ended": others or os.waitstatus_to_exitcode(status), "outcomes": outcomes}
            os.write(self.answers, json.dumps(answer).encode() + b"\n")
        return True

    def warm_up(self) -> None:
        """Run one test that makes Django's own database, where that is in memory: every fork has it then."""
        from django.db import connection

        first = next((item for item in self.session.items if "django_db_setup" in fixtures(item)), None)
        if first is not None and connection.vendor == "sqlite":
            self.run(first, self.session)

    def allowed(self, tests: list[pytest.Item]) -> float:
        """Return how many seconds the tests may take: enough for the slowest, on a busy machine."""
        return 120 + 60.0 * len(tests)

    def perform(self, tests: list[pytest.Item]) -> int:
        """In the fork: run all of the tests, and take down at the end what lives as long as the session."""
        for item, following in zip(tests, [*tests[1:], None], strict=True):
            self.run(item, following)
        return 0


def mutant_of(order: dict[str, Any]) -> Mutant:
    """Return the mutant that an order describes."""
    return Mutant(**{**order, "lines": tuple(order["lines"])})


def wanted(item: pytest.Item, names: list[str], vendor: str) -> bool:
    """Return whether a collected test is one of those named, on this database."""
    parameters = item.callspec.params if hasattr(item, "callspec") else {}
    return item.nodeid.partition("[")[0] in names and parameters.get("vendor", vendor) == vendor


def fixtures(item: pytest.Item) -> list[str]:
    """Return the names of the fixtures that a test asks for."""
    return getattr(item, "fixturenames", [])


def reason(report: pytest.TestReport) -> str:
    """Return the first line of what a report says about a failure."""
    told: Any = report.longrepr
    if isinstance(told, tuple):  # where it was skipped, and why
        told = told[2]
    crash = getattr(told, "reprcrash", None)
    said = crash.message if crash is not None else str(told or "")
    return next((line.strip() for line in said.splitlines() if line.strip()), "")


def exchange(file: Path, mutant: Mutant) -> bool:
    """Give the function its changed code, wherever it is held; tell whether it could be found."""
    code = find_code(compile(mutant.source, str(file), "exec", dont_inherit=True), mutant.function)
    found = False
    for thing in gc.get_objects():
        if isinstance(thing, FunctionType):
            old = thing.__code__
            if (old.co_filename, old.co_qualname) != (str(file), mutant.function):
                continue
            if code is None or code.co_freevars != old.co_freevars:
                return False
            thing.__code__ = code
            found = True
        elif isinstance(thing, _lru_cache_wrapper) and thing.__module__.startswith("edms_backup"):
            thing.cache_clear()
    return found


def find_code(code: CodeType, name: str) -> CodeType | None:
    """Return the code of a function by its qualified name; ``None`` when it is not there just once."""
    found = [
        inner
        for const in code.co_consts
        if isinstance(const, CodeType)
        for inner in [const if const.co_qualname == name else find_code(const, name)]
        if inner is not None
    ]
    return found[0] if len(found) == 1 else None


def begin_again(root: Path, tests: list[pytest.Item], said: Path) -> None:
    """Become a fresh pytest that imports the changed file."""
    names = said.with_suffix(".tests")
    names.write_text("\n".join(item.nodeid for item in tests))
    by_name = NAMED in os.environ
    said.write_text("" if by_name else "a fresh pytest")
    environment = {name: value for name, value in os.environ.items() if name not in (ORDERS, NAMED)}
    if by_name:
        environment[OUTCOMES] = str(said)
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 1)
    os.dup2(silence, 2)
    os.chdir(root)
    options = ["-q", *([] if by_name else ["-x"]), "-p", "no:cacheprovider", "-p", "tests.mutants.plugin"]
    # A folder of its own: among numbered ones the oldest goes, which is the one of the parent.
    options.append(f"--basetemp={said.with_suffix('.fresh')}")
    os.execve(sys.executable, [sys.executable, "-m", "pytest", *options, f"@{names}"], environment)
