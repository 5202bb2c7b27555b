"""Single cases that once went wrong, or would without a test."""

import uuid

import pytest
from django.contrib.contenttypes.models import ContentType
from django.core import serializers
from django.db import connection

from edms_backup.create.report import CreateRequest
from edms_backup.errors import DumpFailed, PlanBlocked
from edms_backup.restore.report import Mode, Outcome
from tests.unit.conftest import Zoo
from tests.zoo import models as zoo_models
from tests.zoo.portrait import portrait


def test_a_link_whose_owner_is_gone_hides_no_other_link(zoo: Zoo) -> None:
    """Links are read beside the rows: one that belongs to no row must not stop those after it."""
    zoo.populate("links")
    through = zoo_models.Article.tags.through
    first = zoo_models.Article.objects.order_by("pk").first()
    before = portrait(("zoo.Article",))
    with connection.constraint_checks_disabled():
        stray = through.objects.create(article_id=first.pk - 1, tag_id=zoo_models.Tag.objects.first().pk)
        zoo.create()
        stray.delete()
    zoo.depopulate()

    zoo.restore()

    assert portrait(("zoo.Article",)) == before


RUBBISH = ["9" * 30, "-1", "rubbish", "", "1.5", "[1, 2]", "\u0661"]


@pytest.mark.parametrize("model", ["Tag", "Token", "Slot", "Passport", "Reading", "View", "QuietAnimal"])
def test_a_soft_reference_may_hold_rubbish(zoo: Zoo, model: str) -> None:
    kind = ContentType.objects.get(app_label="zoo", model=model.lower())
    for number, object_id in enumerate(RUBBISH):
        zoo_models.SoftNote.objects.create(code=f"note {number}", content_type=kind, object_id=object_id)
    zoo_models.Tag.objects.create(code="tag")
    zoo.create("zoo.SoftNote", "zoo.Tag", "zoo.Reading")
    before = portrait(("zoo.SoftNote",), keys=True)
    zoo_models.SoftNote.objects.all().delete()

    zoo.restore(Mode.REPLACE)

    assert portrait(("zoo.SoftNote",), keys=True) == before


def test_soft_references_of_rows_that_stay_may_hold_rubbish(zoo: Zoo) -> None:
    zoo_models.Tag.objects.create(code="tag")
    zoo.create("zoo.Tag")
    kind = ContentType.objects.get_for_model(zoo_models.Tag)
    for number, object_id in enumerate(RUBBISH):
        zoo_models.SoftNote.objects.create(code=f"note {number}", content_type=kind, object_id=object_id)

    zoo.restore(Mode.REPLACE)

    assert list(zoo_models.SoftNote.objects.order_by("pk").values_list("object_id", flat=True)) == RUBBISH


@pytest.mark.parametrize("form", ["hex", "upper", "urn"])
def test_the_way_an_id_is_written_in_a_text_column_stays(zoo: Zoo, form: str) -> None:
    token = zoo_models.Token.objects.create(uuid=uuid.UUID(int=0xABC << 64), code="t")
    text = {"hex": token.pk.hex, "upper": str(token.pk).upper(), "urn": token.pk.urn}[form]
    kind = ContentType.objects.get_for_model(zoo_models.Token)
    zoo_models.TextNote.objects.create(code="note", content_type=kind, object_id=text)
    zoo.create("zoo.TextNote", "zoo.Token")
    zoo_models.TextNote.objects.all().delete()

    zoo.restore()

    assert zoo_models.TextNote.objects.get().object_id == text


@pytest.mark.pitfall(19)
def test_a_generic_reference_to_a_proxy_follows(zoo: Zoo) -> None:
    animal = zoo_models.QuietAnimal.objects.create(code="mouse")
    zoo_models.Note.objects.create(code="note", subject=animal)
    zoo.create("zoo.Note", "zoo.Animal")
    zoo_models.Animal.objects.all().delete()
    zoo_models.Note.objects.all().delete()
    zoo_models.Animal.objects.create(code="other", pk=animal.pk)

    zoo.restore()

    assert zoo_models.Note.objects.get().subject.code == "mouse"


def test_a_generic_reference_to_a_model_that_stays_at_home_blocks_nothing(zoo: Zoo) -> None:
    zoo.configure(MODELS={"zoo.Tag": {"exclude": "stays at home"}})
    tag = zoo_models.Tag.objects.create(code="tag")
    kind = ContentType.objects.get_for_model(tag)
    gone = str(tag.pk)
    zoo_models.SoftNote.objects.create(code="note", content_type=kind, object_id=gone)
    zoo.create("zoo.SoftNote")
    zoo_models.SoftNote.objects.all().delete()
    tag.delete()

    zoo.restore()

    assert zoo_models.SoftNote.objects.get().object_id == str(
        kind and tag.pk or zoo_models.SoftNote.objects.get().object_id
    )


def test_links_of_rows_that_are_not_restored_follow_moved_rows(zoo: Zoo) -> None:
    zoo.populate("links")
    zoo.create("zoo.Tag")
    zoo.reinitialise()
    before = portrait(("zoo.Article",))

    zoo.restore(Mode.REPLACE)

    assert portrait(("zoo.Article",)) == before


def test_links_of_rows_that_are_not_restored_to_rows_that_go_are_removed(zoo: Zoo) -> None:
    zoo.populate("links")
    zoo.create("zoo.Tag")
    extra = zoo_models.Tag.objects.create(code="extra")
    zoo_models.Article.objects.get(code="two").tags.add(extra)
    before = portrait(("zoo.Article",))
    before = {
        label: [{**row, "tags": [tag for tag in row["tags"] if tag[1] != "extra"]} for row in rows]
        for label, rows in before.items()
    }

    zoo.restore(Mode.REPLACE)

    assert portrait(("zoo.Article",)) == before


@pytest.mark.pitfall(2)
def test_two_rows_with_the_same_called_key_make_no_package_that_cannot_be_restored(zoo: Zoo) -> None:
    for note in ("one", "two"):
        zoo_models.Untraceable.objects.create(code="same", note=note)
    before = portrait(("zoo.Untraceable",), keys=True)
    try:
        zoo.create("zoo.Untraceable")
    except DumpFailed:
        return
    zoo_models.Untraceable.objects.all().delete()

    zoo.restore()

    assert portrait(("zoo.Untraceable",), keys=True) == before


def test_a_reference_to_a_row_whose_key_is_null_is_not_taken_for_another_row(zoo: Zoo) -> None:
    zoo.configure(NATURAL_KEYS={"zoo.Nickname": ["name"]})
    nameless = zoo_models.Nickname.objects.create(code="nameless")
    zoo_models.NicknameUse.objects.create(code="use", nickname=nameless)
    zoo.create("zoo.Nickname", "zoo.NicknameUse")
    zoo_models.NicknameUse.objects.all().delete()
    zoo_models.Nickname.objects.all().delete()
    zoo_models.Nickname.objects.create(pk=nameless.pk, code="stranger", name="stranger")

    zoo.restore()

    assert zoo_models.NicknameUse.objects.get().nickname.code == "nameless"


TRAIL = {"zoo.AuditLine": {"append_only": True}, "zoo.AuditDetail": {"append_only": True}}


def _later_lines() -> None:
    later = zoo_models.AuditLine.objects.create(code="later", hall=zoo_models.Hall.objects.get(code="south"))
    later.halls.set(zoo_models.Hall.objects.all())
    zoo_models.AuditDetail.objects.create(line=later, code="later detail")


def test_what_a_trail_gained_since_survives_a_replace_and_follows(zoo: Zoo) -> None:
    zoo.configure(MODELS=TRAIL)
    zoo.populate("trail")
    zoo.create()
    zoo.reinitialise()
    _later_lines()
    wanted = portrait(zoo.labels)

    zoo.restore(Mode.REPLACE)

    assert portrait(zoo.labels) == wanted


def test_a_survivor_makes_room_for_a_row_of_the_package(zoo: Zoo) -> None:
    zoo.configure(MODELS=TRAIL)
    zoo.populate("trail")
    zoo.create()
    key = zoo_models.AuditLine.objects.get().pk
    zoo.depopulate()
    for code in ("north", "south"):
        zoo_models.Hall.objects.create(code=code)
    line = zoo_models.AuditLine.objects.create(
        pk=key, code="later", hall=zoo_models.Hall.objects.get(code="south")
    )
    line.halls.set(zoo_models.Hall.objects.all())
    zoo_models.AuditDetail.objects.create(line=line, code="later detail")

    zoo.restore(Mode.REPLACE)

    assert zoo_models.AuditLine.objects.get(pk=key).code == "opened"
    later = zoo_models.AuditLine.objects.get(code="later")
    assert later.hall.code == "south"
    assert sorted(hall.code for hall in later.halls.all()) == ["north", "south"]
    assert later.auditdetail.code == "later detail"


@pytest.mark.parametrize("with_detail", [False, True])
def test_an_undo_takes_back_what_a_trail_gained_since(zoo: Zoo, with_detail: bool) -> None:
    zoo.configure(MODELS=TRAIL)
    zoo.populate("trail")
    zoo.package = zoo.service.create(CreateRequest(files=False)).package
    before = portrait(zoo.labels, keys=True)
    zoo.restore(Mode.REPLACE, safety_package=True)
    if with_detail:
        _later_lines()
    else:
        zoo_models.AuditLine.objects.create(code="later")

    report = zoo.service.undo()

    assert report.outcome is Outcome.COMMITTED
    assert portrait(zoo.labels, keys=True) == before


def test_the_two_halves_of_natural_keys_understand_each_other(zoo: Zoo) -> None:
    """Stock dumpdata and loaddata with models that inherit from NaturalKeyModel."""
    zoo.populate("declared")
    before = portrait(zoo.labels)
    objects = [
        row
        for model in (
            zoo_models.Author,
            zoo_models.Writer,
            zoo_models.Book,
            zoo_models.Appendix,
            zoo_models.Manual,
            zoo_models.ManualUse,
        )
        for row in model.objects.order_by("pk")
    ]
    text = serializers.serialize(
        "json", objects, use_natural_foreign_keys=True, use_natural_primary_keys=True
    )
    zoo.depopulate()

    waiting = []
    for loaded in serializers.deserialize("json", text, handle_forward_references=True):
        loaded.save()
        waiting.extend([loaded] if loaded.deferred_fields else [])
    for loaded in waiting:
        loaded.save_deferred_fields()

    assert portrait(zoo.labels) == before


def test_many_equal_rows_take_no_time(zoo: Zoo) -> None:
    zoo_models.Reading.objects.bulk_create(zoo_models.Reading(code="same") for _ in range(3000))
    zoo.create("zoo.Reading")
    zoo_models.Reading.objects.filter(pk__lte=zoo_models.Reading.objects.first().pk + 1500).delete()

    report = zoo.restore()

    counts = report.models["zoo.Reading"]
    assert (counts.expected, counts.inserted, counts.after) == (3000, 1501, 3000)


def test_a_reference_that_would_break_forbids_a_replace(zoo: Zoo) -> None:
    zoo_models.Language.objects.create(code="en")
    zoo.create("zoo.Language")
    zoo_models.Language.objects.create(code="la")
    zoo_models.Phrase.objects.create(code="ave", language_id="la")

    with pytest.raises(PlanBlocked) as refused:
        zoo.restore(Mode.REPLACE)

    assert "reference_would_break" in {finding.code for finding in refused.value.findings}
    assert zoo_models.Language.objects.filter(code="la").exists()


def test_a_cleared_reference_is_told(zoo: Zoo) -> None:
    zoo.populate("trail")
    zoo.create("zoo.Hall")
    zoo_models.AuditLine.objects.create(code="line", hall=zoo_models.Hall.objects.create(code="east"))

    report = zoo.restore(Mode.REPLACE)

    assert zoo_models.AuditLine.objects.get(code="line").hall is None
    assert "reference_cleared" in {finding.code for finding in report.findings}
