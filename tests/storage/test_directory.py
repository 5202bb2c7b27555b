"""The directory store: permissions, atomic publishing, leftovers, and what the operating system may say."""

import errno
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from edms_backup.errors import StoreFull, StoreUnavailable, UsageError
from edms_backup.storage import DirectoryStore, create_partial, partial_name, publish_file, store_error
from edms_backup.storage.directory import LEFTOVER_AGE, scratch_file

NAME = "site-20250131T235959Z.edms.zip"


@pytest.fixture
def directory(tmp_path: Path) -> DirectoryStore:
    return DirectoryStore(tmp_path / "packages")


def _mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def _make_old(path: Path) -> None:
    then = time.time() - LEFTOVER_AGE - 60
    os.utime(path, (then, then))


def test_nobody_else_may_read_packages(directory: DirectoryStore) -> None:
    before = os.umask(0)
    try:
        with create_partial(directory.workspace(), NAME) as file:
            file.write(b"data")
        local = directory.path / partial_name(NAME)
        assert (_mode(directory.path), _mode(local)) == (0o700, 0o600)
        local.chmod(0o644)
        directory.publish(local, NAME)
    finally:
        os.umask(before)
    assert _mode(directory.path / NAME) == 0o600


def test_reading_makes_no_directory(directory: DirectoryStore) -> None:
    directory.list()
    assert directory.free_space()
    assert not directory.path.exists()


def test_bytes_are_on_disk_before_the_name_is_visible(
    directory: DirectoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    local = directory.workspace() / partial_name(NAME)
    local.write_bytes(b"data")
    synced = []
    real = os.fsync

    def fsync(descriptor: int) -> None:
        synced.append((os.fstat(descriptor).st_ino, (directory.path / NAME).exists()))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    inode = local.stat().st_ino
    directory.publish(local, NAME)
    assert synced == [(inode, False), (directory.path.stat().st_ino, True)]


@pytest.mark.parametrize("refusal", [errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS])
def test_file_systems_without_hard_links_do_not_overwrite_either(
    directory: DirectoryStore, monkeypatch: pytest.MonkeyPatch, refusal: int
) -> None:
    def link(source: object, target: object) -> None:
        raise OSError(refusal, os.strerror(refusal))

    monkeypatch.setattr(os, "link", link)
    for data in (b"first", b"second"):
        local = directory.workspace() / partial_name(NAME)
        local.write_bytes(data)
        if data == b"first":
            directory.publish(local, NAME)
    with pytest.raises(UsageError, match="already"):
        directory.publish(local, NAME)
    assert (directory.path / NAME).read_bytes() == b"first"
    assert {path.name for path in directory.path.iterdir()} == {NAME, partial_name(NAME)}


@pytest.mark.pitfall(84)
def test_another_file_system_is_refused(directory: DirectoryStore, monkeypatch: pytest.MonkeyPatch) -> None:
    local = directory.workspace() / partial_name(NAME)
    local.write_bytes(b"data")

    def link(source: object, target: object) -> None:
        raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))

    monkeypatch.setattr(os, "link", link)
    with pytest.raises(UsageError, match="another file system"):
        directory.publish(local, NAME)
    assert directory.list() == []


@pytest.mark.parametrize(
    ("number", "kind"),
    [(errno.ENOSPC, StoreFull), (errno.EDQUOT, StoreFull), (errno.EIO, StoreUnavailable)],
)
def test_what_the_system_says_becomes_an_error_of_this_app(
    directory: DirectoryStore, monkeypatch: pytest.MonkeyPatch, number: int, kind: type[Exception]
) -> None:
    local = directory.workspace() / partial_name(NAME)
    local.write_bytes(b"data")

    def fsync(descriptor: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(kind, match=os.strerror(number)):
        directory.publish(local, NAME)
    assert directory.list() == []
    assert local.exists()


def test_an_error_without_words_is_named_after_its_type() -> None:
    assert "TimeoutError" in str(store_error(TimeoutError(), "Reading"))


def test_a_file_in_place_of_the_directory_is_reported(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    store = DirectoryStore(tmp_path / "file")
    with pytest.raises(StoreUnavailable, match="cannot be made"):
        store.workspace()
    with pytest.raises(StoreUnavailable, match="cannot be listed"):
        store.list()
    with pytest.raises(StoreUnavailable):
        store.open(NAME)


def test_a_package_deleted_while_listing_is_left_out(
    directory: DirectoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in (NAME, f"other-{NAME}"):
        (directory.workspace() / name).write_bytes(b"data")
    real = DirectoryStore.stat

    def stat(self: DirectoryStore, name: str) -> object:
        (self.path / f"other-{NAME}").unlink(missing_ok=True)
        return real(self, name)

    monkeypatch.setattr(DirectoryStore, "stat", stat)
    assert [ref.name for ref in directory.list()] == [NAME]


def test_two_runs_cannot_write_one_package(directory: DirectoryStore) -> None:
    with create_partial(directory.workspace(), NAME), pytest.raises(UsageError, match="writing"):
        create_partial(directory.path, NAME)


def test_old_partials_are_leftovers_unless_a_process_holds_them(directory: DirectoryStore) -> None:
    old, held, young = (directory.workspace() / partial_name(f"{name}-{NAME}") for name in ("a", "b", "c"))
    old.write_bytes(b"half")
    young.write_bytes(b"half")
    _make_old(old)
    with create_partial(directory.path, f"b-{NAME}") as file:
        file.write(b"half")
        file.flush()
        _make_old(held)
        assert directory.leftovers() == (old,)
        assert directory.clear_leftovers() == (old,)
        assert sorted(directory.path.iterdir()) == [held, young]
    assert directory.leftovers() == (held,)


@pytest.mark.pitfall(80)
@pytest.mark.fault
def test_the_partial_of_a_killed_process_is_a_leftover(directory: DirectoryStore) -> None:
    code = (
        "import sys, pathlib; from edms_backup.storage import create_partial;"
        "file = create_partial(pathlib.Path(sys.argv[1]), sys.argv[2]); file.write(b'half'); file.flush();"
        "print('writing', flush=True); sys.stdin.read()"
    )
    pipe = subprocess.PIPE
    command = [sys.executable, "-c", code, str(directory.workspace()), NAME]
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdout and process.stdout.readline() == "writing\n"
        _make_old(directory.path / partial_name(NAME))
        assert directory.leftovers() == ()
        process.kill()
        process.wait()
    assert directory.leftovers() == (directory.path / partial_name(NAME),)


def test_publishing_outside_of_a_store_takes_any_name(tmp_path: Path) -> None:
    local = tmp_path / ".demo.zip.partial"
    local.write_bytes(b"data")
    publish_file(local, tmp_path / "demo.zip")
    assert list(tmp_path.iterdir()) == [tmp_path / "demo.zip"]


def test_what_is_no_directory_is_reported_by_every_use(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    store = DirectoryStore(tmp_path / "file")
    for use in (store.open, store.stat, store.delete):
        with pytest.raises(StoreUnavailable, match=NAME):
            use(NAME)
    assert store.leftovers() == ()


def test_a_disk_that_fails_is_reported_by_every_look(
    directory: DirectoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = directory.workspace() / partial_name(NAME)
    old.write_bytes(b"half")
    _make_old(old)

    def fail(*args: object, **options: object) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr("shutil.disk_usage", fail)
    with pytest.raises(StoreUnavailable, match="measured"):
        directory.free_space()
    monkeypatch.setattr(Path, "unlink", fail)
    with pytest.raises(StoreUnavailable, match="removed"):
        directory.clear_leftovers()
    monkeypatch.setattr(Path, "glob", fail)
    with pytest.raises(StoreUnavailable, match="listed"):
        directory.leftovers()
    monkeypatch.setattr(os, "open", fail)
    with pytest.raises(StoreUnavailable, match="written"):
        create_partial(directory.path, NAME)
    with pytest.raises(StoreUnavailable, match="written"):
        scratch_file(directory.path)
