"""Runs: written down beside the database, mirrored in a table, claimed once, cancelled, closed when they are lost."""

import fcntl
import json
import os
import shutil
import socket
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from edms_backup.errors import (
    ConfigurationError,
    EdmsBackupError,
    LoadFailed,
    PackageNotFound,
    RunEnded,
    RunLocked,
    RunNotFound,
    UsageError,
)
from edms_backup.events import Event, NullReporter, Progress, StepStarted
from edms_backup.history import recording, register
from edms_backup.history.folder import RunFolder
from edms_backup.history.request import (
    REQUESTS,
    Actor,
    AdmitRequest,
    DeleteRequest,
    LookRequest,
    UndoRequest,
    VerifyRequest,
    decode_request,
    encode_request,
)
from edms_backup.models import Run, RunKind, RunState
from edms_backup.restore.report import Mode
from edms_backup.service import BackupService, CreateRequest, RestoreRequest
from edms_backup.tasks import run_job, submit
from tests.unit.conftest import Zoo, without_table_of
from tests.zoo import models as zoo_models

ANN = Actor(user_id="7", name="ann", origin="api", address="192.0.2.7", reason="because")
TAGS = CreateRequest(models=("zoo.Tag",), files=False)


def never(run_id: str) -> None:
    """Be a queue that takes a run and delivers it to nobody."""


def broken(run_id: str) -> None:
    """Be a queue that cannot be reached."""
    raise ConnectionRefusedError("amqp://user:secret@host")


@pytest.fixture
def site(zoo: Zoo) -> Zoo:
    """Give a site with three tags and a queue that delivers nothing by itself."""
    zoo.configure(JOBS="tests.unit.test_runs.never")
    for code in "abc":
        zoo_models.Tag.objects.create(code=code)
    return zoo


def state_directory(zoo: Zoo) -> Path:
    return zoo.service.settings.state_directory


def folder(zoo: Zoo, run: Run) -> Path:
    return state_directory(zoo) / "runs" / str(run.pk)


class During(NullReporter):
    """Does something once, when the run comes to a step."""

    def __init__(self, step: str, do: Callable[[], None]) -> None:
        self.step, self.do = step, do

    def emit(self, event: Event) -> None:
        if isinstance(event, StepStarted) and event.step == self.step and self.do is not None:
            do, self.do = self.do, lambda: None
            do()


# -- requests ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "request_"),
    [
        (RunKind.CREATE, CreateRequest(models=("a.B", "c"), output=Path("/x/y.zip"), database="default")),
        (RunKind.RESTORE, RestoreRequest(package="p", mode=Mode.REPLACE, files=False, plan_digest="d")),
        (RunKind.PLAN, RestoreRequest(package="p")),
        (RunKind.UNDO, UndoRequest(run_id="1")),
        (RunKind.VERIFY, VerifyRequest(package="p")),
        (RunKind.DELETE, DeleteRequest(package="p")),
        (RunKind.ADMIT, AdmitRequest(upload="u")),
        (RunKind.CHECK, LookRequest()),
        (RunKind.INVENTORY, LookRequest()),
    ],
)
def test_a_request_survives_the_way_to_a_worker(kind: RunKind, request_: Any) -> None:
    document = json.loads(json.dumps(encode_request(kind, request_)))
    assert decode_request(kind, document) == request_
    assert type(decode_request(kind, document)) is REQUESTS[kind]


def test_every_kind_has_a_request() -> None:
    assert set(REQUESTS) == set(RunKind)


@pytest.mark.parametrize(
    ("kind", "document", "said"),
    [
        (RunKind.CREATE, {"shell": "rm"}, "no member 'shell'"),
        (RunKind.CREATE, {"models": "zoo"}, "create.models"),
        (RunKind.CREATE, {"models": [1]}, "create.models"),
        (RunKind.CREATE, {"files": 1}, "create.files"),
        (RunKind.CREATE, {"label": None}, "create.label"),
        (RunKind.RESTORE, {"package": "p", "mode": "wipe"}, "restore.mode cannot be 'wipe'"),
        (RunKind.RESTORE, {"mode": "merge"}, "not complete"),
    ],
)
def test_a_request_that_is_none_is_refused(kind: RunKind, document: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        decode_request(kind, document)


def test_a_request_of_another_kind_is_refused(site: Zoo) -> None:
    with pytest.raises(UsageError, match="takes a RestoreRequest"):
        submit("restore", TAGS)
    assert site.service.runs().total == 0


# -- what is recorded ----------------------------------------------------------------------------------


def test_what_is_called_directly_is_a_run_too(site: Zoo) -> None:
    service = BackupService.from_settings(actor=ANN)
    report = service.create(TAGS)
    (run,) = service.runs().runs
    assert (run.kind, run.state, run.attempt, run.exit_code) == ("create", "succeeded", 1, 0)
    assert (run.actor_id, run.actor_name, run.origin, run.reason) == ("7", "ann", "api 192.0.2.7", "because")
    assert run.report == json.loads(json.dumps(report.to_dict()))
    assert str(run.pk) == report.id
    assert run.request["models"] == ["zoo.Tag"]
    assert run.created_at <= run.started_at <= run.ended_at
    row = Run.objects.get()
    assert row.to_dict() == run.to_dict()


def test_who_acts_is_the_owner_of_the_process_when_nobody_says(site: Zoo) -> None:
    site.service.create(TAGS)
    run = Run.objects.get()
    assert run.actor_name
    assert run.origin == f"python {socket.gethostname()}"


def test_a_restore_its_run_and_its_journal_have_one_id(site: Zoo) -> None:
    site.create("zoo.Tag")
    zoo_models.Tag.objects.all().delete()
    report = site.restore(Mode.REPLACE, safety_package=True)
    run = Run.objects.get(kind="restore")
    assert report.run_id == run.pk.hex
    assert site.service.undo(run_id=str(run.pk)).outcome == "committed"
    assert zoo_models.Tag.objects.count() == 0
    assert [run.kind for run in site.service.runs().runs] == ["undo", "restore", "create"]


def test_what_fails_is_a_run_that_failed(site: Zoo) -> None:
    with pytest.raises(PackageNotFound):
        site.service.restore(RestoreRequest(package="nothing"))
    run = Run.objects.get()
    assert (run.state, run.exit_code) == ("failed", 10)
    assert run.error is not None
    assert run.error["code"] == "package_not_found"


def test_an_unexpected_error_tells_its_text_to_nobody(site: Zoo, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: object, **options: object) -> None:
        raise ValueError("a row's content")

    monkeypatch.setattr("edms_backup.service.writing.run_create", fail)
    with pytest.raises(ValueError, match="content"):
        site.service.create(TAGS)
    run = Run.objects.get()
    assert run.state == "failed"
    assert "content" not in json.dumps(run.to_dict())
    assert "ValueError" in str(run.error)


def test_everything_of_a_run_is_private(site: Zoo) -> None:
    run = submit("create", TAGS)
    run_job(str(run.pk))
    for path in (folder(site, run), *folder(site, run).iterdir()):
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path


@pytest.fixture
def without_table(site: Zoo) -> Iterator[None]:
    with without_table_of(Run):
        yield


@pytest.fixture
def without_space(site: Zoo, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object, **options: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("edms_backup.history.folder.RunFolder._replace", refuse)


@pytest.mark.parametrize("missing", ["without_table", "without_space"])
def test_history_never_hinders(site: Zoo, missing: str, request: pytest.FixtureRequest) -> None:
    """Neither a missing table nor a disk that refuses: the package is made."""
    request.getfixturevalue(missing)
    report = site.create("zoo.Tag")
    assert site.service.verify(report.package).ok
    zoo_models.Tag.objects.all().delete()
    assert site.restore(Mode.REPLACE).outcome == "committed"
    assert [run.kind for run in site.service.runs().runs] == ["restore", "create"]


def test_a_read_only_database_can_be_backed_up(site: Zoo) -> None:
    if connection.vendor != "sqlite":
        pytest.skip("SQLite is made read-only by one statement")
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA query_only = 1")
    try:
        report = site.create("zoo.Tag")
        (run,) = site.service.runs().runs
    finally:
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA query_only = 0")
    assert (run.state, str(run.pk)) == ("succeeded", report.id)
    assert Run.objects.count() == 0
    assert site.service.runs().total == 1
    assert Run.objects.get().pk == run.pk  # made again as soon as that was possible


def test_rows_that_are_gone_come_back(site: Zoo) -> None:
    site.create("zoo.Tag")
    before = site.service.runs().runs[0].to_dict()
    Run.objects.all().delete()
    assert [run.to_dict() for run in site.service.runs().runs] == [before]
    assert Run.objects.count() == 1


def test_an_old_row_is_corrected_by_the_folder(site: Zoo) -> None:
    """What happens when somebody puts back a copy of the database from the middle of a run."""
    site.create("zoo.Tag")
    Run.objects.update(state="running", report=None, ended_at=None)
    (run,) = site.service.runs().runs
    assert run.state == "succeeded"
    assert Run.objects.get().report == run.report


def test_a_row_whose_folder_is_gone_does_not_run_for_ever(site: Zoo) -> None:
    run = submit("create", TAGS)
    shutil.rmtree(folder(site, run))
    (found,) = site.service.runs().runs
    assert found.state == "lost"
    assert site.service.run(run.pk).state == "lost"
    assert submit("create", TAGS).state == "queued"


# -- queue ---------------------------------------------------------------------------------------------


def test_a_run_is_carried_out_once(site: Zoo) -> None:
    run = submit("create", TAGS, actor=ANN)
    assert (run.state, site.service.run(run.pk).state) == ("queued", "queued")
    run_job(str(run.pk))
    done = site.service.run(run.pk)
    assert (done.state, done.attempt, done.actor_name) == ("succeeded", 1, "ann")
    run_job(str(run.pk))
    assert site.service.run(run.pk).to_dict() == done.to_dict()
    assert len(site.service.list()) == 1


def test_one_writing_run_at_a_time(site: Zoo) -> None:
    first = submit("create", TAGS, actor=ANN)
    with pytest.raises(RunLocked, match="create.*queued.*ann") as caught:
        submit("restore", RestoreRequest(package="latest"))
    assert caught.value.to_dict()["holder"] == {
        "run": str(first.pk),
        "kind": "create",
        "state": "queued",
        "actor": "ann",
    }
    looking = submit("verify", VerifyRequest(package="latest"))
    assert looking.state == "queued"
    run_job(str(first.pk))
    assert submit("delete", DeleteRequest(package="x.edms.zip")).state == "queued"


@pytest.mark.parametrize("step", ["dump", "verify"])
def test_a_running_one_counts_too(site: Zoo, step: str) -> None:
    told: list[str] = []

    def second() -> None:
        with pytest.raises(RunLocked) as caught:
            submit("create", TAGS)
        told.append(caught.value.holder["state"])

    BackupService.from_settings(During(step, second)).create(TAGS)
    assert told == ["running"]


def test_a_command_does_not_queue(site: Zoo) -> None:
    """Whoever stands at the machine goes first; the run that waits is carried out all the same."""
    run = submit("create", TAGS)
    site.service.create(TAGS)
    run_job(str(run.pk))
    assert site.service.run(run.pk).state == "succeeded"


def test_a_run_waits_for_a_command_that_came_in_between(site: Zoo, monkeypatch: pytest.MonkeyPatch) -> None:
    run = submit("create", TAGS)
    attempts: list[int] = []

    @contextmanager
    def busy(self: BackupService, what: str) -> Iterator[tuple[()]]:
        attempts.append(len(attempts))
        if len(attempts) < 3:
            raise RunLocked("Another create is running.")
        yield ()

    monkeypatch.setattr("edms_backup.service.runs.time.sleep", lambda seconds: None)
    monkeypatch.setattr("edms_backup.service.recorded.Recorded._alone", busy)
    done = site.service.carry_out(run.pk)
    assert (done.state, done.attempt) == ("succeeded", 3)
    monkeypatch.setattr("edms_backup.service.runs.PATIENCE", -1.0)
    attempts.clear()
    again = submit("create", TAGS)
    assert site.service.carry_out(again.pk).error["code"] == "run_locked"  # type: ignore[index]


def test_a_queue_that_cannot_be_reached_leaves_nothing_in_the_way(site: Zoo) -> None:
    site.configure(JOBS="tests.unit.test_runs.broken")
    with pytest.raises(ConfigurationError, match="ConnectionRefusedError"):
        submit("create", TAGS)
    (run,) = site.service.runs().runs
    assert run.state == "failed"
    assert "secret" not in json.dumps(run.to_dict())
    site.configure(JOBS="tests.unit.test_runs.never")
    assert submit("create", TAGS).state == "queued"


@pytest.mark.parametrize("jobs", ["no.where.to_be_found", "tests.unit.test_runs.nothing"])
def test_a_worker_that_is_not_there(site: Zoo, jobs: str) -> None:
    site.configure(JOBS=jobs)
    with pytest.raises(ConfigurationError, match="cannot be imported"):
        submit("create", TAGS)
    assert site.service.runs().total == 0


def test_a_missing_extra_is_named(site: Zoo, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    site.configure(JOBS="celery")
    monkeypatch.delitem(sys.modules, "edms_backup.tasks.celery", raising=False)
    monkeypatch.setitem(sys.modules, "celery", None)
    with pytest.raises(ConfigurationError) as caught:
        submit("create", TAGS)
    assert "edms-backup[celery]" in caught.value.hint


def test_the_same_key_is_the_same_run(site: Zoo) -> None:
    run = submit("create", TAGS, actor=ANN, idempotency_key="k")
    assert submit("create", TAGS, actor=ANN, idempotency_key="k").pk == run.pk
    with pytest.raises(UsageError, match="another request"):
        submit("create", replace(TAGS, label="other"), actor=ANN, idempotency_key="k")
    run_job(str(run.pk))
    assert submit("create", TAGS, actor=ANN, idempotency_key="k").pk == run.pk
    Run.objects.all().delete()
    assert submit("create", TAGS, actor=ANN, idempotency_key="k").pk == run.pk
    somebody = replace(ANN, user_id="8")
    assert submit("create", TAGS, actor=somebody, idempotency_key="k").pk != run.pk


@pytest.mark.parametrize("text", ["", "../../etc/passwd", "1a2b", "5d0c4f0e-6b1a-4c55-9a53-0c9a3b1f2e77"])
def test_runs_that_are_not_there(site: Zoo, text: str) -> None:
    for ask in (site.service.run, site.service.cancel, site.service.carry_out):
        with pytest.raises(RunNotFound):
            ask(text)


def test_looking_at_the_whole_site_is_a_run(site: Zoo) -> None:
    check = site.service.queue(RunKind.CHECK, LookRequest(), backend="celery")[0]
    models = site.service.queue(RunKind.INVENTORY, LookRequest(), backend="celery")[0]
    site.service.queue(RunKind.CREATE, TAGS, backend="celery")  # neither stands in the way of what writes
    done = site.service.carry_out(check.pk)
    assert done.state in ("succeeded", "defects")
    assert done.report is not None
    assert (done.step, done.done, done.unit) == ("check", done.report["models"], "models")
    done = site.service.carry_out(models.pk)
    assert done.report is not None
    assert {one["label"]: one["rows"] for one in done.report["models"]}["zoo.Tag"] == 3


def test_a_check_stops_between_two_models(site: Zoo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording, "EVERY", 0.0)
    run = site.service.queue(RunKind.CHECK, LookRequest(), backend="celery")[0]
    service = site.service
    service.reporter = During("check", lambda: site.service.cancel(run.pk) and None)
    done = service.carry_out(run.pk)
    assert (done.state, done.done) == ("cancelled", 0)


def test_runs_are_filtered_and_paged(site: Zoo) -> None:
    for _ in range(3):
        site.service.create(TAGS)
    waiting = submit("verify", VerifyRequest(package="latest"), actor=ANN)
    service = site.service
    assert service.runs().total == 4
    assert service.runs().runs[0].pk == waiting.pk
    page = service.runs(kind="create", offset=1, limit=1)
    assert (page.total, len(page.runs)) == (3, 1)
    assert [run.pk for run in service.runs(state="queued").runs] == [waiting.pk]
    assert [run.pk for run in service.runs(actor_id="7").runs] == [waiting.pk]
    Run.objects.filter(kind="create").delete()
    assert service.runs(kind="create", limit=2).total == 3
    for wrong in ({"kind": "wipe"}, {"state": "x"}, {"reason": "y"}):
        with pytest.raises(UsageError):
            service.runs(**wrong)


def test_looking_asks_little(site: Zoo) -> None:
    for _ in range(3):
        site.service.create(TAGS)
    site.service.runs()
    with CaptureQueriesContext(connection) as few:
        site.service.runs(limit=1)
    site.service.create(TAGS)
    site.service.runs()
    with CaptureQueriesContext(connection) as more:
        site.service.runs(limit=1)
    assert len(few) == len(more)


# -- what a plan and a verification come to --------------------------------------------------------------


def test_a_plan_and_a_verification_are_runs_when_they_are_submitted(site: Zoo) -> None:
    name = site.create("zoo.Tag").package
    plan = submit("plan", RestoreRequest(package=name, safety_package=False, files=False))
    check = submit("verify", VerifyRequest(package=name))
    for run in (plan, check):
        run_job(str(run.pk))
    planned = site.service.run(plan.pk)
    assert planned.state == "succeeded"
    assert planned.report is not None
    assert planned.report["plan_digest"] == site.plan().digest
    assert site.service.run(check.pk).report["ok"] is True  # type: ignore[index]
    path = Path(site.service.settings.directory, name)
    data = bytearray(path.read_bytes())
    data[len(data) // 3] ^= 1
    path.write_bytes(data)
    check = submit("verify", VerifyRequest(package=name))
    run_job(str(check.pk))
    damaged = site.service.run(check.pk)
    assert (damaged.state, damaged.exit_code) == ("failed", 13)


# -- cancelling ----------------------------------------------------------------------------------------


def test_what_waits_is_cancelled_at_once(site: Zoo) -> None:
    run = submit("create", TAGS)
    done = site.service.cancel(run.pk, actor=ANN)
    assert done.state == "cancelled"
    assert "ann" in str(done.error)
    run_job(str(run.pk))
    assert site.service.run(run.pk).state == "cancelled"
    assert site.service.list() == []
    with pytest.raises(RunEnded, match="cancelled"):
        site.service.cancel(run.pk)


@pytest.mark.parametrize("step", ["plan", "load", "validate"])
def test_what_runs_is_rolled_back(site: Zoo, step: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording, "EVERY", 0.0)
    name = site.create("zoo.Tag").package
    zoo_models.Tag.objects.all().delete()
    run = submit("restore", RestoreRequest(package=name, mode=Mode.REPLACE, files=False))
    service = BackupService.from_settings(During(step, lambda: asked.append(site.service.cancel(run.pk))))
    asked: list[Run] = []
    done = service.carry_out(run.pk)
    assert asked[0].state == "running"
    assert asked[0].cancel_requested_at is not None
    assert done.state == "cancelled"
    assert done.error is not None
    assert "as it was before" in done.error["message"]
    assert zoo_models.Tag.objects.count() == 0
    assert site.restore(Mode.REPLACE).outcome == "committed"


def late(report: object) -> None:
    """Be a hook in which somebody cancels the run that calls it."""
    (run,) = BackupService.from_settings().runs(state="running").runs
    BackupService.from_settings(actor=ANN).cancel(run.pk)


def test_after_the_commit_it_is_too_late(site: Zoo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording, "EVERY", 0.0)
    site.configure(AFTER_RESTORE=["tests.unit.test_runs.late"])
    name = site.create("zoo.Tag").package
    zoo_models.Tag.objects.all().delete()
    run = submit("restore", RestoreRequest(package=name, mode=Mode.REPLACE, files=False))
    done = site.service.carry_out(run.pk)
    assert done.state == "succeeded"
    assert zoo_models.Tag.objects.count() == 3
    assert "cancelled_too_late" in [finding["code"] for finding in done.findings]


def test_an_interrupt_that_comes_too_late_is_told_as_such(site: Zoo) -> None:
    def interrupted(report: object) -> None:
        raise KeyboardInterrupt

    name = site.create("zoo.Tag").package
    from edms_backup.service import writing

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(writing, "run_hooks", lambda hooks, report: interrupted(report))
        with pytest.raises(EdmsBackupError, match="stands"):
            site.service.restore(RestoreRequest(package=name, files=False, safety_package=False))
    run = Run.objects.get(kind="restore")
    assert run.state == RunState.DEFECTS
    assert "stands" in run.error["message"]  # type: ignore[index]


# -- lost workers --------------------------------------------------------------------------------------


def pretend_to_run(zoo: Zoo, run: Run, **values: Any) -> None:
    """Write down that a worker, which is no more, had begun the run."""
    path = folder(zoo, run) / "run.json"
    document = json.loads(path.read_text())
    document |= {"state": "running", "started_at": document["created_at"], **values}
    path.write_text(json.dumps(document))
    (folder(zoo, run) / "alive").touch(0o600)


def worker(host: str = "") -> str:
    import socket

    return f"process 1 on {host or socket.gethostname()}"


def test_a_worker_that_died_is_found_out(site: Zoo) -> None:
    run = submit("create", TAGS)
    pretend_to_run(site, run, worker=worker())
    lost = site.service.run(run.pk)
    assert (lost.state, lost.exit_code) == ("lost", 1)
    assert "no package was made" in lost.error["message"]  # type: ignore[index]
    assert Run.objects.get().state == "lost"
    assert submit("create", TAGS).state == "queued"


def test_a_worker_that_holds_its_run_is_alive_however_silent(site: Zoo) -> None:
    run = submit("create", TAGS)
    pretend_to_run(site, run, worker=worker())
    os.utime(folder(site, run) / "alive", (0, 0))
    descriptor = os.open(folder(site, run) / "alive", os.O_RDWR)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        assert site.service.run(run.pk).state == "running"
    finally:
        os.close(descriptor)
    assert site.service.run(run.pk).state == "lost"


def test_a_run_that_ends_while_somebody_looks_is_not_lost(site: Zoo, monkeypatch: pytest.MonkeyPatch) -> None:
    run = submit("create", TAGS)
    pretend_to_run(site, run, worker=worker())
    place = folder(site, run)
    descriptor = os.open(place / "alive", os.O_RDWR)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    read, looked = RunFolder.read, []

    def read_and_then_it_ends(self: RunFolder) -> Run:
        """Read the run while its worker is at work, which ends before the reader does anything with it."""
        found = read(self)
        if not looked:
            looked.append(found.state)
            document = json.loads((place / "run.json").read_text())
            (place / "run.json").write_text(
                json.dumps({**document, "state": "succeeded", "ended_at": document["created_at"]})
            )
            (place / "ended").touch()
            os.close(descriptor)
        return found

    monkeypatch.setattr(RunFolder, "read", read_and_then_it_ends)
    assert site.service.run(run.pk).state == "succeeded"
    assert looked == ["running"]


def test_a_worker_elsewhere_is_given_time(site: Zoo) -> None:
    """Its lock may not be seen here: then only the time tells."""
    run = submit("create", TAGS)
    pretend_to_run(site, run, worker=worker("elsewhere"))
    assert site.service.run(run.pk).state == "running"
    old = site.service.clock().timestamp() - register.STALE.total_seconds() - 5
    os.utime(folder(site, run) / "alive", (old, old))
    assert site.service.run(run.pk).state == "lost"


def test_a_process_that_never_began(site: Zoo, monkeypatch: pytest.MonkeyPatch) -> None:
    site.configure(JOBS="process")
    monkeypatch.setattr("edms_backup.tasks.process.start", lambda run_id, where: None)
    run = submit("create", TAGS)
    assert site.service.run(run.pk).state == "queued"
    monkeypatch.setattr(register, "BEGINS_WITHIN", timedelta(seconds=-1))
    lost = site.service.run(run.pk)
    assert lost.state == "lost"
    assert "never began" in lost.error["message"]  # type: ignore[index]


def test_a_lost_create_says_which_package_it_made(site: Zoo) -> None:
    run = submit("create", TAGS)
    run_job(str(run.pk))
    (folder(site, run) / "ended").unlink()
    pretend_to_run(site, run, worker=worker())
    made = site.service.list()[0].name
    assert f"the package {made} was made" in site.service.run(run.pk).error["message"]  # type: ignore[index]


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ("committed", "it stands"),
        ("rolled_back", "nothing had been committed"),
        ("partial", "some of its databases"),
        (None, "nothing had been committed"),
    ],
)
def test_a_lost_restore_says_what_its_journal_says(site: Zoo, state: str | None, said: str) -> None:
    from edms_backup.restore.journal import RestoreRecord, new_journal

    run = submit("restore", RestoreRequest(package="latest"))
    pretend_to_run(site, run, worker=worker())
    if state is not None:
        record = RestoreRecord(
            run_id=run.pk.hex, package="p", package_id="i", mode="merge", state=state, started_at="2025"
        )
        new_journal(state_directory(site), run.pk.hex).write(record)
    assert said in site.service.run(run.pk).error["message"]  # type: ignore[index]


def test_a_run_that_fails_in_a_worker_tells_why(site: Zoo, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: object, **options: object) -> None:
        raise LoadFailed("zoo.Tag a: no.", hint="Look.")

    name = site.create("zoo.Tag").package
    monkeypatch.setattr("edms_backup.service.writing.run_restore", fail)
    run = submit("restore", RestoreRequest(package=name, files=False))
    run_job(str(run.pk))
    done = site.service.run(run.pk)
    assert (done.state, done.exit_code) == ("failed", 18)
    assert done.error == {
        "code": "load_failed",
        "exit_code": 18,
        "message": "zoo.Tag a: no.",
        "hint": "Look.",
    }


def test_progress_is_written_down_and_not_too_often(site: Zoo, monkeypatch: pytest.MonkeyPatch) -> None:
    from edms_backup.history.folder import RunFolder

    run = submit("create", TAGS)
    seen: list[tuple[str, int]] = []
    write = RunFolder.write

    def counted(self: RunFolder, run: Run, *, durable: bool = False) -> None:
        seen.append((run.step, run.done))
        write(self, run, durable=durable)

    monkeypatch.setattr(RunFolder, "write", counted)

    with site.service.register.claimed(run.pk) as recorded:
        assert recorded is not None
        reporter = recorded.reporter(NullReporter())
        reporter.emit(StepStarted(step="dump", total=1000))
        before = len(seen)
        for done in range(1000):
            reporter.emit(Progress(step="dump", done=done, subject="x" * 400))
        assert len(seen) - before <= 1
        recorded._spoke = float("-inf")
        reporter.emit(Progress(step="dump", done=999, subject="zoo.Tag"))
        live = site.service.register.read(run.pk)
        assert (live.step, live.done, live.total, live.subject) == ("dump", 999, 1000, "zoo.Tag")
        recorded.succeeded(type("R", (), {"to_dict": lambda self: {}})())
