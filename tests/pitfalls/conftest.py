"""The zoo on a database of each vendor, in the tests' own process.

Each vendor's database is migrated once per session and emptied after each test. Django's ``default``
connection leads there meanwhile, so that models, service and engines are what they are on a site.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.contrib.contenttypes.models import ContentType
from django.contrib.sites.models import Site
from django.core.management import call_command
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.recorder import MigrationRecorder
from django.db.utils import ConnectionHandler, load_backend
from django.test import override_settings
from pytest_django import DjangoDbBlocker

from edms.database import database_from_url
from tests.conftest import DatabaseFactory
from tests.unit.conftest import Zoo

_NO_MIGRATIONS = {config.label: None for config in apps.get_app_configs()}
Rows = list[tuple[Any, ...]]
Travel = Callable[[str], None]


def connect(url: str, alias: str = "default") -> BaseDatabaseWrapper:
    """Return a connection of Django to the database at an address."""
    declared = database_from_url(url, Path())
    complete = ConnectionHandler({"default": declared}).settings["default"]
    return load_backend(complete["ENGINE"]).DatabaseWrapper(complete, alias)


class Stage:
    """One vendor's database: migrated, and brought back to what the migrations left."""

    def __init__(self, url: str) -> None:
        """Make the tables; ``connections`` may already lead elsewhere afterwards."""
        self.connection = connect(url)
        with led_to(self.connection), override_settings(MIGRATION_MODULES=_NO_MIGRATIONS):
            # The tables as the models say, without the way there: a tenth of the time.
            call_command("migrate", run_syncdb=True, verbosity=0)
            MigrationRecorder(self.connection).ensure_schema()
            self._tables = sorted(self.connection.introspection.table_names())
            self._first = {table: self._rows(table) for table in self._filled()}

    def clear(self) -> None:
        """Empty what a test filled, and write again what it changed; sequences go on from where they are."""
        self._check_references(False)
        try:
            for table in self._filled():
                if table not in self._first or self._rows(table) != self._first[table]:
                    self._run(f"DELETE FROM {self._quoted(table)}")
                    self._fill(table, self._first.get(table, []))
            for table in set(self._first) - set(self._filled()):
                self._fill(table, self._first[table])
        finally:
            self._check_references(True)

    def _check_references(self, check: bool) -> None:
        if self.connection.vendor == "postgresql":
            self._run(f"SET session_replication_role = {'origin' if check else 'replica'}")
        elif check:
            self.connection.enable_constraint_checking()
        else:
            self.connection.disable_constraint_checking()

    def _filled(self) -> list[str]:
        questions = [f"SELECT '{t}' WHERE EXISTS (SELECT 1 FROM {self._quoted(t)})" for t in self._tables]
        return [table for (table,) in self._run(" UNION ALL ".join(questions))]

    def _rows(self, table: str) -> Rows:
        return sorted(self._run(f"SELECT * FROM {self._quoted(table)}"), key=repr)

    def _fill(self, table: str, rows: Rows) -> None:
        for row in rows:
            places = ", ".join(["%s"] * len(row))
            self._run(f"INSERT INTO {self._quoted(table)} VALUES ({places})", row)

    def _quoted(self, table: str) -> str:
        return self.connection.ops.quote_name(table)

    def _run(self, statement: str, values: tuple[Any, ...] = ()) -> Rows:
        with self.connection.cursor() as cursor:
            cursor.execute(statement, values or None)
            return list(cursor.fetchall()) if cursor.description else []


class led_to:
    """Let ``default`` be another connection for a ``with`` block; caches of rows go at both ends."""

    def __init__(self, connection: BaseDatabaseWrapper) -> None:
        self._connection = connection

    def __enter__(self) -> None:
        self._before = getattr(connections._connections, "default", None)
        connections["default"] = self._connection
        forget()

    def __exit__(self, *exc: object) -> None:
        if self._before is None:
            del connections["default"]
        else:
            connections["default"] = self._before
        forget()


def forget() -> None:
    """Drop what Django remembers of rows of another database."""
    ContentType.objects.clear_cache()
    Site.objects.clear_cache()


@pytest.fixture(scope="session")
def stages(
    database_url: DatabaseFactory, django_db_blocker: DjangoDbBlocker
) -> Iterator[Callable[[str], Stage]]:
    """Give a function that returns the stage of a vendor, made when it is first asked for."""
    made: dict[str, Stage] = {}

    def stage_of(vendor: str) -> Stage:
        if vendor not in made:
            made[vendor] = Stage(database_url(vendor))
        return made[vendor]

    with django_db_blocker.unblock():
        yield stage_of
        for stage in made.values():
            stage.connection.close()


@pytest.fixture
def travel(stages: Callable[[str], Stage], django_db_blocker: DjangoDbBlocker) -> Iterator[Travel]:
    """Give a function that lets ``default`` lead to the database of a vendor until it is called again."""
    seen: list[Stage] = []
    before = getattr(connections._connections, "default", None)

    def to(vendor: str) -> None:
        seen.append(stages(vendor))
        connections["default"] = seen[-1].connection
        forget()

    with django_db_blocker.unblock():
        yield to
        for stage in dict.fromkeys(seen):
            assert not stage.connection.in_atomic_block, "the test left a transaction open"
            stage.clear()
    if before is None:
        del connections["default"]
    else:
        connections["default"] = before
    forget()


@pytest.fixture
def lone_zoo(travel: Travel, tmp_path: Path, settings: Any) -> Zoo:
    """Give the zoo on SQLite, for what does not depend on the database."""
    travel("sqlite")
    keeper = Zoo(settings)
    keeper.configure(DIRECTORY=tmp_path / "backups", COMPRESSION="gzip")
    return keeper


@pytest.fixture
def zoo(vendor: str, lone_zoo: Zoo, travel: Travel) -> Zoo:
    """Give the zoo on each vendor in turn."""
    travel(vendor)
    return lone_zoo
