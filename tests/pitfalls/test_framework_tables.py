"""Pitfalls 26 to 35: rows that Django itself keeps, and that are numbered anew on every site."""

import datetime
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group, Permission
from django.contrib.contenttypes.models import ContentType
from django.contrib.sessions.models import Session
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder
from django.db.models.signals import post_migrate, pre_migrate

from edms_backup.create.report import CreateRequest
from edms_backup.errors import PlanBlocked
from edms_backup.package import PackageReader
from edms_backup.restore.report import Mode
from tests.unit.conftest import Zoo
from tests.zoo import models as animals
from tests.zoo.portrait import portrait


def opened(zoo: Zoo) -> PackageReader:
    """Open the package that was made last."""
    return PackageReader.open(Path(zoo.settings.EDMS_BACKUP["DIRECTORY"]) / zoo.package)


@pytest.mark.pitfall(26)
@pytest.mark.parametrize("mode", Mode)
def test_content_types_with_other_numbers(zoo: Zoo, mode: Mode) -> None:
    tag = animals.Tag.objects.create(code="t")
    note = animals.Note.objects.create(code="n", subject=tag)
    labels = ("zoo.Note", "zoo.Tag", "contenttypes.ContentType")
    zoo.create(*labels)
    before = portrait(labels[:2])
    remembered = note.content_type_id
    animals.Note.objects.all().delete()
    kinds = {name: ContentType.objects.get(app_label="zoo", model=name) for name in ("tag", "slot")}
    for kind in kinds.values():
        kind.delete()
    assert remembered == ContentType.objects.create(pk=remembered, app_label="zoo", model="slot").pk
    ContentType.objects.create(app_label="zoo", model="tag")
    # This process has used them all already, as a worker that runs for weeks.
    ContentType.objects.clear_cache()
    assert ContentType.objects.get_for_model(animals.Tag).pk != remembered

    zoo.restore(mode)

    assert portrait(labels[:2]) == before
    assert animals.Note.objects.get().content_type_id == ContentType.objects.get_for_model(animals.Tag).pk
    assert ContentType.objects.filter(app_label="zoo", model="tag").count() == 1


@pytest.mark.pitfall(27)
def test_a_permission_that_the_site_lacks(zoo: Zoo) -> None:
    kind = ContentType.objects.get_for_model(animals.Tag)
    fly = Permission.objects.create(content_type=kind, codename="can_fly", name="Can fly")
    Group.objects.create(name="birds").permissions.set([fly])
    zoo.create("auth.Group", "auth.Permission")
    Group.objects.all().delete()
    fly.delete()

    with pytest.raises(PlanBlocked) as refused:
        zoo.restore(models=("auth.Group",))
    assert "missing_reference" in {finding.code for finding in refused.value.findings}
    zoo.restore()

    assert Group.objects.get().permissions.get().codename == "can_fly"


@pytest.mark.pitfall(28)
@pytest.mark.parametrize("known", [True, False])
def test_the_content_type_of_an_app_that_is_gone(zoo: Zoo, known: bool) -> None:
    ghost = ContentType.objects.create(app_label="ghost", model="spook")
    animals.Note.objects.create(code="about a ghost", content_type=ghost, object_id=7)
    zoo.create("zoo.Note", "contenttypes.ContentType")
    animals.Note.objects.all().delete()
    if not known:
        ghost.delete()

    zoo.restore()

    note = animals.Note.objects.get()
    assert (note.content_type.app_label, note.content_type.model, note.object_id) == ("ghost", "spook", 7)


@pytest.mark.pitfall(28)
def test_such_a_content_type_that_does_not_travel_is_named(lone_zoo: Zoo) -> None:
    ghost = ContentType.objects.create(app_label="ghost", model="spook")
    animals.Note.objects.create(code="about a ghost", content_type=ghost, object_id=7)
    lone_zoo.create("zoo.Note")
    animals.Note.objects.all().delete()
    ghost.delete()

    with pytest.raises(PlanBlocked) as refused:
        lone_zoo.restore()

    (finding,) = [f for f in refused.value.findings if f.code == "missing_reference"]
    assert "contenttypes.ContentType" in str(finding)
    assert "spook" in str(finding)


@pytest.mark.pitfall(29)
def test_a_restore_migrates_nothing(lone_zoo: Zoo) -> None:
    called: list[object] = []

    def note(**kwargs: Any) -> None:
        called.append(kwargs["signal"])

    animals.Tag.objects.create(code="t")
    lone_zoo.create("zoo.Tag", "contenttypes.ContentType", "auth.Permission")
    counts = (ContentType.objects.count(), Permission.objects.count())
    for signal in (pre_migrate, post_migrate):
        signal.connect(note)
    try:
        lone_zoo.restore(Mode.REPLACE)
    finally:
        for signal in (pre_migrate, post_migrate):
            signal.disconnect(note)

    assert called == []
    assert (ContentType.objects.count(), Permission.objects.count()) == counts


@pytest.mark.pitfall(32)
def test_sessions_do_not_travel(lone_zoo: Zoo) -> None:
    when = datetime.datetime(2100, 1, 1, tzinfo=datetime.UTC)
    Session.objects.create(session_key="old", session_data="x", expire_date=when)
    lone_zoo.package = lone_zoo.service.create(CreateRequest(files=False)).package
    with opened(lone_zoo) as package:
        assert "sessions.Session" not in {entry.label for entry in package.manifest.models}
        assert "admin.LogEntry" in {entry.label for entry in package.manifest.models}

    lone_zoo.restore()

    assert not Session.objects.exists()


@pytest.mark.pitfall(34)
@pytest.mark.parametrize("password", ["the old one", None])
def test_the_old_password_is_the_password(lone_zoo: Zoo, password: str | None) -> None:
    people = get_user_model()
    people.objects.create_user("ann", password=password)
    stored = people.objects.get(username="ann").password
    lone_zoo.create("users.User")
    ann = people.objects.get(username="ann")
    ann.set_password("a new one")
    ann.save()

    lone_zoo.restore()

    ann = people.objects.get(username="ann")
    assert ann.password == stored
    assert ann.check_password("the old one") is (password is not None)
    assert not ann.check_password("a new one")


@pytest.mark.pitfall(35)
@pytest.mark.pitfall(74)
def test_the_table_of_migrations_is_no_data(lone_zoo: Zoo) -> None:
    """What was applied is told in the manifest; whether a package fits is asked of the fields."""
    recorder = MigrationRecorder(connection)
    recorder.record_applied("zoo", "0001_squashed_since")
    animals.Tag.objects.create(code="t")
    lone_zoo.package = lone_zoo.service.create(CreateRequest(files=False)).package
    with opened(lone_zoo) as package:
        assert "django_migrations" not in {entry.table for entry in package.manifest.models}
        assert package.manifest.migrations == {"zoo": ["0001_squashed_since"]}
    recorder.flush()
    recorder.record_applied("zoo", "0007_of_today")
    animals.Tag.objects.all().delete()

    lone_zoo.restore(Mode.REPLACE)

    assert animals.Tag.objects.exists()
    assert list(recorder.applied_migrations()) == [("zoo", "0007_of_today")]
