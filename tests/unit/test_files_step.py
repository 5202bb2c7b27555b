"""What the files' step of a create costs: each file streamed once, nothing done that brings nothing."""

import dataclasses
import itertools
import random
import tempfile
from pathlib import Path
from typing import Any

import pytest

from edms_backup.create.dump import WantedFile, WantedFiles
from edms_backup.package import growing, writer
from edms_backup.package.compression import SAMPLE, Codec, choose_codec
from tests.unit.filing import Desk, WatchedRoot


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def noise(size: int, seed: int = 1) -> bytes:
    return random.Random(seed).randbytes(size)


class Compressed:
    """Counts the bytes that compressors were given."""

    def __init__(self) -> None:
        self.bytes = 0

    def codec(self, name: str) -> Codec:
        real = choose_codec(name)
        return dataclasses.replace(real, compressor=lambda: Counting(real.compressor(), self))


class Counting:
    def __init__(self, compressor: Any, counter: Compressed) -> None:
        self._compressor = compressor
        self._counter = counter

    def compress(self, data: bytes) -> bytes:
        self._counter.bytes += len(data)
        return self._compressor.compress(data)

    def flush(self) -> bytes:
        return self._compressor.flush()


@pytest.fixture
def compressed(monkeypatch: pytest.MonkeyPatch) -> Compressed:
    counter = Compressed()
    monkeypatch.setattr(writer, "choose_codec", counter.codec)
    return counter


@pytest.mark.parametrize("size", [0, 1, 100_000, 9_000_000])
@pytest.mark.parametrize("kind", ["noise", "text"])
def test_a_file_is_read_once_for_digest_and_package_together(desk: Desk, size: int, kind: str) -> None:
    desk.put("file", noise(size) if kind == "noise" else b"x" * size)
    root = WatchedRoot("media", desk.media)
    packed = desk.pack("file", root=root)
    assert packed.refused == "" and packed.entries["file"].size == size
    assert root.opened == ["file"]
    assert root.bytes == size


@pytest.mark.parametrize("size", [SAMPLE + 1, 9_000_000])
def test_of_what_does_not_shrink_only_a_sample_is_compressed(
    desk: Desk, compressed: Compressed, size: int
) -> None:
    desk.put("noise", noise(size))
    packed = desk.pack("noise")
    assert packed.entries["noise"].member.endswith(packed.entries["noise"].sha256)
    assert compressed.bytes <= SAMPLE + 1000, "the sample, and the line in the index"
    desk.put("text", b"the same again and again " * (size // 25))
    before = compressed.bytes
    assert desk.pack("text").entries["text"].member.endswith(".gz")
    assert compressed.bytes - before >= size - 25


@pytest.mark.parametrize("limit", [writer.SPOOL_LIMIT, 1000])
def test_equal_content_is_stored_once(desk: Desk, monkeypatch: pytest.MonkeyPatch, limit: int) -> None:
    monkeypatch.setattr(writer, "SPOOL_LIMIT", limit)
    data = noise(5000)
    for number in range(4):
        desk.put(f"{number}.bin", data)
    packed = desk.pack()
    assert packed.sink.written.count(data) == 1
    assert len({entry.member for entry in packed.entries.values()}) == 1


def test_equal_content_is_compressed_once(desk: Desk, compressed: Compressed) -> None:
    text = b"the same again and again " * 2000
    for number in range(4):
        desk.put(f"{number}.txt", text)
    desk.pack()
    assert len(text) <= compressed.bytes <= len(text) + SAMPLE + 1000


def test_a_small_file_costs_little(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """One open, two looks, its share of a block that is written, and nothing on a disk in between."""
    few, many = 3, 53
    for number in range(many):
        desk.put(f"{number:02}", noise(1000, number))
    made = []
    spooled = tempfile.SpooledTemporaryFile

    def spool(*args: Any, **options: Any) -> Any:
        made.append(spooled(*args, **options))
        return made[-1]

    monkeypatch.setattr(growing.tempfile, "SpooledTemporaryFile", spool)
    costs = []
    for count in (few, many):
        made.clear()
        root = WatchedRoot("media", desk.media)
        packed = desk.pack(*(f"{number:02}" for number in range(count)), root=root)
        costs.append((len(root.opened), root.looks, packed.sink.writes, len(made)))
    opened, looks, writes, spools = (after - before for before, after in zip(*costs, strict=True))
    more = many - few
    assert (opened, looks, spools) == (more, 2 * more, 0)
    assert more * 1000 < growing.BLOCK
    assert writes == 0


def test_which_row_tells_of_a_file_depends_on_the_plan_alone(tmp_path: Path) -> None:
    """Workers end in any order: a row with a digest counts before others, then the model that comes first."""
    told = [
        (2, "", "c"),
        (1, "", "b"),
        (3, "f" * 64, "d"),
        (4, "e" * 64, "e"),
        (4, "d" * 64, "f"),
        (5, "", "g"),
    ]
    for number, order in enumerate(itertools.permutations(told)):
        if order.index(told[4]) < order.index(told[3]):
            continue  # rows of one model come in their order
        found = []
        for rows in (order, [row for row in order if not row[1]]):
            wanted = WantedFiles(tmp_path / f"{number}-{len(rows)}.sqlite3")
            for rank, sha256, key in rows:
                wanted.add(WantedFile("media", "x.pdf", sha256, None, "zoo.Specimen", key, "file"), rank)
            found += [item.key for item in wanted]
            wanted.close()
        assert found == ["d", "b"]
