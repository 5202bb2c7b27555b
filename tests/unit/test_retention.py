"""Folders of old runs go; rows, the audit trail and what somebody still needs stay."""

import datetime
import os
import uuid
from pathlib import Path
from types import SimpleNamespace

import pytest

from edms_backup.errors import PackageNotFound, StoreUnavailable
from edms_backup.models import AuditEvent, Run
from edms_backup.restore.report import Mode
from edms_backup.service import BackupService, CreateRequest, RunKind, VerifyRequest
from edms_backup.storage import DirectoryStore
from tests.unit.conftest import Zoo
from tests.zoo import models as zoo_models

TAGS = CreateRequest(models=("zoo.Tag",), files=False)
VERIFY = VerifyRequest(package="latest")


@pytest.fixture
def site(zoo: Zoo) -> Zoo:
    zoo.configure(KEEP_RUNS={"newest": 1, "days": 30})
    zoo_models.Tag.objects.create(code="t")
    return zoo


def folders(zoo: Zoo, place: str = "runs") -> set[str]:
    """Return the ids of the folders that are there."""
    root = zoo.service.settings.state_directory / place
    return (
        {path.name.replace("-", "") for path in root.iterdir() if path.is_dir()} if root.is_dir() else set()
    )


def age(zoo: Zoo, *, days: float) -> BackupService:
    """Let all that happened be so long ago, and return the service of today."""
    service = zoo.service
    later = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=days)
    service.clock = lambda: later
    return service


def made(zoo: Zoo) -> str:
    """Make a package, and return the id of its run."""
    zoo.package = zoo.service.create(TAGS).package
    return Run.objects.latest("created_at").pk.hex


def test_folders_of_old_runs_go_and_rows_stay(site: Zoo) -> None:
    first, second = made(site), made(site)
    entries = AuditEvent.objects.count()
    age(site, days=29).create(TAGS)
    assert {first, second} < folders(site), "they are young"
    age(site, days=31).create(TAGS)
    assert not {first, second} & folders(site)
    assert Run.objects.filter(pk__in=(first, second), state="succeeded").count() == 2
    run = site.service.run(first)
    assert (run.state, bool(run.report)) == ("succeeded", True)
    assert site.service.runs().total == 4
    assert AuditEvent.objects.count() > entries
    assert site.service.verify_audit().ok
    assert len(site.service.list()) == 4, "packages are nobody's history"


def test_the_newest_stay_however_old(site: Zoo) -> None:
    site.configure(KEEP_RUNS={"newest": 2, "days": 1})
    runs = [made(site) for _ in range(3)]
    for number, run in enumerate(runs):
        stamp = 1_700_000_000 + number
        path = site.service.settings.state_directory / "runs" / str(uuid.UUID(run))
        os.utime(path / "ended", (stamp, stamp))
    age(site, days=400).create(TAGS)
    assert folders(site) & set(runs) == set(runs[1:])


def test_what_has_not_ended_stays(site: Zoo) -> None:
    queued, _new = site.service.queue(RunKind.CREATE, TAGS, backend="celery")
    verified = [site.service.queue(RunKind.VERIFY, VERIFY, backend="celery")[0] for _ in range(2)]
    for run in verified:
        site.service.cancel(run.pk)
    service = age(site, days=400)
    service._prune_runs()
    assert folders(site) == {queued.pk.hex, verified[1].pk.hex}
    service.carry_out(queued.pk)
    assert site.service.run(queued.pk).state == "succeeded"


def test_a_restore_that_can_be_undone_keeps_its_folders(site: Zoo) -> None:
    made(site)
    zoo_models.Tag.objects.create(code="later")
    done = site.restore(Mode.REPLACE, safety_package=True)
    newer = [site.restore(safety_package=False).run_id for _ in range(2)]
    service = age(site, days=400)
    service._prune_runs()
    assert done.run_id in folders(site) & folders(site, "restores")
    assert newer[0] not in folders(site) | folders(site, "restores")
    service.undo(run_id=done.run_id)
    assert zoo_models.Tag.objects.filter(code="later").exists()
    service._prune_runs()
    age(site, days=800)._prune_runs()
    assert done.run_id not in folders(site) | folders(site, "restores")
    assert site.service.run(done.run_id).state == "succeeded"


def test_without_its_safety_package_a_restore_can_go(site: Zoo) -> None:
    made(site)
    done = site.restore(safety_package=True)
    for _ in range(2):
        site.restore(safety_package=False)
    site.service.delete(done.safety_package)
    age(site, days=400)._prune_runs()
    assert done.run_id not in folders(site) | folders(site, "restores")
    with pytest.raises(PackageNotFound):
        site.service.undo()


def test_a_run_without_a_row_stays_until_it_has_one(site: Zoo, monkeypatch: pytest.MonkeyPatch) -> None:
    first = made(site)
    made(site)
    Run.objects.all().delete()
    monkeypatch.setattr("edms_backup.history.rows.mirror", lambda run: False)
    age(site, days=400)._prune_runs()
    assert first in folders(site)
    monkeypatch.undo()
    age(site, days=400)._prune_runs()
    assert first not in folders(site)
    assert site.service.run(first).state == "succeeded"


def test_what_hinders_it_hinders_nothing(site: Zoo, monkeypatch: pytest.MonkeyPatch) -> None:
    first = made(site)
    made(site)
    service = age(site, days=400)

    def away(self: DirectoryStore) -> None:
        raise StoreUnavailable("The store is away.")

    with monkeypatch.context() as patch:
        patch.setattr(DirectoryStore, "list", away)
        service._prune_runs()
    assert first in folders(site)

    def denied(path: Path) -> None:
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patch:
        patch.setattr("edms_backup.history.retention.shutil", SimpleNamespace(rmtree=denied))
        assert service.create(TAGS).package
    assert first in folders(site)
