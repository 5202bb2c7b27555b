"""An interrupt at the very end of a transaction: what is said, and what files do, is what the rows are."""

from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.db.models import QuerySet
from django.db.transaction import Atomic

from edms_backup.errors import Interrupted
from tests.unit.conftest import Zoo
from tests.zoo import models as animals


@pytest.fixture
def site(zoo: Zoo, settings: Any, tmp_path: Path) -> Zoo:
    """Give a site that has lost a row and its file since the backup."""
    media = tmp_path / "media"
    media.mkdir()
    settings.MEDIA_ROOT = str(media)
    zoo.configure(FILE_ROOTS={"media": str(media), "legacy": str(tmp_path / "legacy")})
    (media / "a.txt").write_bytes(b"kept")
    animals.Specimen.objects.create(code="a", file="a.txt")
    zoo.create("zoo.Specimen", files=True)
    animals.Specimen.objects.all().delete()
    (media / "a.txt").unlink()
    return zoo


def interrupted_at_the_end(monkeypatch: pytest.MonkeyPatch, *, after: bool) -> None:
    """Interrupt the restore once, before or after Django's block has come to its end."""
    end, done = Atomic.__exit__, []

    def stop(self: Atomic, *how: Any) -> None:
        if self.durable and not done and animals.Specimen.objects.exists():
            done.append(True)
            if after:
                end(self, *how)
            raise KeyboardInterrupt
        end(self, *how)

    monkeypatch.setattr(Atomic, "__exit__", stop)


def left(media: str) -> list[str]:
    return sorted(path.name for path in Path(media).rglob("*"))


def test_an_interrupt_that_keeps_django_from_ending_the_transaction(
    site: Zoo, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    interrupted_at_the_end(monkeypatch, after=False)
    with pytest.raises(KeyboardInterrupt):
        site.restore(files=True)
    assert not connection.in_atomic_block
    assert not animals.Specimen.objects.exists()
    assert left(settings.MEDIA_ROOT) == []
    assert site.restore(files=True).models["zoo.Specimen"].identical == 1
    assert left(settings.MEDIA_ROOT) == ["a.txt"]


def test_an_interrupt_right_after_the_commit(
    site: Zoo, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    interrupted_at_the_end(monkeypatch, after=True)
    with pytest.raises(Interrupted, match="after the commit"):
        site.restore(files=True)
    assert animals.Specimen.objects.exists()
    assert left(settings.MEDIA_ROOT) == ["a.txt"]


def test_what_cannot_be_known_is_not_said(site: Zoo, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The database goes away in the same moment: whether the rows are in is not known, and not guessed."""
    interrupted_at_the_end(monkeypatch, after=False)

    def away(*_: Any) -> bool:
        raise OperationalError("gone")

    with monkeypatch.context() as patched:
        patched.setattr("django.db.models.query.QuerySet.exists", _away_for_markers(away))
        with pytest.raises(Interrupted, match="not known yet"):
            site.restore(files=True)
    plan = site.plan()
    assert "restore_recovered" in {finding.code for finding in plan.findings}
    assert left(settings.MEDIA_ROOT) == []


def _away_for_markers(away: Any) -> Any:
    usual = QuerySet.exists

    def exists(self: Any) -> bool:
        return away() if self.model._meta.label == "edms_backup.RestoreMarker" else usual(self)

    return exists
