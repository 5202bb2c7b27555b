"""undo: rows, primary keys and contents of files are those from before the restore."""

import pytest

from tests.faults.arena import REMOVED, RESTORE, Arena, Rehearsal
from tests.faults.states import leftovers, state_of
from tests.sites import Site

pytestmark = [pytest.mark.fault, pytest.mark.slow]
SESSIONS = "django_session"
"""Ended by the restore; nobody is signed in again by undoing it."""


@pytest.mark.parametrize("mode", ["merge", "replace"])
def test_undo(arena: Arena, changed: Site, stage: Rehearsal, mode: str) -> None:
    changed.query("UPDATE documents SET title = 'theirs' WHERE document_number = 'SOP-2025-0004'")
    before = state_of(changed)
    # The safety package cannot hold what is missing, so both runs end with 3.
    restored = stage.run(*RESTORE, "--mode", mode)
    assert restored.code in (0, 3), restored.said
    assert state_of(changed) == arena.after

    undone = stage.run("undo", "--yes", "--json")

    assert undone.code in (0, 3), undone.said
    now = state_of(changed)
    # Files that the restore brought are nobody's now; no row names them differently than before.
    assert set(before.differences(now)) <= {SESSIONS, *REMOVED}
    assert undone.document["outcome"] == "committed"
    assert undone.document["package"] == restored.document["safety_package"]
    assert leftovers(changed) == []

    again = stage.run("undo", "--yes", "--json")
    assert again.code == 10
    assert "no restore to undo" in again.document["error"]["message"]
    assert state_of(changed) == now


def test_nothing_to_undo(arena: Arena, changed: Site, stage: Rehearsal) -> None:
    assert stage.run("undo", "--yes").code == 10
    assert stage.run(*RESTORE, "--no-safety-package").code == 0
    assert stage.run("undo", "--yes").code == 10
    assert state_of(changed) == arena.after
