"""Content that another package holds: not read, not written; and whatever changed is."""

import dataclasses
import datetime
import os
import re
import time
from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import FileSystemStorage

from edms_backup.create.known import PackageContent
from edms_backup.errors import IntegrityError
from edms_backup.package import FileEntry, PackageReader, growing, writer
from edms_backup.package.files import decode_entry, encode_entry
from edms_backup.storage.roots import DirectoryRoot, StorageRoot
from tests.unit.filing import LONG_AGO, Desk, Packed

CANNOT_SEAL = "contents of files lie in another package, which the format cannot tell"


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the sink of a package that cannot be sealed have everything that was put into it."""
    monkeypatch.setattr(growing, "BLOCK", 1)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    found = Desk(tmp_path)
    for number in range(5):
        found.put(f"a/{number}.txt", f"document {number}".encode() * 40)
    return found


def known(desk: Desk, **options: Any) -> PackageContent:
    """Return what a package of the files as they are now holds."""
    with desk.base() as base:
        return PackageContent(base, desk.folder / "known.sqlite3", **options)


def contents(packed: Packed) -> int:
    """Return how many contents stand in the package."""
    return len(re.findall(rb"PK\x03\x04.{26}files/", packed.sink.written, re.DOTALL))


def test_what_is_unchanged_is_neither_read_nor_written(desk: Desk) -> None:
    first = desk.pack()
    base = known(desk)

    again = desk.pack(known=base)

    assert len(first.opened) == 5 and first.refused == ""
    assert again.opened == []
    assert again.entries == first.entries
    assert again.findings.items == []
    assert (contents(first), contents(again)) == (5, 0)


@pytest.mark.parametrize("name", ["a/2.txt", "a/new.txt"])
def test_what_changed_or_is_new_is_read_and_written(desk: Desk, name: str) -> None:
    first, base = desk.pack(), known(desk)
    same_size = b"DOCUMENT 2" * 40
    desk.put(name, same_size, LONG_AGO + 1)

    again = desk.pack(known=base)

    assert again.opened == [name]
    assert {n for n in again.entries if again.entries[n] != first.entries.get(n)} == {name}
    assert again.entries[name].modified == LONG_AGO + 1
    assert contents(again) == 1
    assert b"PK\1\2" not in again.sink.written, "it was not sealed"
    assert again.refused == CANNOT_SEAL


def test_another_size_is_a_change_whatever_the_time_says(desk: Desk) -> None:
    base = known(desk)
    desk.put("a/2.txt", b"shorter")
    assert desk.pack(known=base).opened == ["a/2.txt"]


def test_only_a_full_check_sees_a_change_that_kept_size_and_time(desk: Desk) -> None:
    first, base, careful = desk.pack(), known(desk), None
    with PackageReader.open(first.path) as package:
        careful = PackageContent(package, desk.folder / "careful.sqlite3", full_check=True)
    desk.put("a/2.txt", b"DOCUMENT 2" * 40, LONG_AGO)

    by_time, by_digest = desk.pack(known=base), desk.pack(known=careful)

    assert by_time.opened == [] and by_time.entries == first.entries
    assert sorted(by_digest.opened) == sorted(first.entries)
    assert {n for n in first.entries if by_digest.entries[n] != first.entries[n]} == {"a/2.txt"}
    assert (contents(by_time), contents(by_digest)) == (0, 1)


def test_known_content_under_another_name_or_time_is_read_and_not_written(desk: Desk) -> None:
    first, base = desk.pack(), known(desk)
    (desk.media / "a/1.txt").rename(desk.media / "moved.txt")
    os.utime(desk.media / "a/3.txt", ns=(LONG_AGO + 5, LONG_AGO + 5))

    again = desk.pack(known=base)

    assert sorted(again.opened) == ["a/3.txt", "moved.txt"]
    assert again.entries["moved.txt"].member == first.entries["a/1.txt"].member
    assert again.entries["a/3.txt"].sha256 == first.entries["a/3.txt"].sha256
    assert contents(again) == 0
    assert again.refused == CANNOT_SEAL


def test_a_large_content_is_recognised_by_its_digest_too(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "SPOOL_LIMIT", 1000)
    desk.put("large.bin", os.urandom(5000))
    base = known(desk, full_check=True)
    again = desk.pack(known=base)
    assert len(again.opened) == 6
    assert contents(again) == 0


def test_a_package_that_refers_to_another_one_cannot_be_sealed(desk: Desk) -> None:
    """Until packages can say what they build on, none comes out that lacks a content."""
    base = known(desk)
    again = desk.pack(known=base)
    assert again.refused == CANNOT_SEAL
    desk.media.joinpath("a").rename(desk.folder / "gone")
    desk.put("other.txt", b"nothing of this is known")
    assert desk.pack(known=base).refused == ""


def test_a_file_that_is_gone_is_missing_whatever_is_known_of_it(desk: Desk) -> None:
    base = known(desk)
    (desk.media / "a/2.txt").unlink()
    again = desk.pack("a/2.txt", "../a/2.txt", known=base)
    assert again.codes == ["file_outside_root", "missing_file"]
    assert all(entry.missing for entry in again.entries.values())


def test_a_name_that_leads_out_is_refused_even_if_the_other_package_has_it(desk: Desk) -> None:
    entry = FileEntry(root="media", name="../x", size=1, sha256="0" * 64, member="files/00/" + "0" * 64)

    class Gullible:
        def file(self, root: str, name: str) -> FileEntry:
            return entry

        def member(self, sha256: str) -> None:
            return None

    assert desk.pack("../x", known=Gullible()).codes == ["file_outside_root"]


def test_what_the_row_says_of_a_file_is_compared_all_the_same(desk: Desk) -> None:
    base = known(desk)
    again = desk.pack(known=base, digests={"a/1.txt": "0" * 64})
    assert again.opened == []
    assert again.codes == ["checksum_differs"]


def test_a_package_without_times_is_of_use_by_digest_only(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that an older release made, or that a storage without times was packed into."""
    with monkeypatch.context() as older:
        older.setattr("edms_backup.create.files._settled", lambda signature: None)
        base = known(desk)
    again = desk.pack(known=base)
    assert len(again.opened) == 5
    assert contents(again) == 0


@pytest.mark.parametrize(
    ("changed", "noted"),
    [
        (LONG_AGO, True),
        (0, True),
        (-1_000_000_000, False),
        ("a second ago", False),
        ("in an hour", False),
    ],
)
def test_a_time_that_a_later_change_may_have_too_is_not_noted(desk: Desk, changed: Any, noted: bool) -> None:
    now = time.time_ns()
    moment = {"a second ago": now - 10**9, "in an hour": now + 3600 * 10**9}.get(changed, changed)
    desk.put("x", b"x", moment)
    assert desk.pack("x").entries["x"].modified == (moment if noted else None)


def test_the_time_is_the_one_from_before_the_file_was_read(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A slow read must not make a young change old enough."""
    clock = [LONG_AGO + 1_000_000_000]
    monkeypatch.setattr("edms_backup.create.files.time.time_ns", lambda: clock[0])
    root = DirectoryRoot("media", desk.media)
    opened = root.open

    def slowly(name: str) -> Any:
        stream = opened(name)
        read = stream.read

        class Slow:
            def __enter__(self) -> Any:
                return self

            def __exit__(self, *error: object) -> None:
                stream.close()

            def read(self, size: int = -1) -> bytes:
                clock[0] += 10**10
                return read(size)

        return Slow()

    monkeypatch.setattr(root, "open", slowly)
    assert desk.pack("a/1.txt", root=root).entries["a/1.txt"].modified is None


class Timeless(FileSystemStorage):
    def get_modified_time(self, name: str) -> Any:
        raise NotImplementedError


def test_files_of_a_storage_are_recognised_if_it_knows_times(desk: Desk, settings: Any) -> None:
    settings.USE_TZ = True
    storage = FileSystemStorage(location=desk.media)
    first = desk.pack(root=StorageRoot("media", storage))
    with PackageReader.open(first.path) as package:
        base = PackageContent(package, desk.folder / "known.sqlite3")
    assert first.entries["a/1.txt"].modified == LONG_AGO, (
        "to the nanosecond, where it is a file like any other"
    )
    assert desk.pack(known=base, root=StorageRoot("media", storage)).entries == first.entries
    without = desk.pack(known=base, root=StorageRoot("media", Timeless(location=desk.media)))
    assert {entry.modified for entry in without.entries.values()} == {None}
    assert {n: e.sha256 for n, e in without.entries.items()} == {
        n: e.sha256 for n, e in first.entries.items()
    }


class Rounding(FileSystemStorage):
    def get_modified_time(self, name: str) -> Any:
        return super().get_modified_time(name)


def test_a_storage_with_a_way_of_its_own_is_asked_for_the_time(desk: Desk, settings: Any) -> None:
    settings.USE_TZ = True
    storage = Rounding(location=desk.media)
    moment = storage.get_modified_time("a/1.txt") - datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
    told = desk.pack(root=StorageRoot("media", storage)).entries["a/1.txt"].modified
    assert told == moment // datetime.timedelta(microseconds=1) * 1000 != LONG_AGO


def test_no_time_is_not_the_same_time(desk: Desk) -> None:
    root = StorageRoot("media", Timeless(location=desk.media))
    with PackageReader.open(desk.pack(root=root).path) as package:
        base = PackageContent(package, desk.folder / "known.sqlite3")
    desk.put("a/2.txt", b"DOCUMENT 2" * 40)
    again = desk.pack(known=base, root=root)
    assert contents(again) == 1, "each was read, and the changed one written"


def test_a_local_time_without_a_zone_is_no_certain_time(desk: Desk, settings: Any) -> None:
    settings.USE_TZ = False
    root = StorageRoot("media", Rounding(location=desk.media))
    signature = root.signature("a/1.txt")
    assert signature.modified is None and signature.identity is not None


def test_a_damaged_index_is_no_knowledge(desk: Desk) -> None:
    path = desk.pack().path
    data = bytearray(path.read_bytes())
    with PackageReader.open(path) as package:
        index = package.members["files.jsonl.gz"]
    data[index.end - 8] ^= 1  # where gzip keeps a checksum of its own
    path.write_bytes(data)
    with PackageReader.open(path) as package, pytest.raises(IntegrityError):
        PackageContent(package, desk.folder / "known.sqlite3")


def test_the_index_tells_the_time_where_it_is_known() -> None:
    entry = FileEntry(root="media", name="a", size=1, sha256="0" * 64, member="files/00/" + "0" * 64)
    timed = dataclasses.replace(entry, modified=7)
    assert b"modified" not in encode_entry(entry)
    assert encode_entry(timed).endswith(b'"modified":7}\n')
    for one in (entry, timed, dataclasses.replace(entry, modified=0)):
        assert decode_entry(encode_entry(one), "files.jsonl", 1) == one
