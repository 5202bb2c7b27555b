"""Every id of the system checks, and every code of the audit, is reached by some model."""

from typing import Any

import django
import pytest
from django.core import checks
from django.core.management import CommandError, call_command
from django.db import connection, models
from django.test.utils import isolate_apps

from edms_backup.checks import _IDS, check_jobs, check_natural_keys, check_settings
from edms_backup.findings import Finding, Severity
from edms_backup.naturalkeys import KeyRegistry
from edms_backup.naturalkeys.audit import audit_all, audit_model, audit_rows
from tests.unit.conftest import Zoo
from tests.zoo import models as zoo_models


def codes(model: type[models.Model], **declarations: tuple[str, ...]) -> dict[str, Finding]:
    """Audit a model without looking at rows; declarations by label with ``__`` for the point."""
    registry = KeyRegistry({label.replace("__", "."): fields for label, fields in declarations.items()})
    return {finding.code: finding for finding in audit_all([(model, "default")], registry, rows=False)}


@pytest.mark.pitfall(97)
@pytest.mark.parametrize(
    ("model", "code", "severity"),
    [
        (zoo_models.Reading, "keyless_model", Severity.INFO),
        (zoo_models.Clocked, "key_holds_clock", Severity.INFO),
        (zoo_models.Manual, "key_not_unique", Severity.WARNING),
        (zoo_models.WithId, "key_method_unusable", Severity.WARNING),
        (zoo_models.EmptyKey, "key_method_unusable", Severity.WARNING),
        (zoo_models.ByForeignId, "key_method_unusable", Severity.WARNING),
        (zoo_models.Untraceable, "key_by_method", Severity.WARNING),
        (zoo_models.OnModel, "key_not_on_manager", Severity.WARNING),
        (zoo_models.ByProperty, "key_not_on_manager", Severity.WARNING),
    ],
)
def test_what_a_class_tells(model: type[models.Model], code: str, severity: Severity) -> None:
    finding = codes(model)[code]
    assert finding.severity is severity
    assert finding.model == model._meta.label
    assert model._meta.label in finding.message
    assert finding.hint


@pytest.mark.parametrize(
    "model", [zoo_models.Tag, zoo_models.Author, zoo_models.Book, zoo_models.Writer, zoo_models.Traced]
)
def test_a_good_key_is_nothing_to_talk_about(model: type[models.Model]) -> None:
    assert codes(model) == {}


def test_a_nullable_column_in_a_declared_key() -> None:
    found = codes(zoo_models.Nickname, zoo__nickname=("name",))
    assert found.keys() == {"key_not_unique", "key_nullable", "key_without_index"}
    assert found["key_without_index"].severity is Severity.INFO
    assert "zoo_nickname begins with name" in found["key_without_index"].message
    assert "fields=['name']" in found["key_without_index"].hint


def test_the_messages_say_what_is_used_instead() -> None:
    assert "code (constraint) is used instead" in codes(zoo_models.EmptyKey)["key_method_unusable"].message
    assert "contains the primary key" in codes(zoo_models.WithId)["key_method_unusable"].message
    assert "row by row" in codes(zoo_models.Untraceable)["key_by_method"].message
    assert "where Django never calls it" in codes(zoo_models.OnModel)["key_not_on_manager"].message
    assert "missing" in codes(zoo_models.ByProperty)["key_not_on_manager"].message


@pytest.mark.pitfall(97)
@isolate_apps("tests.zoo")
def test_a_method_that_names_nothing_leaves_the_content() -> None:
    class Nobody(models.Model):
        code = models.CharField(max_length=9)

        def natural_key(self) -> tuple[int]:
            return (self.pk,)

        class Meta:
            app_label = "zoo"

    found = {finding.code: finding for finding in audit_model(Nobody, KeyRegistry().of(Nobody))}
    assert "the content of the row is used instead" in found["key_method_unusable"].message
    assert "keyless_model" in found


@isolate_apps("tests.zoo")
def test_a_time_stamp_as_primary_key_is_a_clock_too() -> None:
    class Tick(models.Model):
        at = models.DateTimeField(primary_key=True)

        class Meta:
            app_label = "zoo"

    assert {finding.code for finding in audit_model(Tick, KeyRegistry().of(Tick))} == {"key_holds_clock"}


def test_what_rows_tell(zoo: Zoo) -> None:
    zoo.configure(NATURAL_KEYS={"zoo.Nickname": ["name"], "zoo.Reading": ["code"], "zoo.Pin": ["pk"]})
    for code in ("a", "a", "a", "b"):
        zoo_models.Reading.objects.create(code=code)
    for name in ("n", None, None):
        zoo_models.Nickname.objects.create(code="c", name=name)
    zoo_models.Hidden.objects.create(code="seen")
    zoo_models.Hidden.objects.create(code="unseen", deleted=True)
    zoo_models.Pin.objects.create(code="p")

    report = zoo.service.check()

    found = {(f.model, f.code): f for f in report.findings}
    assert found["zoo.Reading", "ambiguous_key"].count == 2
    assert found["zoo.Reading", "ambiguous_key"].severity is Severity.DEFECT
    assert found["zoo.Nickname", "key_is_null"].count == 2
    assert found["zoo.Hidden", "default_manager_hides"].count == 1
    assert ("zoo.Reading", "key_without_index") in found
    assert ("zoo.Nickname", "key_without_index") in found
    assert ("zoo.Manual", "key_without_index") not in found, "a foreign key has an index"
    assert ("zoo.Pin", "key_without_index") not in found, "a primary key has one as well"
    assert report.exit_code == 3
    assert report.models == len(zoo.service._inventory().included())
    assert report.to_dict()["ok"] is False


def test_rows_of_keyless_models_have_nothing_to_tell(zoo: Zoo) -> None:
    for model in (zoo_models.Node, zoo_models.Untraceable):
        assert list(audit_rows(model, "default", KeyRegistry().of(model))) == []


def test_a_fine_site_is_fine(zoo: Zoo) -> None:
    zoo.configure(MODELS={"zoo.Hidden": {"exclude": "hides"}})
    report = zoo.service.check()
    assert report.exit_code == 0
    assert report.to_dict()["ok"] is True


def test_a_missing_table_makes_the_check_fail_and_stops_nothing_else(zoo: Zoo) -> None:
    zoo_models.Hidden.objects.create(code="unseen", deleted=True)
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE zoo_hutch")

    report = zoo.service.check()

    assert [f.code for f in report.findings if f.model == "zoo.Hutch"] == ["missing_table"]
    assert report.exit_code == 15
    assert any(f.code == "default_manager_hides" for f in report.findings)


def test_the_inventory_softens_what_stays_at_home(zoo: Zoo) -> None:
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE zoo_hutch")
        cursor.execute("CREATE TABLE leftover (id INTEGER)")
    report = zoo.service.inventory()
    assert report.exit_code == 15
    entries = {entry.label: entry for entry in report.models}
    assert (entries["zoo.Hutch"].rows, entries["zoo.View"].rows, entries["zoo.Tag"].rows) == (None, None, 0)
    assert {(f.code, f.severity) for f in report.findings} == {
        ("missing_table", Severity.ERROR),
        ("table_without_model", Severity.WARNING),
    }
    assert entries["zoo.Untraceable"].key == "natural_key()"
    assert entries["zoo.Reading"].key == "-"
    assert entries["zoo.Flag"].relations == ["reading → zoo.Reading?"]
    assert entries["zoo.Pin"].many_to_many == ["readings ⇄ zoo.Reading"]
    assert entries["zoo.UuidNote"].generics == ["subject (kind, ident)"]

    zoo.configure(MODELS={"zoo.Hutch": {"exclude": "not here"}})
    softened = zoo.service.inventory()
    assert softened.exit_code == 0
    assert {f.severity for f in softened.findings} == {Severity.WARNING}
    document = softened.to_dict()
    assert {entry["label"]: entry for entry in document["models"]}["zoo.Hutch"]["reason"] == "not here"
    assert len(document["findings"]) == 2


@pytest.mark.pitfall(93)
def test_tables_that_take_no_part_in_transactions_are_told(zoo: Zoo, monkeypatch: pytest.MonkeyPatch) -> None:
    from edms_backup.engines.sqlite import SQLiteEngine

    monkeypatch.setattr(
        SQLiteEngine, "volatile_tables", lambda self, specs: [(specs[0].table, "MEMORY")], raising=True
    )
    assert [f.code for f in zoo.service.check().findings].count("volatile_table") == 1


# -- Django's checks -------------------------------------------------------------------------------


def said(settings: Any) -> dict[str, list[checks.CheckMessage]]:
    """Return what both checks say, by id."""
    messages = [*check_settings(None), *check_natural_keys(None)]
    return {one.id: [m for m in messages if m.id == one.id] for one in messages}


def test_every_id_is_reached(settings: Any) -> None:
    settings.EDMS_BACKUP = {**settings.EDMS_BACKUP, "NATURAL_KEYS": {"zoo.Nickname": ["name"]}}
    found = said(settings)
    assert set(found) == set(_IDS.values())
    for id_, messages in found.items():
        letter = {checks.INFO: "I", checks.WARNING: "W"}[messages[0].level]
        assert id_.startswith(f"edms_backup.{letter}")
        assert {message.level for message in messages} == {messages[0].level}
        assert all(message.hint and message.obj for message in messages)


def test_wrong_declarations_and_wrong_settings(settings: Any) -> None:
    settings.EDMS_BACKUP = {"NATURAL_KEYS": {"zoo.Tag": ["colour"]}}
    (message,) = said(settings)["edms_backup.E002"]
    assert "names colour" in message.msg
    assert message.level == checks.ERROR
    settings.EDMS_BACKUP = {"NATURAL_KEYS": {"zoo.Gone": ["x"]}, "COMPRESION": "auto"}
    found = said(settings)
    assert set(found) == {"edms_backup.E001"}, "nothing can be said of keys where settings are wrong"
    assert any("COMPRESION" in m.msg for m in found["edms_backup.E001"])


def test_check_and_check_deploy(settings: Any, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("check", "--tag", "edms_backup")
    quiet = capsys.readouterr()
    assert "I016" not in quiet.out + quiet.err
    call_command("check", "--tag", "edms_backup", "--deploy")
    loud = capsys.readouterr()
    assert "edms_backup.I016" in loud.out + loud.err
    settings.EDMS_BACKUP = {"NATURAL_KEYS": {"zoo.Tag": ["colour"]}}
    with pytest.raises(CommandError, match=r"edms_backup\.E002"):
        call_command("check", "--tag", "edms_backup", "--deploy")
    settings.EDMS_BACKUP = {"TYPO": 1}
    with pytest.raises(CommandError, match=r"edms_backup\.E001"):
        call_command("check", "--tag", "edms_backup")


def _ids(zoo: Zoo, **keys: Any) -> list[str]:
    zoo.configure(**keys)
    return [str(found.id) for found in check_jobs(None)]


def test_the_worker_is_looked_at(zoo: Zoo, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from edms_backup import checks as own

    assert _ids(zoo, JOBS="process") == []
    assert _ids(zoo, JOBS="celery") == ["edms_backup.W021"]
    monkeypatch.setattr(own, "_is_temporary", lambda directory: False)
    assert _ids(zoo, JOBS="celery") == []
    assert _ids(zoo, JOBS="no.such.function") == ["edms_backup.E003"]
    assert _ids(zoo, JOBS="tasks") == ["edms_backup.W020"]  # what Django does when TASKS says nothing
    assert _ids(zoo, JOBS="tasks:nobody") == ["edms_backup.E003"]
    module = "django.tasks" if django.VERSION >= (6,) else "django_tasks"
    settings.TASKS = {
        "default": {"BACKEND": f"{module}.backends.dummy.DummyBackend"},
        "wrong": {"BACKEND": "no.such.Backend"},
    }
    assert _ids(zoo, JOBS="tasks") == ["edms_backup.W020"]
    assert _ids(zoo, JOBS="tasks:wrong") == ["edms_backup.E003"]
    assert _ids(zoo, JOBS=5) == []  # E001 says it already
