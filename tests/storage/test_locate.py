"""What an operator may type for a package."""

import os
from pathlib import Path

import pytest

from edms_backup.errors import PackageNotFound, UsageError
from edms_backup.storage import DirectoryStore, locate

OLD = "edms-20250131T000000Z.edms.zip"
NEW = "edms-20250201T000000Z.edms.zip"
SAFETY = "safety-20250202T000000Z.edms.zip"


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DirectoryStore:
    made = DirectoryStore(tmp_path / "packages")
    for name in (OLD, NEW, SAFETY):
        (made.workspace() / name).write_text(f"in store: {name}")
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    return made


def _content(store: DirectoryStore, text: str) -> tuple[str, str]:
    file, name = locate(store, text)
    with file:
        return file.read().decode(), name


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (OLD, OLD),
        (OLD.removesuffix(".edms.zip"), OLD),
        ("edms-20250201", NEW),
        ("latest", NEW),
        ("safety-", SAFETY),
    ],
)
def test_names_in_the_store(store: DirectoryStore, text: str, name: str) -> None:
    assert _content(store, text) == (f"in store: {name}", name)


def test_a_file_here_goes_before_the_store(store: DirectoryStore) -> None:
    Path(OLD).write_text("here")
    assert _content(store, OLD) == ("here", OLD)
    assert _content(store, f".{os.sep}{OLD}") == ("here", f".{os.sep}{OLD}")


def test_an_absolute_path_needs_no_store(store: DirectoryStore, tmp_path: Path) -> None:
    path = tmp_path / "any-name.zip"
    path.write_text("there")
    assert _content(store, str(path)) == ("there", str(path))


def test_an_ambiguous_beginning_names_the_candidates(store: DirectoryStore) -> None:
    with pytest.raises(UsageError, match="2 names") as caught:
        locate(store, "edms-")
    assert OLD in str(caught.value)


@pytest.mark.parametrize("text", ["nothing", "./nothing", "no/such/directory/x.zip"])
def test_nothing_of_that_name(store: DirectoryStore, text: str) -> None:
    with pytest.raises(PackageNotFound):
        locate(store, text)


def test_an_empty_store_has_no_latest(tmp_path: Path) -> None:
    with pytest.raises(PackageNotFound, match="yet"):
        locate(DirectoryStore(tmp_path), "latest")


@pytest.mark.parametrize("text", ["", "a\0b"])
def test_what_is_no_name_at_all(store: DirectoryStore, text: str) -> None:
    with pytest.raises(UsageError):
        locate(store, text)


def test_directories_and_pipes_are_refused_without_waiting(store: DirectoryStore) -> None:
    Path("folder").mkdir()
    os.mkfifo("pipe")
    for text, what in (
        ("folder", "directory"),
        ("./folder", "directory"),
        ("pipe", "ordinary"),
        ("./pipe", "ordinary"),
    ):
        with pytest.raises(UsageError, match=what):
            locate(store, text)
