"""Are backups in order? Each check turns at its threshold, and none of them opens a package."""

import datetime
import errno
import json
import os
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from edms_backup.audit import Call
from edms_backup.audit.chain import HEAD, Chain
from edms_backup.create.report import CreateRequest
from edms_backup.errors import StoreUnavailable
from edms_backup.history.folder import RunFolder
from edms_backup.locks import LOCK_FILE, RunLock, lock_owner
from edms_backup.restore.journal import RUNNING, RestoreRecord, new_journal
from edms_backup.service import BackupService, Level, Run, RunKind, StatusReport, VerifyRequest
from edms_backup.storage import DirectoryStore
from tests.audit.test_recorded import ANN
from tests.unit.conftest import Zoo
from tests.zoo import models as zoo_models

Status = Any


def after(zoo: Zoo, **passed: float) -> StatusReport:
    """Return the status as it is so much later."""
    service = zoo.service
    later = datetime.datetime.now(datetime.UTC) + datetime.timedelta(**passed)
    service.clock = lambda: later
    return service.status()


@pytest.fixture
def backed(zoo: Zoo) -> Zoo:
    """Give a zoo with a whole package that was verified."""
    zoo_models.Tag.objects.create(code="t")
    zoo.package = zoo.service.create(CreateRequest(files=True)).package
    zoo.service.verify("latest")
    return zoo


def test_a_site_whose_backups_are_in_order(backed: Zoo) -> None:
    report = backed.service.status()
    assert (report.level, report.package, report.packages) == (Level.OK, backed.package, 1)
    assert report.worrying == []
    assert {check.name: check.level for check in report.checks} == dict.fromkeys(
        ("store", "package", "verify", "space", "runs", "queue", "audit"), Level.OK
    )
    assert report.check("audit").value == 3
    json.dumps(report.to_dict())


def test_a_site_without_any_package(zoo: Zoo) -> None:
    report = zoo.service.status()
    assert report.level is Level.CRITICAL
    assert [check.name for check in report.worrying] == ["package"]


@pytest.mark.parametrize(
    ("hours", "level"),
    [(25.9, Level.OK), (26.1, Level.WARNING), (49.9, Level.WARNING), (50.1, Level.CRITICAL)],
)
def test_the_age_of_the_last_package(backed: Zoo, hours: float, level: Level) -> None:
    check = after(backed, hours=hours).check("package")
    assert check.level is level
    assert check.value == pytest.approx(hours * 3600, abs=120)
    assert check.limits == (26 * 3600, 50 * 3600)


@pytest.mark.parametrize(("days", "level"), [(7.9, Level.OK), (8.1, Level.WARNING), (32.1, Level.CRITICAL)])
def test_the_age_of_the_last_verification(backed: Zoo, days: float, level: Level) -> None:
    backed.configure(STATUS={"package_hours": None})
    report = after(backed, days=days)
    assert (report.check("verify").level, report.level) == (level, level)


def test_thresholds_may_be_switched_off(backed: Zoo) -> None:
    backed.configure(STATUS={"package_hours": None, "verify_days": None})
    assert after(backed, days=4000).level is Level.OK


def test_what_is_no_whole_package_does_not_count(zoo: Zoo, tmp_path: Path) -> None:
    zoo_models.Tag.objects.create(code="t")
    zoo.create("zoo.Tag")
    zoo.service.create(CreateRequest(files=False))
    zoo.service.create(CreateRequest(output=tmp_path / "elsewhere.zip"))
    assert zoo.service.status().package == ""
    made = zoo.service.create(CreateRequest()).package
    zoo.create("zoo.Tag")
    zoo.restore(safety_package=True)
    assert zoo.service.status().package == made


def test_a_package_that_has_another_size_or_is_gone_does_not_count(backed: Zoo) -> None:
    path = Path(backed.service.settings.directory) / backed.package
    with path.open("ab") as sink:
        sink.write(b"x")
    assert backed.service.status().check("package").level is Level.CRITICAL
    path.unlink()
    assert backed.service.status().check("package").level is Level.CRITICAL


def test_a_package_of_another_machine_counts_by_its_name(backed: Zoo) -> None:
    shutil.rmtree(backed.service.settings.state_directory)
    report = backed.service.status()
    assert report.package == backed.package
    assert report.check("package").level is Level.OK
    assert report.check("verify").level is Level.WARNING, "nobody here has verified it"


def test_a_package_that_was_found_damaged_is_critical_until_it_is_gone(backed: Zoo) -> None:
    path = Path(backed.service.settings.directory) / backed.package
    sound = path.read_bytes()
    content = bytearray(sound)
    content[200] ^= 1  # in the first member
    path.write_bytes(content)
    assert not backed.service.verify("latest").ok
    report = backed.service.status()
    assert report.check("verify").level is Level.CRITICAL
    assert backed.package in report.check("verify").message
    assert report.package == ""
    path.write_bytes(sound)
    backed.service.verify("latest")
    assert backed.service.status().level is Level.OK


def test_a_failed_attempt_is_worth_a_warning_at_once(backed: Zoo, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: object, **kwargs: object) -> None:
        raise StoreUnavailable("no")

    monkeypatch.setattr("edms_backup.service.writing.run_create", fail)
    with pytest.raises(StoreUnavailable):
        backed.service.create(CreateRequest())
    check = backed.service.status().check("package")
    assert check.level is Level.WARNING
    assert "failed (store_unavailable)" in check.message


def test_a_package_from_the_future(backed: Zoo) -> None:
    assert after(backed, days=-3).check("package").level is Level.WARNING


@pytest.mark.parametrize(("packages", "level"), [(4, Level.OK), (2, Level.WARNING), (1, Level.CRITICAL)])
def test_free_space(backed: Zoo, monkeypatch: pytest.MonkeyPatch, packages: int, level: Level) -> None:
    size = backed.service.store.stat(backed.package).size
    monkeypatch.setattr(DirectoryStore, "free_space", lambda self: packages * size)
    check = backed.service.status().check("space")
    assert (check.level, check.value) == (level, packages * size)
    assert f"{packages} packages" in check.message


def test_space_that_nobody_knows(backed: Zoo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(DirectoryStore, "free_space", lambda self: None)
    check = backed.service.status().check("space")
    assert (check.level, check.value) == (Level.OK, None)

    def unknown(self: DirectoryStore) -> int:
        raise StoreUnavailable("The free space of /srv/secret cannot be measured")

    monkeypatch.setattr(DirectoryStore, "free_space", unknown)
    check = backed.service.status().check("space")
    assert (check.level, "/srv/secret" in check.detail) == (Level.UNKNOWN, True)


def test_a_store_that_cannot_be_reached(backed: Zoo, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(path: object) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "scandir", away)
    report = backed.service.status()
    monkeypatch.undo()
    assert report.level is Level.CRITICAL
    assert [(check.name, check.level) for check in report.worrying] == [
        ("store", Level.CRITICAL),
        ("package", Level.UNKNOWN),
    ]
    place = str(backed.service.settings.directory)
    assert place in report.check("store").detail
    assert place not in json.dumps(report.to_dict()), "what everybody may know holds no path"


def test_a_run_in_progress_and_one_that_is_stuck(backed: Zoo) -> None:
    with RunLock(backed.service.settings.state_directory, "create"):
        report = backed.service.status()
        assert (report.level, report.check("runs").message) == (Level.OK, "A create runs for 0 min.")
        backed.configure(STATUS={"package_hours": None})
        assert after(backed, hours=7).check("runs").level is Level.WARNING
        assert after(backed, hours=25).check("runs").level is Level.CRITICAL
        with (
            pytest.raises(Exception, match="Another create"),
            RunLock(backed.service.settings.state_directory, "restore"),
        ):
            pytest.fail("looking must not take the lock away")


def queued(zoo: Zoo, kind: RunKind = RunKind.CREATE) -> Run:
    request = CreateRequest() if kind is RunKind.CREATE else VerifyRequest(package=zoo.package)
    return zoo.service.queue(kind, request, backend="celery")[0]


def test_a_run_that_no_worker_takes(backed: Zoo) -> None:
    backed.configure(STATUS={"package_hours": None, "verify_days": None})
    run = queued(backed)
    check = backed.service.status().check("queue")
    assert (check.level, check.message) == (Level.OK, "A create waits for a worker for 0 min.")
    late = after(backed, minutes=16)
    assert (late.level, late.worrying[0].name) == (Level.WARNING, "queue")
    assert "no worker takes it" in late.check("queue").message
    assert 15 * 60 < (late.check("queue").value or 0) < 17 * 60
    assert after(backed, minutes=61).check("queue").level is Level.CRITICAL
    backed.configure(STATUS={"queue_minutes": (90, 120)})
    assert after(backed, minutes=61).check("queue").level is Level.OK
    backed.configure(STATUS={"queue_minutes": None})
    assert after(backed, minutes=999).check("queue").level is Level.OK
    backed.service.cancel(run.pk)
    assert after(backed, minutes=61).check("queue").message == "No run waits for a worker."


def test_a_run_that_waits_for_its_turn_is_nothing_to_tell(backed: Zoo) -> None:
    first, second = queued(backed, RunKind.VERIFY), queued(backed)
    backed.configure(STATUS={"queue_minutes": (0.01, 0.02)})
    service = backed.service
    later = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=30)
    service.clock = lambda: later
    folder = RunFolder(service.settings.state_directory, first.pk)
    with service.register.claimed(first.pk) as recording:
        check = service.status().check("queue")
        assert (check.level, check.value) == (Level.OK, 0)
        assert check.message == "Runs that wait while another one is carried out: 1."
        long_ago = later.timestamp() - 90
        os.utime(folder.path / "alive", (long_ago, long_ago))
        assert service.status().check("queue").level is Level.CRITICAL, "that worker gives no sign"
        assert recording is not None
        recording.folder.close()
    ended = later.timestamp() - 5
    os.utime(folder.path / "ended", (ended, ended))
    waited = service.status().check("queue").value
    assert waited == pytest.approx(5, abs=0.1), "counted from the end of the one before"
    assert service.run(second.pk).state == "queued"


def test_looking_never_takes_the_lock(backed: Zoo, monkeypatch: pytest.MonkeyPatch) -> None:
    import fcntl

    def flock(*args: object) -> None:
        pytest.fail("a run that begins just now would be refused")

    monkeypatch.setattr(fcntl, "flock", flock)
    assert backed.service.status().level is Level.OK


def test_who_holds_the_lock(tmp_path: Path) -> None:
    assert lock_owner(tmp_path) is None
    with RunLock(tmp_path, "create"):
        owner = lock_owner(tmp_path)
        assert owner is not None
        assert (owner.what, owner.pid) == ("create", os.getpid())
    assert lock_owner(tmp_path) is None
    said = {
        "what": "restore",
        "pid": 2**22 + 1,
        "host": os.uname().nodename,
        "started_at": "2026-01-01T00:00:00Z",
    }
    (tmp_path / LOCK_FILE).write_text(json.dumps(said))
    assert lock_owner(tmp_path) is None, "its process died"
    (tmp_path / LOCK_FILE).write_text(json.dumps({**said, "host": "elsewhere"}))
    assert lock_owner(tmp_path) is not None, "a process of another host cannot be asked"
    (tmp_path / LOCK_FILE).write_text(json.dumps({**said, "pid": 1}))
    assert lock_owner(tmp_path) is not None


def test_a_restore_that_is_not_settled(backed: Zoo) -> None:
    record = RestoreRecord(
        run_id="run1",
        package=backed.package,
        package_id="id",
        mode="merge",
        state=RUNNING,
        started_at="2026-01-01T00:00:00+00:00",
        aliases=("default",),
    )
    journal = new_journal(backed.service.settings.state_directory, "run1")
    journal.write(record)
    assert backed.service.status().check("runs").level is Level.CRITICAL
    assert journal.record.state == RUNNING, "looking settles nothing"
    backed.service.list()
    assert backed.service.status().check("runs").level is Level.OK


def test_a_run_whose_process_died(backed: Zoo) -> None:
    backed.service._trail.begin(Call(what="create", actor=ANN))
    check = backed.service.status().check("runs")
    assert (check.level, "never ended" in check.message) == (Level.WARNING, True)


def test_the_end_of_the_trail(backed: Zoo, monkeypatch: pytest.MonkeyPatch) -> None:
    chain = backed.service._trail.chain
    whole = chain.path.read_bytes()
    chain.path.write_bytes(whole[:-5])
    assert backed.service.status().check("audit").level is Level.WARNING
    chain.path.write_bytes(whole + b"{}\n")
    assert backed.service.status().check("audit").level is Level.CRITICAL
    chain.path.write_bytes(whole)
    (chain.directory / HEAD).unlink()
    assert backed.service.status().check("audit").level is Level.CRITICAL
    chain.path.unlink()
    chain.path.mkdir()
    assert backed.service.status().check("audit").level is Level.CRITICAL


def test_no_package_is_opened_and_no_database_asked(
    backed: Zoo, monkeypatch: pytest.MonkeyPatch, django_assert_num_queries: Any
) -> None:
    def opened(*args: object) -> None:
        pytest.fail("a package was opened")

    monkeypatch.setattr(DirectoryStore, "open", opened)
    with django_assert_num_queries(0):
        assert backed.service.status().level is Level.OK


def test_a_long_trail_is_read_from_its_end(backed: Zoo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edms_backup.audit.trail._TAIL", 2000)
    for _ in range(10):
        backed.service.verify("latest")
    trail = backed.service._trail
    recent = trail.entries(recent=True)
    assert 0 < len(recent) < len(trail.entries()) == 13
    assert recent == trail.entries()[-len(recent) :]


def test_worst_of_all(zoo: Zoo) -> None:
    report = zoo.service.status()
    assert StatusReport(site="", at=report.at, checks=()).level is Level.UNKNOWN
    with pytest.raises(KeyError):
        report.check("nope")


def test_a_status_may_be_asked_for_before_anything_was_made(zoo: Zoo) -> None:
    zoo.service.status()
    assert not Path(zoo.service.settings.directory).exists(), "looking makes nothing"
    assert Chain(Path(zoo.service.settings.state_directory)).ending() == b""


def test_a_service_has_the_user_of_the_process(zoo: Zoo) -> None:
    assert BackupService.from_settings().actor.origin == "python"
    assert SimpleNamespace(actor=zoo.service.actor).actor.address == os.uname().nodename
