"""When the load does not do what the plan says, the validator notices, names the place, and nothing stays."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection

from edms_backup.engines.base import BrokenReference, TargetRow
from edms_backup.engines.generic import GenericEngine
from edms_backup.errors import LoadFailed, ValidationFailed
from edms_backup.findings import Finding
from edms_backup.restore import journal as journals
from edms_backup.restore.journal import all_journals
from edms_backup.restore.report import Mode
from edms_backup.schema import ModelSpec
from tests.unit.conftest import Zoo
from tests.zoo import models as zoo_models
from tests.zoo.portrait import Portrait, portrait

on_sqlite = pytest.mark.skipif(connection.vendor != "sqlite", reason="the trigger is written for SQLite")
LABELS = ("zoo.Article", "zoo.Author", "zoo.Authorship", "zoo.Tag")
Insert = Callable[[GenericEngine, ModelSpec, list[TargetRow]], None]


@pytest.fixture
def links(zoo: Zoo) -> Zoo:
    """Give a zoo with a package, whose articles and tags have changed since."""
    zoo.populate("links")
    zoo.create()
    zoo_models.Article.objects.get(code="one").delete()
    zoo_models.Tag.objects.create(code="newer")
    return zoo


def failing(zoo: Zoo, mode: Mode, error: type[Exception] = ValidationFailed) -> tuple[Finding, ...]:
    """Restore, expect it to fail, see that everything is as before, and return the findings."""
    before: Portrait = portrait(LABELS, keys=True)
    with pytest.raises(error) as failed:
        zoo.restore(mode)
    assert failed.value.exit_code == 18  # type: ignore[attr-defined]
    assert portrait(LABELS, keys=True) == before
    assert all(
        j.record.state == journals.ROLLED_BACK for j in all_journals(zoo.service.settings.state_directory)
    )
    return failed.value.findings  # type: ignore[attr-defined,no-any-return]


def told(findings: tuple[Finding, ...]) -> dict[str, tuple[str, str, str]]:
    return {f.code: (f.model, f.key, f.field) for f in findings}


def sabotage(monkeypatch: pytest.MonkeyPatch, change: Callable[[ModelSpec, list[TargetRow]], Any]) -> None:
    """Let ``change`` see every batch before it is inserted; what it returns, if anything, is inserted instead."""
    insert: Insert = GenericEngine.insert

    def wrong(self: GenericEngine, spec: ModelSpec, rows: list[TargetRow]) -> None:
        changed = change(spec, rows)
        insert(self, spec, rows if changed is None else changed)

    monkeypatch.setattr(GenericEngine, "insert", wrong)


@pytest.mark.parametrize("mode", Mode)
def test_a_row_that_is_not_written(links: Zoo, mode: Mode, monkeypatch: pytest.MonkeyPatch) -> None:
    sabotage(monkeypatch, lambda spec, rows: rows[1:] if spec.label == "zoo.Authorship" else None)

    found = told(failing(links, mode))

    assert found["row_missing"] == ("zoo.Authorship", "one, ann", "")
    assert found["count_differs"][0] == found["digest_differs"][0] == "zoo.Authorship"


@pytest.mark.pitfall(94)
@pytest.mark.parametrize("mode", Mode)
def test_a_value_that_is_altered(links: Zoo, mode: Mode, monkeypatch: pytest.MonkeyPatch) -> None:
    def alter(spec: ModelSpec, rows: list[TargetRow]) -> None:
        for row in rows if spec.label == "zoo.Authorship" else ():
            row.values["share"] += 1 if row.name == "one, bob" else 0

    sabotage(monkeypatch, alter)

    findings = failing(links, mode)

    assert told(findings)["row_differs"] == ("zoo.Authorship", "one, bob", "share")
    (text,) = [f.message for f in findings if f.code == "row_differs"]
    assert "share" in text
    assert "41" not in text, "what a row holds is nobody's business"


def test_a_link_that_gets_lost(links: Zoo, monkeypatch: pytest.MonkeyPatch) -> None:
    def alter(spec: ModelSpec, rows: list[TargetRow]) -> None:
        for row in rows if spec.label == "zoo.Article" else ():
            row.links["tags"] = row.links["tags"][1:]

    sabotage(monkeypatch, alter)
    assert told(failing(links, Mode.MERGE))["row_differs"] == ("zoo.Article", "one", "tags")


def test_a_row_under_another_key(links: Zoo, monkeypatch: pytest.MonkeyPatch) -> None:
    def alter(spec: ModelSpec, rows: list[TargetRow]) -> None:
        for row in rows if spec.label == "zoo.Authorship" else ():
            row.pk += 1000

    sabotage(monkeypatch, alter)
    assert told(failing(links, Mode.MERGE))["row_wrong_key"][0] == "zoo.Authorship"


def test_a_row_that_nobody_announced(links: Zoo, monkeypatch: pytest.MonkeyPatch) -> None:
    def add(spec: ModelSpec, rows: list[TargetRow]) -> None:
        if spec.label == "zoo.Article":
            zoo_models.Tag.objects.create(code="stowaway")

    sabotage(monkeypatch, add)
    found = told(failing(links, Mode.MERGE))
    assert found["row_unexpected"] == ("zoo.Tag", "stowaway", "")
    assert found["count_differs"] == ("zoo.Tag", "", "")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda: zoo_models.Tag.objects.filter(code="newer").delete(), "row_lost"),
        (lambda: zoo_models.Tag.objects.filter(code="newer").update(code="renamed"), "row_lost"),
    ],
)
def test_a_row_of_the_site_that_goes(
    links: Zoo, monkeypatch: pytest.MonkeyPatch, change: Callable[[], object], code: str
) -> None:
    def alter(spec: ModelSpec, rows: list[TargetRow]) -> None:
        if spec.label == "zoo.Article":
            change()

    sabotage(monkeypatch, alter)
    assert told(failing(links, Mode.MERGE))[code] == ("zoo.Tag", "newer", "")


def test_a_row_of_the_site_that_is_changed(links: Zoo, monkeypatch: pytest.MonkeyPatch) -> None:
    two = zoo_models.Article.objects.create(code="newer")

    def alter(spec: ModelSpec, rows: list[TargetRow]) -> None:
        if spec.label == "zoo.Authorship":
            two.tags.set(zoo_models.Tag.objects.all())

    sabotage(monkeypatch, alter)
    assert told(failing(links, Mode.MERGE))["row_touched"] == ("zoo.Article", "newer", "")


def test_a_row_that_should_have_gone(links: Zoo, monkeypatch: pytest.MonkeyPatch) -> None:
    delete = GenericEngine.delete
    monkeypatch.setattr(
        GenericEngine, "delete", lambda self, spec, pks: spec.label == "zoo.Tag" or delete(self, spec, pks)
    )
    assert told(failing(links, Mode.REPLACE))["row_survived"] == ("zoo.Tag", "newer", "")


def test_two_rows_with_one_key(zoo: Zoo, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no constraint watches over the key."""
    zoo.populate("declared")
    zoo.create()
    zoo_models.Manual.objects.filter(author__code="bob").delete()

    def double(spec: ModelSpec, rows: list[TargetRow]) -> list[TargetRow]:
        extra = [TargetRow(pk=r.pk + 1000, values=r.values, key=r.key) for r in rows]
        return [*rows, *extra] if spec.label == "zoo.Manual" else rows

    sabotage(monkeypatch, double)
    with pytest.raises(ValidationFailed) as failed:
        zoo.restore()
    assert "row_twice" in told(failed.value.findings)
    assert zoo_models.Manual.objects.count() == 1


def test_a_keyless_row_that_is_altered(zoo: Zoo, monkeypatch: pytest.MonkeyPatch) -> None:
    zoo.populate("twins")
    zoo.create()
    zoo.depopulate()

    def alter(spec: ModelSpec, rows: list[TargetRow]) -> None:
        if spec.label == "zoo.Reading":
            rows[0].values["value"] = 77

    sabotage(monkeypatch, alter)
    with pytest.raises(ValidationFailed) as failed:
        zoo.restore()
    found = told(failed.value.findings)
    assert found["row_missing"][0] == found["row_unexpected"][0] == "zoo.Reading"
    assert not zoo_models.Reading.objects.exists()


def test_an_update_that_changes_nothing(links: Zoo, monkeypatch: pytest.MonkeyPatch) -> None:
    zoo_models.Article.objects.get(code="two").tags.set(zoo_models.Tag.objects.all())
    monkeypatch.setattr(GenericEngine, "update", lambda self, spec, rows: None)
    assert told(failing(links, Mode.MERGE))["row_differs"] == ("zoo.Article", "two", "tags, kin")


@on_sqlite
def test_a_trigger_that_changes_what_is_written(links: Zoo) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE TRIGGER meddle AFTER INSERT ON zoo_authorship BEGIN "
            "UPDATE zoo_authorship SET share = 1 WHERE id = NEW.id; END"
        )
    findings = failing(links, Mode.MERGE)
    assert {(f.model, f.key, f.field) for f in findings if f.code == "row_differs"} == {
        ("zoo.Authorship", "one, ann", "share"),
        ("zoo.Authorship", "one, bob", "share"),
    }


@pytest.mark.pitfall(41)
@on_sqlite
@pytest.mark.parametrize(("table", "where"), [("authorship", "one, ann … one, bob"), ("article_tags", "one")])
def test_a_trigger_that_refuses_an_insert(links: Zoo, table: str, where: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            f"CREATE TRIGGER refuse BEFORE INSERT ON zoo_{table} BEGIN SELECT RAISE(ABORT, 'not here'); END"
        )
    before = portrait(LABELS, keys=True)
    with pytest.raises(LoadFailed, match="not here") as failed:
        links.restore()
    assert portrait(LABELS, keys=True) == before
    assert f"({where}" in failed.value.message


@pytest.mark.pitfall(41)
@on_sqlite
@pytest.mark.parametrize("table", ["zoo_tag", "zoo_article_tags"])
def test_a_trigger_that_refuses_a_delete(links: Zoo, table: str) -> None:
    zoo_models.Article.objects.get(code="two").tags.set(zoo_models.Tag.objects.all())
    with connection.cursor() as cursor:
        cursor.execute(
            f"CREATE TRIGGER refuse BEFORE DELETE ON {table} BEGIN SELECT RAISE(ABORT, 'not here'); END"
        )
    failing(links, Mode.REPLACE, LoadFailed)


@on_sqlite
def test_a_refused_update_names_model_and_key(zoo: Zoo) -> None:
    zoo.populate("tree")
    zoo.create()
    zoo_models.Folder.objects.filter(code="tip").update(parent=None)
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE TRIGGER refuse BEFORE UPDATE ON zoo_folder BEGIN SELECT RAISE(ABORT, 'not here'); END"
        )
    with pytest.raises(LoadFailed, match=r"zoo\.Folder tip: not here"):
        zoo.restore()
    assert zoo_models.Folder.objects.get(code="tip").parent is None


def test_a_row_that_goes_before_it_is_updated(zoo: Zoo, monkeypatch: pytest.MonkeyPatch) -> None:
    zoo.populate("tree")
    zoo.create()
    zoo_models.Folder.objects.filter(code="tip").update(parent=None)
    update = GenericEngine.update

    def gone(self: GenericEngine, spec: ModelSpec, rows: list[TargetRow]) -> None:
        zoo_models.Folder.objects.filter(code="tip").delete()
        update(self, spec, rows)

    monkeypatch.setattr(GenericEngine, "update", gone)
    with pytest.raises(LoadFailed, match=r"zoo\.Folder tip was to be updated but is no longer there"):
        zoo.restore()
    assert zoo_models.Folder.objects.filter(code="tip").exists()


@pytest.mark.pitfall(91)
def test_a_reference_that_points_at_nothing_after_the_load(
    links: Zoo, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = BrokenReference(label="zoo.Authorship", field="author", pk=5, value=99)
    monkeypatch.setattr(GenericEngine, "broken_references", lambda self, specs: [broken])
    assert told(failing(links, Mode.MERGE))["broken_reference"] == ("zoo.Authorship", "pk=5", "author")


@pytest.mark.pitfall(92)
def test_dangling_references_are_found_by_the_engine(zoo: Zoo) -> None:
    zoo.populate("links")
    with connection.constraint_checks_disabled():
        tag = zoo_models.Tag.objects.first()
        zoo_models.Tag.objects.filter(pk=tag.pk)._raw_delete("default")
        author = zoo_models.Author.objects.get(code="ann")
        zoo_models.Author.objects.filter(pk=author.pk)._raw_delete("default")
        report = zoo.create()
        zoo.depopulate()
        assert {(f.model, f.field, f.count) for f in report.findings} == {
            ("zoo.Article", "tags", 1),
            ("zoo.Authorship", "author", 1),
        }
        with pytest.raises(ValidationFailed) as failed:
            zoo.restore()
    found = [(f.model, f.field) for f in failed.value.findings if f.code == "broken_reference"]
    assert set(found) == {("zoo.Article_tags", "tag"), ("zoo.Authorship", "author")}
    assert not zoo_models.Article.objects.exists()


@pytest.mark.pitfall(95)
def test_an_orphan_whose_column_nobody_watches_comes_back_as_it_was(zoo: Zoo) -> None:
    zoo_models.Orphan.objects.create(code="o", tag_id=12345)
    report = zoo.create("zoo.Orphan", "zoo.Tag")
    assert [f.code for f in report.findings] == ["dangling_reference"]
    zoo_models.Orphan.objects.all().delete()
    zoo.restore()
    assert zoo_models.Orphan.objects.get().tag_id == 12345
