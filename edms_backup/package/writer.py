"""Writing a package: segments and contents in, one sealed file out (``docs/format.md``, *Write order*).

::

    with PackageWriter(sink) as package:
        with package.segment(segment_name("documents.Document")) as segment:
            segment.write(encode_line(...))
        content = package.add_content(stream)
        files = package.add_files_index([FileEntry(...)])
        package.finish(Manifest(header=..., models=(... segment.entry ...), files=files))

A clean exit asks that ``finish`` was called; an exception leaves the sink without a trailer, which no
reader accepts. The sink need not seek. Members are spooled before they are appended, because a name
tells digest and codec and a ZIP header tells size and checksum: small ones in memory, larger ones in
an unnamed temporary file. So several segments may be open at once, in threads too; ``in_order`` says in which
order they stand in the package, whichever of them ends first.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import importlib.resources
import itertools
import threading
import zlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, NamedTuple, Self

from edms_backup.package.compression import CHUNK, PLAIN, SAMPLE, Codec, Compressor, choose_codec, pays
from edms_backup.package.container import MANIFEST, README, UNPACK, SealInfo, is_member_name
from edms_backup.package.files import FileEntry, content_base, encode_entry
from edms_backup.package.growing import SPOOL_LIMIT, GrowingContainer, Spool
from edms_backup.package.manifest import FilesEntry, Manifest, SegmentEntry, check_manifest, encode_manifest

__all__ = ["Content", "PackageWriter", "Prepared", "SealInfo", "SegmentWriter"]


class Content(NamedTuple):
    """A content that is in the package."""

    sha256: str
    size: int
    member: str


class Packed(NamedTuple):
    """A small content as it is stored."""

    codec: Codec
    stored: bytes
    crc: int


class Digest(NamedTuple):
    """The SHA-256 of a content, in both ways in which it is needed."""

    raw: bytes
    text: str


def _digest(made: hashlib._Hash) -> Digest:
    raw = made.digest()
    return Digest(raw, raw.hex())


class Prepared(NamedTuple):
    """A small content that waits to be stored."""

    digest: Digest
    data: bytes
    packed: Packed | None
    """``None`` where the same content is being prepared already."""


Elsewhere = Callable[[str], str | None]
"""Tells by a content's digest the member of another package that holds it."""


def nowhere(sha256: str) -> str | None:
    """Return ``None``: no other package is there."""
    return None


def _packed(codec: Codec, data: bytes) -> Packed:
    """Compress a content as a whole if it pays."""
    stored = data
    if pays(codec, data[:SAMPLE]):
        compressor = codec.compressor()
        stored = compressor.compress(data) + compressor.flush()
    else:
        codec = PLAIN
    return Packed(codec, stored, zlib.crc32(stored))


class SegmentWriter:
    """Takes the lines of one segment; appended to the package when its ``with`` block ends well."""

    def __init__(self, base: str, codec: Codec, workdir: Path | None, package: PackageWriter) -> None:
        self._base = base
        self._codec = codec
        self._package = package
        self._spool = Spool(workdir)
        self._compressor: Compressor | None = None
        self._started = False
        self._buffer: list[bytes] = []
        self._buffered = 0
        self._digest = hashlib.sha256()
        self._rows = 0
        self._size = 0
        self._entry: SegmentEntry | None = None

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Append the segment to the package, or drop it when an exception is on its way."""
        try:
            if kind is None:
                self._finish()
        finally:
            if self._entry is None:
                self._spool.close()  # else the package has taken it over

    def write(self, line: bytes) -> None:
        """Take one line, line feed included."""
        self.write_block(line, 1)

    def write_block(self, block: bytes, rows: int) -> None:
        """Take ``rows`` whole lines at once, or a part of one as none."""
        if len(block) >= CHUNK and self._buffer:
            self._flush()  # a long line is not copied to stand beside short ones
        self._buffer.append(block)
        self._buffered += len(block)
        self._rows += rows
        if self._buffered >= CHUNK:
            self._flush()

    def write_parts(self, parts: Iterable[bytes]) -> None:
        """Take one line that comes in parts, line feed included."""
        for part in parts:
            self.write_block(part, 0)
        self._rows += 1

    @property
    def entry(self) -> SegmentEntry:
        """Return what the manifest says about this segment; only after the ``with`` block."""
        if self._entry is None:
            raise ValueError(f"{self._base} is not finished")
        return self._entry

    def _flush(self) -> None:
        data = b"".join(self._buffer)
        self._buffer.clear()
        self._buffered = 0
        if not self._started:
            self._started = True
            if pays(self._codec, data[:SAMPLE]):
                self._compressor = self._codec.compressor()
            else:
                self._codec = PLAIN
        self._digest.update(data)
        self._size += len(data)
        if self._compressor is None:
            self._spool.write(data)
            return
        whole = memoryview(data)
        for start in range(0, len(data), CHUNK):
            self._spool.write(self._compressor.compress(whole[start : start + CHUNK]))

    def _finish(self) -> None:
        self._flush()
        if self._compressor is not None:
            self._spool.write(self._compressor.flush())
        member = self._base + self._codec.suffix
        self._entry = SegmentEntry(
            member=member, rows=self._rows, size=self._size, sha256=self._digest.hexdigest()
        )
        self._package.take_segment(self._base, self._entry, self._spool)


class PackageWriter:
    """Writes one package to ``sink``, which need not seek and is not closed.

    ``codec`` is ``auto``, ``zstd``, ``gzip`` or ``none``; ``workdir`` is where members beyond 8 MiB are
    spooled (default: the system's folder for temporary files) and must have room for the largest one.
    The same calls in the same order give the same bytes.
    """

    def __init__(self, sink: BinaryIO, *, codec: str = "auto", workdir: Path | None = None) -> None:
        self._codec = choose_codec(codec)
        self._workdir = workdir
        self._container = GrowingContainer(sink, workdir)
        self._lock = threading.Lock()
        self._segments: set[SegmentEntry] = set()
        self._order: deque[str] = deque()
        self._waiting: dict[str, tuple[SegmentEntry, Spool]] = {}
        self._suffixes: dict[bytes, str] = {}
        self._preparing: set[bytes] = set()
        self._elsewhere: dict[bytes, str] = {}
        self._sealed = False

    def __enter__(self) -> Self:
        """Write the members that come first."""
        resources = importlib.resources.files("edms_backup.package")
        for name in (README, UNPACK):
            self._container.append_bytes(name, resources.joinpath(name).read_bytes())
        self._container.flush()  # so that what is left of a package that comes to no end is told from other files
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Drop what was spooled; raise ``RuntimeError`` when the package was not finished."""
        self._container.close()
        for _, spool in self._waiting.values():
            spool.close()
        if kind is None and not self._sealed:
            raise RuntimeError("the package was left without finish()")

    def segment(self, member_base: str) -> SegmentWriter:
        """Return a writer for a member of lines, named without a codec's suffix (``segment_name``)."""
        if not is_member_name(member_base) or not member_base.endswith(".jsonl"):
            raise ValueError(f"{member_base!r} is no name for a segment")
        return SegmentWriter(member_base, self._codec, self._workdir, self)

    def in_order(self, member_bases: Iterable[str]) -> None:
        """Let these segments stand in the package in this order, whichever ends first; others stand where they end."""
        with self._lock:
            self._order.extend(member_bases)

    def take_segment(self, member_base: str, entry: SegmentEntry, spool: Spool) -> None:
        """Append what a ``SegmentWriter`` has spooled, now or when it is its turn, and close the spool."""
        with self._lock:
            if member_base not in self._order:
                self._append_segment(entry, spool)
                return
            self._waiting[member_base] = entry, spool
            while self._order and self._order[0] in self._waiting:
                self._append_segment(*self._waiting.pop(self._order.popleft()))
            if member_base in self._waiting:
                spool.set_aside()

    def _append_segment(self, entry: SegmentEntry, spool: Spool) -> None:
        with contextlib.closing(spool):
            self._container.append(entry.member, spool.chunks(), spool.size, spool.crc)
        self._segments.add(entry)

    def refer_to(self, content: Content) -> None:
        """Let files have a content that another package holds. A package with such files cannot be sealed yet."""
        digest = bytes.fromhex(content.sha256)
        with self._lock:
            if digest not in self._suffixes:
                self._elsewhere[digest] = content.member.removeprefix(content_base(content.sha256))

    def add_content(self, stream: BinaryIO, elsewhere: Elsewhere = nowhere) -> Content:
        """Read ``stream`` to its end, once, and store what it holds unless it is stored already.

        What another package holds, as ``elsewhere`` tells, is referred to instead.
        """
        chunks = iter(lambda: stream.read(CHUNK), b"")
        head: list[bytes] = []
        size = 0
        for chunk in chunks:
            head.append(chunk)
            size += len(chunk)
            if size > SPOOL_LIMIT:
                return self._add_large(itertools.chain(head, chunks), elsewhere)
        return self._add_small(b"".join(head), elsewhere)

    def _add_small(self, data: bytes, elsewhere: Elsewhere) -> Content:
        return self._store_small(_digest(hashlib.sha256(data)), data, None, elsewhere)

    def prepare(self, data: bytes) -> Prepared:
        """Take digest and compression of a small content ahead; threads may do so beside each other."""
        digest = _digest(hashlib.sha256(data))
        with self._lock:
            first = digest.raw not in self._suffixes and digest.raw not in self._preparing
            if first:
                self._preparing.add(digest.raw)
        return Prepared(digest, data, _packed(self._codec, data) if first else None)

    def add_prepared(self, content: Prepared) -> Content:
        """Store what was prepared, unless it is stored already."""
        digest, data, packed = content
        with self._lock:
            self._preparing.discard(digest.raw)
        return self._store_small(digest, data, packed, nowhere)

    def _store_small(
        self, digest: Digest, data: bytes, packed: Packed | None, elsewhere: Elsewhere
    ) -> Content:
        """Store a small content unless it is known, compressed here where that was not done ahead."""
        known = self._known(digest, len(data), elsewhere)
        if known is not None:
            return known
        codec, stored, crc = packed or _packed(self._codec, data)
        return self._store(digest, len(data), codec, (stored,), len(stored), crc)

    def _add_large(self, chunks: Iterator[bytes], elsewhere: Elsewhere) -> Content:
        whole = hashlib.sha256()
        size = 0
        first = next(chunks)
        codec = self._codec if pays(self._codec, first[:SAMPLE]) else PLAIN
        compressor = None if codec is PLAIN else codec.compressor()
        with contextlib.closing(Spool(self._workdir)) as spool:
            for chunk in itertools.chain((first,), chunks):
                whole.update(chunk)
                size += len(chunk)
                spool.write(chunk if compressor is None else compressor.compress(chunk))
            if compressor is not None:
                spool.write(compressor.flush())
            digest = _digest(whole)
            known = self._known(digest, size, elsewhere)
            if known is not None:
                return known
            return self._store(digest, size, codec, spool.chunks(), spool.size, spool.crc)

    def _known(self, digest: Digest, size: int, elsewhere: Elsewhere) -> Content | None:
        """Return a content that is stored already, here or in another package."""
        with self._lock:
            suffix = self._suffixes.get(digest.raw)
        member = content_base(digest.text) + suffix if suffix is not None else elsewhere(digest.text)
        if member is None:
            return None
        content = Content(digest.text, size, member)
        if suffix is None:
            self.refer_to(content)
        return content

    def _store(
        self, digest: Digest, size: int, codec: Codec, chunks: Iterable[bytes], stored: int, crc: int
    ) -> Content:
        base = content_base(digest.text)
        with self._lock:
            suffix = self._suffixes.get(digest.raw)
            if suffix is None:
                suffix = codec.suffix
                self._container.append(base + suffix, chunks, stored, crc)
                self._suffixes[digest.raw] = suffix
        return Content(digest.text, size, base + suffix)

    def add_files_index(self, entries: Iterable[FileEntry]) -> FilesEntry:
        """Write the index of files; return what the manifest says about them."""
        count = size = missing = 0
        contents: set[bytes] = set()
        with self.segment("files.jsonl") as segment:
            for entry in entries:
                segment.write(encode_entry(entry))
                count += 1
                size += entry.size
                missing += entry.missing
                if not entry.missing:
                    contents.add(self._known_content(entry))
        return FilesEntry(
            count=count, bytes=size, contents=len(contents), missing=missing, index=segment.entry
        )

    def _known_content(self, entry: FileEntry) -> bytes:
        """Return the digest of the entry's content, which must be in the package, or in another one."""
        digest = bytes.fromhex(entry.sha256)
        suffix = self._suffixes.get(digest, self._elsewhere.get(digest, "?"))
        if entry.member != content_base(entry.sha256) + suffix:
            raise ValueError(f"the content of {entry.name!r} is not in the package")
        return digest

    def finish(self, manifest: Manifest) -> SealInfo:
        """Write the manifest, its ``members`` filled in, and seal the package.

        Raises ``ValueError`` when the manifest does not describe what was written.
        """
        if self._sealed:
            raise ValueError("the package is sealed already")
        if self._waiting:
            raise ValueError(f"{self._order[0]} was to stand before others, and has not ended")
        members = tuple(sorted(self._container.members, key=lambda member: member.name))
        manifest = dataclasses.replace(manifest, members=members)
        check_manifest(manifest)
        if set(manifest.segments()) != self._segments:
            raise ValueError("the manifest does not name the segments that were written")
        if self._elsewhere:
            raise ValueError("contents of files lie in another package, which the format cannot tell")
        if manifest.files.contents != len(self._suffixes):
            raise ValueError("there are contents that no file has")
        self._container.append_bytes(MANIFEST, encode_manifest(manifest))
        seal = self._container.finish()
        self._sealed = True
        return seal
