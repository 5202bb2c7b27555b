"""A restore asks before it writes; where nobody can answer it refuses."""

import os
import pty
import select
import subprocess
import sys
import time

import pytest

from tests.faults.arena import QUICK, Arena
from tests.faults.states import leftovers, state_of
from tests.sites import ROOT, Site

pytestmark = pytest.mark.fault

ASKING = [option for option in QUICK if option not in ("--yes", "--json")]
PATIENCE = 60.0


@pytest.fixture
def vendor() -> str:
    """The database has no part in asking."""
    return "sqlite"


def answered(site: Site, answer: str) -> tuple[int, str]:
    """Run a restore on a terminal, type an answer at its question; return exit code and what was shown."""
    ours, theirs = pty.openpty()
    command = [sys.executable, str(ROOT / "example_project" / "manage.py"), "edms_backup", *ASKING]
    with subprocess.Popen(
        command, env=site.env, cwd=site.data_dir, stdin=theirs, stdout=theirs, stderr=theirs
    ) as process:
        os.close(theirs)
        shown, asked, until = b"", False, time.monotonic() + PATIENCE
        while time.monotonic() < until:
            if not select.select([ours], [], [], 0.1)[0]:
                if process.poll() is not None:
                    break
                continue
            try:
                shown += os.read(ours, 65536)
            except OSError:
                break  # the terminal has lost its last user
            if b"Type yes to go on" in shown and not asked:
                asked = True
                os.write(ours, f"{answer}\n".encode())
        code = process.wait(timeout=PATIENCE)
    os.close(ours)
    return code, shown.decode("utf-8", "replace")


def test_nobody_is_there(arena: Arena, changed: Site) -> None:
    for extra in ((), ("--json",)):
        done = changed.manage("edms_backup", *ASKING, *extra, check=False)
        assert done.returncode == 2, done.stderr
        assert "--yes" in done.stderr + done.stdout
    assert state_of(changed) == arena.before


@pytest.mark.parametrize("answer", ["no", "", "y"])
def test_anything_but_yes(arena: Arena, changed: Site, answer: str) -> None:
    code, shown = answered(changed, answer)

    assert code == 5, shown
    assert "documents.Document" in shown
    assert state_of(changed) == arena.before
    assert leftovers(changed) == []


def test_yes(arena: Arena, changed: Site) -> None:
    code, shown = answered(changed, "yes")

    assert code == 0, shown
    assert state_of(changed) == arena.after
