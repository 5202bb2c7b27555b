"""Rows to try things on: what Django's own test cases make, committed instead of rolled back.

Every test class and every test method of an app is a source. Whether a test passes does not matter here;
the rows that it leaves do.
"""

import contextlib
import importlib
import io
import unittest
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from django.apps import apps
from django.core.management import call_command
from django.db import connection
from django.test import TestCase, TransactionTestCase, override_settings

# However a test of somebody else's ends: its rows are what counts.
_ENDINGS = (Exception, SystemExit, KeyboardInterrupt)

endings: Counter[str] = Counter()
"""How the test methods ended that were run."""

Fill = Callable[[], AbstractContextManager[None]]


def datasets(app: str, folder: Path, *, methods: bool) -> Iterator[tuple[str, Fill]]:
    """Yield (name, context in which an empty site is full) for every source of rows in an app of Django's tests.

    ``methods``: also what each test method leaves, not only what its class begins with. The rows stay when the
    context ends; what else a test changed (signals, patches) is put back.
    """
    for cls in _classes(app, folder):
        name = f"{cls.__module__}.{cls.__qualname__}"
        found = unittest.defaultTestLoader.getTestCaseNames(cls)
        if not found:
            continue
        yield name, lambda cls=cls, first=found[0]: _filled(cls(first), run=False)
        for method in found if methods else ():
            yield f"{name}.{method}", lambda cls=cls, method=method: _filled(cls(method), run=True)


def _classes(app: str, folder: Path) -> Iterator[type[Any]]:
    seen: set[type[Any]] = set()
    for path in sorted((folder / app).rglob("test*.py")):
        dotted = ".".join(path.relative_to(folder).with_suffix("").parts)
        try:
            module = importlib.import_module(dotted)
        except (ImportError, unittest.SkipTest, RuntimeError):
            continue  # made for a library, or for apps, that are not here
        for found in list(vars(module).values()):  # a warning adds its registry meanwhile
            tests = isinstance(found, type) and issubclass(found, TransactionTestCase)
            if tests and found not in seen and found.__module__ == dotted:
                seen.add(found)
                yield found


@contextlib.contextmanager
def _filled(case: Any, *, run: bool) -> Iterator[None]:
    """Do what the test runner does before a test, without its transaction; ``run``: the test as well."""
    cls = type(case)
    try:
        with _circumstances(cls), _same_models(), _counted(run):
            case.client = case.client_class()
            if getattr(cls, "fixtures", None):
                call_command("loaddata", *cls.fixtures, verbosity=0)
            if issubclass(cls, TestCase):
                cls.setUpTestData()
            case.setUp()
            if run:
                getattr(case, case._testMethodName)()
        if connection.in_atomic_block or connection.needs_rollback:
            connection.close()
        yield
    finally:
        with _circumstances(cls):
            for step in (case.tearDown, case.doCleanups, cls.doClassCleanups):
                with contextlib.suppress(*_ENDINGS):
                    step()


@contextlib.contextmanager
def _counted(run: bool) -> Iterator[None]:
    """Go on however a test ends, and count it."""
    ending = "passed"
    try:
        yield
    except unittest.SkipTest:
        ending = "skipped"
    except _ENDINGS:
        ending = "failed"
    endings[ending] += run


@contextlib.contextmanager
def _same_models() -> Iterator[None]:
    """Take models out of the registry that a test defined in its own body: they have no tables."""
    before = {label: set(models) for label, models in apps.all_models.items()}
    try:
        yield
    finally:
        for label, models in apps.all_models.items():
            for name in models.keys() - before.get(label, set()):
                del models[name]
        apps.clear_cache()


@contextlib.contextmanager
def _circumstances(cls: type[Any]) -> Iterator[None]:
    overridden = getattr(cls, "_overridden_settings", None) or {}
    with contextlib.ExitStack() as stack:
        stack.enter_context(override_settings(**overridden))
        stack.enter_context(warnings.catch_warnings())
        stack.enter_context(contextlib.redirect_stdout(io.StringIO()))
        stack.enter_context(contextlib.redirect_stderr(io.StringIO()))
        warnings.simplefilter("ignore")
        yield
