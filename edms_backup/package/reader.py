"""Reading a package: believe nothing that was not checked (``docs/format.md``, *Read order*).

Opening checks trailer, length, ZIP directory and manifest. Every stream that a reader hands out is
bounded by its declared size and compared with its digest before its last bytes are given away.
"""

from __future__ import annotations

import hashlib
import io
import threading
import time
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

from edms_backup.errors import ChecksumMismatch, MalformedPackage, PackageNotFound, UnsupportedFormat
from edms_backup.events import NullReporter, Progress, Reporter, StepFinished, StepStarted
from edms_backup.package.compression import CHUNK, codec_of, decompressed
from edms_backup.package.container import (
    DIGEST_LENGTH,
    MANIFEST,
    Member,
    local_header,
    read_directory,
    read_trailer,
)
from edms_backup.package.files import FileEntry, decode_entry
from edms_backup.package.manifest import Manifest, SegmentEntry, decode_manifest
from edms_backup.package.rows import MAX_LINE
from edms_backup.package.scanning import lines_of_all
from edms_backup.package.spans import SPAN, Span, spans

__all__ = ["PackageReader"]

MAX_MANIFEST = 256 * 1024 * 1024
"""The manifest is held in memory; a thousand models need about 5 MiB."""
_SLACK = 64 * 1024
_HINT = "Fetch the file again, or take another package."


class PackageReader:
    """An open package: ``manifest``, ``members`` by name, ``length`` and ``sha256``, its seal."""

    def __init__(self, file: BinaryIO, name: str = "package") -> None:
        """Open the package in ``file``, which must be able to seek and is not closed.

        Raises ``NotAPackage``, ``TruncatedPackage``, ``UnsupportedFormat``, ``ChecksumMismatch`` or
        ``MalformedPackage``.
        """
        self.name = name
        self._file = file
        self._owned = False
        self._place = threading.Lock()
        self.length, self.sha256 = read_trailer(file, name)
        self.members: dict[str, Member] = {}
        try:
            self.members = read_directory(file, self.length)
            self.manifest: Manifest = self._read_manifest()
            self._check_members()
        except (MalformedPackage, UnsupportedFormat):
            # Was it written like this, or damaged since? Only in the first case is it malformed.
            self.verify_digest()
            raise

    @classmethod
    def open(cls, path: str | Path) -> Self:
        """Open the package at ``path``; closing the reader closes the file."""
        try:
            file = Path(path).open("rb")  # noqa: SIM115
        except FileNotFoundError as error:
            raise PackageNotFound(f"There is no package {path}.") from error
        try:
            reader = cls(file, Path(path).name)
        except BaseException:
            file.close()
            raise
        reader._owned = True
        return reader

    def __enter__(self) -> Self:
        """Return the reader."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the reader."""
        self.close()

    def close(self) -> None:
        """Close the file if this reader has opened it."""
        if self._owned:
            self._file.close()

    def verify_digest(self, reporter: Reporter | None = None) -> None:
        """Read the whole file once and compare it with its seal.

        Raises ``ChecksumMismatch``, naming the damaged member where one can be told, and
        ``MalformedPackage`` when the seal fits but a member is not what its ZIP headers say.
        """
        reporter = reporter or NullReporter()
        started = time.monotonic()
        reporter.emit(StepStarted(step="digest", total=self.length, unit="bytes"))
        digest = hashlib.sha256()
        suspect = ""
        position = 0
        for span in spans(self.members.values()):
            last = span.members[-1]
            if span.small:
                block = self.block(span)
                digest.update(block)
                unlike = _first_unlike(span, memoryview(block))
            else:
                unlike = self._unlike(last, digest)
            suspect = suspect or unlike
            position = span.end
            reporter.emit(Progress(step="digest", done=position, subject=last.name))
        for chunk in self._bytes(position, self.length - DIGEST_LENGTH):
            digest.update(chunk)
        if digest.hexdigest() != self.sha256:
            place = suspect or ("its ZIP directory" if self.members else "its ZIP directory or any member")
            raise ChecksumMismatch(f"{self.name} is damaged; the damage lies in {place}.", hint=_HINT)
        if suspect:
            raise MalformedPackage(f"{suspect} is not what the ZIP headers say about it.")
        reporter.emit(StepFinished(step="digest", done=self.length, seconds=time.monotonic() - started))

    def _unlike(self, member: Member, whole: hashlib._Hash) -> str:
        """Add the bytes of a large member to ``whole``; return its name if it is not what its ZIP headers say."""
        header, crc = b"", 0
        for chunk in self._bytes(member.offset, member.end):
            whole.update(chunk)
            rest = member.data_offset - member.offset - len(header)
            header += chunk[:rest]
            crc = zlib.crc32(memoryview(chunk)[rest:], crc)
        return member.name if header != local_header(member) or crc != member.crc else ""

    def rows(self, label: str) -> Iterator[bytes]:
        """Yield the lines of all rows of the model ``label``.

        Raises ``UnknownModel`` when there is no such model, and an ``IntegrityError`` at the latest before
        the last lines of a segment that is not what the manifest says.
        """
        for segment in self.manifest.model(label).segments:
            yield from self.lines(segment)

    def lines(self, segment: SegmentEntry) -> Iterator[bytes]:
        """Yield the lines of one segment; its size, digest and number of lines are checked."""
        # What comes through here is held nowhere on its way: a line may be a long one.
        yield from lines_of_all(self.blocks(segment))

    def blocks(self, segment: SegmentEntry) -> Iterator[bytes]:
        """Yield the lines of one segment as ``lines`` does, but several at once, as they come out of the package."""
        chunks = self.content(segment.member, segment.size, segment.sha256)
        yield from _blocks(chunks, segment.member, segment.rows)

    def files(self) -> Iterator[FileEntry]:
        """Yield every file that rows name, missing ones included."""
        index = self.manifest.files.index
        if index is None:
            return
        for number, line in enumerate(self.lines(index), start=1):
            entry = decode_entry(line, index.member, number)
            if entry.member and entry.member not in self.members:
                raise MalformedPackage(f"{index.member}, line {number}: there is no {entry.member}.")
            yield entry

    def open_content(self, entry: FileEntry) -> BinaryIO:
        """Return the content of a file as a readable stream, which is a context manager.

        Reading raises an ``IntegrityError`` before the last bytes when the content is not what the entry
        says. Raises ``MalformedPackage`` when the file was missing at backup time.
        """
        if entry.missing:
            raise MalformedPackage(f"{entry.name} was missing when the package was made.")
        chunks = self.content(entry.member, entry.size, entry.sha256)
        return io.BufferedReader(_ChunkStream(chunks), CHUNK)

    def content(
        self, member: str, size: int, sha256: str, read: Iterator[bytes] | None = None
    ) -> Iterator[bytes]:
        """Yield the decompressed bytes of ``member``; they must be ``size`` bytes with that digest.

        ``read``: what is stored, where that was read from the package a moment ago.
        """
        return _checked(self.decompressed(member, size, read), member, size, sha256)

    def decompressed(self, member: str, limit: int, read: Iterator[bytes] | None = None) -> Iterator[bytes]:
        """Yield the decompressed bytes of ``member``, at most ``limit``, not compared with a digest."""
        stored = self.members.get(member)
        if stored is None:
            raise MalformedPackage(f"{member} is not in the package.")
        codec = codec_of(member)
        if limit > stored.size * codec.max_ratio + _SLACK:
            raise MalformedPackage(f"{member} cannot hold the {limit} bytes that are declared.")
        return decompressed(codec, read or self.stored(stored), limit, member)

    def stored(self, member: Member) -> Iterator[bytes]:
        """Yield the bytes of ``member`` as they are stored."""
        return self._bytes(member.data_offset, member.end)

    def block(self, span: Span) -> bytes:
        """Return the bytes of a small span, headers included."""
        return b"".join(self._bytes(span.start, span.end, SPAN))

    def _bytes(self, start: int, stop: int, most: int = CHUNK) -> Iterator[bytes]:
        while start < stop:
            # Several streams share the file, in threads too, so each finds its place again.
            with self._place:
                self._file.seek(start)
                chunk = self._file.read(min(most, stop - start))
            if not chunk:
                raise ChecksumMismatch(f"{self.name} has become shorter while it was read.", hint=_HINT)
            yield chunk
            start += len(chunk)

    def _read_manifest(self) -> Manifest:
        member = self.members[MANIFEST]
        if member.size > MAX_MANIFEST:
            raise MalformedPackage(f"{MANIFEST} is larger than {MAX_MANIFEST} bytes.")
        return decode_manifest(b"".join(self.stored(member)))

    def _check_members(self) -> None:
        """The members must be those that the manifest names, with the sizes that it names."""
        named = {member.name: member.size for member in self.manifest.members}
        present = {
            member.name: member.size
            for member in self.members.values()
            if member.name != MANIFEST and not member.name.startswith("files/")
        }
        if named != present:
            differing = min(name for name, _ in named.items() ^ present.items())
            raise MalformedPackage(f"{differing} is not as the manifest says, or is missing.")
        contents = len(self.members) - len(present) - 1
        if contents != self.manifest.files.contents:
            raise MalformedPackage(
                f"The package holds {contents} contents of files, not {self.manifest.files.contents}."
            )


class _ChunkStream(io.RawIOBase):
    """An iterator of byte strings as a raw stream."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        target = memoryview(buffer).cast("B")
        while not self._rest:
            chunk = next(self._chunks, None)
            if chunk is None:
                return 0
            self._rest = memoryview(chunk)
        taken = min(len(target), len(self._rest))
        target[:taken] = self._rest[:taken]
        self._rest = self._rest[taken:]
        return taken


def _first_unlike(span: Span, block: memoryview) -> str:
    """Return the name of the first member that is not what its ZIP headers say, or nothing; ``block`` is the span."""
    for member in span.members:
        header = local_header(member)
        begin = member.offset - span.start
        data = begin + len(header)
        if block[begin:data] != header or zlib.crc32(block[data : data + member.size]) != member.crc:
            return member.name
    return ""


def _checked(chunks: Iterable[bytes], member: str, size: int, sha256: str) -> Iterator[bytes]:
    """Yield ``chunks``, the last one only when size and digest of all of them fit."""
    digest = hashlib.sha256()
    total = 0
    held = b""
    for chunk in chunks:
        if held:
            yield held
        digest.update(chunk)
        total += len(chunk)
        held = chunk
    if total != size:
        raise MalformedPackage(f"{member} holds {total} bytes, not {size}.")
    if digest.hexdigest() != sha256:
        raise ChecksumMismatch(f"{member} does not have the digest that is recorded for it.", hint=_HINT)
    if held:
        yield held


def _blocks(chunks: Iterable[bytes], member: str, declared: int) -> Iterator[bytes]:
    """Yield whole lines, several at once, as many as are declared; the last one must have its line feed too."""
    begun, rows = io.BytesIO(), 0
    for chunk in chunks:
        start = 0
        if begun.tell() and (start := chunk.find(b"\n") + 1):
            begun.write(chunk[:start])
            # Its bytes become the line without being copied, and no name here goes on holding them.
            ended, begun = begun, io.BytesIO()
            rows = _counted(rows + 1, member, declared)
            yield _emptied(ended)
        end = chunk.rfind(b"\n") + 1
        if end > start:
            rows = _counted(rows + chunk.count(b"\n", start, end), member, declared)
            yield chunk[start:end]
        if (rest := max(start, end)) < len(chunk):
            begun.write(chunk[rest:])
            if begun.tell() > MAX_LINE:
                raise MalformedPackage(f"{member} has a line longer than {MAX_LINE} bytes.")
    if begun.tell():
        raise MalformedPackage(f"{member} does not end with a line feed.")
    if rows != declared:
        raise _not_as_many(member, declared)


def _counted(rows: int, member: str, declared: int) -> int:
    if rows > declared:
        raise _not_as_many(member, declared)
    return rows


def _emptied(stream: io.BytesIO) -> bytes:
    """Return what a stream holds, and close it."""
    with stream:
        return stream.getvalue()


def _not_as_many(member: str, declared: int) -> MalformedPackage:
    return MalformedPackage(f"{member} does not hold {declared} lines, as declared.")
