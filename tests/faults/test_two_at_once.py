"""Two runs at once: one of them works, the other one ends with 11 and says who works."""

import signal
import subprocess
import sys
import time

import pytest

from tests.faults.arena import QUICK, Arena
from tests.faults.races import CREATE, race
from tests.faults.sampling import EVERYTHING
from tests.faults.states import state_of
from tests.sites import ROOT, Site

pytestmark = [pytest.mark.fault, pytest.mark.slow]

PAIRS = 20 if EVERYTHING else 2
ENDED = 60


def holder(site: Site) -> "subprocess.Popen[str]":
    """Start a process of the site that holds the lock until it is killed; return when it does."""
    program = (
        "import django, time; django.setup()\n"
        "from edms_backup.service import BackupService\n"
        "with BackupService.from_settings()._alone('create'):\n"
        "    print('held', flush=True); time.sleep(600)\n"
    )
    env = {**site.env, "PYTHONPATH": f"{ROOT}:{ROOT / 'example_project'}"}
    process = subprocess.Popen([sys.executable, "-c", program], env=env, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_the_second_is_told_who_works(arena: Arena, changed: Site) -> None:
    with holder(changed) as process:
        try:
            for command in (CREATE, QUICK, ("undo", "--yes")):
                done = changed.manage("edms_backup", *command, check=False)
                if command[0] == "undo":
                    assert done.returncode == 10  # there is nothing to undo, whoever works
                    continue
                assert done.returncode == 11, done.stderr
                assert f"process {process.pid}" in done.stdout + done.stderr
                assert "create" in done.stdout + done.stderr
            assert changed.manage("edms_backup", "list").returncode == 0
        finally:
            process.send_signal(signal.SIGKILL)
    assert state_of(changed) == arena.before
    # The lock of the database goes when the server notices; nobody may be locked out for longer.
    until = time.monotonic() + ENDED
    while (done := changed.manage("edms_backup", *QUICK, check=False)).returncode == 11:
        assert time.monotonic() < until, done.stdout
    assert done.returncode == 0, done.stdout
    assert state_of(changed) == arena.after


def test_the_lock_holds_for_another_state_directory(arena: Arena, changed: Site) -> None:
    """Two machines share a database and nothing else: the lock in the database keeps them apart."""
    if arena.vendor == "sqlite":
        pytest.skip("SQLite offers no lock of its own; both machines would share its files")
    elsewhere = arena.copy(changed)
    elsewhere.env["DATABASE_URL"] = changed.database_url
    with holder(elsewhere) as process:
        try:
            done = changed.manage("edms_backup", *QUICK, check=False)
            assert done.returncode == 11
            assert "another machine" in done.stdout
        finally:
            process.send_signal(signal.SIGKILL)
    assert state_of(changed) == arena.before


def test_another_site_of_the_same_server_is_not_locked_out(arena: Arena, changed: Site) -> None:
    other = arena.copy(arena.changed)
    with holder(other) as process:
        try:
            assert changed.manage("edms_backup", *CREATE, check=False).returncode == 0
        finally:
            process.send_signal(signal.SIGKILL)
    arena.discard(other)


def test_races(arena: Arena, changed: Site) -> None:
    """Whoever comes first: each that says that it worked did, and each other one was told to wait."""
    counts, problems = race(arena, changed, PAIRS)
    assert problems == []
    assert counts["points"] == PAIRS
