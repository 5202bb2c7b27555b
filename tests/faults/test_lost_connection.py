"""The server ends the session of a restore: one documented exit code, and nothing has happened."""

import subprocess
import sys

import pytest

from tests.faults.arena import Arena
from tests.faults.states import state_of
from tests.faults.trials import KINDS, Trials
from tests.sites import ROOT, Site

pytestmark = [pytest.mark.fault, pytest.mark.slow]

SESSION = KINDS["sever"]


@pytest.fixture(params=["postgresql", "mariadb"])
def vendor(request: pytest.FixtureRequest) -> str:
    """The servers; SQLite has no connection to lose."""
    from tests.conftest import skip_unless_present

    name: str = request.param
    skip_unless_present(name)
    return name


def test_restore(arena: Arena) -> None:
    """Lost while it writes, and around the commit. The other points: ``test_sweep``."""
    problems: list[str] = []
    with Trials(arena) as trials:
        points = trials.points(SESSION)
        commit = points.index("commit before") + 1
        writing = ("statement INS", "statement UPD")
        writes = [at for at, point in enumerate(points, start=1) if point.startswith(writing)]
        chosen = {writes[0], writes[-1], commit, commit + 1}
        for at in sorted(chosen):
            problems.extend(trials.attempt("sever", at, points[at - 1], SESSION).problems("sever"))
        assert trials.run(*trials.command).code == 0
        assert state_of(trials.site()) == arena.after
    assert problems == []


def test_a_dead_session_is_known(arena: Arena, changed: Site) -> None:
    """Whatever the driver answers by itself: no new session in silence, and a failed transaction is no lost one."""
    done = subprocess.run(
        [sys.executable, "-c", PROBE, arena.vendor],
        env={**changed.env, "PYTHONPATH": f"{ROOT}:{ROOT / 'example_project'}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.splitlines() == ["alive True", "failed True", "dead False", "same True"], done.stderr


PROBE = """
import sys, django; django.setup()
from django.db import DatabaseError, connection, transaction
from edms_backup.engines import get_engine
from tests.faults.rehearse import sever
engine = get_engine("default", {})
try:
    with transaction.atomic():
        connection.cursor().execute("SELECT 1")
        session = connection.connection
        print("alive", engine.is_usable())
        connection.needs_rollback = False
        try:
            connection.cursor().execute("SELECT nothing FROM nowhere")
        except DatabaseError:
            connection.needs_rollback = True
        print("failed", engine.is_usable())
        sever()
        print("dead", engine.is_usable())
        print("same", connection.connection is session)
        raise KeyError
except KeyError:
    pass
"""
