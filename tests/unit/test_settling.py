"""What becomes of a restore that did not end: the database is asked, and files and record follow. No database here."""

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from edms_backup.errors import DatabaseUnavailable, RollbackFailed, StoreUnavailable
from edms_backup.findings import Severity
from edms_backup.restore import journal as journals
from edms_backup.restore.journal import (
    FileStep,
    Journal,
    RestoreRecord,
    all_journals,
    new_journal,
    unrecorded,
)
from edms_backup.restore.recover import recover, settle, unsettled
from edms_backup.storage.roots import DirectoryRoot

STARTED = "2024-05-06T07:08:09+00:00"
RECORD = RestoreRecord(
    run_id="run",
    package="a.edms",
    package_id="id",
    mode="merge",
    state=journals.RUNNING,
    started_at=STARTED,
    aliases=("default", "other"),
)
IsMarked = Callable[[str, str], bool]


def marked(**answers: bool) -> IsMarked:
    return lambda alias, run_id: run_id == "run" and answers[alias]


def silent(alias: str, run_id: str) -> bool:
    raise DatabaseUnavailable("It does not answer.")


@pytest.fixture
def roots(tmp_path: Path) -> Mapping[str, DirectoryRoot]:
    """Give a base with one file that a restore had begun to replace, and one that is new."""
    base = tmp_path / "media"
    base.mkdir()
    (base / "old.txt").write_text("before")
    return {"media": DirectoryRoot("media", base)}


@pytest.fixture
def journal(tmp_path: Path, roots: Mapping[str, DirectoryRoot]) -> Journal:
    """Give the journal of a restore that had staged two files when its process died."""
    begun = new_journal(tmp_path, "run")
    begun.write(RECORD)
    staged = roots["media"].directory / ".edms-restore-run"
    staged.mkdir()
    for number, (kind, name) in enumerate((("swap", "old.txt"), ("new", "new.txt")), start=1):
        begun.note(FileStep(kind, "media", name, f".edms-restore-run/{number}"))
        (staged / str(number)).write_text("after")
    begun.sync()
    begun.close()
    return begun


def files(roots: Mapping[str, DirectoryRoot]) -> dict[str, str]:
    base = roots["media"].directory
    return {path.relative_to(base).as_posix(): path.read_text() for path in base.rglob("*") if path.is_file()}


def test_files_follow_rows_that_are_committed(journal: Journal, roots: Mapping[str, DirectoryRoot]) -> None:
    assert settle(journal, roots, marked(default=True, other=True)) == journals.COMMITTED

    assert files(roots) == {"old.txt": "after", "new.txt": "after"}
    assert journal.record == dataclasses.replace(RECORD, state="committed", committed_at=STARTED)


def test_the_time_of_a_commit_is_kept_where_it_is_known(
    journal: Journal, roots: Mapping[str, DirectoryRoot]
) -> None:
    journal.write(dataclasses.replace(RECORD, committed_at="2024-05-06T08:00:00+00:00"))

    settle(journal, roots, marked(default=True, other=True))

    assert journal.record.committed_at == "2024-05-06T08:00:00+00:00"


@pytest.mark.parametrize("aliases", [("default", "other"), ("default",), ()])
def test_files_stay_where_rows_are_not_committed(
    journal: Journal, roots: Mapping[str, DirectoryRoot], aliases: tuple[str, ...]
) -> None:
    """A run that names no database has committed nothing."""
    journal.write(dataclasses.replace(RECORD, aliases=aliases))

    assert settle(journal, roots, marked(default=False, other=False)) == journals.ROLLED_BACK

    assert files(roots) == {"old.txt": "before"}
    assert journal.record.state == journals.ROLLED_BACK


@pytest.mark.parametrize("first", [True, False])
def test_what_is_committed_in_one_of_two_databases_is_told_and_can_be_undone(
    journal: Journal, roots: Mapping[str, DirectoryRoot], first: bool
) -> None:
    with pytest.raises(RollbackFailed, match="some of its databases only") as told:
        settle(journal, roots, marked(default=first, other=not first))

    assert "undo --run run" in told.value.hint
    assert journal.record == dataclasses.replace(RECORD, state="partial", committed_at=STARTED)
    assert files(roots) == {"old.txt": "before"}


def test_a_database_that_does_not_answer_leaves_everything_for_later(
    journal: Journal, roots: Mapping[str, DirectoryRoot]
) -> None:
    before = files(roots)

    assert settle(journal, roots, silent) == journals.RUNNING

    assert (journal.record, files(roots)) == (RECORD, before)


def test_a_run_without_a_record_had_done_nothing(tmp_path: Path) -> None:
    begun = new_journal(tmp_path, "run")
    begun.folder.mkdir(parents=True)
    (begun.folder / ".record.partial").write_text("{")

    assert settle(begun, {}, silent) == journals.ROLLED_BACK

    assert not begun.folder.exists()


@pytest.mark.parametrize("committed", [True, False])
def test_files_that_cannot_follow_are_an_error_and_the_run_stays_open(
    journal: Journal, committed: bool
) -> None:
    with pytest.raises(RollbackFailed, match="could not be brought") as told:
        settle(journal, {}, marked(default=committed, other=committed))

    assert isinstance(told.value.__cause__, StoreUnavailable)
    assert journal.record == RECORD


@pytest.mark.parametrize(
    ("is_marked", "state", "code", "words"),
    [
        (marked(default=True, other=True), "committed", "restore_recovered", "had been committed"),
        (marked(default=False, other=False), "rolled_back", "restore_recovered", "had not been committed"),
        (silent, "running", "restore_unsettled", "does not answer"),
    ],
)
def test_the_next_command_settles_what_is_open_and_says_so(
    journal: Journal,
    roots: Mapping[str, DirectoryRoot],
    tmp_path: Path,
    is_marked: IsMarked,
    state: str,
    code: str,
    words: str,
) -> None:
    ended = new_journal(tmp_path, "ended")
    ended.write(dataclasses.replace(RECORD, run_id="ended", state="undone", started_at="2023"))
    torn = tmp_path / "restores/torn"
    torn.mkdir()
    assert unsettled(tmp_path)
    assert unrecorded(tmp_path) == [torn]

    (finding,) = recover(tmp_path, roots, is_marked)

    assert (finding.code, finding.severity) == (code, Severity.WARNING)
    assert words in finding.message and STARTED in finding.message and "a.edms" in finding.message
    assert not torn.exists()
    assert [j.record.state for j in all_journals(tmp_path)] == ["undone", state]
    assert unsettled(tmp_path) is (state == "running")


@pytest.mark.parametrize("state", ["committed", "rolled_back", "undone", "partial"])
def test_what_has_ended_is_left_alone(
    journal: Journal, roots: Mapping[str, DirectoryRoot], tmp_path: Path, state: str
) -> None:
    journal.write(dataclasses.replace(RECORD, state=state))
    before = files(roots)

    assert not unsettled(tmp_path)
    assert recover(tmp_path, roots, silent) == []

    assert (journal.record.state, files(roots)) == (state, before)


def test_runs_that_have_ended_are_not_read_again(
    tmp_path: Path, roots: Mapping[str, DirectoryRoot], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A site that has restored thousands of times starts as fast as a new one."""
    for number in range(3):
        ended = new_journal(tmp_path, f"ended{number}")
        ended.write(dataclasses.replace(RECORD, run_id=f"ended{number}"))
        ended.write(dataclasses.replace(RECORD, run_id=f"ended{number}", state=journals.COMMITTED))
    marker_lost = tmp_path / "restores" / "ended0" / "ended"
    marker_lost.unlink()
    new_journal(tmp_path, "run").write(RECORD)
    read: list[str] = []
    fetch = Journal.record.fget
    assert fetch is not None

    def note(journal: Journal) -> RestoreRecord:
        read.append(journal.folder.name)
        return fetch(journal)

    monkeypatch.setattr(Journal, "record", property(note))
    assert unsettled(tmp_path)
    assert set(read) == {"ended0", "run"}
    assert [finding.code for finding in recover(tmp_path, roots, marked(default=False, other=False))] == [
        "restore_recovered"
    ]
    assert not unsettled(tmp_path)


def test_a_folder_that_holds_only_the_beginning_of_a_run_is_unsettled(tmp_path: Path) -> None:
    assert not unsettled(tmp_path)
    (tmp_path / "restores").mkdir()
    assert not unsettled(tmp_path)
    (tmp_path / "restores/torn").mkdir()
    assert unsettled(tmp_path)


def test_a_step_that_a_crash_cut_off_was_never_done(journal: Journal) -> None:
    with (journal.folder / "files.jsonl").open("a") as steps:
        steps.write('["new", "media", "cut')

    assert [step.name for step in journal.steps()] == ["old.txt", "new.txt"]
