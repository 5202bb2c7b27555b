"""Pitfalls 1 to 15: which row is which, whatever numbers a database gave out."""

import datetime
import decimal
import uuid
from typing import Any

import pytest
from django.db import models

from edms_backup.create import pipeline as creating
from edms_backup.errors import LoadFailed, MalformedPackage
from edms_backup.package.canonical import canonical
from edms_backup.restore.report import Mode
from edms_backup.restore.target import UniqueRule, unique_values
from tests.pitfalls.conftest import Travel
from tests.unit.conftest import Zoo
from tests.zoo import models as animals
from tests.zoo.portrait import portrait

UTC = datetime.UTC


@pytest.mark.pitfall(1)
@pytest.mark.parametrize("mode", Mode)
def test_generic_references_find_their_row_under_another_number(zoo: Zoo, mode: Mode) -> None:
    tags = [animals.Tag.objects.create(code=f"tag {number}") for number in range(5)]
    tags[0].delete()
    animals.Note.objects.create(code="note", subject=tags[2])
    zoo.create("zoo.Tag", "zoo.Note")
    before = portrait(("zoo.Tag", "zoo.Note"))
    animals.Note.objects.all().delete()
    animals.Tag.objects.all().delete()
    # Another row stands where the right one stood, and the right one stands elsewhere.
    animals.Tag.objects.create(pk=tags[2].pk, code="tag 4")
    animals.Tag.objects.create(pk=tags[4].pk, code="tag 2")

    zoo.restore(mode)

    assert animals.Note.objects.get().subject.code == "tag 2"
    after = portrait(("zoo.Tag", "zoo.Note"))
    assert after == before


@pytest.mark.pitfall(2)
def test_a_name_that_two_rows_have_merges_none_of_them(zoo: Zoo) -> None:
    zoo.configure(NATURAL_KEYS={"zoo.Nickname": ["code"]})
    one, other = (animals.Nickname.objects.create(code="twin", name=name) for name in ("one", "other"))
    animals.NicknameUse.objects.create(code="use one", nickname=one)
    animals.NicknameUse.objects.create(code="use other", nickname=other)
    report = zoo.create("zoo.Nickname", "zoo.NicknameUse")
    animals.NicknameUse.objects.all().delete()
    animals.Nickname.objects.all().delete()

    counts = zoo.restore().models["zoo.Nickname"]

    assert [(f.model, f.count) for f in report.findings if f.code == "ambiguous_key"] == [("zoo.Nickname", 1)]
    assert (counts.expected, counts.inserted) == (2, 2)
    assert set(animals.NicknameUse.objects.values_list("code", "nickname__name")) == {
        ("use one", "one"),
        ("use other", "other"),
    }


@pytest.mark.pitfall(3)
@pytest.mark.parametrize("mode", Mode)
def test_null_in_a_key_names_nothing(zoo: Zoo, mode: Mode) -> None:
    # The serial number of a rate is unique, and yet three of them have none.
    zoo.configure(NATURAL_KEYS={"zoo.Nickname": ["code", "name"], "zoo.Rate": ["serial", "kind"]})
    for code, name in (("x", None), ("x", None), ("x", "named"), ("y", None)):
        animals.Nickname.objects.create(code=code, name=name)
    for code in ("a", "b", "c"):
        animals.Rate.objects.create(code=code, serial=None, level=None, rank=9)
    zoo.create("zoo.Nickname", "zoo.Rate")
    before = portrait(("zoo.Nickname", "zoo.Rate"), keys=True)
    animals.Nickname.objects.filter(name=None).delete()
    animals.Rate.objects.exclude(code="a").delete()

    zoo.restore(mode)

    assert portrait(("zoo.Nickname", "zoo.Rate"), keys=True) == before


@pytest.mark.pitfall(3)
def test_constraints_may_say_that_null_is_a_value() -> None:
    fields = {"serial": None}
    assert list(unique_values(fields, [UniqueRule(("serial",), {})], canonical)) == []
    assert len(list(unique_values(fields, [UniqueRule(("serial",), {}, True)], canonical))) == 1


SPELLINGS = (
    "stra\u00dfe",
    "\u00c9cole",
    "E\u0301cole",
    "abc",
    "ABC",
    "abc ",
    "\u212bngstrom",
    "\u00c5ngstrom",
)


@pytest.mark.pitfall(4)
def test_spellings_that_look_alike_are_different_names(lone_zoo: Zoo, travel: Travel, vendor: str) -> None:
    for code in SPELLINGS:
        animals.Tag.objects.create(code=code)
        animals.Language.objects.create(code=code, name=f"called {code}")
    for code in SPELLINGS:
        animals.Phrase.objects.create(code=f"in {code!r}", language_id=code)
    labels = ("zoo.Tag", "zoo.Language", "zoo.Phrase")
    lone_zoo.create(*labels)
    before = portrait(labels)
    travel(vendor)
    animals.Tag.objects.all().delete()
    animals.Phrase.objects.all().delete()
    animals.Language.objects.all().delete()
    animals.Tag.objects.create(code="site")

    if vendor == "mariadb":
        # Its usual collation takes some of them for one another: that is refused, never merged.
        with pytest.raises(LoadFailed):
            lone_zoo.restore()
        assert list(animals.Tag.objects.values_list("code", flat=True)) == ["site"]
        assert not animals.Language.objects.exists()
        return
    lone_zoo.restore()
    animals.Tag.objects.filter(code="site").delete()
    assert portrait(labels) == before


@pytest.mark.pitfall(5)
@pytest.mark.parametrize("column", ["moment", "amount", "number", "span"])
def test_keys_of_exact_values_stay_exact(zoo: Zoo, column: str) -> None:
    zoo.configure(NATURAL_KEYS={"zoo.Specimen": [column]})
    moment = datetime.datetime(2024, 5, 6, 7, 8, 9, 123456, tzinfo=UTC)
    close: dict[str, tuple[Any, Any]] = {
        "moment": (moment, moment + datetime.timedelta(microseconds=1)),
        "amount": (decimal.Decimal("1234.5678"), decimal.Decimal("1234.5679")),
        "number": (0.1 + 0.2, 0.3),
        "span": (datetime.timedelta(microseconds=1), datetime.timedelta(microseconds=2)),
    }
    for name, value in zip(("first", "second"), close[column], strict=True):
        row = animals.Specimen.objects.create(code=name, **{column: value})
        animals.Note.objects.create(code=f"about {name}", subject=row)
    zoo.create("zoo.Specimen", "zoo.Note")
    before = portrait(("zoo.Specimen", "zoo.Note"))
    # The same two under each other's numbers.
    first, second = animals.Specimen.objects.order_by("pk")
    animals.Note.objects.all().delete()
    values = [dict(animals.Specimen.objects.values().get(pk=row.pk)) for row in (first, second)]
    animals.Specimen.objects.all().delete()
    for row, pk in zip(values, (second.pk, first.pk), strict=True):
        row.pop("following")
        animals.Specimen.objects.create(**{**row, "id": pk})

    report = zoo.restore()

    assert report.models["zoo.Specimen"].inserted == 0
    assert portrait(("zoo.Specimen", "zoo.Note")) == before


@pytest.mark.pitfall(6)
@pytest.mark.parametrize("mode", Mode)
def test_names_of_names_of_names(zoo: Zoo, mode: Mode) -> None:
    zoo.configure(
        NATURAL_KEYS={"zoo.AuditLine": ["hall", "code"], "zoo.AuditDetail": ["line"], "zoo.Hall": ["code"]}
    )

    def build() -> None:
        north, south = (animals.Hall.objects.create(code=code) for code in ("north", "south"))
        for hall in (south, None, north):
            line = animals.AuditLine.objects.create(code=f"in {hall and hall.code}", hall=hall)
            animals.AuditDetail.objects.create(line=line, code=f"detail {hall and hall.code}")

    labels = ("zoo.AuditDetail", "zoo.AuditLine", "zoo.Hall")
    build()
    zoo.create(*labels)
    before = portrait(labels)
    animals.AuditLine.objects.all().delete()
    animals.Hall.objects.all().delete()
    animals.Hall.objects.create(code="in between")
    build()
    animals.Hall.objects.filter(code="in between").delete()

    report = zoo.restore(mode)

    assert portrait(labels) == before
    assert sum(counts.inserted for counts in report.models.values()) == 0


@pytest.mark.pitfall(13)
def test_a_package_with_one_name_twice_is_refused(zoo: Zoo, monkeypatch: pytest.MonkeyPatch) -> None:
    zoo.configure(NATURAL_KEYS={"zoo.Nickname": ["code"]})
    for name in ("first", "last"):
        animals.Nickname.objects.create(code="twin", name=name)
    # A package that somebody else has made, who did not look.
    monkeypatch.setattr(creating, "ambiguous_keys", lambda specs, registry: ())
    zoo.create("zoo.Nickname")
    animals.Nickname.objects.all().delete()
    animals.Nickname.objects.create(code="twin", name="of the site")

    with pytest.raises(MalformedPackage, match="two rows of zoo.Nickname with the natural key twin"):
        zoo.restore()

    assert list(animals.Nickname.objects.values_list("name", flat=True)) == ["of the site"]


@pytest.mark.pitfall(14)
@pytest.mark.parametrize("mode", Mode)
def test_rows_with_a_uuid_are_found_by_their_name(zoo: Zoo, mode: Mode) -> None:
    zoo.configure(NATURAL_KEYS={"zoo.Token": ["code"]})
    token = animals.Token.objects.create(code="t")
    animals.TokenUse.objects.create(code="u", token=token).others.set([token])
    zoo.create("zoo.Token", "zoo.TokenUse")
    animals.TokenUse.objects.all().delete()
    animals.Token.objects.all().delete()
    here = animals.Token.objects.create(code="t")
    assert here.pk != token.pk

    first = zoo.restore(mode)
    second = zoo.restore(mode)

    assert [(report.models["zoo.Token"].inserted) for report in (first, second)] == [0, 0]
    assert second.models["zoo.TokenUse"].unchanged == 1
    kept = here if mode is Mode.MERGE else token
    assert animals.Token.objects.get().pk == kept.pk
    assert animals.TokenUse.objects.get().token_id == kept.pk
    assert list(animals.TokenUse.objects.get().others.all()) == [kept]


@pytest.mark.pitfall(15)
@pytest.mark.parametrize("mode", Mode)
def test_a_uuid_is_never_made_anew(zoo: Zoo, mode: Mode) -> None:
    known = uuid.UUID("12345678-1234-5678-1234-567812345678")
    animals.Specimen.objects.create(code="s", uuid=known)
    animals.Token.objects.create(code="t", uuid=known)
    zoo.create("zoo.Specimen", "zoo.Token")
    animals.Specimen.objects.update(uuid=uuid.uuid4())
    animals.Token.objects.all().delete()
    animals.Token.objects.create(code="t")

    zoo.restore(mode)

    assert animals.Specimen.objects.get().uuid == known
    assert animals.Token.objects.filter(uuid=known, code="t").exists()
    assert animals.Token.objects.count() == (2 if mode is Mode.MERGE else 1)


@pytest.mark.pitfall(12)
@pytest.mark.parametrize("mode", Mode)
def test_a_number_that_another_row_has_overwrites_nothing(zoo: Zoo, mode: Mode) -> None:
    backed_up = animals.Reading.objects.create(code="backup", value=1)
    tag = animals.Tag.objects.create(code="backup")
    zoo.create("zoo.Reading", "zoo.Tag")
    models.QuerySet(animals.Reading).update(code="live")
    animals.Tag.objects.update(code="live")

    zoo.restore(mode)

    there = {"backup", "live"} if mode is Mode.MERGE else {"backup"}
    assert set(animals.Reading.objects.values_list("code", flat=True)) == there
    assert set(animals.Tag.objects.values_list("code", flat=True)) == there
    owner = "live" if mode is Mode.MERGE else "backup"
    assert animals.Tag.objects.get(pk=tag.pk).code == owner
    assert animals.Reading.objects.get(pk=backed_up.pk).code == owner
