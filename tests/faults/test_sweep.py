"""Faults at points of a create and a restore: a few of each kind, or with ``EDMS_FAULTS=1`` every one."""

import pytest

from tests.faults.arena import Arena
from tests.faults.sampling import EVERYTHING
from tests.faults.sweep import COMMANDS, STRIKES, sweep

pytestmark = [pytest.mark.fault, pytest.mark.slow]

POINTS = 3


@pytest.mark.parametrize("strike", STRIKES)
@pytest.mark.parametrize("command", COMMANDS)
def test_points(arena: Arena, command: str, strike: str) -> None:
    if strike == "sever" and arena.vendor == "sqlite":
        pytest.skip("there is no connection to lose")
    # A disk that fails while the run is written down hinders nothing: more points, so that some are of the restore.
    points = POINTS * 3 if strike in ("fill", "break") else POINTS
    counts, problems = sweep(arena, command, strike, sample=points)
    assert problems == []
    assert counts["torn"] == 0
    assert counts["points"] >= POINTS - 1  # the last one may not be reached each time
    assert counts["before"], "no fault came early enough"


@pytest.mark.skipif(not EVERYTHING, reason="takes minutes; EDMS_FAULTS=1 lets it run")
def test_killed_with_the_safety_package(arena: Arena) -> None:
    counts, problems = sweep(arena, "restore", "kill", every=41, complete=True)
    assert problems == []
    assert counts["points"] > 5
