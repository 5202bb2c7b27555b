"""Primary keys in plain columns and in JSON, declared in settings, and generic references: they follow."""

from typing import Any

import pytest
from django.contrib.contenttypes.models import ContentType

from edms_backup.conf import setting_mistakes
from edms_backup.engines.softrefs import occurrences, put, reference_name
from edms_backup.errors import PlanBlocked
from edms_backup.restore.report import Mode, Outcome
from edms_backup.schema.spec import SoftRef
from tests.unit.conftest import Zoo
from tests.zoo import models as zoo_models

REFERENCES = {
    "big": "zoo.Tag",
    "text": "zoo.Token",
    "slug": "zoo.Tag",
    "document.lines.*.tag": "zoo.Tag",
    "document.by_name.*": "zoo.tag",
    "maybe_document": "zoo.Tag",
}


def declare(zoo: Zoo, **more: Any) -> None:
    zoo.configure(MODELS={"zoo.Specimen": {"references": REFERENCES}, **more})


def tags() -> list[zoo_models.Tag]:
    return [zoo_models.Tag.objects.create(code=code) for code in ("red", "green")]


def specimen(red: Any, green: Any, token: Any) -> zoo_models.Specimen:
    """Return a specimen that points at them in every declared place, and at nothing in others."""
    return zoo_models.Specimen(
        code="s",
        big=red.pk,
        text=str(token.pk),
        slug=str(green.pk),
        document={
            "lines": [{"tag": red.pk, "n": 1}, {"tag": str(green.pk)}, {"other": red.pk}, {"tag": True}],
            "by_name": {"z": green.pk, "a": red.pk, "none": None, "empty": ""},
            "elsewhere": red.pk,
        },
        maybe_document=green.pk,
        file=None,
    )


def moved() -> tuple[zoo_models.Tag, zoo_models.Tag]:
    """Make the tags anew under other primary keys, and other rows under the old ones."""
    old = list(zoo_models.Tag.objects.order_by("pk").values_list("pk", flat=True))
    zoo_models.Tag.objects.all().delete()
    for number in old:
        zoo_models.Tag.objects.create(pk=number, code=f"stranger {number}")
    green = zoo_models.Tag.objects.create(code="green")
    return zoo_models.Tag.objects.create(code="red"), green


@pytest.mark.pitfall(16)
@pytest.mark.parametrize("survives", [True, False])
def test_declared_references_follow_into_another_site(zoo: Zoo, survives: bool) -> None:
    declare(zoo)
    red, green = tags()
    token = zoo_models.Token.objects.create(code="t")
    specimen(red, green, token).save()
    zoo.create("zoo.Specimen", "zoo.Tag", "zoo.Token")
    if not survives:
        zoo_models.Specimen.objects.all().delete()
    new_red, new_green = moved()
    assert {new_red.pk, new_green.pk}.isdisjoint({red.pk, green.pk})

    report = zoo.restore()

    assert report.outcome is Outcome.COMMITTED
    found = zoo_models.Specimen.objects.get()
    wanted = specimen(new_red, new_green, token)
    wanted.document["elsewhere"] = red.pk  # nobody said that this is a reference
    wanted.document["lines"][2]["other"] = red.pk
    for name in ("big", "text", "slug", "document", "maybe_document"):
        assert getattr(found, name) == getattr(wanted, name), name
    assert list(found.document["by_name"]) == ["z", "a", "none", "empty"]
    assert zoo.restore().models["zoo.Specimen"].unchanged == 1


def test_the_line_holds_the_order_of_members_and_the_content_does_not(zoo: Zoo) -> None:
    zoo_models.Specimen.objects.create(code="s", document={"b": {"d": 1, "c": 2}, "a": 3})
    zoo.create("zoo.Specimen")
    zoo_models.Specimen.objects.update(document={"a": 3, "b": {"c": 2, "d": 1}})

    assert zoo.plan().changes == 0, "another order is the same content"

    zoo_models.Specimen.objects.all().delete()
    zoo.restore()
    document = zoo_models.Specimen.objects.get().document
    assert (list(document), list(document["b"])) == (["b", "a"], ["d", "c"])


def test_references_of_rows_that_are_not_restored_follow_a_replace(zoo: Zoo) -> None:
    declare(zoo)
    red, green = tags()
    token = zoo_models.Token.objects.create(code="t")
    zoo.create("zoo.Tag")
    new_red, new_green = moved()
    specimen(new_red, new_green, token).save()

    zoo.restore(Mode.REPLACE)

    found, wanted = zoo_models.Specimen.objects.get(), specimen(red, green, token)
    wanted.document["elsewhere"] = wanted.document["lines"][2]["other"] = new_red.pk
    for name in ("big", "text", "slug", "document", "maybe_document"):
        assert getattr(found, name) == getattr(wanted, name), name


WAYS = ["declared", "generic", "generic_outside", "foreign_key"]


def dangling(zoo: Zoo, way: str) -> int:
    """Make a package with an id that names nothing; on the site it names an unrelated row by now."""
    declare(zoo)
    tag = zoo_models.Tag.objects.create(code="kept")
    gone = tag.pk + 1
    if way == "declared":
        zoo_models.Specimen.objects.create(code="s", big=gone)
    elif way == "foreign_key":
        zoo_models.Orphan.objects.create(code="o", tag_id=gone)
    else:
        kind = ContentType.objects.get_for_model(tag)
        zoo_models.Note.objects.create(code="n", content_type=kind, object_id=gone)
    holders = ("zoo.Specimen", "zoo.Note", "zoo.Orphan")
    zoo.create(*holders, *(() if way == "generic_outside" else ("zoo.Tag",)))
    for model in (zoo_models.Note, zoo_models.Specimen, zoo_models.Orphan):
        model.objects.all().delete()
    zoo_models.Tag.objects.create(pk=gone, code="newcomer")
    return gone


@pytest.mark.parametrize(
    ("way", "mode"),
    [*((way, Mode.MERGE) for way in WAYS), ("generic_outside", Mode.REPLACE)],
)
def test_an_id_that_named_nothing_does_not_come_to_name_an_unrelated_row(
    zoo: Zoo, way: str, mode: Mode
) -> None:
    """Audit trails outlive what they tell about; its number may be another row's on another site."""
    dangling(zoo, way)

    with pytest.raises(PlanBlocked) as refused:
        zoo.restore(mode)

    assert "dangling_id_taken" in {finding.code for finding in refused.value.findings}
    assert not zoo_models.Note.objects.exists()


@pytest.mark.parametrize("way", [way for way in WAYS if way != "generic_outside"])
def test_where_a_replace_removes_the_unrelated_row_the_id_names_nothing_again(zoo: Zoo, way: str) -> None:
    gone = dangling(zoo, way)

    zoo.restore(Mode.REPLACE)

    held = [
        *zoo_models.Specimen.objects.values_list("big", flat=True),
        *zoo_models.Note.objects.values_list("object_id", flat=True),
        *zoo_models.Orphan.objects.values_list("tag_id", flat=True),
    ]
    assert held == [gone]
    assert not zoo_models.Tag.objects.filter(pk=gone).exists()


@pytest.mark.parametrize(
    "references", [{"colours": "zoo.Tag"}, {"big": "zoo.Gone"}, {"big": "nonsense"}, {"following": "zoo.Tag"}]
)
def test_a_reference_that_leads_nowhere_is_a_mistake_of_the_settings(
    settings: Any, references: dict[str, str]
) -> None:
    settings.EDMS_BACKUP = {"MODELS": {"zoo.Specimen": {"references": references}}}
    assert setting_mistakes()


# -- paths -----------------------------------------------------------------------------------------


def test_occurrences() -> None:
    value = {"a": [{"id": 1}, {"id": "x"}, {"id": None}, {"id": 1.5}, 7], "b": {"id": ""}}
    assert list(occurrences(value, ("a", "*", "id"))) == [(("a", 0, "id"), 1), (("a", 1, "id"), "x")]
    assert list(occurrences(value, ("b", "id"))) == []
    assert list(occurrences(value, ("nothing",))) == []
    assert list(occurrences([1, [2]], ("*",))) == [((0,), 1)]
    assert list(occurrences([1], ("0",))) == [], "a position is not named one by one"
    assert list(occurrences(True, ())) == []
    assert list(occurrences(7, ())) == [((), 7)]
    assert reference_name(SoftRef("f", (), "m"), ("a", 0)) == "f.a.0"


@pytest.mark.pitfall(99)
def test_putting_a_value_in_its_place() -> None:
    value = {"a": [{"id": "1"}]}
    assert put(value, ("a", 0, "id"), 5) == {"a": [{"id": "5"}]}, "a text stays a text"
    assert value == {"a": [{"id": "1"}]}
    assert put([1], (0,), 5) == [5]
    assert put(1, (), 5) == 5
    with pytest.raises(LookupError):
        put(value, ("b", 0), 5)
