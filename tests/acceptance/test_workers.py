"""Runs carried out by real workers: a detached process, ``db_worker`` of Django's tasks, Celery with a real broker.

Each worker is a process of its own; what is asked and seen goes through the command line of the site.
"""

import json
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.faults.sampling import EVERYTHING
from tests.faults.states import State, leftovers, packages, state_of
from tests.sites import ROOT, Site, SiteFactory

pytestmark = pytest.mark.slow

BROKER_VARIABLE = "EDMS_TEST_BROKER_URL"
WORKERS = ("process", "tasks", "celery")
PATIENCE = 90.0
UNENDED = ("queued", "running")
ROUND, KILLED = (
    "test_a_backup_and_a_restore_of_another_site",
    "test_a_worker_killed_in_the_middle_of_a_restore",
)
CANCELLED, EMPTIED = "test_a_restore_that_is_cancelled", "test_state_and_report_survive_an_empty_database"
NORMALLY = {
    *((test, "process", "sqlite") for test in (ROUND, KILLED, CANCELLED, EMPTIED)),
    (ROUND, "tasks", "sqlite"),
    (ROUND, "celery", "sqlite"),
    (KILLED, "celery", "sqlite"),
    (KILLED, "process", "postgresql"),
    (ROUND, "process", "mariadb"),
}
"""What a normal run does; the rest takes minutes."""
SUBMIT = """
from edms_backup.service import Actor, CreateRequest, Mode, RestoreRequest, UndoRequest
from edms_backup.tasks import submit
actor = Actor(user_id="7", name="ann", origin="api", address="192.0.2.7")
run = submit({kind!r}, {request}, actor=actor)
print(run.pk)
"""


@dataclass(frozen=True)
class Staffed:
    """A site, and the environment in which its worker carries runs out."""

    site: Site
    env: dict[str, str]
    queue: int = 0
    """Process group of a worker that stands still while something is submitted; it might be done before we look."""

    def manage(self, *args: str, check: bool = True) -> "subprocess.CompletedProcess[str]":
        return self.site.manage(*args, env=self.env, check=check)

    def submit(self, kind: str, request: str) -> str:
        """Submit a run, as a web server would, and return its id."""
        code = SUBMIT.format(kind=kind, request=request)
        if self.queue:
            os.killpg(self.queue, signal.SIGSTOP)
        try:
            return self.manage("shell", "-v", "0", "-c", code).stdout.strip().splitlines()[-1]
        finally:
            if self.queue:
                os.killpg(self.queue, signal.SIGCONT)

    def folder(self, run: str) -> Path:
        return self.site.data_dir / "backups" / ".state" / "runs" / run

    def live(self, run: str) -> dict[str, Any]:
        """Return what is written down of a run at this moment."""
        return dict(json.loads((self.folder(run) / "run.json").read_text()))

    def until(self, run: str, true: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Wait until something is true of a run, and return the run."""
        until = time.monotonic() + PATIENCE
        while not true(found := self.live(run)):
            assert time.monotonic() < until, f"{found}\n{self.said()}"
            time.sleep(0.005)
        return found

    def said(self) -> str:
        """Return the last of what the worker said, a queue's or the detached process of a run."""
        logs = [_log(self.site), *self.folder("").glob("*/output.log")]
        return "\n".join(log.read_text(errors="replace")[-3000:] for log in logs if log.exists())

    @contextmanager
    def held(self, run: str) -> Iterator[None]:
        """Hold the worker still in the first step of a run: it might be done before another command starts.

        Not earlier: while it claims the run it holds the lock of all runs, and whoever cancels waits for that.
        """
        found = self.until(run, lambda found: found["step"] or found["state"] not in UNENDED)
        worker = int(found["worker"].split()[1])
        os.kill(worker, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(worker, signal.SIGCONT)

    def ended(self, run: str) -> dict[str, Any]:
        """Wait until a run has ended, and return it as the command line shows it."""
        self.until(run, lambda found: found["state"] not in UNENDED)
        return dict(json.loads(self.manage("edms_backup", "runs", "show", run, "--json").stdout))

    def state(self) -> State:
        """Return the state of the site, without the tables of the queue."""
        state = state_of(self.site)
        own = {name: rows for name, rows in state.tables.items() if not name.startswith("django_tasks")}
        return State(tables=own, files=state.files)


def _log(site: Site) -> Path:
    return site.data_dir.with_suffix(".worker.log")


@contextmanager
def working(site: Site, env: dict[str, str], *command: str) -> Iterator[int]:
    """Let a worker work for as long as the block lasts; gives its process group."""
    log = _log(site)
    paths = f"{ROOT}{os.pathsep}{ROOT / 'example_project'}"
    with log.open("wb") as said:
        process = subprocess.Popen(
            [sys.executable, *command],
            env={**site.env, **env, "PYTHONPATH": paths},
            cwd=site.data_dir,
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            yield process.pid
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            log.unlink()


@pytest.fixture(params=WORKERS)
def staffed(request: pytest.FixtureRequest, make_site: SiteFactory, vendor: str) -> Iterator[Staffed]:
    """Give a site with a package and a worker of each kind; on servers, of one kind."""
    kind: str = request.param
    test = request.node.originalname
    if not EVERYTHING and (test, kind, vendor) not in NORMALLY:
        pytest.skip(
            "workers differ in how they are told, not in the database; EDMS_FAULTS=1 runs all of these"
        )
    broker = os.environ.get(BROKER_VARIABLE)
    if kind == "celery" and not broker:
        pytest.skip(f"no broker: {BROKER_VARIABLE} is not set")
    site = make_site(vendor, seeded=True)
    env = {"EDMS_JOBS": kind}
    site.manage("edms_backup", "create", env=env)
    if kind == "process":
        yield Staffed(site, env)
    elif kind == "tasks":
        site.manage("migrate", "-v", "0", env=env)
        manage = str(ROOT / "example_project" / "manage.py")
        with working(site, env, manage, "db_worker", "--interval", "0.1", "--no-startup-delay"):
            yield Staffed(site, env)
    else:
        queue = f"edms-test-{secrets.token_hex(6)}"
        env |= {"EDMS_BROKER_URL": str(broker), "EDMS_QUEUE": queue}
        # Two workers of one name on one RabbitMQ lock each other out (RESOURCE_LOCKED), and one of them takes nothing.
        named = ("--concurrency", "1", "--hostname", f"{queue}@%h")
        with working(site, env, "-m", "celery", "--app", "edms.celery", "worker", *named) as group:
            yield Staffed(site, env, group)


def test_a_backup_and_a_restore_of_another_site(staffed: Staffed) -> None:
    site = staffed.site
    run = staffed.submit("create", "CreateRequest(label='nightly')")
    done = staffed.ended(run)
    assert (done["state"], done["actor_name"], done["attempt"]) == ("succeeded", "ann", 1), done
    assert done["report"]["package"] in packages(site)
    assert done["worker"].startswith("process ")
    site.manage("system_reinit", "--shift-ids", "--yes", env=staffed.env)
    request = f"RestoreRequest(package={done['report']['package']!r}, mode=Mode.REPLACE)"
    restored = staffed.ended(staffed.submit("restore", request))
    assert restored["state"] == "succeeded", restored
    report = restored["report"]
    assert all(model["identical"] == model["expected"] for model in report["models"].values())
    dry = staffed.manage("edms_backup", "restore", done["report"]["package"], "--dry-run", "--json")
    counts = json.loads(dry.stdout)["models"].values()
    assert sum(model["inserted"] + model["updated"] for model in counts) == 0
    undone = staffed.ended(staffed.submit("undo", f"UndoRequest(run_id={restored['id']!r})"))
    assert undone["state"] == "succeeded", undone
    assert leftovers(site) == []
    listed = json.loads(staffed.manage("edms_backup", "runs", "--json").stdout)
    assert [found["kind"] for found in listed["runs"]] == ["undo", "restore", "create", "create"]


@pytest.mark.fault
@pytest.mark.parametrize("step", ["plan", "load"] if EVERYTHING else ["load"])
def test_a_worker_killed_in_the_middle_of_a_restore(staffed: Staffed, step: str) -> None:
    site = staffed.site
    for _ in range(5):
        site.manage("system_reinit", "--shift-ids", "--yes", env=staffed.env)
        before = staffed.state()
        run = staffed.submit(
            "restore", "RestoreRequest(package='latest', mode=Mode.REPLACE, safety_package=False)"
        )
        found = staffed.until(run, lambda found: found["step"] == step or found["state"] not in UNENDED)
        if found["state"] == "running":
            break
    else:
        pytest.fail("it was done each time before anybody could look")
    os.kill(int(found["worker"].split()[1]), signal.SIGKILL)
    time.sleep(0.2)
    lost = json.loads(staffed.manage("edms_backup", "runs", "show", run, "--json").stdout)
    assert lost["state"] == "lost", lost
    said = lost["error"]["message"]
    if "nothing had been committed" in said:
        assert staffed.state().differences(before) == []
    else:
        assert "it stands" in said
        assert staffed.state().differences(before)
    assert leftovers(site) == []
    assert staffed.manage("edms_backup", "restore", "latest", "--mode", "replace", "--yes").returncode == 0


def test_a_restore_that_is_cancelled(staffed: Staffed) -> None:
    site = staffed.site
    site.manage("system_reinit", "--shift-ids", "--yes", env=staffed.env)
    before = staffed.state()
    known = packages(site)
    run = staffed.submit("restore", "RestoreRequest(package='latest', mode=Mode.REPLACE)")
    with staffed.held(run):
        cancelled = staffed.manage("edms_backup", "runs", "cancel", run, check=False)
    assert cancelled.returncode == 0, cancelled.stderr
    done = staffed.ended(run)
    assert done["state"] == "cancelled", done
    assert staffed.state().differences(before) == []
    assert leftovers(site) == []
    assert set(known) <= set(packages(site))
    again = staffed.manage("edms_backup", "runs", "cancel", run, check=False)
    assert again.returncode == 25


def test_state_and_report_survive_an_empty_database(staffed: Staffed) -> None:
    """What was written down does not depend on the table that tells of it."""
    run = staffed.submit("create", "CreateRequest()")
    done = staffed.ended(run)
    staffed.manage("flush", "--no-input", "-v", "0")
    assert staffed.site.query("SELECT count(*) FROM edms_backup_run") == [(0,)]
    again = json.loads(staffed.manage("edms_backup", "runs", "show", run, "--json").stdout)
    assert again == done
    staffed.manage("edms_backup", "runs")
    assert staffed.site.query("SELECT count(*) FROM edms_backup_run") == [(2,)]
