"""Pitfalls 58 to 62: what is made out of rows, and numbers that have been given out."""

from typing import Any

import pytest
from django.apps import apps
from django.core.cache import caches
from django.db import connection

from edms_backup.engines import generic, mysql, postgresql, sqlite
from edms_backup.restore.report import Mode
from tests.unit.conftest import Zoo
from tests.zoo import models as animals
from tests.zoo.portrait import portrait

TREE = (("root", 1, 8), ("branch", 2, 5), ("leaf", 3, 4), ("twig", 6, 7))


@pytest.mark.pitfall(58)
@pytest.mark.parametrize("mode", Mode)
def test_the_columns_of_a_tree_are_columns_like_any_other(zoo: Zoo, mode: Mode) -> None:
    """Left and right numbers are written as they were, so the tree is the one that it was."""
    for code, left, right in TREE:
        animals.Specimen.objects.create(code=code, positive=left, big=right)
    zoo.create("zoo.Specimen")
    animals.Specimen.objects.filter(code="branch").update(positive=7, big=8)
    animals.Specimen.objects.filter(code="leaf").delete()
    animals.Specimen.objects.filter(code="root").update(big=99)

    zoo.restore(mode)

    found = animals.Specimen.objects.order_by("positive").values_list("code", "positive", "big")
    assert tuple(found) == TREE


@pytest.mark.pitfall(60)
@pytest.mark.parametrize("mode", Mode)
def test_numbers_that_were_given_out_are_not_given_again(zoo: Zoo, vendor: str, mode: Mode) -> None:
    first = animals.Tag.objects.create(code="first")
    last = animals.Tag.objects.create(pk=first.pk + 1000, code="last")
    run(_RAISE[vendor], last.pk)
    issued = animals.Tag.objects.create(code="given out and deleted").pk
    assert issued > last.pk
    animals.Tag.objects.filter(pk=issued).delete()
    zoo.create("zoo.Tag")
    animals.Tag.objects.all().delete()
    run(_RAISE[vendor], first.pk)

    zoo.restore(mode)

    assert animals.Tag.objects.get(code="last").pk == last.pk
    assert animals.Tag.objects.create(code="new").pk > issued


_RAISE = {
    "sqlite": "UPDATE sqlite_sequence SET seq = {} WHERE name = 'zoo_tag'",
    "postgresql": "SELECT setval(pg_get_serial_sequence('zoo_tag', 'id'), {})",
    "mariadb": "ALTER TABLE zoo_tag AUTO_INCREMENT = {}",
}
"""Lets a table number its next row after a number, or on MariaDB as near to it as its rows allow."""

_BEGIN_AGAIN = {
    "sqlite": "DELETE FROM sqlite_sequence WHERE name = '{table}'",
    "postgresql": "ALTER TABLE {table} ALTER COLUMN id RESTART",
    "mariadb": "ALTER TABLE {table} AUTO_INCREMENT = 1",
}
"""Lets an empty table number its rows as one that has just been made."""


def run(statement: str, *numbers: int) -> None:
    """Run a statement with numbers in it."""
    with connection.cursor() as cursor:
        cursor.execute(statement.format(*numbers))


@pytest.mark.pitfall(60)
def test_every_kind_of_table_takes_a_new_row_after_a_restore(zoo: Zoo, vendor: str) -> None:
    for family in ("inheritance", "links"):
        zoo.populate(family)
    zoo.choose("links")
    labels = (*zoo.labels, "zoo.Animal", "zoo.Mammal", "zoo.Whale")
    zoo.create(*labels)
    before = portrait(labels, keys=True)
    zoo.depopulate()
    animals.Hutch.objects.all().delete()
    animals.Animal.objects.all().delete()
    for label in (*zoo.labels, "zoo.Animal"):
        run(_BEGIN_AGAIN[vendor].format(table=apps.get_model(label)._meta.db_table))

    zoo.restore(Mode.REPLACE)

    assert portrait(labels, keys=True) == before
    whale = animals.Whale.objects.create(code="newer whale")
    whale.friends.set(animals.Animal.objects.all())
    article = animals.Article.objects.create(code="newer article")
    article.tags.set(animals.Tag.objects.all())
    article.kin.set(animals.Article.objects.all())
    assert (whale.friends.count(), article.tags.count()) == (5, 3)


@pytest.mark.pitfall(61)
def test_every_cache_is_emptied(lone_zoo: Zoo, settings: Any) -> None:
    place = "django.core.cache.backends.locmem.LocMemCache"
    settings.CACHES = {name: {"BACKEND": place, "LOCATION": name} for name in ("default", "other")}
    animals.Tag.objects.create(code="t")
    lone_zoo.create("zoo.Tag")
    for name in ("default", "other"):
        caches[name].set("old", "truth")
    lone_zoo.restore()
    assert [caches[name].get("old") for name in ("default", "other")] == [None, None]


@pytest.mark.pitfall(62)
def test_the_planner_hears_of_the_new_rows(zoo: Zoo, vendor: str) -> None:
    said: list[str] = []
    animals.Tag.objects.create(code="t")
    zoo.create("zoo.Tag")
    animals.Tag.objects.all().delete()

    def listen(execute: Any, sql: Any, *rest: Any) -> Any:
        said.append(str(sql))
        return execute(sql, *rest)

    with connection.execute_wrapper(listen):
        zoo.restore()

    word = {"sqlite": "PRAGMA optimize", "postgresql": "ANALYZE ", "mariadb": "ANALYZE TABLE"}[vendor]
    assert [statement for statement in said if statement.startswith(word)]


@pytest.mark.pitfall(93)
def test_each_database_says_what_it_can(zoo: Zoo, vendor: str) -> None:
    engines = {
        "sqlite": sqlite.SQLiteEngine,
        "postgresql": postgresql.PostgreSQLEngine,
        "mariadb": mysql.MySQLEngine,
    }
    engine = engines[vendor]("default")
    assert isinstance(engine, generic.GenericEngine)
    assert engine.describe()[0] == vendor
    features = engine.features
    assert features.consistent_snapshot
    assert features.ddl_sequences is (vendor == "mariadb"), "sequences there are changed after the commit"
    assert features.deferred_constraints is (vendor != "mariadb")
    assert features.stores_nul is (vendor != "postgresql")
