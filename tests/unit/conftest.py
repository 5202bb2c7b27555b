"""A service on the tests' own database, with a place for packages that goes with the test."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from django.contrib.contenttypes.models import ContentType
from django.contrib.sites.models import Site
from django.db import connection
from pytest_django import DjangoDbBlocker

from edms_backup.create.report import CreateReport, CreateRequest
from edms_backup.naturalkeys import KeyRegistry
from edms_backup.restore.report import Mode, RestorePlan, RestoreReport, RestoreRequest
from edms_backup.schema import Inventory, build_inventory
from edms_backup.service import BackupService
from tests.zoo import population


@dataclass
class Zoo:
    """The zoo in the default database, and what can be done with it."""

    settings: Any
    package: str = ""
    family: str = ""
    labels: tuple[str, ...] = field(default=())

    @property
    def service(self) -> BackupService:
        return BackupService.from_settings()

    def configure(self, **keys: Any) -> None:
        """Set keys of ``EDMS_BACKUP``."""
        self.settings.EDMS_BACKUP = {**self.settings.EDMS_BACKUP, **keys}

    def choose(self, family: str) -> None:
        """Work with the models of a family."""
        self.family, self.labels = family, population.labels(family)

    def populate(self, family: str) -> None:
        """Make the rows of a family, and work with it from now on."""
        self.choose(family)
        population.populate(family)

    def depopulate(self) -> None:
        population.depopulate(self.family)

    def reinitialise(self) -> None:
        """Let the same rows appear under other primary keys."""
        population.depopulate(self.family)
        population.populate(self.family)

    def create(self, *labels: str, files: bool = False) -> CreateReport:
        report = self.service.create(CreateRequest(models=labels or self.labels, files=files))
        self.package = report.package
        return report

    def request(self, mode: Mode = Mode.MERGE, **options: Any) -> RestoreRequest:
        return RestoreRequest(
            package=self.package, mode=mode, **{"safety_package": False, "files": False, **options}
        )

    def plan(self, mode: Mode = Mode.MERGE, **options: Any) -> RestorePlan:
        return self.service.plan(self.request(mode, **options))

    def restore(self, mode: Mode = Mode.MERGE, **options: Any) -> RestoreReport:
        return self.service.restore(self.request(mode, **options))


@pytest.fixture(scope="session")
def pristine(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> sqlite3.Connection | None:
    """Give a copy of the database as the migrations leave it; ``None`` where it is none of SQLite."""
    if connection.vendor != "sqlite":
        return None
    copy = sqlite3.connect(":memory:")
    with django_db_blocker.unblock():
        connection.ensure_connection()
        connection.connection.backup(copy)
    return copy


@pytest.fixture
def transactional_db(
    pristine: sqlite3.Connection | None,
    django_db_blocker: DjangoDbBlocker,
    request: pytest.FixtureRequest,
) -> Iterator[None]:
    """Let transactions really commit.

    What pytest-django has under this name empties every table and makes content types and permissions anew
    after each test; copying the whole of a small SQLite database back takes a hundredth of the time.
    """
    if pristine is None:
        request.getfixturevalue("_django_db_helper")
        yield
        return
    with django_db_blocker.unblock():
        yield
        assert not connection.in_atomic_block, "the test left a transaction open"
        connection.ensure_connection()
        pristine.backup(connection.connection)
    ContentType.objects.clear_cache()
    Site.objects.clear_cache()


@pytest.fixture
def zoo(transactional_db: None, tmp_path: Path, settings: Any) -> Zoo:
    """Give the zoo on a database in which transactions really commit."""
    keeper = Zoo(settings)
    keeper.configure(DIRECTORY=tmp_path / "backups", COMPRESSION="gzip")
    return keeper


@pytest.fixture
def inventory() -> Inventory:
    """Give the inventory of the site as settings do not change it."""
    return build_inventory(KeyRegistry())


@contextmanager
def without_table_of(model: Any) -> Iterator[None]:
    """Take a table away, and bring it back: a server's database is not copied back after a test."""
    with connection.schema_editor() as editor:
        editor.delete_model(model)
    yield
    with connection.schema_editor() as editor:
        editor.create_model(model)
