"""SIGKILL at any point of a restore: afterwards rows and files are both old or both new, and it is said."""

import time

import pytest

from tests.conftest import skip_unless_present
from tests.faults.arena import Arena
from tests.faults.races import start
from tests.faults.states import leftovers, state_of
from tests.faults.trials import Trials, commit_of_the_restore

pytestmark = [pytest.mark.fault, pytest.mark.slow]


def test_killed_around_the_commit(arena: Arena) -> None:
    """The points where rows and files part: the commit, and the switch of files. The others: ``test_sweep``."""
    problems: list[str] = []
    with Trials(arena) as trials:
        points = trials.points()
        commit = commit_of_the_restore(points)
        renames = [at for at, point in enumerate(points, start=1) if point == "file os.rename"]
        chosen = {commit - 1, commit, commit + 1, *renames[-5:]}
        seen = []
        for at in sorted(chosen):
            tried = trials.attempt("kill", at, points[at - 1])
            seen.append(tried)
            problems.extend(tried.problems("kill"))
    assert problems == []
    assert {tried.settled for tried in seen} == {"before", "after"}
    assert [tried for tried in seen if tried.recovered], "no try left anything to settle"


def test_killed_before_anything_was_written_down(arena: Arena) -> None:
    """The journal's folder is there and nothing is in it: it goes, and nobody is alarmed."""
    with Trials(arena) as trials:
        points = trials.points(["file"])
        first = points.index("file os.rename") + 1  # the record gets its name
        made = points[:first].index("file os.mkdir") + 1
        tries = [trials.attempt("kill", at, "", ["file"]) for at in (made + 1, first)]
    assert [problem for tried in tries for problem in tried.problems("kill")] == []
    assert {(tried.settled, tried.recovered) for tried in tries} == {("before", False)}
    assert "journal" not in "".join(tried.next_command.said for tried in tries)


@pytest.mark.parametrize("command", ["list", "create"])
def test_other_commands_say_it_too(arena: Arena, command: str) -> None:
    with Trials(arena) as trials:
        points = trials.points()
        renames = [at for at, point in enumerate(points, start=1) if point == "file os.rename"]
        killed = trials.run(
            *trials.command, strike="kill", at=renames[-3], kinds=["statement", "commit", "file"]
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
