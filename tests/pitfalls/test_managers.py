"""Pitfalls 55 and 56: rows that managers hide, and rows that live in several databases."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, connections, models

from edms_backup.errors import LoadFailed
from edms_backup.restore.report import Mode
from tests.pitfalls.conftest import connect
from tests.unit.conftest import Zoo
from tests.zoo import models as animals
from tests.zoo import population
from tests.zoo.portrait import portrait


@pytest.mark.pitfall(55)
@pytest.mark.parametrize("mode", Mode)
def test_hidden_rows_and_what_refers_to_them(zoo: Zoo, mode: Mode) -> None:
    labels = ("zoo.Hidden", "zoo.Note")

    def build() -> None:
        for code, deleted in (("seen", False), ("unseen", True)):
            row = population.rows(animals.Hidden).create(code=code, deleted=deleted)
            animals.Note.objects.create(code=f"about {code}", subject=row)

    build()
    zoo.create(*labels)
    before = portrait(labels)
    animals.Note.objects.all().delete()
    population.rows(animals.Hidden).delete()
    population.rows(animals.Hidden).create(code="other", deleted=True)
    build()
    population.rows(animals.Hidden).filter(code="other").delete()
    population.rows(animals.Hidden).filter(code="unseen").update(deleted=False)

    report = zoo.restore(mode)

    assert report.models["zoo.Hidden"].expected == 2
    assert report.models["zoo.Hidden"].inserted == 0
    assert portrait(labels) == before


@pytest.mark.pitfall(55)
def test_a_manager_that_hides_everything_hides_nothing_from_a_package(
    lone_zoo: Zoo, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``Meta.base_manager_name`` may name a manager that filters, too."""
    tag = animals.Tag.objects.create(code="red")
    animals.Orphan.objects.create(code="o", tag=tag)
    none = models.Manager.from_queryset(models.QuerySet)()
    none.model = animals.Tag
    none.get_queryset = lambda: models.QuerySet(animals.Tag).none()  # type: ignore[method-assign]
    for name in ("_base_manager", "_default_manager"):
        monkeypatch.setitem(animals.Tag._meta.__dict__, name.removeprefix("_"), none)
    assert not animals.Tag._default_manager.exists()
    assert not animals.Tag._base_manager.exists()

    report = lone_zoo.create("zoo.Tag", "zoo.Orphan")
    lone_zoo.restore()

    assert (report.rows, report.findings) == (2, ())
    assert animals.Orphan.objects.get().tag_id == tag.pk


class TagsElsewhere:
    """A router that keeps tags in a database of their own."""

    def db_for_read(self, model: Any, **hints: Any) -> str | None:
        return "elsewhere" if model is animals.Tag else None

    db_for_write = db_for_read


@pytest.fixture
def two_databases(lone_zoo: Zoo, tmp_path: Path, settings: Any) -> Iterator[Zoo]:
    """Give a zoo whose tags live in another database than its halls."""
    copy = tmp_path / "elsewhere.sqlite3"
    shutil.copyfile(connection.settings_dict["NAME"], copy)
    connections["elsewhere"] = connect(f"sqlite:///{copy}", "elsewhere")
    connections.settings["elsewhere"] = connections["elsewhere"].settings_dict
    settings.DATABASE_ROUTERS = [f"{__name__}.TagsElsewhere"]
    animals.Tag.objects.create(code="tag")
    animals.Hall.objects.create(code="hall")
    assert [list(animals.Tag.objects.using(alias)) for alias in ("default",)] == [[]]
    lone_zoo.create("zoo.Tag", "zoo.Hall")
    animals.Tag.objects.all().delete()
    animals.Hall.objects.all().delete()
    yield lone_zoo
    connections["elsewhere"].close()
    del connections["elsewhere"]
    del connections.settings["elsewhere"]


@pytest.mark.pitfall(56)
def test_each_row_goes_to_its_database(two_databases: Zoo) -> None:
    report = two_databases.restore()
    assert "several_databases" in {finding.code for finding in report.findings}
    assert animals.Tag.objects.using("elsewhere").get().code == "tag"
    assert animals.Hall.objects.using("default").get().code == "hall"
    assert not animals.Hall.objects.using("elsewhere").exists()


@pytest.mark.pitfall(56)
@pytest.mark.parametrize(("alias", "table"), [("elsewhere", "zoo_tag"), ("default", "zoo_hall")])
def test_what_fails_in_one_database_is_undone_in_the_other(
    two_databases: Zoo, alias: str, table: str
) -> None:
    with connections[alias].cursor() as cursor:
        cursor.execute(f"CREATE TRIGGER no BEFORE INSERT ON {table} BEGIN SELECT RAISE(ABORT, 'no'); END")
    try:
        with pytest.raises(LoadFailed):
            two_databases.restore()
    finally:
        with connections[alias].cursor() as cursor:
            cursor.execute("DROP TRIGGER no")
    assert not animals.Tag.objects.exists()
    assert not animals.Hall.objects.exists()
