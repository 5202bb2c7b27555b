"""The server ends the session of a restore or create: one documented exit code, and nothing has happened."""

import random

import pytest

from tests.faults.arena import Arena, Rehearsal
from tests.faults.states import leftovers, packages, state_of
from tests.faults.trials import Trials
from tests.sites import Site

pytestmark = [pytest.mark.fault, pytest.mark.slow]

SAMPLE = 8
SESSION = ("statement", "commit")


@pytest.fixture(params=["postgresql", "mariadb"])
def vendor(request: pytest.FixtureRequest) -> str:
    """The servers; SQLite has no connection to lose."""
    from tests.conftest import skip_unless_present

    name: str = request.param
    skip_unless_present(name)
    return name


def test_restore(arena: Arena) -> None:
    problems: list[str] = []
    with Trials(arena) as trials:
        points = trials.points(SESSION)
        commit = points.index("commit before") + 1
        writing = ("statement INS", "statement UPD")
        writes = [at for at, point in enumerate(points, start=1) if point.startswith(writing)]
        chosen = {2, writes[0], writes[-1], commit, commit + 1, len(points)}
        chosen |= set(random.Random(3).sample(range(2, commit), SAMPLE))
        for at in sorted(chosen):
            problems.extend(trials.attempt("sever", at, points[at - 1], SESSION).problems("sever"))
        assert trials.run(*trials.command).code == 0
        assert state_of(trials.site()) == arena.after
    assert problems == []


def test_create(arena: Arena, changed: Site, stage: Rehearsal) -> None:
    command = ("create", "--json", "--models", "documents")
    points = stage.run(*command, kinds=SESSION).points
    known = packages(changed)
    for at in sorted({2, len(points) - 2, *random.Random(4).sample(range(2, len(points) - 2), 4)}):
        done = stage.run(*command, strike="sever", at=at, kinds=SESSION)
        assert done.code == 24, (at, points[at - 1], done.said)
        assert packages(changed) == known
        assert leftovers(changed) == []
    assert stage.run(*command).code in (0, 3)
    assert state_of(changed) == arena.before
