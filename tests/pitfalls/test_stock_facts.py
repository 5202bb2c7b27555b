"""What Django's own dumpdata and loaddata do, F1 to F19: facts on which decisions of this app stand.

Should one of these fail with a new Django: look whether the detour that we take is needed any more.
"""

import datetime
import io
import json
import math
from pathlib import Path
from typing import Any

import django
import pytest
from django.core import serializers
from django.core.management import call_command
from django.core.serializers.base import DeserializationError
from django.core.serializers.json import Deserializer
from django.db import DataError, IntegrityError, connection, models
from django.db.models.signals import m2m_changed
from django.test.utils import CaptureQueriesContext

from tests.pitfalls.conftest import Travel
from tests.unit.conftest import Zoo
from tests.zoo import models as animals
from tests.zoo import population

pytestmark = pytest.mark.usefixtures("lone_zoo")
UTC = datetime.UTC


def dumped(*arguments: str, **options: Any) -> list[dict[str, Any]]:
    """Return what dumpdata writes."""
    out = io.StringIO()
    call_command("dumpdata", *arguments, stdout=out, **options)
    found: list[dict[str, Any]] = json.loads(out.getvalue())
    return found


@pytest.fixture
def load(tmp_path: Path) -> Any:
    """Give a function that loads records with loaddata."""

    def loaddata(*records: dict[str, Any], **options: Any) -> None:
        fixture = tmp_path / "fixture.json"
        fixture.write_text(json.dumps(records))
        call_command("loaddata", str(fixture), verbosity=0, **options)

    return loaddata


@pytest.mark.pitfall("F1")
def test_microseconds_are_cut() -> None:
    moment = datetime.datetime(2024, 1, 2, 3, 4, 5, 123456, tzinfo=UTC)
    animals.Specimen.objects.create(code="s", moment=moment, hour=moment.time())
    (record,) = dumped("zoo.Specimen")
    assert record["fields"]["moment"] == "2024-01-02T03:04:05.123Z"
    assert record["fields"]["hour"] == "03:04:05.123"


@pytest.mark.pitfall("F2")
def test_json_null_becomes_sql_null(load: Any) -> None:
    null = models.Value(None, models.JSONField())
    animals.Specimen.objects.create(code="s", maybe_document=null)
    assert not animals.Specimen.objects.filter(maybe_document__isnull=True).exists()
    records = dumped("zoo.Specimen")
    animals.Specimen.objects.all().delete()
    load(*records)
    assert animals.Specimen.objects.filter(maybe_document__isnull=True).exists()


@pytest.mark.pitfall("F3")
def test_dumpdata_holds_no_view() -> None:
    inside: list[bool] = []

    def note(execute: Any, *rest: Any) -> Any:
        inside.append(connection.in_atomic_block)
        return execute(*rest)

    animals.Tag.objects.create(code="t")
    with connection.execute_wrapper(note):
        dumped("zoo.Tag", "zoo.Hall")
    assert len(inside) >= 2
    assert not any(inside)


@pytest.mark.pitfall("F4")
def test_dumpdata_asks_the_default_manager() -> None:
    population.MAKERS["Hidden"]()
    assert [record["fields"]["code"] for record in dumped("zoo.Hidden")] == ["seen"]
    assert len(dumped("zoo.Hidden", use_base_manager=True)) == 2


@pytest.mark.pitfall("F5")
def test_loaddata_merges_and_two_rows_of_one_name_become_one(load: Any) -> None:
    animals.Author.objects.create(code="newer")
    twin = {"model": "zoo.author", "fields": {"code": "twin"}}
    load(twin, twin)
    assert list(animals.Author.objects.order_by("code").values_list("code", flat=True)) == ["newer", "twin"]


@pytest.mark.pitfall("F6")
def test_every_row_costs_queries(load: Any) -> None:
    writer = animals.Writer.objects.create(code="w")
    animals.Book.objects.bulk_create(animals.Book(code=f"b{number}", writer=writer) for number in range(20))
    with CaptureQueriesContext(connection) as reading:
        records = dumped("zoo.Book", use_natural_foreign_keys=True)
    animals.Book.objects.all().delete()
    with CaptureQueriesContext(connection) as writing:
        load(*records)
    assert len(reading) > 20
    assert len(writing) >= 40


class Counting(io.StringIO):
    """A stream that remembers how it was read."""

    asked: list[int]

    def read(self, size: int | None = -1, /) -> str:
        self.asked.append(-1 if size is None else size)
        return super().read(size)


@pytest.mark.pitfall("F7")
def test_a_json_fixture_is_read_in_one_piece() -> None:
    stream = Counting(json.dumps([{"model": "zoo.tag", "pk": 1, "fields": {"code": "t"}}]))
    stream.asked = []
    next(iter(Deserializer(stream)))
    assert stream.asked == [-1]


@pytest.mark.pitfall("F8")
def test_a_generic_reference_is_left_behind(load: Any) -> None:
    first, second = (animals.Author.objects.create(code=code) for code in ("a", "b"))
    first.delete()
    animals.Note.objects.create(code="about b", subject=second)
    natural = {"use_natural_foreign_keys": True, "use_natural_primary_keys": True}
    records = dumped("zoo.Author", "zoo.Note", **natural)
    animals.Note.objects.all().delete()
    animals.Author.objects.all().delete()
    animals.Author.objects.create(pk=second.pk, code="stranger")
    load(*records)
    assert animals.Note.objects.get().subject.code == "stranger"


@pytest.mark.pitfall("F9")
def test_a_required_reference_cannot_wait(load: Any) -> None:
    use = {"model": "zoo.manualuse", "fields": {"code": "use", "manual": ["ann", "m"]}}
    ann = {"model": "zoo.author", "fields": {"code": "ann"}}
    manual = {"model": "zoo.manual", "fields": {"code": "m", "author": ["ann"]}}
    with pytest.raises(IntegrityError):
        load(use, ann, manual)
    load(ann, manual, use)
    assert animals.ManualUse.objects.get().manual.code == "m"


@pytest.mark.pitfall("F10")
def test_two_rows_cannot_swap_a_unique_value(load: Any) -> None:
    for code, serial in (("a", 1), ("b", 2)):
        animals.Rate.objects.create(code=code, serial=serial)
    records = dumped("zoo.Rate")
    for record in records:
        record["fields"]["serial"] = 3 - record["fields"]["serial"]
    with pytest.raises(IntegrityError):
        load(*records)


@pytest.mark.pitfall("F11")
def test_a_field_that_nobody_knows(load: Any) -> None:
    record = {"model": "zoo.tag", "pk": 1, "fields": {"code": "t", "former": "value"}}
    with pytest.raises(DeserializationError):
        load(record)
    load(record, ignore=True)
    assert animals.Tag.objects.get().code == "t"


@pytest.mark.pitfall("F12")
def test_nothing_is_validated(load: Any) -> None:
    load({"model": "zoo.tag", "pk": 1, "fields": {"code": "x" * 400}})
    assert len(animals.Tag.objects.get().code) == 400


@pytest.mark.pitfall("F13")
def test_bulk_create_stamps_and_refuses_children() -> None:
    long_ago = datetime.datetime(2001, 1, 1, tzinfo=UTC)
    animals.Specimen.objects.bulk_create([animals.Specimen(code="s", made=long_ago, changed=long_ago)])
    assert animals.Specimen.objects.get().changed.year > 2001
    with pytest.raises(ValueError, match="multi-table inherited"):
        animals.Mammal.objects.bulk_create([animals.Mammal(code="m")])


@pytest.mark.pitfall("F14")
def test_composite_keys_and_generated_columns_are_written() -> None:
    animals.Slot.objects.create(room="blue", number=1, code="c")
    animals.Specimen.objects.create(code="s", small=4)
    assert dumped("zoo.Slot")[0]["pk"] == ["blue", 1]
    assert dumped("zoo.Specimen")[0]["fields"]["following"] == 5


@pytest.mark.pitfall("F15")
def test_infinity_is_written_as_no_json() -> None:
    animals.Specimen.objects.create(code="s", number=math.inf)
    text = serializers.serialize("json", animals.Specimen.objects.all())
    with pytest.raises(ValueError, match="no JSON"):
        json.loads(text, parse_constant=_refuse)


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is no JSON")


@pytest.mark.pitfall("F16")
def test_links_are_loaded_without_a_word_that_it_is_raw(load: Any) -> None:
    tag = animals.Tag.objects.create(code="t")
    animals.Article.objects.create(code="a").tags.add(tag)
    records = dumped("zoo.Tag", "zoo.Article")
    heard: list[dict[str, Any]] = []

    def hear(**kwargs: Any) -> None:
        heard.append(kwargs)

    m2m_changed.connect(hear, sender=animals.Article.tags.through)
    try:
        animals.Article.tags.through.objects.all().delete()
        load(*records)
    finally:
        m2m_changed.disconnect(hear, sender=animals.Article.tags.through)
    assert heard
    assert {call.get("raw", False) for call in heard} == {django.VERSION >= (6, 1)}


@pytest.mark.pitfall("F17")
def test_sqlite_keeps_decimals_as_floats() -> None:
    with connection.cursor() as cursor:
        cursor.execute("CREATE TEMPORARY TABLE money (amount decimal)")
        cursor.execute("INSERT INTO money VALUES ('123456789012345678901234567890.1234')")
        cursor.execute("SELECT typeof(amount), amount FROM money")
        kind, amount = cursor.fetchone()
        cursor.execute("DROP TABLE money")
    assert (kind, str(amount)) == ("real", "1.2345678901234568e+29")


@pytest.mark.pitfall("F19")
def test_a_nul_is_a_bare_error(travel: Travel, load: Any) -> None:
    travel("postgresql")
    # Which of them it is, the driver decides.
    with pytest.raises((ValueError, DataError), match="NUL"):
        load({"model": "zoo.specimen", "pk": 1, "fields": {"code": "s", "text": "a\x00b"}})


@pytest.mark.pitfall("F19")
def test_one_row_is_named_of_all_that_dangle(lone_zoo: Zoo) -> None:
    with connection.constraint_checks_disabled():
        for code in ("first", "second"):
            animals.Member.objects.create(code=code, team_id=4711)
        with pytest.raises(IntegrityError) as refused:
            connection.check_constraints()
        assert str(refused.value).count("primary key") == 1
        animals.Member.objects.all().delete()
