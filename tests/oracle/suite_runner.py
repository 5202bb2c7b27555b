"""The test runner that Django's suite is given: expects deselected tests to fail, and writes down how all ended."""

import json
import os
import unittest
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.test.runner import DiscoverRunner

from tests.oracle import stand_in
from tests.oracle.deselected import DESELECTED, LEFT_OUT


class _Result(unittest.TextTestResult):
    """Notes in which tests our reader or writer was at work."""

    ours: list[str] = []
    _before = 0

    def startTest(self, test: Any) -> None:
        self._before = stand_in.at_work.count
        super().startTest(test)

    def stopTest(self, test: Any) -> None:
        super().stopTest(test)
        if stand_in.at_work.count > self._before:
            self.ours.append(test.id())


class OracleRunner(DiscoverRunner):
    """Runs every test, those that are deselected too: one that passes stands on the list without need."""

    def build_suite(self, *args: Any, **kwargs: Any) -> Any:
        """Return the suite, with the deselected tests marked as expected failures."""
        suite = super().build_suite(*args, **kwargs)
        cases = _cases(suite)
        self.found = [case.id() for case in cases]
        for case in cases:
            method = getattr(case, case._testMethodName)
            if case.id() in LEFT_OUT:
                case.__dict__[case._testMethodName] = unittest.skip(LEFT_OUT[case.id()])(lambda: None)
            elif case.id() in DESELECTED:
                case.__dict__[case._testMethodName] = _expected_to_fail(method)
        return suite

    def get_resultclass(self) -> type[unittest.TextTestResult]:
        """Return the result that notes where our code was at work."""
        return _Result

    def suite_result(self, suite: Any, result: Any, **kwargs: Any) -> int:
        """Write the result as JSON and return the number of failures."""
        told = {
            "found": self.found,
            "failures": {case.id(): text[-1500:] for case, text in (*result.failures, *result.errors)},
            "ours": _Result.ours,
            "skipped": {case.id(): reason for case, reason in result.skipped},
            "deselected": sorted(case.id() for case, _ in result.expectedFailures),
            "unexpected": sorted(case.id() for case in result.unexpectedSuccesses),
        }
        Path(os.environ["EDMS_ORACLE_RESULT"]).write_text(json.dumps(told))
        failures: int = super().suite_result(suite, result, **kwargs)
        return failures


def _cases(suite: Any) -> list[Any]:
    if isinstance(suite, unittest.TestCase):
        return [suite]
    return [case for part in suite for case in _cases(part)]


def _expected_to_fail(method: Callable[[], None]) -> Callable[[], None]:
    def expected() -> None:
        if getattr(method, "__unittest_skip__", False):
            raise unittest.SkipTest(method.__unittest_skip_why__)  # type: ignore[attr-defined]
        method()

    return unittest.expectedFailure(expected)
