"""Tables of PostgreSQL that are filled without their indexes and foreign keys have all of them afterwards."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connection, transaction

from edms_backup.engines import get_engine, postgresql, rebuilding
from edms_backup.errors import LoadFailed
from edms_backup.naturalkeys import KeyRegistry
from edms_backup.schema import build_inventory
from edms_backup.schema.spec import ModelSpec
from tests import databases
from tests.pitfalls.conftest import Travel
from tests.unit.conftest import Zoo
from tests.zoo import models as animals
from tests.zoo import population
from tests.zoo.portrait import portrait

pytestmark = [
    pytest.mark.skipif("postgresql" in databases.missing_vendors(), reason="no PostgreSQL is named"),
]
FAMILY = "circles"


@pytest.fixture
def keeper(lone_zoo: Zoo, travel: Travel, monkeypatch: pytest.MonkeyPatch) -> Zoo:
    """Give the zoo on PostgreSQL, where a single row is reason enough."""
    travel("postgresql")
    monkeypatch.setattr(postgresql, "WORTH", 1)
    monkeypatch.setattr(rebuilding, "_PATIENCE", "100ms")
    return lone_zoo


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch) -> list[rebuilding.TakenAway | None]:
    """Give what was taken away, load by load."""
    seen: list[rebuilding.TakenAway | None] = []

    def watched(*arguments: Any) -> rebuilding.TakenAway | None:
        seen.append(rebuilding.take_away(*arguments))
        return seen[-1]

    monkeypatch.setattr(postgresql, "take_away", watched)
    return seen


def run(statement: str, *values: Any) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return cursor.fetchall() if cursor.description else []


def structure() -> list[tuple[Any, ...]]:
    """Return every index, constraint and trigger of the zoo as the server writes it."""
    return run(
        "SELECT 'index', tablename || indexname, indexdef FROM pg_indexes WHERE tablename LIKE 'zoo_%%' "
        "UNION ALL SELECT 'constraint', conrelid::regclass::text || conname, pg_get_constraintdef(oid) || convalidated "
        "FROM pg_constraint WHERE conrelid::regclass::text LIKE 'zoo_%%' "
        "UNION ALL SELECT 'trigger', concat(tgrelid::regclass, tgtype, tgfoid::regproc, tgdeferrable, tgenabled), "
        "count(*)::text FROM pg_trigger WHERE tgrelid::regclass::text LIKE 'zoo_%%' GROUP BY 1, 2 ORDER BY 1, 2, 3"
    )


def specs(*labels: str) -> list[ModelSpec]:
    inventory = build_inventory(KeyRegistry())
    return [inventory[label] for label in labels or population.labels(FAMILY)]


def names(*labels: str) -> list[str]:
    return [f'"{table}"' for spec in specs(*labels) for table in spec.tables]


@contextmanager
def undone() -> Iterator[None]:
    """Roll back what the block does."""
    with transaction.atomic():
        run("SET CONSTRAINTS ALL DEFERRED")
        yield
        transaction.set_rollback(True)


def test_all_comes_back_as_it_was(keeper: Zoo, taken: list[Any]) -> None:
    keeper.choose(FAMILY)
    population.populate(FAMILY)
    before, built = portrait(population.labels(FAMILY), keys=True), structure()
    keeper.create(*population.labels(FAMILY))
    population.depopulate(FAMILY)
    keeper.restore()
    (found,) = taken
    assert any("DROP CONSTRAINT" in drop for drop in found.drops)
    assert any("DROP INDEX" in drop for drop in found.drops)
    assert len(found.drops) == len(found.makes)
    assert structure() == built
    assert portrait(population.labels(FAMILY), keys=True) == before
    keeper.restore()
    assert taken[1:] in ([], [None])  # there are rows now


def test_a_restore_that_fails_leaves_all_as_it_was(
    keeper: Zoo, taken: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    keeper.choose(FAMILY)
    population.populate(FAMILY)
    built = structure()
    keeper.create(*population.labels(FAMILY))
    population.depopulate(FAMILY)

    def fails(*_: Any) -> None:
        raise RuntimeError("no more")

    for moment in ("edms_backup.engines.postgresql.make_anew", "edms_backup.restore.pipeline.validate"):
        with monkeypatch.context() as patched, pytest.raises(RuntimeError, match="no more"):
            patched.setattr(moment, fails)
            keeper.restore()
        assert structure() == built
        assert not animals.Right.objects.exists()
    assert len(taken) == 2 and all(taken)


def test_a_row_that_points_at_nothing_is_named(keeper: Zoo) -> None:
    engine: Any = get_engine("default", {})
    built = structure()
    with (
        pytest.raises(LoadFailed, match=r"zoo\.Folder pk=1: parent points at 999, which does not exist"),
        engine.transaction(specs("zoo.Folder")),
        engine.filling(specs("zoo.Folder"), 1),
    ):
        run("INSERT INTO zoo_folder (id, code, parent_id) VALUES (1, 'a', 999)")
    assert structure() == built
    assert not animals.Folder.objects.exists()


def test_keys_to_other_tables_are_checked_before_a_table_is_altered(keeper: Zoo) -> None:
    """``Note`` refers to content types, which are there: that key stays, and its checks wait."""
    engine: Any = get_engine("default", {})
    kind = population.kind_of(animals.Tag).pk
    table = specs("zoo.Note")[0].table
    columns = {
        name
        for (name,) in run("SELECT column_name FROM information_schema.columns WHERE table_name = %s", table)
    }
    assert {"content_type_id", "object_id"} <= columns
    built = structure()
    with engine.transaction(specs("zoo.Note")):
        with engine.filling(specs("zoo.Note"), 1):
            animals.Note.objects.create(content_type_id=kind, object_id=1)
        # What comes later may point at nothing for a while, as before.
        run("UPDATE zoo_note SET content_type_id = 999999")
        run("UPDATE zoo_note SET content_type_id = %s", kind)
    assert structure() == built
    assert animals.Note.objects.count() == 1


def test_few_rows_are_not_worth_it(keeper: Zoo, taken: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgresql, "WORTH", 50)
    engine: Any = get_engine("default", {})
    with undone(), engine.filling(specs("zoo.Folder"), 49):
        pass
    assert not taken
    with undone(), engine.filling(specs("zoo.Folder"), 50):
        pass
    assert len(taken) == 1


@pytest.mark.parametrize(
    "hindrance",
    [
        "INSERT INTO zoo_folder (id, code) VALUES (1, 'a'); SET CONSTRAINTS ALL IMMEDIATE",
        "CREATE TABLE heir () INHERITS (zoo_folder)",
        "CREATE TABLE outside (folder bigint REFERENCES zoo_folder (id))",
        "CREATE ROLE edms_test_other; GRANT ALL ON ALL TABLES IN SCHEMA public TO edms_test_other; "
        "SET LOCAL ROLE edms_test_other",
        "CREATE FUNCTION watched() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END'; "
        "CREATE EVENT TRIGGER watching ON ddl_command_end EXECUTE FUNCTION watched()",
    ],
    ids=["rows", "heir", "referred to from outside", "another owner", "event trigger"],
)
def test_where_it_is_not_safe_nothing_is_taken_away(keeper: Zoo, hindrance: str) -> None:
    with undone():
        assert rebuilding.take_away(connection, names("zoo.Folder")) is not None
    with undone():
        run(hindrance)
        built = structure()
        assert rebuilding.take_away(connection, names("zoo.Folder")) is None
        assert structure() == built


def test_what_has_words_or_settings_of_its_own_stays(keeper: Zoo) -> None:
    with undone():
        (index,) = run(
            "SELECT indexname FROM pg_indexes WHERE tablename = 'zoo_folder' AND indexname LIKE '%%parent%%'"
        )[0]
        (key,) = run(
            "SELECT conname FROM pg_constraint WHERE conrelid = 'zoo_folder'::regclass AND contype = 'f'"
        )[0]
        run(f"COMMENT ON INDEX \"{index}\" IS 'ours'")
        run(f"COMMENT ON CONSTRAINT \"{key}\" ON zoo_folder IS 'ours'")
        found = rebuilding.take_away(connection, names("zoo.Folder"))
        left = [] if found is None else found.drops
        assert not any(index in drop or key in drop for drop in left)


def test_nobody_is_waited_for(keeper: Zoo) -> None:
    """Somebody reads the empty table, and does not end."""
    reader = connection.copy()
    try:
        with reader.cursor() as cursor:
            cursor.execute("BEGIN")
            cursor.execute("SELECT * FROM zoo_folder")
            with undone():
                usual = run("SHOW lock_timeout")
                assert rebuilding.take_away(connection, names("zoo.Folder")) is None
                assert run("SHOW lock_timeout") == usual
            cursor.execute("ROLLBACK")
        with undone():
            assert rebuilding.take_away(connection, names("zoo.Folder")) is not None
            assert run("SHOW lock_timeout") == usual
    finally:
        reader.close()
