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
an unnamed temporary file. So several segments may be open at once, in threads too.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import importlib.resources
import itertools
import tempfile
import threading
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import IO, BinaryIO, NamedTuple, Self

from edms_backup.package.compression import CHUNK, PLAIN, SAMPLE, Codec, Compressor, choose_codec, pays
from edms_backup.package.container import (
    MANIFEST,
    README,
    TRAILER_LENGTH,
    UNPACK,
    Member,
    SealInfo,
    central_header,
    directory_end,
    encode_trailer,
    is_content,
    is_member_name,
    local_header,
    member_key,
)
from edms_backup.package.files import FileEntry, content_base, encode_entry
from edms_backup.package.manifest import (
    FilesEntry,
    Manifest,
    MemberEntry,
    SegmentEntry,
    check_manifest,
    encode_manifest,
)

__all__ = ["Content", "PackageWriter", "SealInfo", "SegmentWriter"]

SPOOL_LIMIT = 8 * 1024 * 1024
"""Members up to this size never touch the disk before they are appended."""


class Content(NamedTuple):
    """A content that is in the package."""

    sha256: str
    size: int
    member: str


class _Spool:
    """Bytes of one member, kept until its name, size and checksum are known."""

    def __init__(self, workdir: Path | None) -> None:
        folder = None if workdir is None else str(workdir)
        self._file: IO[bytes] = tempfile.SpooledTemporaryFile(max_size=SPOOL_LIMIT, dir=folder)  # noqa: SIM115
        self.size = 0
        self.crc = 0

    def write(self, data: bytes) -> None:
        self._file.write(data)
        self.crc = zlib.crc32(data, self.crc)
        self.size += len(data)

    def chunks(self) -> Iterator[bytes]:
        self._file.seek(0)
        while chunk := self._file.read(CHUNK):
            yield chunk

    def close(self) -> None:
        self._file.close()


class _Container:
    """The growing ZIP file: appends members, then directory and trailer, and digests every byte."""

    def __init__(self, sink: BinaryIO, workdir: Path | None) -> None:
        self.members: list[MemberEntry] = []
        """What the manifest says about members: all but contents."""
        self._sink = sink
        self._digest = hashlib.sha256()
        self._position = 0
        self._count = 0
        self._directory = _Spool(workdir)
        self._keys: set[str] = set()
        self._whole = True

    def append(self, name: str, chunks: Iterable[bytes], size: int, crc: int) -> None:
        """Write one member whose size and checksum are known."""
        key = member_key(name)
        if key in self._keys:
            raise ValueError(f"there is a member {name} already")
        if not self._whole:
            raise ValueError("a member was not written to its end")
        self._whole = False
        member = Member(name, self._position, size, crc)
        self._write(local_header(member))
        digest = None if is_content(name) else hashlib.sha256()
        for chunk in chunks:
            self._write(chunk)
            if digest is not None:
                digest.update(chunk)
        if self._position != member.end:
            raise ValueError(f"{name} has not the size that its header tells")
        if digest is not None:
            self._keys.add(key)
            self.members.append(MemberEntry(name=name, size=size, sha256=digest.hexdigest()))
        self._directory.write(central_header(member))
        self._count += 1
        self._whole = True

    def append_bytes(self, name: str, data: bytes) -> None:
        """Write one small member."""
        self.append(name, (data,), len(data), zlib.crc32(data))

    def finish(self) -> SealInfo:
        """Write directory and trailer."""
        offset = self._position
        for chunk in self._directory.chunks():
            self._write(chunk)
        self._write(directory_end(self._count, self._directory.size, offset))
        length = self._position + TRAILER_LENGTH
        self._write(encode_trailer(length))
        sha256 = self._digest.hexdigest()
        self._write(sha256.encode("ascii"))
        return SealInfo(length, sha256)

    def close(self) -> None:
        """Drop what was spooled."""
        self._directory.close()

    def _write(self, data: bytes) -> None:
        self._digest.update(data)
        self._position += len(data)
        view = memoryview(data)
        while view:
            # An unbuffered file may take less than it is given; some sinks return nothing at all.
            taken = self._sink.write(view)
            view = view[len(view) if taken is None else taken :]


class SegmentWriter:
    """Takes the lines of one segment; appended to the package when its ``with`` block ends well."""

    def __init__(self, base: str, codec: Codec, workdir: Path | None, package: PackageWriter) -> None:
        self._base = base
        self._codec = codec
        self._package = package
        self._spool = _Spool(workdir)
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
            self._spool.close()

    def write(self, line: bytes) -> None:
        """Take one line, line feed included."""
        self.write_block(line, 1)

    def write_block(self, block: bytes, rows: int) -> None:
        """Take ``rows`` whole lines at once."""
        self._buffer.append(block)
        self._buffered += len(block)
        self._rows += rows
        if self._buffered >= CHUNK:
            self._flush()

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
        self._spool.write(data if self._compressor is None else self._compressor.compress(data))

    def _finish(self) -> None:
        self._flush()
        if self._compressor is not None:
            self._spool.write(self._compressor.flush())
        member = self._base + self._codec.suffix
        self._entry = SegmentEntry(
            member=member, rows=self._rows, size=self._size, sha256=self._digest.hexdigest()
        )
        self._package.append_segment(self._entry, self._spool)


class PackageWriter:
    """Writes one package to ``sink``, which need not seek and is not closed.

    ``codec`` is ``auto``, ``zstd``, ``gzip`` or ``none``; ``workdir`` is where members beyond 8 MiB are
    spooled (default: the system's folder for temporary files) and must have room for the largest one.
    The same calls in the same order give the same bytes.
    """

    def __init__(self, sink: BinaryIO, *, codec: str = "auto", workdir: Path | None = None) -> None:
        self._codec = choose_codec(codec)
        self._workdir = workdir
        self._container = _Container(sink, workdir)
        self._lock = threading.Lock()
        self._segments: set[SegmentEntry] = set()
        self._suffixes: dict[bytes, str] = {}
        self._sealed = False

    def __enter__(self) -> Self:
        """Write the members that come first."""
        resources = importlib.resources.files("edms_backup.package")
        for name in (README, UNPACK):
            self._container.append_bytes(name, resources.joinpath(name).read_bytes())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Drop what was spooled; raise ``RuntimeError`` when the package was not finished."""
        self._container.close()
        if kind is None and not self._sealed:
            raise RuntimeError("the package was left without finish()")

    def segment(self, member_base: str) -> SegmentWriter:
        """Return a writer for a member of lines, named without a codec's suffix (``segment_name``)."""
        if not is_member_name(member_base) or not member_base.endswith(".jsonl"):
            raise ValueError(f"{member_base!r} is no name for a segment")
        return SegmentWriter(member_base, self._codec, self._workdir, self)

    def append_segment(self, entry: SegmentEntry, spool: _Spool) -> None:
        """Append what a ``SegmentWriter`` has spooled."""
        with self._lock:
            self._container.append(entry.member, spool.chunks(), spool.size, spool.crc)
            self._segments.add(entry)

    def add_content(self, stream: BinaryIO) -> Content:
        """Read ``stream`` to its end, once, and store what it holds unless it is stored already."""
        chunks = iter(lambda: stream.read(CHUNK), b"")
        head: list[bytes] = []
        size = 0
        for chunk in chunks:
            head.append(chunk)
            size += len(chunk)
            if size > SPOOL_LIMIT:
                return self._add_large(itertools.chain(head, chunks))
        return self._add_small(b"".join(head))

    def _add_small(self, data: bytes) -> Content:
        digest = hashlib.sha256(data)
        with self._lock:
            known = digest.digest() in self._suffixes
        codec, stored = self._codec, data
        if not known and pays(codec, data[:SAMPLE]):
            compressor = codec.compressor()
            stored = compressor.compress(data) + compressor.flush()
        else:
            codec = PLAIN
        return self._store(digest, len(data), codec, (stored,), len(stored), zlib.crc32(stored))

    def _add_large(self, chunks: Iterator[bytes]) -> Content:
        digest = hashlib.sha256()
        size = 0
        first = next(chunks)
        codec = self._codec if pays(self._codec, first[:SAMPLE]) else PLAIN
        compressor = None if codec is PLAIN else codec.compressor()
        with contextlib.closing(_Spool(self._workdir)) as spool:
            for chunk in itertools.chain((first,), chunks):
                digest.update(chunk)
                size += len(chunk)
                spool.write(chunk if compressor is None else compressor.compress(chunk))
            if compressor is not None:
                spool.write(compressor.flush())
            return self._store(digest, size, codec, spool.chunks(), spool.size, spool.crc)

    def _store(
        self, digest: hashlib._Hash, size: int, codec: Codec, chunks: Iterable[bytes], stored: int, crc: int
    ) -> Content:
        base = content_base(digest.hexdigest())
        with self._lock:
            suffix = self._suffixes.get(digest.digest())
            if suffix is None:
                suffix = codec.suffix
                self._container.append(base + suffix, chunks, stored, crc)
                self._suffixes[digest.digest()] = suffix
        return Content(digest.hexdigest(), size, base + suffix)

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
        """Return the digest of the entry's content, which must be in the package."""
        digest = bytes.fromhex(entry.sha256)
        if entry.member != content_base(entry.sha256) + self._suffixes.get(digest, "?"):
            raise ValueError(f"the content of {entry.name!r} is not in the package")
        return digest

    def finish(self, manifest: Manifest) -> SealInfo:
        """Write the manifest, its ``members`` filled in, and seal the package.

        Raises ``ValueError`` when the manifest does not describe what was written.
        """
        if self._sealed:
            raise ValueError("the package is sealed already")
        members = tuple(sorted(self._container.members, key=lambda member: member.name))
        manifest = dataclasses.replace(manifest, members=members)
        check_manifest(manifest)
        if set(manifest.segments()) != self._segments:
            raise ValueError("the manifest does not name the segments that were written")
        if manifest.files.contents != len(self._suffixes):
            raise ValueError("there are contents that no file has")
        self._container.append_bytes(MANIFEST, encode_manifest(manifest))
        seal = self._container.finish()
        self._sealed = True
        return seal
