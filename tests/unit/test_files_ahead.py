"""Small files are read a little ahead, in threads: nothing else may be different from reading each in its turn."""

import errno
import os
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, BinaryIO

import pytest
from django.core.files.storage import FileSystemStorage

from edms_backup.create import ahead as reading_ahead
from edms_backup.create import files as step
from edms_backup.create.ahead import BATCH, WAITING, ahead
from edms_backup.storage.roots import StorageRoot
from tests.unit.filing import Desk, WatchedRoot

MANY = 5 * BATCH


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def names_of(count: int) -> list[str]:
    return [f"{number:03}.bin" for number in range(count)]


def in_turn(items: Any, do: Any) -> Iterator[Any]:
    return ((item, None) for item in items)


def threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("edms-ahead")]


class Trap(WatchedRoot):
    """A directory in which something happens when a file is opened ahead."""

    def __init__(self, directory: Path, happens: Callable[[str], None]) -> None:
        super().__init__("media", directory)
        self._happens = happens
        self.ahead: list[str] = []

    def open(self, name: str) -> BinaryIO:
        stream = super().open(name)
        if threading.current_thread() is not threading.main_thread():
            self.ahead.append(name)
            try:
                self._happens(name)
            except MemoryError:
                stream.__exit__(None, None, None)
                raise
        return stream


def test_results_come_in_order_whoever_is_done_first() -> None:
    dice = random.Random(5)
    pauses = [dice.random() / 300 for _ in range(MANY)]

    def slowly(number: int) -> int:
        time.sleep(pauses[number])
        return number * 2

    with closing(ahead(range(MANY), slowly)) as results:
        assert list(results) == [(number, number * 2) for number in range(MANY)]
    assert threads() == []


def test_only_so_much_is_held(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[int] = []

    class Held:
        alive = 0

        def __init__(self, number: int) -> None:
            started.append(number)
            Held.alive += 1

        def __del__(self) -> None:
            Held.alive -= 1

    most = (WAITING + 1) * BATCH
    with closing(ahead(range(20 * BATCH), Held)) as results:
        for number, (_, held) in enumerate(results):
            time.sleep(0.0005)  # the threads could be far ahead
            assert len(started) <= number // BATCH * BATCH + most
            assert Held.alive <= most + 1
            del held


def test_the_package_is_the_same_byte_for_byte(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    dice = random.Random(3)
    for number, name in enumerate(names_of(MANY)):
        content = dice.randbytes(dice.randrange(3000)) if number % 3 else b"text " * (number // 6)
        desk.put(name, content)
    desk.put("large.bin", dice.randbytes(step._SMALL + 1))
    root = Trap(desk.media, lambda name: None)
    early = desk.pack(root=root)
    monkeypatch.setattr(step, "ahead", in_turn)
    late = desk.pack()
    assert sorted(root.ahead) == names_of(MANY), "all but the large one"
    assert sorted(early.opened) == sorted(late.opened)
    assert early.sink.written == late.sink.written
    assert early.refused == late.refused == ""


def test_what_has_just_been_prepared_is_not_compressed_twice(desk: Desk) -> None:
    class Nowhere:
        def write(self, data: Any) -> int:
            return len(data)

    with pytest.raises(RuntimeError), step.PackageWriter(Nowhere(), codec="gzip") as package:  # type: ignore[arg-type]
        first, second = package.prepare(b"text " * 99), package.prepare(b"text " * 99)
        assert (first.packed is None, second.packed is None) == (False, True)
        # Their turns may come the other way round, and the first one's may not come at all.
        assert package.add_prepared(second) == package.add_prepared(first)


@pytest.mark.pitfall(65)
@pytest.mark.parametrize("kind", ["same size", "longer", "other file"])
def test_a_file_that_changes_while_it_is_read_ahead_is_read_again(desk: Desk, kind: str) -> None:
    desk.put("x", b"before")
    after = {"same size": b"AFTER!", "longer": b"before and after", "other file": b"before"}[kind]

    def change(name: str) -> None:
        if kind == "other file":
            (desk.media / name).rename(desk.folder / "old")
        desk.put(name, after, 1_600_000_000_000_000_000)

    root = Trap(desk.media, change)
    packed = desk.pack("x", root=root)
    assert root.ahead == ["x"] and packed.opened == ["x", "x"]
    assert packed.codes == []
    assert packed.entries["x"].modified == 1_600_000_000_000_000_000
    assert after in bytes(packed.sink.written)
    assert packed.sink.written.count(b"PK\3\4") == 5, "readme, script, one content, index, manifest"


def test_what_goes_wrong_ahead_is_told_as_ever(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.put("good", b"good")
    desk.put("bad", b"bad")
    (desk.folder / "secret").write_bytes(b"secret")

    class Failing(WatchedRoot):
        def open(self, name: str) -> BinaryIO:
            if name == "bad":
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), name)
            return super().open(name)

    told = []
    for way in (reading_ahead.ahead, in_turn):
        monkeypatch.setattr(step, "ahead", way)
        packed = desk.pack("../secret", "bad", "gone", "good", root=Failing("media", desk.media))
        told.append([finding.to_dict() for finding in packed.findings])
        assert packed.codes == ["file_outside_root", "unreadable_file", "missing_file"]
        assert packed.entries["good"].size == 4
    assert told[0] == told[1]


def test_a_failure_of_its_own_ends_the_create_and_leaves_no_thread(desk: Desk) -> None:
    for name in names_of(MANY):
        desk.put(name, b"x")

    def fail(name: str) -> None:
        raise MemoryError(name)

    with pytest.raises(MemoryError):
        desk.pack(root=Trap(desk.media, fail))
    assert threads() == []


def test_a_full_disk_ends_the_create_and_leaves_no_thread(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in names_of(MANY):
        desk.put(name, name.encode())

    def full(*args: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(step.PackageWriter, "add_prepared", full)
    with pytest.raises(OSError, match="No space left") as told:
        desk.pack()
    assert threads() == [], "not even while somebody holds the error"
    assert told.value.errno == errno.ENOSPC


def test_a_storage_with_a_way_of_its_own_is_read_in_the_callers_thread(desk: Desk) -> None:
    """Nobody knows what it does with threads: it may hold one connection, or one of Django's for each."""
    asked = set()

    class Own(FileSystemStorage):
        def _open(self, name: str, mode: str = "rb") -> Any:
            asked.add(threading.current_thread())
            return super()._open(name, mode)

    desk.put("x", b"x")
    packed = desk.pack("x", root=StorageRoot("media", Own(location=desk.media)))
    assert packed.entries["x"].size == 1
    assert asked == {threading.current_thread()}
