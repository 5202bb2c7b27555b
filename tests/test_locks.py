"""One run at a time, with real processes: the lock lives and dies with its owner."""

import errno
import fcntl
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from edms_backup.errors import RunLocked, StoreUnavailable
from edms_backup.locks import LOCK_FILE, RunLock

OWNER = """
import sys
from pathlib import Path
from edms_backup.locks import RunLock
with RunLock(Path(sys.argv[1]), "restore"):
    print("locked", flush=True)
    sys.stdin.read()
"""


@contextmanager
def _owner(state: Path) -> Iterator[subprocess.Popen[str]]:
    """Run a process that holds the lock until its standard input ends."""
    pipe = subprocess.PIPE
    command = [sys.executable, "-c", OWNER, str(state)]
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "locked\n"
        try:
            yield process
        finally:
            process.kill()


def test_a_second_run_is_refused_and_told_who_runs(tmp_path: Path) -> None:
    state = tmp_path / "state"
    with _owner(state) as process:
        with pytest.raises(RunLocked) as caught, RunLock(state, "create"):
            pytest.fail("two runs at once")
        assert "Another restore is running since 20" in str(caught.value)
        assert f"process {process.pid} on {os.uname().nodename}" in str(caught.value)
        assert caught.value.exit_code == 11


def test_the_lock_is_free_after_its_owner_ended(tmp_path: Path) -> None:
    with _owner(tmp_path) as process:
        process.communicate()
    with RunLock(tmp_path, "create"):
        assert (tmp_path / LOCK_FILE).exists()


@pytest.mark.pitfall(80)
@pytest.mark.fault
def test_a_killed_owner_leaves_nothing_to_clean_up(tmp_path: Path) -> None:
    with _owner(tmp_path) as process:
        process.kill()
        process.wait()
        assert "restore" in (tmp_path / LOCK_FILE).read_text()
        with RunLock(tmp_path, "create"), pytest.raises(RunLocked, match="Another create"):
            RunLock(tmp_path, "undo").__enter__()


def test_the_lock_holds_against_threads_of_the_same_process(tmp_path: Path) -> None:
    refused = []

    def try_it() -> None:
        try:
            with RunLock(tmp_path, "create"):
                refused.append(False)
        except RunLocked:
            refused.append(True)

    with RunLock(tmp_path, "restore"):
        thread = threading.Thread(target=try_it)
        thread.start()
        thread.join()
    try_it()
    assert refused == [True, False]


def test_an_exception_inside_gives_the_lock_back(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="inside"), RunLock(tmp_path, "create"):
        raise ValueError("inside")
    with RunLock(tmp_path, "create"):
        assert True


@pytest.mark.parametrize("said", ["", "{", "[]", '{"what": "restore"}', "\x00\xff"])
def test_a_file_that_does_not_say_who_holds_it_locks_all_the_same(tmp_path: Path, said: str) -> None:
    with RunLock(tmp_path, "restore"):
        (tmp_path / LOCK_FILE).write_text(said)
        with pytest.raises(RunLocked, match="Another run is in progress"):
            RunLock(tmp_path, "create").__enter__()


def test_leaving_without_having_entered_does_nothing(tmp_path: Path) -> None:
    RunLock(tmp_path, "create").__exit__(None, None, None)
    assert list(tmp_path.iterdir()) == []


def test_nobody_else_may_look_at_the_state(tmp_path: Path) -> None:
    packages = tmp_path / "packages"
    state = packages / ".state"
    with RunLock(state, "create"):
        modes = [path.stat().st_mode & 0o777 for path in (packages, state, state / LOCK_FILE)]
    assert modes == [0o700, 0o700, 0o600]


def test_a_place_that_cannot_be_written_is_reported(tmp_path: Path) -> None:
    (tmp_path / LOCK_FILE).mkdir()
    with pytest.raises(StoreUnavailable, match="cannot be opened"):
        RunLock(tmp_path, "create").__enter__()


def test_the_file_survives_so_that_nobody_locks_a_deleted_one(tmp_path: Path) -> None:
    with RunLock(tmp_path, "create"):
        inode = (tmp_path / LOCK_FILE).stat().st_ino
    with RunLock(tmp_path, "create"):
        assert (tmp_path / LOCK_FILE).stat().st_ino == inode
    assert (tmp_path / LOCK_FILE).read_bytes() == b""


def test_a_file_system_without_locks_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def flock(descriptor: int, operation: int) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", flock)
    with pytest.raises(StoreUnavailable, match="cannot be taken"):
        RunLock(tmp_path, "create").__enter__()


def test_a_full_disk_does_not_stop_a_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def pwrite(descriptor: int, data: bytes, offset: int) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "pwrite", pwrite)
    with RunLock(tmp_path, "create"), pytest.raises(RunLocked):
        RunLock(tmp_path, "create").__enter__()
    assert "does not say who holds the lock" in caplog.text
