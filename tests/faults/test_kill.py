"""SIGKILL at any point of a restore: afterwards rows and files are both old or both new, and it is said."""

import os
import random
import time

import pytest

from tests.conftest import skip_unless_present
from tests.faults.arena import Arena
from tests.faults.states import leftovers, state_of
from tests.faults.sweep import sweep
from tests.faults.test_two_at_once import start
from tests.faults.trials import Trials

pytestmark = [pytest.mark.fault, pytest.mark.slow]

SAMPLE = 9
LONG = pytest.mark.skipif(
    os.environ.get("EDMS_FAULTS") != "1", reason="takes minutes; EDMS_FAULTS=1 lets it run"
)


def test_killed_at_some_points(arena: Arena) -> None:
    """Points around the commit and the switch of files always, others by chance."""
    problems: list[str] = []
    with Trials(arena) as trials:
        points = trials.points()
        commits = [at for at, point in enumerate(points, start=1) if point == "commit after"]
        commit = commits[-1]
        while points[commit - 2].startswith("commit"):
            commit -= 1
        renames = [at for at, point in enumerate(points, start=1) if point == "file os.rename"]
        chosen = {commit - 1, commit, commit + 1, *renames[-3:]}
        chosen |= set(random.Random(7).sample(range(1, len(points) + 1), SAMPLE))
        seen = []
        for at in sorted(chosen):
            tried = trials.attempt("kill", at, points[at - 1])
            seen.append(tried)
            problems.extend(tried.problems("kill"))
    assert problems == []
    assert {tried.settled for tried in seen} == {"before", "after"}
    assert [tried for tried in seen if tried.recovered], "no try left anything to settle"


@pytest.mark.parametrize("command", ["list", "create"])
def test_other_commands_say_it_too(arena: Arena, command: str) -> None:
    with Trials(arena) as trials:
        points = trials.points()
        renames = [at for at, point in enumerate(points, start=1) if point == "file os.rename"]
        killed = trials.run(
            *trials.command, strike="kill", at=renames[-2], kinds=["statement", "commit", "file"]
        )
        assert killed.code == -9
        done = trials.run(command, "-v", "2")
    assert "had been interrupted" in done.stdout + done.stderr, done.said


def test_killed_while_the_server_commits(arenas: dict[str, Arena]) -> None:
    """The server goes on with a commit whose client is gone; whoever asks meanwhile must wait for it."""
    skip_unless_present("postgresql")
    arena = arenas["postgresql"]
    with Trials(arena) as trials:
        site = trials.site()
        site.query(
            "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql"
            " AS $$ BEGIN PERFORM pg_sleep(4); RETURN NULL; END $$"
        )
        site.query(
            "CREATE CONSTRAINT TRIGGER slow AFTER UPDATE ON documents DEFERRABLE INITIALLY DEFERRED"
            " FOR EACH ROW EXECUTE FUNCTION slow()"
        )
        commit = (
            "SELECT 1 FROM pg_stat_activity WHERE datname = current_database()"
            " AND state = 'active' AND query = 'COMMIT'"
        )
        with start(site, *trials.command) as process:
            until = time.monotonic() + 30
            while not site.query(commit):
                assert time.monotonic() < until
                assert process.poll() is None
                time.sleep(0.01)
            process.kill()
        following = trials.run(*trials.command, "--dry-run")
        while site.query(commit):
            time.sleep(0.05)
        trials.run(*trials.command, "--dry-run")
        state = state_of(site)
        assert state in (arena.before, arena.after), following.said
        assert leftovers(site) == []


@LONG
@pytest.mark.parametrize("strike", ["kill", "interrupt", "terminate", "sever", "fill"])
def test_every_point(arena: Arena, strike: str) -> None:
    if strike == "sever" and arena.vendor == "sqlite":
        pytest.skip("there is no connection to lose")
    counts, problems = sweep(arena, strike, 1, complete=False)
    assert problems == []
    assert counts["points"] > 80


@LONG
def test_killed_with_the_safety_package(arena: Arena) -> None:
    counts, problems = sweep(arena, "kill", 41, complete=True)
    assert problems == []
    assert counts["points"] > 5
