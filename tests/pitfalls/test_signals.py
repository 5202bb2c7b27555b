"""Pitfalls 36 to 42 and 98: nothing of the host runs while rows are loaded, and nothing is switched off for it."""

import datetime
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.core import mail
from django.db import connection, transaction
from django.db.models import signals

from edms_backup.errors import EdmsBackupError, ValidationFailed
from edms_backup.events import Event, StepStarted
from edms_backup.restore.report import Mode
from edms_backup.service import BackupService
from tests.unit.conftest import Zoo
from tests.zoo import models as animals
from tests.zoo.portrait import portrait

ALL = {
    name: getattr(signals, name)
    for name in ("pre_init", "post_init", "pre_save", "post_save", "pre_delete", "post_delete", "m2m_changed")
}


@contextmanager
def connected(receive: Callable[..., Any], *names: str, sender: Any = None) -> Iterator[None]:
    """Connect a receiver for a ``with`` block; it must be connected still at its end."""
    for name in names:
        ALL[name].connect(receive, sender=sender, dispatch_uid="pitfall")
    try:
        yield
    finally:
        assert [ALL[name].disconnect(sender=sender, dispatch_uid="pitfall") for name in names] == [
            True
        ] * len(names)


@pytest.mark.pitfall(36)
@pytest.mark.pitfall(37)
@pytest.mark.pitfall(98)
@pytest.mark.parametrize("mode", Mode)
def test_no_receiver_is_called(lone_zoo: Zoo, mode: Mode) -> None:
    lone_zoo.populate("links")
    lone_zoo.create()
    before = portrait(lone_zoo.labels)
    lone_zoo.reinitialise()
    animals.Article.objects.get(code="one").delete()
    animals.Tag.objects.create(code="newer")
    animals.Author.objects.filter(code="ann").delete()

    def crash(sender: Any, **kwargs: Any) -> None:
        if sender._meta.app_label == "zoo" or kwargs.get("action"):
            raise AssertionError(f"called for {sender}")

    with connected(crash, *(name for name in ALL if not name.endswith("init"))):
        lone_zoo.restore(mode)
        with pytest.raises(AssertionError, match="called for"):
            animals.Tag.objects.create(code="by a person")

    animals.Tag.objects.filter(code="newer").delete()
    assert portrait(lone_zoo.labels) == before


@pytest.mark.pitfall(36)
@pytest.mark.pitfall(42)
def test_receivers_that_make_rows_make_none(zoo: Zoo) -> None:
    """A profile for each new member and a line of history for each change, as many sites have them."""
    lone = animals.Team.objects.create(code="crew")

    def keep_history(sender: Any, instance: Any, **kwargs: Any) -> None:
        animals.Reading.objects.create(code=f"history of {instance.code}")
        if kwargs.get("created"):
            animals.Passport.objects.create(holder=instance, code="made by the receiver")

    labels = ("zoo.Team", "zoo.Member", "zoo.Passport", "zoo.Reading")
    with connected(keep_history, "post_save", sender=animals.Member):
        animals.Member.objects.create(code="mate", team=lone)
        zoo.create(*labels)
        before = portrait(labels, keys=True)
        animals.Member.objects.all().delete()
        zoo.restore()
        assert portrait(labels, keys=True) == before
        animals.Member.objects.update(code="renamed")
        zoo.restore(Mode.REPLACE)

    assert portrait(labels, keys=True) == before


@pytest.mark.pitfall(37)
@pytest.mark.pitfall(38)
@pytest.mark.parametrize("fails", [False, True])
def test_receivers_stay_connected_all_the_time(
    lone_zoo: Zoo, monkeypatch: pytest.MonkeyPatch, fails: bool
) -> None:
    """Other requests of the same process go on saving rows while a restore runs, and expect theirs to be called."""
    seen: list[tuple[str, int]] = []

    class Watching:
        def emit(self, event: Event) -> None:
            if isinstance(event, StepStarted):
                seen.extend((name, len(signal.receivers)) for name, signal in ALL.items())

    animals.Tag.objects.create(code="t")
    lone_zoo.create("zoo.Tag")
    animals.Tag.objects.all().delete()
    if fails:
        monkeypatch.setattr("edms_backup.restore.pipeline.validate", _refuse)
    with connected(lambda **kwargs: None, *ALL):
        connected_ones = {(name, len(signal.receivers)) for name, signal in ALL.items()}
        service = BackupService.from_settings(Watching())
        if fails:
            with pytest.raises(EdmsBackupError):
                service.restore(lone_zoo.request())
        else:
            service.restore(lone_zoo.request())

    assert set(seen) == connected_ones
    assert animals.Tag.objects.exists() is not fails


def _refuse(*args: Any) -> Any:
    raise ValidationFailed("on purpose")


@pytest.mark.pitfall(39)
def test_nothing_waits_for_the_commit(lone_zoo: Zoo, monkeypatch: pytest.MonkeyPatch) -> None:
    waiting: list[Any] = []
    lone_zoo.populate("links")
    lone_zoo.create()
    lone_zoo.depopulate()
    monkeypatch.setattr(type(connection), "on_commit", lambda self, *a, **k: waiting.append(a), raising=False)
    monkeypatch.setattr(transaction, "on_commit", lambda *a, **k: waiting.append(a))

    lone_zoo.restore()

    assert waiting == []
    assert mail.outbox == []
    assert animals.Article.objects.count() == 3


@pytest.mark.pitfall("F13")
@pytest.mark.pitfall(40)
@pytest.mark.pitfall(43)
@pytest.mark.parametrize("way", ["insert", "update", "rewrite"])
def test_stamps_are_what_they_were_to_the_microsecond(zoo: Zoo, way: str) -> None:
    long_ago = datetime.datetime(2001, 2, 3, 4, 5, 6, 123457, tzinfo=datetime.UTC)
    row = animals.Specimen.objects.create(code="s", text="before")
    animals.Specimen.objects.update(made=long_ago, changed=long_ago)
    zoo.create("zoo.Specimen")
    if way == "update":
        row.text = "after"
        row.save()
    else:
        animals.Specimen.objects.all().delete()
    if way == "rewrite":
        animals.Specimen.objects.create(code="s", text="under another number")

    zoo.restore(Mode.MERGE if way != "rewrite" else Mode.REPLACE)

    row = animals.Specimen.objects.get()
    assert (row.made, row.changed, row.text) == (long_ago, long_ago, "before")


TRIGGER = {
    "sqlite": (
        ["CREATE TRIGGER meddle AFTER INSERT ON zoo_reading BEGIN UPDATE zoo_reading SET value = 99; END"],
        ["DROP TRIGGER meddle"],
    ),
    "postgresql": (
        [
            "CREATE FUNCTION meddle() RETURNS trigger AS $$ BEGIN NEW.value = 99; RETURN NEW; END $$ LANGUAGE plpgsql",
            "CREATE TRIGGER meddle BEFORE INSERT ON zoo_reading FOR EACH ROW EXECUTE FUNCTION meddle()",
        ],
        ["DROP TRIGGER meddle ON zoo_reading", "DROP FUNCTION meddle()"],
    ),
    "mariadb": (
        ["CREATE TRIGGER meddle BEFORE INSERT ON zoo_reading FOR EACH ROW SET NEW.value = 99"],
        ["DROP TRIGGER meddle"],
    ),
}


@pytest.mark.pitfall(41)
@pytest.mark.pitfall(94)
def test_a_trigger_that_changes_rows_is_noticed(zoo: Zoo, vendor: str) -> None:
    animals.Reading.objects.create(code="r", value=1)
    animals.Tag.objects.create(code="t")
    zoo.create("zoo.Reading", "zoo.Tag")
    animals.Reading.objects.all().delete()
    animals.Tag.objects.all().delete()
    make, drop = TRIGGER[vendor]
    run(make)
    try:
        with pytest.raises(ValidationFailed) as failed:
            zoo.restore()
    finally:
        run(drop)

    assert {f.model for f in failed.value.findings if f.severity.name == "ERROR"} == {"zoo.Reading"}
    assert not animals.Reading.objects.exists()
    assert not animals.Tag.objects.exists()


def run(statements: list[str]) -> None:
    """Run statements on the vendor's database."""
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
