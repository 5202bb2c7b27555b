"""Pitfalls 43 to 54: values that are written down, carried away and read again."""

import datetime
import json
import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connection, models

from edms_backup.engines import GENERIC
from edms_backup.errors import DumpFailed, PlanBlocked
from edms_backup.package import PackageReader
from edms_backup.package.canonical import MAX_DEPTH
from edms_backup.restore.report import Mode
from tests.pitfalls.conftest import Travel
from tests.unit.conftest import Zoo
from tests.zoo import models as animals
from tests.zoo.portrait import portrait

UTC = datetime.UTC
LABELS = ("zoo.Specimen",)


def there_and_back(zoo: Zoo) -> None:
    """Back the specimens up, delete them, restore them, and compare."""
    zoo.create(*LABELS)
    before = portrait(LABELS, keys=True)
    animals.Specimen.objects.all().delete()
    zoo.restore()
    assert portrait(LABELS, keys=True) == before


def nested(levels: int) -> Any:
    """Return a text inside of so many arrays."""
    document: Any = "inside"
    for _ in range(levels):
        document = [document]
    return document


def line_of(zoo: Zoo) -> dict[str, Any]:
    """Return the only row of the package, read by a JSON parser that takes nothing but JSON."""

    def refuse(constant: str) -> Any:
        raise AssertionError(f"{constant} is no JSON")

    with PackageReader.open(Path(zoo.settings.EDMS_BACKUP["DIRECTORY"]) / zoo.package) as package:
        (line,) = package.rows("zoo.Specimen")
    fields: dict[str, Any] = json.loads(line, parse_constant=refuse)["fields"]
    return fields


@pytest.mark.pitfall(43)
@pytest.mark.pitfall(44)
def test_the_first_and_the_last_moment(zoo: Zoo) -> None:
    animals.Specimen.objects.create(
        code="first",
        moment=datetime.datetime(1, 1, 2, tzinfo=UTC),
        day=datetime.date(1, 1, 1),
        hour=datetime.time(0, 0, 0, 1),
        span=datetime.timedelta(days=-999, microseconds=1),
    )
    animals.Specimen.objects.create(
        code="last",
        moment=datetime.datetime(9999, 12, 30, 23, 59, 59, 999999, tzinfo=UTC),
        day=datetime.date(9999, 12, 31),
        hour=datetime.time(23, 59, 59, 999999),
        span=datetime.timedelta(days=99999, microseconds=999999),
    )
    there_and_back(zoo)


@contextmanager
def clock_of(name: str) -> Iterator[None]:
    """Let the connection keep its times in another zone, as DATABASES[...]["TIME_ZONE"] does."""
    before = connection.settings_dict["TIME_ZONE"]

    def turn(zone: str | None) -> None:
        connection.settings_dict["TIME_ZONE"] = zone
        for cached in ("timezone", "timezone_name"):
            connection.__dict__.pop(cached, None)
        connection.close()

    # The proxy hands attributes on, but its own dictionary is not the wrapper's.
    turn(name)
    try:
        yield
    finally:
        turn(before)


@pytest.mark.pitfall(44)
def test_a_connection_that_keeps_its_times_in_another_zone(zoo: Zoo) -> None:
    moment = datetime.datetime(2024, 10, 27, 0, 30, 0, 5, tzinfo=UTC)
    with clock_of("Asia/Tokyo"):
        animals.Specimen.objects.create(code="s", moment=moment)
        zoo.create(*LABELS)
        assert animals.Specimen.objects.get().moment == moment
    assert line_of(zoo)["moment"] == "2024-10-27T00:30:00.000005Z"
    animals.Specimen.objects.all().delete()
    zoo.restore()
    assert animals.Specimen.objects.get().moment == moment


@pytest.mark.pitfall(45)
def test_json_is_what_it_was(zoo: Zoo) -> None:
    document = {
        "z first": 1,
        "a second": [None, True, False, "", {}, []],
        "big": 2**53 + 1,
        "negative": -(2**62),
        "float": 0.1,
        "größe \U0001f600": "\u2028 \\ \" ' 漢字",
        "same": {"same": {"same": None}},
    }
    animals.Specimen.objects.create(code="s", document=document, maybe_document=None)
    for code, value in (("false", False), ("zero", 0), ("empty", ""), ("text", "null"), ("list", [None])):
        animals.Specimen.objects.create(code=code, document=value, maybe_document=value)
    json_null = models.Value(None, models.JSONField())
    animals.Specimen.objects.create(code="json null", document=json_null, maybe_document=json_null)
    there_and_back(zoo)
    without = animals.Specimen.objects.filter(maybe_document__isnull=True)
    assert list(without.values_list("code", flat=True)) == ["s"]
    if connection.vendor != "postgresql":  # jsonb keeps no order
        assert list(animals.Specimen.objects.get(code="s").document) == list(document)


@pytest.mark.pitfall(46)
@pytest.mark.parametrize("number", [math.inf, -math.inf, math.nan])
def test_numbers_that_json_does_not_have(zoo: Zoo, vendor: str, number: float) -> None:
    if vendor == "mariadb" or (vendor == "sqlite" and math.isnan(number)):
        pytest.skip("this database does not have them either")
    animals.Specimen.objects.create(code="s", number=number)
    zoo.create(*LABELS)
    assert line_of(zoo)["number"] in ("Infinity", "-Infinity", "NaN")
    animals.Specimen.objects.all().delete()
    zoo.restore()
    assert repr(animals.Specimen.objects.get().number) == repr(number)


@pytest.mark.pitfall(46)
@pytest.mark.pitfall(47)
@pytest.mark.pitfall(48)
@pytest.mark.parametrize(
    ("column", "value", "refused_by"),
    [
        ("text", "nul \x00", {"postgresql"}),
        ("document", {"nul": "\x00"}, {"postgresql"}),
        ("slug", "s" * 51, {"postgresql", "mariadb"}),
        ("email", "e" * 255, {"postgresql", "mariadb"}),
        ("number", math.inf, {"mariadb"}),
    ],
)
def test_what_another_database_cannot_hold_is_named_before_the_first_write(
    lone_zoo: Zoo, travel: Travel, vendor: str, column: str, value: Any, refused_by: set[str]
) -> None:
    animals.Specimen.objects.create(code="s", **{column: value})
    lone_zoo.create(*LABELS)
    before = portrait(LABELS)
    animals.Specimen.objects.all().delete()
    travel(vendor)

    if vendor not in refused_by:
        lone_zoo.restore()
        assert portrait(LABELS) == before
        return
    with pytest.raises(PlanBlocked) as refused:
        lone_zoo.restore()

    (finding,) = [f for f in refused.value.findings if f.code == "value_does_not_fit"]
    assert (finding.model, finding.key, finding.field) == ("zoo.Specimen", "s", column)
    assert not animals.Specimen.objects.exists()


@pytest.mark.pitfall(49)
@pytest.mark.parametrize("times", [1, 4096 * 2])
def test_a_large_blob(zoo: Zoo, times: int) -> None:
    blob = bytes(range(256)) * times
    animals.Specimen.objects.create(code="s", blob=blob)
    zoo.create(*LABELS)
    animals.Specimen.objects.all().delete()
    zoo.restore()
    assert bytes(animals.Specimen.objects.get().blob) == blob


@pytest.mark.pitfall(53)
def test_an_empty_text_is_not_null(zoo: Zoo) -> None:
    animals.Specimen.objects.create(code="empty", text="", url="", email="", blob=b"")
    animals.Specimen.objects.create(code="null", text=None, url=None, email=None, blob=None)
    there_and_back(zoo)
    assert animals.Specimen.objects.get(text="").code == "empty"
    assert animals.Specimen.objects.get(text=None).code == "null"


@pytest.mark.pitfall(54)
@pytest.mark.parametrize("mode", Mode)
def test_what_no_form_would_accept_comes_back_as_it_was(lone_zoo: Zoo, mode: Mode) -> None:
    """Rows are older than the rules of today. A restore brings back what was there, and judges nobody."""
    animals.Specimen.objects.create(code="s", email="no address", url="no url", address="192.0.2.1")
    with pytest.raises(ValidationError):
        animals.Specimen.objects.get().full_clean()
    lone_zoo.create(*LABELS)
    before = portrait(LABELS, keys=True)
    animals.Specimen.objects.all().delete()
    lone_zoo.restore(mode)
    assert portrait(LABELS, keys=True) == before


@pytest.mark.pitfall(45)
@pytest.mark.pitfall(91)
def test_json_that_is_nested_too_deeply_is_named(lone_zoo: Zoo) -> None:
    animals.Specimen.objects.create(code="the deep one", document=nested(MAX_DEPTH + 1))
    with pytest.raises(DumpFailed, match=r"zoo.Specimen.document of the row 'the deep one' .* nested deeper"):
        lone_zoo.create(*LABELS)
    assert not lone_zoo.service.list()


@pytest.mark.pitfall(45)
def test_json_comes_back_from_as_deep_as_each_database_holds_it(zoo: Zoo) -> None:
    levels = 31 if connection.vendor == "mysql" else MAX_DEPTH - 10
    animals.Specimen.objects.create(code="deep", document=nested(levels))
    there_and_back(zoo)
    assert animals.Specimen.objects.get().document == nested(levels)


@pytest.mark.pitfall(45)
@pytest.mark.pitfall(91)
def test_a_json_number_beyond_the_range_of_floats_is_named(lone_zoo: Zoo) -> None:
    animals.Specimen.objects.create(code="the great one", document={})
    with connection.cursor() as cursor:
        cursor.execute("UPDATE zoo_specimen SET document = %s", ['{"n": 1e400}'])
    with pytest.raises(DumpFailed, match=r"zoo.Specimen.document of the row 'the great one' .* NaN and inf"):
        lone_zoo.create(*LABELS)


@pytest.mark.pitfall(45)
@pytest.mark.parametrize("engine", ["", GENERIC])
def test_text_in_a_json_column_that_is_no_json_is_named(lone_zoo: Zoo, engine: str) -> None:
    if engine:
        lone_zoo.configure(ENGINES={"default": engine})
    row = animals.Specimen.objects.create(code="s")
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA ignore_check_constraints = ON")
        cursor.execute("UPDATE zoo_specimen SET document = %s", ['{"a": tru}'])
        cursor.execute("PRAGMA ignore_check_constraints = OFF")
    with pytest.raises(DumpFailed, match=rf"zoo.Specimen.document of the row pk={row.pk} cannot be read"):
        lone_zoo.create(*LABELS)


@pytest.mark.pitfall(45)
def test_a_member_that_json_names_twice_is_there_once(lone_zoo: Zoo) -> None:
    """As for everybody who reads the column through Django: the last one counts."""
    animals.Specimen.objects.create(code="s", document={})
    with connection.cursor() as cursor:
        cursor.execute("UPDATE zoo_specimen SET document = %s", ['{"a": 1, "b": 2, "a": 3}'])
    there_and_back(lone_zoo)
    assert animals.Specimen.objects.get().document == {"a": 3, "b": 2}


class Unspeakable:
    """What a field may make of a column: nothing that could be written down."""

    def __str__(self) -> str:
        raise TypeError("no words for it")


class UnspeakableField(models.CharField):
    def from_db_value(self, value: str, expression: Any, connection: Any) -> Unspeakable:
        return Unspeakable()


@pytest.mark.pitfall(52)
@pytest.mark.pitfall(91)
@pytest.mark.parametrize("engine", ["", GENERIC])
def test_a_primary_key_that_its_field_cannot_write_is_named(
    lone_zoo: Zoo, monkeypatch: pytest.MonkeyPatch, engine: str
) -> None:
    """As Django's own ``custom_pk`` does it. A row without a name may be hard to find otherwise."""
    if engine:
        lone_zoo.configure(ENGINES={"default": engine})
    animals.Language.objects.create(code="tlh")
    monkeypatch.setattr(animals.Language._meta.pk, "__class__", UnspeakableField)
    with pytest.raises(DumpFailed, match=r"primary key .* zoo\.Language cannot be read: no words for it"):
        lone_zoo.create("zoo.Language")
    assert not lone_zoo.service.list()
