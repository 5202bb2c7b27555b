"""Ctrl-C and SIGTERM: what had begun is undone, or the whole of it is there; never a mixture."""

import random
import signal

import pytest

from tests.faults.arena import Arena, Rehearsal
from tests.faults.sampling import EVERYTHING
from tests.faults.states import leftovers, packages, state_of
from tests.faults.trials import Trials, commit_of_the_restore
from tests.sites import Site

pytestmark = [pytest.mark.fault, pytest.mark.slow]

MOMENTS = 10 if EVERYTHING else 2
CODES = {signal.SIGINT: 130, signal.SIGTERM: 143}


@pytest.mark.parametrize("number", CODES)
def test_restore_is_stopped(arena: Arena, number: signal.Signals) -> None:
    chance = random.Random(int(number))
    problems = []
    with Trials(arena) as trials:
        lasts = trials.run(*trials.command, "--dry-run").seconds * 1.5
        for _ in range(MOMENTS):
            tried = trials.signalled(number, chance.uniform(0, lasts))
            stopped = tried.attempt.code == CODES[number]
            # A signal that comes when the command has said its last word ends the process as any other.
            whole = tried.attempt.code in (0, -number) and tried.right_after == "after"
            if not (stopped or whole) or tried.right_after not in ("before", "after") or tried.litter:
                problems.append(tried)
            if tried.next_command.code or tried.recovered:
                problems.append(tried)
    assert problems == []


def test_stopped_around_the_commit(arena: Arena) -> None:
    """The moments that chance seldom meets."""
    problems = []
    with Trials(arena) as trials:
        points = trials.points()
        commit = commit_of_the_restore(points)
        last = [at for at, point in enumerate(points, start=1) if point == "file os.rename"]
        for at, strike in ((commit, "interrupt"), (commit + 1, "terminate"), (last[-2], "interrupt")):
            problems.extend(trials.attempt(strike, at, points[at - 1]).problems(strike))
    assert problems == []


@pytest.mark.parametrize("number", CODES)
def test_create_is_stopped(arena: Arena, changed: Site, stage: Rehearsal, number: signal.Signals) -> None:
    chance = random.Random(int(number))
    known = packages(changed)
    lasts = stage.run("create", "--json").seconds
    for _ in range(MOMENTS):
        known = packages(changed)
        done = stage.run("create", "--json", signal=number, after=chance.uniform(0, lasts))
        assert leftovers(changed) == []
        new = set(packages(changed)) - set(known)
        # A signal that comes when the command has said its last word ends the process as any other.
        if done.code in (0, 3) or (done.code == -number and new):
            continue
        assert done.code == CODES[number], done.said
        assert not new or done.document["error"]["message"].count(new.pop())
    assert state_of(changed) == arena.before
    assert stage.run("create", "--json").code in (0, 3)
