"""Rows that are made of the values as they stand in lines are, in the tables, those that decoding gives."""

from typing import Any

import pytest
from django.apps import apps
from django.db import connection

from edms_backup.restore import scanned, scannedload
from edms_backup.restore.report import Mode
from tests.unit.conftest import Zoo
from tests.zoo import models as animals
from tests.zoo import population


def tables(labels: tuple[str, ...]) -> dict[str, list[Any]]:
    """Return what the tables of some models hold, to the last character, past Django."""
    found = {}
    for label in labels:
        model = apps.get_model(label)
        names = [model._meta.db_table]
        names += [link.remote_field.through._meta.db_table for link in model._meta.local_many_to_many]
        for name in dict.fromkeys(names):
            with connection.cursor() as cursor:
                cursor.execute(f"SELECT * FROM {connection.ops.quote_name(name)}")
                columns = [column[0] for column in cursor.description]
                # The own number of a link is given anew each time.
                drop = columns.index("id") if name != model._meta.db_table and "id" in columns else None
                rows = [tuple(v for at, v in enumerate(row) if at != drop) for row in cursor.fetchall()]
            found[name] = sorted(rows, key=repr)
    return found


def restored(zoo: Zoo, few: float, mode: Mode) -> dict[str, list[Any]]:
    """Restore into empty tables, models with fewer rows than ``few`` in the plain way; return what is there."""
    zoo.depopulate()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scanned, "FEW", few)
        assert zoo.restore(mode).outcome == "committed"
    return tables(zoo.labels)


@pytest.fixture(autouse=True)
def quick_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let models with few rows go the quick way as well."""
    monkeypatch.setattr(scanned, "FEW", 1)


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """Count the rows of each model that took the quick way, and those that did not."""
    counted = {"quick": 0, "plain": 0}
    load = scannedload.ScannedLoad.load

    def counting(self: Any, found: list[Any]) -> list[bytes]:
        number, left = len(found), load(self, found)
        counted["quick"] += number - len(left)
        counted["plain"] += len(left)
        return left

    monkeypatch.setattr(scannedload.ScannedLoad, "load", counting)
    return counted


@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize("family", population.FAMILIES)
def test_both_ways_leave_the_same(zoo: Zoo, family: str, mode: Mode) -> None:
    zoo.populate(family)
    before = tables(zoo.labels)
    zoo.create()
    decoded = restored(zoo, float("inf"), mode)
    assert restored(zoo, 1, mode) == decoded
    assert {name: len(rows) for name, rows in decoded.items()} == {n: len(rows) for n, rows in before.items()}


@pytest.mark.parametrize(
    "family", ["links", "tree", "generic", "twins", "methods", "to_field", "inheritance"]
)
def test_the_quick_way_is_taken(zoo: Zoo, family: str, taken: dict[str, int]) -> None:
    zoo.populate(family)
    zoo.create()
    restored(zoo, 1, Mode.MERGE)
    assert taken["quick"] > taken["plain"]


def test_texts_and_documents_are_the_same_to_the_last_character(zoo: Zoo, taken: dict[str, int]) -> None:
    odd = [
        "",
        "null",
        '"',
        "'",
        "''",
        "\\",
        "\\'",
        "\\N",
        "\\u0041",
        "\n\t\b\f\r",
        "\x7f",
        "é€😀",
        '","text":"',
        "%s",
    ]
    odd += ["{}", "[]", "x" * 30, "a\\nb", "\\\\", "$1", ";--", "*/"]
    for number, text in enumerate(odd):
        animals.Tag.objects.create(code=f"{number} {text}")
        animals.Specimen.objects.create(
            code=f"s{number}", text=text, document={"b": [text, {"a": text}], "a": 1.5}
        )
    animals.Specimen.objects.create(
        code="flat", text="flat", document={"z": "é", "a": -3, "m": None, "t": True}
    )
    zoo.choose("fields")
    zoo.labels = ("zoo.Specimen", "zoo.Tag")
    before = tables(zoo.labels)
    zoo.create()
    for few in (float("inf"), 1):
        animals.Tag.objects.all().delete()
        assert restored(zoo, few, Mode.MERGE) == before
    assert taken["quick"] >= len(odd) > taken["plain"]


def test_a_reference_to_a_row_that_is_not_there_is_named(zoo: Zoo, monkeypatch: pytest.MonkeyPatch) -> None:
    """The quick way leaves what is odd to the plain one, whose words are the same for both."""
    from edms_backup.errors import LoadFailed
    from edms_backup.restore.keymap import KeyMap

    zoo.populate("links")
    zoo.create()
    zoo.depopulate()
    asked: list[str] = []

    def lost(self: KeyMap, label: str, column: str, names: Any) -> list[Any]:
        asked.append(label)
        return []

    monkeypatch.setattr(KeyMap, "places", lost)
    assert zoo.restore().outcome == "committed"  # every row was decoded instead
    assert asked
    zoo.depopulate()
    monkeypatch.setattr(KeyMap, "_look_up", lambda *arguments: {})
    with pytest.raises(LoadFailed, match="which is neither restored nor on this site"):
        zoo.restore()
    assert not animals.Article.objects.exists()


def test_a_row_that_the_database_refuses_is_named(zoo: Zoo, monkeypatch: pytest.MonkeyPatch) -> None:
    from edms_backup.errors import LoadFailed

    for code in "abc":
        animals.Tag.objects.create(code=code)
    zoo.choose("links")
    zoo.create()
    zoo.depopulate()
    monkeypatch.setattr(scannedload.ScannedLoad, "load", doubled(scannedload.ScannedLoad.load))
    with pytest.raises(LoadFailed, match=r"The database refused rows of zoo.Tag \(a … c\)"):
        zoo.restore()
    assert not animals.Tag.objects.exists()


def doubled(load: Any) -> Any:
    def twice(self: Any, found: list[Any]) -> list[bytes]:
        return load(self, found + found)

    return twice
