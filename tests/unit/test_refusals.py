"""What forbids a restore, told before the first write; and plans that are not true any more."""

from dataclasses import replace
from typing import Any

import pytest
from django.db import connection

from edms_backup.engines.generic import GenericEngine
from edms_backup.engines.lines import RowComposer
from edms_backup.engines.reading import Row
from edms_backup.errors import (
    MalformedPackage,
    MissingTable,
    NaturalKeyError,
    PlanBlocked,
    PlanStale,
    UnknownModel,
    UsageError,
)
from edms_backup.findings import Finding, Severity
from edms_backup.package import FieldEntry
from edms_backup.restore import pipeline
from edms_backup.restore import target as targets
from edms_backup.restore.report import Mode
from edms_backup.schema.spec import ModelSpec
from tests.unit.conftest import Zoo
from tests.zoo import models as zoo_models
from tests.zoo.portrait import portrait


def refused(zoo: Zoo, mode: Mode = Mode.MERGE, **options: Any) -> dict[str, Finding]:
    """Plan and try to restore; return what forbids it, by code."""
    plan = zoo.plan(mode, **options)
    assert plan.blocked
    with pytest.raises(PlanBlocked) as caught:
        zoo.restore(mode, **options)
    assert caught.value.exit_code == 16
    found = {f.code: f for f in caught.value.findings if f.severity >= Severity.ERROR}
    assert found.keys() == {f.code for f in plan.findings if f.severity >= Severity.ERROR}
    return found


def test_a_model_that_this_site_excludes(zoo: Zoo) -> None:
    zoo_models.Tag.objects.create(code="t")
    zoo.create("zoo.Tag", "zoo.Hall")
    zoo.configure(MODELS={"zoo.Tag": {"exclude": "not any more"}, "zoo.Hall": {"exclude": "nor this"}})
    zoo_models.Tag.objects.all().delete()

    finding = refused(zoo)["unknown_model"]

    assert (finding.model, finding.severity) == ("zoo.Tag", Severity.ERROR)
    assert "not any more" in finding.message
    empty = [f for f in zoo.plan().findings if f.model == "zoo.Hall"]
    assert [(f.code, f.severity) for f in empty] == [("unknown_model", Severity.INFO)]
    with pytest.raises(UsageError):
        zoo.restore(exclude=("zoo.Tag", "zoo.Hall"))


def test_names_that_the_package_does_not_know(zoo: Zoo) -> None:
    zoo.create("zoo.Tag")
    for options in ({"models": ("zoo.Hall",)}, {"exclude": ("nothing",)}):
        with pytest.raises(UnknownModel, match="no rows of"):
            zoo.plan(**options)  # type: ignore[arg-type]
    assert set(zoo.plan(models=("ZOO",)).models) == {"zoo.Tag"}


@pytest.mark.pitfall(73)
@pytest.mark.pitfall(74)
@pytest.mark.pitfall(75)
def test_fields_that_differ(zoo: Zoo, monkeypatch: pytest.MonkeyPatch) -> None:
    zoo_models.Folder.objects.create(code="f")
    zoo.create("zoo.Folder")
    entries = targets.field_entries

    def other(spec: ModelSpec) -> list[FieldEntry]:
        found = {entry.name: entry for entry in entries(spec)}
        parent = found.pop("parent")
        code = replace(found["code"], type="IntegerField")
        return [code, replace(parent, name="mother")]

    monkeypatch.setattr(targets, "field_entries", other)
    plan = zoo.plan()
    found = [(f.code, f.field) for f in plan.findings if f.severity >= Severity.ERROR]
    assert found == [("schema_mismatch", name) for name in ("parent", "mother", "code")]
    with pytest.raises(PlanBlocked, match=r"\(2 more\)"):
        zoo.restore()


def test_types_that_are_written_alike_may_replace_each_other(
    zoo: Zoo, monkeypatch: pytest.MonkeyPatch
) -> None:
    zoo.populate("tree")
    zoo.create()
    entries = targets.field_entries
    kinds = {"CharField": "TextField", "ForeignKey": "OneToOneField"}
    monkeypatch.setattr(
        targets,
        "field_entries",
        lambda spec: [replace(e, type=kinds.get(e.type, e.type), to=e.to.upper()) for e in entries(spec)],
    )
    assert zoo.plan().findings == ()


def test_a_row_that_is_needed_and_not_there(zoo: Zoo) -> None:
    zoo.populate("links")
    zoo_models.Note.objects.create(code="n", subject=zoo_models.Tag.objects.get(code="red"))
    zoo.create("zoo.Article", "zoo.Authorship", "zoo.Note")
    zoo_models.Note.objects.all().delete()
    zoo.depopulate()
    zoo_models.Author.objects.create(code="ann")

    plan = zoo.plan()

    found = {(f.model, f.field, f.key) for f in plan.findings if f.code == "missing_reference"}
    assert ("zoo.Authorship", "author", "bob") in found
    assert {key for model, _, key in found if model in {"zoo.Article", "zoo.Note"}} == {
        "red",
        "green",
        "blue",
    }
    refused(zoo)
    for code in ("bob",):
        zoo_models.Author.objects.create(code=code)
    for code in ("blue", "green", "red"):
        zoo_models.Tag.objects.create(code=code)
    zoo.restore()
    assert zoo_models.Note.objects.get().subject.code == "red"
    assert sorted(t.code for t in zoo_models.Article.objects.get(code="one").tags.all()) == [
        "blue",
        "green",
        "red",
    ]


@pytest.mark.pitfall(12)
def test_an_identifier_that_another_row_has(zoo: Zoo) -> None:
    zoo.configure(NATURAL_KEYS={"zoo.Language": ["name"]})
    zoo_models.Language.objects.create(code="de", name="Deutsch")
    zoo.create("zoo.Language")
    zoo_models.Language.objects.update(name="Dutch")

    finding = refused(zoo)["primary_key_taken"]

    assert (finding.model, finding.key) == ("zoo.Language", "Deutsch")
    assert "primary key de" in finding.message
    zoo.restore(Mode.REPLACE)
    assert zoo_models.Language.objects.get().name == "Deutsch"


def test_an_identifier_that_a_row_that_stays_has(zoo: Zoo) -> None:
    zoo.configure(NATURAL_KEYS={"zoo.Language": ["name"]}, MODELS={"zoo.Language": {"append_only": True}})
    zoo_models.Language.objects.create(code="de", name="Deutsch")
    zoo.create("zoo.Language")
    zoo_models.Language.objects.update(name="Dutch")
    assert refused(zoo, Mode.REPLACE)["primary_key_taken"].key == "Dutch"


def test_two_rows_of_this_site_with_one_key(zoo: Zoo) -> None:
    zoo.populate("declared")
    zoo.create()
    bob = zoo_models.Author.objects.get(code="bob")
    zoo_models.Manual.objects.create(code="how to", author=bob)
    with pytest.raises(NaturalKeyError, match=r"two rows of zoo\.Manual with the natural key bob, how to"):
        zoo.restore()
    zoo.restore(Mode.REPLACE)
    assert zoo_models.Manual.objects.filter(author=bob).count() == 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda fields: fields.pop("code"), "the row with _pk 7 lacks or adds 'code'"),
        (lambda fields: fields.update(extra=1), "the row with _pk 7 lacks or adds 'extra'"),
        (lambda fields: fields.update(tags=None), "'tags' of the row with _pk 7 is no list of references"),
    ],
)
def test_rows_that_no_create_makes_are_refused(
    zoo: Zoo, monkeypatch: pytest.MonkeyPatch, change: Any, message: str
) -> None:
    zoo_models.Article.objects.create(pk=7, code="a")
    compose = RowComposer.__call__

    def row_by_row(self: GenericEngine, *known: Any) -> Any:
        return map(RowComposer(known[0]).line, self.rows(*known))

    def composed(self: RowComposer, row: Row) -> tuple[bytes, bytes]:
        change(row.fields)
        return compose(self, row)

    monkeypatch.setattr(RowComposer, "__call__", composed)
    monkeypatch.setattr(GenericEngine, "lines", row_by_row)
    zoo.create("zoo.Article")
    monkeypatch.undo()
    with pytest.raises(MalformedPackage, match=message):
        zoo.restore()


def test_a_missing_table_ends_it(zoo: Zoo) -> None:
    zoo_models.Hutch.objects.all()
    zoo.create("zoo.Hutch", "zoo.Tag")
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE zoo_hutch")
    with pytest.raises(MissingTable) as failed:
        zoo.restore()
    assert [f.code for f in failed.value.findings] == ["missing_table"]
    zoo.restore(models=("zoo.Tag",))


@pytest.mark.pitfall(87)
@pytest.mark.parametrize("change", ["row", "value", "nothing", "mode", "scope"])
def test_a_plan_that_was_shown_holds_as_long_as_nothing_changes(zoo: Zoo, change: str) -> None:
    zoo_models.Tag.objects.create(code="t")
    zoo_models.Hall.objects.create(code="h")
    zoo.create("zoo.Tag", "zoo.Hall")
    zoo_models.Tag.objects.all().delete()
    digest = zoo.plan().digest
    mode, models = Mode.MERGE, ()
    if change == "row":
        zoo_models.Hall.objects.create(code="newer")
    elif change == "value":
        zoo_models.Hall.objects.update(code="other")
    elif change == "mode":
        mode = Mode.REPLACE
    elif change == "scope":
        models = ("zoo.Tag",)

    if change == "nothing":
        assert zoo.restore(plan_digest=digest).plan_digest == digest
        assert zoo_models.Tag.objects.exists()
        return
    before = portrait(("zoo.Tag", "zoo.Hall"), keys=True)
    with pytest.raises(PlanStale) as stale:
        zoo.restore(mode, models=models, plan_digest=digest)
    assert (stale.value.code, stale.value.exit_code) == ("plan_stale", 16)
    assert portrait(("zoo.Tag", "zoo.Hall"), keys=True) == before


@pytest.mark.pitfall(56)
def test_several_databases_are_worth_a_warning() -> None:
    class Two:
        aliases = ("a", "b")

    finding = pipeline._several_databases(Two())  # type: ignore[arg-type]
    assert (finding.code, finding.severity) == ("several_databases", Severity.WARNING)
    assert "a, b" in finding.message


def test_samples_name_rows_by_their_keys(zoo: Zoo) -> None:
    for number in range(7):
        zoo_models.Tag.objects.create(code=f"tag {number}")
    zoo_models.Reading.objects.create(code="r")
    zoo.create("zoo.Tag", "zoo.Reading")
    zoo_models.Tag.objects.all().delete()
    zoo_models.Reading.objects.all().delete()
    zoo_models.Tag.objects.create(code="newer")
    plan = zoo.plan(Mode.REPLACE)
    assert plan.samples["zoo.Tag"] == {
        "inserted": [f"tag {number}" for number in range(5)],
        "deleted": ["newer"],
    }
    (shown,) = plan.samples["zoo.Reading"]["inserted"]
    assert shown.startswith("(content ")
    assert set(plan.engines) == {"default"}
