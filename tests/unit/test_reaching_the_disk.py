"""A finished package reaches the disk while it is read back: neither waits for the other, neither is left out."""

import errno
import os
import threading
from pathlib import Path

import pytest

from edms_backup.create.publish import reaching_the_disk


def test_the_block_runs_while_the_disk_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begun, read = threading.Event(), threading.Event()
    reached = []

    def fsync(descriptor: int) -> None:
        begun.set()
        assert read.wait(10)
        reached.append(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    with (tmp_path / "x").open("wb") as sink:
        sink.write(b"held")
        with reaching_the_disk(sink):
            assert (tmp_path / "x").read_bytes() == b"held", "what is synced is in the file"
            assert begun.wait(10)
            assert reached == []
            read.set()
        assert reached == [sink.fileno()]


def test_a_disk_that_fails_fails_the_create(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(descriptor: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "fsync", broken)
    with (
        (tmp_path / "x").open("wb") as sink,
        pytest.raises(OSError, match=os.strerror(errno.EIO)),
        reaching_the_disk(sink),
    ):
        pass


def test_what_does_not_read_back_is_told_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(descriptor: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "fsync", broken)
    with (tmp_path / "x").open("wb") as sink, pytest.raises(KeyError), reaching_the_disk(sink):
        raise KeyError
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("edms-sync")]
