"""Ctrl-C in the moment between the work and the word that it is done: what is said is what is so."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from edms_backup.errors import Interrupted, StoreUnavailable
from edms_backup.history import Recording
from edms_backup.models import Run, RunState
from edms_backup.service import CreateRequest, RestoreRequest
from tests.unit.conftest import Zoo
from tests.zoo import models as zoo_models

TAGS = CreateRequest(models=("zoo.Tag",), files=False)


@pytest.fixture
def site(zoo: Zoo) -> Zoo:
    """Give a site with three tags."""
    for code in "abc":
        zoo_models.Tag.objects.create(code=code)
    return zoo


def interrupted(*arguments: object, **named: object) -> None:
    raise KeyboardInterrupt


def test_an_interrupt_between_publishing_and_saying_so_tells_of_the_package(
    site: Zoo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edms_backup.create.pipeline._report", interrupted)
    with pytest.raises(Interrupted, match=r"after the package was made: edms-.*\.edms\.zip") as raised:
        site.service.create(TAGS)
    (ref,) = site.service.store.list()
    assert ref.name in raised.value.message
    assert Run.objects.get().state == RunState.DEFECTS


def test_an_interrupt_while_the_end_is_written_down_tells_of_the_package(
    site: Zoo, monkeypatch: pytest.MonkeyPatch
) -> None:
    @contextmanager
    def held(recording: Recording) -> Iterator[None]:
        yield
        raise KeyboardInterrupt

    monkeypatch.setattr(Recording, "held", held)
    with pytest.raises(Interrupted, match="after the package was made"):
        site.service.create(TAGS)


def test_an_interrupt_before_publishing_is_no_more_than_that(
    site: Zoo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edms_backup.create.pipeline._publish", interrupted)
    with pytest.raises(KeyboardInterrupt):
        site.service.create(TAGS)
    assert site.service.store.list() == []


def test_an_interrupt_that_meets_a_store_which_is_away_hides_nothing(
    site: Zoo, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(store: object) -> None:
        raise StoreUnavailable("The store is away.")

    def published(*arguments: object) -> None:
        monkeypatch.setattr(type(site.service.store), "list", away)
        raise KeyboardInterrupt

    monkeypatch.setattr("edms_backup.create.pipeline._report", published)
    with pytest.raises(KeyboardInterrupt):
        site.service.create(TAGS)


def test_an_interrupted_safety_package_is_no_restore_that_stands(
    site: Zoo, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = site.create("zoo.Tag").package
    zoo_models.Tag.objects.all().delete()
    monkeypatch.setattr("edms_backup.create.pipeline._report", interrupted)
    with pytest.raises(KeyboardInterrupt):
        site.service.restore(RestoreRequest(package=name, files=False))
    assert not zoo_models.Tag.objects.exists()
    assert Run.objects.get(kind="restore").state == RunState.CANCELLED


def test_an_interrupt_between_the_commit_and_saying_so_tells_that_it_stands(
    site: Zoo, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = site.create("zoo.Tag").package
    zoo_models.Tag.objects.all().delete()
    monkeypatch.setattr("edms_backup.service.writing.restored", interrupted)
    with pytest.raises(Interrupted, match="the restore stands"):
        site.service.restore(RestoreRequest(package=name, files=False, safety_package=False))
    assert zoo_models.Tag.objects.count() == 3
