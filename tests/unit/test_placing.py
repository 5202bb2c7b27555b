"""Restored files on their way into place: over mounts, without hard links, and never over somebody else's file."""

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from edms_backup.errors import StoreUnavailable
from edms_backup.restore.files import StagedFiles
from edms_backup.restore.journal import FileStep, Journal
from edms_backup.storage.roots import DirectoryRoot

Refuse = Callable[[int], None]


@pytest.fixture
def root(tmp_path: Path) -> DirectoryRoot:
    """Give a directory of documents with one file in it."""
    directory = tmp_path / "media"
    (directory / "sub").mkdir(parents=True)
    (directory / "sub" / "old.txt").write_text("old")
    (directory / "sub" / "old.txt").chmod(0o640)
    return DirectoryRoot("media", directory)


@pytest.fixture
def staged(root: DirectoryRoot, tmp_path: Path) -> StagedFiles:
    """Give one new and one changed file, staged and noted."""
    journal = Journal(tmp_path / "run1")
    journal.folder.mkdir()
    folder = root.directory / ".edms-restore-run1"
    folder.mkdir()
    for kind, name, number in (("new", "sub/new.txt", "1"), ("swap", "sub/old.txt", "2")):
        journal.note(FileStep(kind, "media", name, f".edms-restore-run1/{number}"))
        (folder / number).write_text(f"restored {kind}")
    journal.close()
    return StagedFiles(journal, {"media": root})


@pytest.fixture
def no_links(monkeypatch: pytest.MonkeyPatch) -> Refuse:
    """Let hard links fail with an error number."""

    def refuse(number: int) -> None:
        def link(source: Path, target: Path) -> None:
            raise OSError(number, os.strerror(number), str(target))

        monkeypatch.setattr(os, "link", link)

    return refuse


@pytest.fixture
def mount(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a mount point lie between the staged content and its place."""
    rename = Path.replace

    def replace(self: Path, target: Path) -> Path:
        if self.parent != target.parent:
            raise OSError(errno.EXDEV, os.strerror(errno.EXDEV), str(target))
        return rename(self, target)

    real = os.link

    def link(source: Path, target: Path) -> None:
        if source.parent != target.parent:
            raise OSError(errno.EXDEV, os.strerror(errno.EXDEV), str(target))
        real(source, target)

    monkeypatch.setattr(Path, "replace", replace)
    monkeypatch.setattr(os, "link", link)


def contents(root: DirectoryRoot) -> dict[str, str]:
    found = sorted(path for path in root.directory.rglob("*") if path.is_file())
    return {path.relative_to(root.directory).as_posix(): path.read_text() for path in found}


OLD = {"sub/old.txt": "old"}
NEW = {"sub/new.txt": "restored new", "sub/old.txt": "restored swap"}


def test_files_come_into_place_and_keep_their_mode(root: DirectoryRoot, staged: StagedFiles) -> None:
    staged.place_new()
    assert contents(root)["sub/new.txt"] == "restored new"
    staged.switch()
    assert contents(root) == NEW
    assert (root.directory / "sub" / "old.txt").stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize("number", [errno.EPERM, errno.ENOTSUP, errno.EMLINK])
def test_a_file_system_without_hard_links_will_do(
    root: DirectoryRoot, staged: StagedFiles, no_links: Refuse, number: int
) -> None:
    no_links(number)
    staged.place_new()
    staged.switch()
    assert contents(root) == NEW


@pytest.mark.usefixtures("mount")
def test_a_mount_point_between_will_do(root: DirectoryRoot, staged: StagedFiles) -> None:
    staged.place_new()
    staged.switch()
    assert contents(root) == NEW


@pytest.mark.usefixtures("mount")
def test_a_new_file_behind_a_mount_point_goes_again(root: DirectoryRoot, staged: StagedFiles) -> None:
    staged.place_new()
    staged.remove()
    assert contents(root) == OLD


@pytest.mark.parametrize("number", [None, errno.EPERM])
def test_a_file_that_came_meanwhile_is_not_overwritten(
    root: DirectoryRoot, staged: StagedFiles, no_links: Refuse, number: int | None
) -> None:
    if number is not None:
        no_links(number)
    (root.directory / "sub" / "new.txt").write_text("uploaded meanwhile")
    with pytest.raises(StoreUnavailable, match=r"new\.txt came into being"):
        staged.place_new()
    staged.remove()
    assert contents(root) == {**OLD, "sub/new.txt": "uploaded meanwhile"}


def test_a_stop_between_the_two_names_is_undone(root: DirectoryRoot, staged: StagedFiles) -> None:
    """The link is there and the staged name as well: the file is the run's own."""
    os.link(root.directory / ".edms-restore-run1" / "1", root.directory / "sub" / "new.txt")
    staged.remove()
    assert contents(root) == OLD


def test_a_stop_between_the_two_names_is_finished(root: DirectoryRoot, staged: StagedFiles) -> None:
    os.link(root.directory / ".edms-restore-run1" / "1", root.directory / "sub" / "new.txt")
    staged.switch()
    assert contents(root) == NEW


def test_a_complete_copy_behind_a_mount_point_is_put_in_place(
    root: DirectoryRoot, staged: StagedFiles
) -> None:
    """The process died when the copy was complete and the staged content gone."""
    for number in "12":
        (root.directory / ".edms-restore-run1" / number).rename(
            root.directory / "sub" / f".edms-restore-run1-{number}"
        )
    staged.switch()
    assert contents(root) == NEW


def test_a_torn_copy_behind_a_mount_point_is_removed(root: DirectoryRoot, staged: StagedFiles) -> None:
    (root.directory / "sub" / ".edms-restore-run1-1").write_text("restor")
    staged.remove()
    assert contents(root) == OLD


@pytest.mark.parametrize("committed", [True, False])
def test_a_base_that_left_the_settings_is_named_and_nothing_is_forgotten(
    root: DirectoryRoot, staged: StagedFiles, committed: bool
) -> None:
    homeless = StagedFiles(Journal(staged._journal.folder), {})
    with pytest.raises(
        StoreUnavailable, match=r"sub/new.txt belongs to the base 'media', which the settings"
    ):
        homeless.switch() if committed else homeless.remove()
    staged.switch()
    assert (root.directory / "sub" / "new.txt").read_text() == "restored new"
