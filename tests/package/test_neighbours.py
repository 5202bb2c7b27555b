"""What is written and read in blocks: many small contents beside large ones, the index that names them."""

import hashlib
import io
import json
import random
import threading
from typing import Any

import pytest

from edms_backup.errors import ChecksumMismatch, MalformedPackage
from edms_backup.events import NullReporter
from edms_backup.package import FileEntry, Manifest, PackageReader, PackageWriter
from edms_backup.package.files import _decoded, _usual, content_base, decode_entry, encode_entry
from edms_backup.package.growing import BLOCK
from edms_backup.package.spans import SPAN, spans
from edms_backup.package.verify import verify
from tests.package.builders import HEADER, Sink

SIZES = [1, 300_000, 0, SPAN - 40_000, 30_000, 30_000, SPAN, 5, SPAN + 1, 7, 2 * SPAN + 3, 70_000, 9]


def contents() -> list[bytes]:
    dice = random.Random(11)
    return [
        dice.randbytes(size) if number % 3 else dice.randbytes(size // 50) * 50
        for number, size in enumerate(SIZES)
    ]


def package(sink: Any, made: list[bytes]) -> None:
    with PackageWriter(sink) as writer:
        stored = [writer.add_content(io.BytesIO(data)) for data in made]
        entries = [
            FileEntry(root="media", name=f"{number}.bin", **content._asdict())
            for number, content in enumerate(stored)
        ]
        files = writer.add_files_index(entries)
        writer.finish(Manifest(header=HEADER, files=files))


@pytest.fixture(scope="module")
def written() -> bytes:
    sink = Sink()
    package(sink, contents())
    return bytes(sink.written)


def test_the_seal_is_that_of_every_byte_in_its_order(written: bytes) -> None:
    assert len(written) > 3 * BLOCK
    assert written[-64:].decode() == hashlib.sha256(written[:-64]).hexdigest()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("edms-seal")]


def test_a_sink_that_takes_little_at_a_time_gets_the_same(written: bytes) -> None:
    class Slow(Sink):
        def write(self, data: Any) -> int:
            return super().write(data[: max(1, len(data) // 2)])

    sink = Slow()
    package(sink, contents())
    assert bytes(sink.written) == written


def test_a_full_disk_leaves_no_thread() -> None:
    class Full(Sink):
        def write(self, data: Any) -> int:
            if len(self.written) > 2 * BLOCK:
                raise OSError(28, "No space left on device")
            return super().write(data)

    with pytest.raises(OSError, match="No space"):
        package(Full(), contents())
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("edms-seal")]


def test_spans_hold_every_member_once_in_order_and_not_too_much(written: bytes) -> None:
    members = PackageReader(io.BytesIO(written)).members
    found = list(spans(members.values()))
    assert [member for span in found for member in span.members] == list(members.values())
    assert all(span.small or len(span.members) == 1 for span in found)
    assert all(span.end - span.start <= SPAN for span in found if span.small)
    assert len(found) < len(members), "some are together"
    apart = [member for number, member in enumerate(members.values()) if number % 2]
    assert [span.members for span in spans(apart)] == [[member] for member in apart], (
        "nothing between is read"
    )


def test_every_content_that_is_damaged_is_named(written: bytes) -> None:
    reader = PackageReader(io.BytesIO(written))
    assert verify(reader, NullReporter()) == []
    for entry in reader.files():
        member = reader.members[entry.member]
        if not member.size:
            continue
        for place in {member.data_offset, member.end - 1}:
            damaged = bytearray(written)
            damaged[place] ^= 0x40
            findings = verify(PackageReader(io.BytesIO(damaged)), NullReporter())
            assert [(finding.code, finding.member) for finding in findings] == [
                ("package_damaged", ""),
                ("file_damaged", f"media/{entry.name}"),
            ]
            assert entry.member in findings[0].message
            assert entry.member in findings[1].message


def test_a_content_is_compared_with_its_own_digest_even_under_a_good_seal(written: bytes) -> None:
    """Two contents of one size that were put in each other's place: seal and checksums are as they should be."""
    dice = random.Random(5)
    made = [dice.randbytes(500) for _ in range(4)]
    names = {hashlib.sha256(data).hexdigest(): data for data in made}
    sink = Sink()
    package(sink, made)
    reader = PackageReader(io.BytesIO(sink.written))
    member = reader.members[content_base(min(names))]
    with pytest.raises(ChecksumMismatch, match="digest that is recorded"):
        list(reader.content(member.name, 500, min(names), iter((names[max(names)],))))
    for stored in (names[min(names)][:-1], names[min(names)] + b"x"):
        with pytest.raises(MalformedPackage):
            list(reader.content(member.name, 500, min(names), iter((stored,))))


def lines() -> list[bytes]:
    sha256 = hashlib.sha256(b"").hexdigest()
    good = FileEntry(
        root="media", name="a/b.pdf", size=12, sha256=sha256, member=content_base(sha256), modified=17
    )
    line = encode_entry(good)
    other = hashlib.sha256(b"x").hexdigest()
    swaps = [
        (b"media", b""),
        (b"media", "größe ❤".encode()),
        (b"a/b.pdf", b""),
        (b"a/b.pdf", rb"a\"b"),
        (b"a/b.pdf", rb"\u0061"),
        (b"a/b.pdf", b"\xff"),
        (b"a/b.pdf", b"a\tb"),
        (b"12", b"012"),
        (b"12", b"-1"),
        (b"12", b"1e3"),
        (b"12", b"9" * 30),
        (b"17", b"9" * 19),
        (b"17", b"9" * 20),
        (b"17", b"null"),
        (b"files/", b"rows/"),
        (sha256.encode(), other.encode()),
        (b'"member":"files/' + sha256[:2].encode(), b'"member":"files/' + other[:2].encode()),
        (b'"\n', b'.zst"\n'),
        (b'","modified":17', b'.gz"'),
        (b'","modified":17', b'.gz","modified":0'),
        (b'","modified":17', b'.lz4"'),
        (b',"modified":17', b',"modified":17,"later":1'),
        (b',"modified":17', b',"size":12'),
        (b',"modified":17', b',"missing":true'),
        (b"{", b"{ "),
        (b"}\n", b"}"),
        (b"}\n", b"}\n\n"),
        (b"}\n", b"}x\n"),
    ]
    gone = encode_entry(FileEntry(root="media", name="gone", missing=True))
    return [line, gone, *[line.replace(old, new, 1) for old, new in swaps]]


@pytest.mark.parametrize("line", lines())
def test_a_line_of_the_index_is_read_alike_in_both_ways(line: bytes) -> None:
    try:
        plain: FileEntry | str = _decoded(line, "files.jsonl", 1)
    except MalformedPackage as error:
        plain = str(error)
    short = _usual(line)
    assert short is None or short == plain
    try:
        told: FileEntry | str = decode_entry(line, "files.jsonl", 1)
    except MalformedPackage as error:
        told = str(error)
    assert told == plain


def test_what_is_written_is_read_the_short_way() -> None:
    entry = decode_entry(lines()[0], "files.jsonl", 1)
    for name in ("x.pdf", "Prüfbericht 3.pdf", "a'b/{c}:,.tif"):
        for modified in (None, 0, 1_700_000_000_123_456_789):
            shape = {**json.loads(encode_entry(entry)), "name": name, "modified": modified}
            one = FileEntry(**shape)
            assert _usual(encode_entry(one)) == one
