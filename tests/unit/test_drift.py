"""Tables that are not what the models say, on databases made for the test."""

import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from django.db import connections

from edms_backup.create.plan import plan_create
from edms_backup.create.report import CreateRequest
from edms_backup.engines import get_engine
from edms_backup.errors import MissingTable, UsageError
from edms_backup.findings import Severity
from edms_backup.schema import Inventory
from edms_backup.schema.drift import find_drift, migration_state, tables_without_model

SCRATCH = "scratch"
ARTICLE = """
CREATE TABLE zoo_article (id INTEGER PRIMARY KEY, code TEXT);
CREATE TABLE zoo_article_tags (id INTEGER PRIMARY KEY, article_id INTEGER, tag_id INTEGER);
CREATE TABLE zoo_article_kin (id INTEGER PRIMARY KEY, from_article_id INTEGER, to_article_id INTEGER);
CREATE TABLE zoo_article_cites (id INTEGER PRIMARY KEY, from_article_id INTEGER, to_article_id INTEGER);
"""


@pytest.fixture
def scratch(tmp_path: Path, django_db_blocker: Any) -> Iterator[sqlite3.Connection]:
    """Give an empty SQLite database that Django knows under its own alias."""
    path = tmp_path / "scratch.sqlite3"
    database = sqlite3.connect(path)
    settings = {**connections["default"].settings_dict, "ENGINE": "django.db.backends.sqlite3", "NAME": path}
    connections.databases[SCRATCH] = {**settings, "OPTIONS": {}, "ATOMIC_REQUESTS": False}
    with django_db_blocker.unblock():
        yield database
        connections[SCRATCH].close()
    del connections[SCRATCH]
    del connections.databases[SCRATCH]
    database.close()


def drift(inventory: Inventory, *labels: str) -> list[tuple[str, Severity, str, str]]:
    """Return what is found for models, looked for in the scratch database."""
    specs = [replace(inventory[label], using=SCRATCH) for label in labels]
    return [(f.code, f.severity, f.model, f.field) for f in find_drift(specs)]


def test_a_table_that_fits(scratch: sqlite3.Connection, inventory: Inventory) -> None:
    scratch.executescript(ARTICLE)
    assert drift(inventory, "zoo.Article") == []


@pytest.mark.pitfall(96)
def test_missing_tables_of_a_model_and_of_its_links(
    scratch: sqlite3.Connection, inventory: Inventory
) -> None:
    scratch.executescript(ARTICLE + "DROP TABLE zoo_article_kin")
    found = list(find_drift([replace(inventory[name], using=SCRATCH) for name in ("zoo.Article", "zoo.Tag")]))
    assert [(f.code, f.severity, f.model) for f in found] == [
        ("missing_table", Severity.ERROR, "zoo.Article"),
        ("missing_table", Severity.ERROR, "zoo.Tag"),
    ]
    assert "zoo_article_kin" in found[0].message
    assert "zoo_tag" in found[1].message
    assert "migrate" in found[1].hint


def test_a_table_in_other_letters_is_the_same_table(
    scratch: sqlite3.Connection, inventory: Inventory
) -> None:
    scratch.execute("CREATE TABLE ZOO_TAG (id INTEGER PRIMARY KEY, code TEXT)")
    assert drift(inventory, "zoo.Tag") == []


def test_missing_and_unknown_columns(scratch: sqlite3.Connection, inventory: Inventory) -> None:
    scratch.execute("CREATE TABLE zoo_folder (id INTEGER PRIMARY KEY, code TEXT, colour TEXT)")
    assert drift(inventory, "zoo.Folder") == [
        ("missing_column", Severity.ERROR, "zoo.Folder", "parent"),
        ("unknown_column", Severity.WARNING, "zoo.Folder", "colour"),
    ]


def test_tables_that_belong_to_no_model(scratch: sqlite3.Connection, inventory: Inventory) -> None:
    scratch.executescript(
        ARTICLE
        + "CREATE TABLE django_migrations (id INTEGER PRIMARY KEY AUTOINCREMENT);"
        + "CREATE TABLE leftover (id INTEGER); CREATE VIEW looking AS SELECT 1"
    )
    (found,) = tables_without_model(inventory, [SCRATCH])
    assert (found.code, found.severity) == ("table_without_model", Severity.WARNING)
    assert "leftover" in found.message


@pytest.mark.pitfall(72)
def test_no_package_is_made_of_tables_that_do_not_fit(
    scratch: sqlite3.Connection, inventory: Inventory
) -> None:
    scratch.execute("CREATE TABLE zoo_folder (id INTEGER PRIMARY KEY)")
    inventory = Inventory(
        {label: replace(inventory[label], using=SCRATCH) for label in ("zoo.Folder", "zoo.Tag")}
    )
    engines = {SCRATCH: get_engine(SCRATCH)}
    with pytest.raises(MissingTable, match=r"no column code.*\(2 more\)") as refused:
        plan_create(CreateRequest(), inventory, engines)
    assert {finding.code for finding in refused.value.findings} == {"missing_table", "missing_column"}
    with pytest.raises(MissingTable) as refused:
        plan_create(CreateRequest(models=("zoo.Tag",)), inventory, engines)
    assert "more" not in refused.value.message
    with pytest.raises(UsageError, match="Nothing is left"):
        plan_create(CreateRequest(models=("zoo.Tag",), exclude=("zoo",)), inventory, engines)


def test_an_engine_that_cannot_hold_still_is_told(scratch: sqlite3.Connection, inventory: Inventory) -> None:
    scratch.executescript(ARTICLE)
    inventory = Inventory({"zoo.Article": replace(inventory["zoo.Article"], using=SCRATCH)})
    generic = get_engine(SCRATCH, {SCRATCH: "edms_backup.engines.generic.GenericEngine"})
    generic.volatile_tables = lambda specs: [("zoo_article", "MEMORY")]  # type: ignore[method-assign]
    plan = plan_create(CreateRequest(), inventory, {SCRATCH: generic})
    assert [finding.code for finding in plan.findings] == ["no_snapshot", "volatile_table"]
    assert plan.aliases == [SCRATCH]


def test_a_database_without_migrations_has_no_state(scratch: sqlite3.Connection) -> None:
    assert migration_state(SCRATCH) == {}
