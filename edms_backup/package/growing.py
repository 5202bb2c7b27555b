"""A package while it grows: bytes wait until their size is known, then members go into the ZIP file."""

from __future__ import annotations

import hashlib
import tempfile
import zlib
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import IO, BinaryIO

from edms_backup.package.compression import CHUNK
from edms_backup.package.container import (
    TRAILER_LENGTH,
    Member,
    SealInfo,
    central_header,
    directory_end,
    encode_trailer,
    is_content,
    local_header,
    member_key,
)
from edms_backup.package.manifest import MemberEntry

SPOOL_LIMIT = 8 * 1024 * 1024
"""Members up to this size never touch the disk before they are appended, unless they have to wait for others."""
WAITING_LIMIT = 64 * 1024
"""Members up to this size wait for others in memory."""
BLOCK = 1024 * 1024
"""So much is written and digested at once: a header, or a small file, by itself would cost more than its bytes."""


class Spool:
    """Bytes of one member, kept until its name, size and checksum are known."""

    def __init__(self, workdir: Path | None) -> None:
        folder = None if workdir is None else str(workdir)
        self._file: IO[bytes] = tempfile.SpooledTemporaryFile(max_size=SPOOL_LIMIT, dir=folder)  # noqa: SIM115
        self.size = 0
        self.crc = 0

    def write(self, data: bytes) -> None:
        """Take some bytes."""
        self._file.write(data)
        self.crc = zlib.crc32(data, self.crc)
        self.size += len(data)

    def chunks(self) -> Iterator[bytes]:
        """Yield all bytes from the beginning."""
        self._file.seek(0)
        while chunk := self._file.read(CHUNK):
            yield chunk

    def set_aside(self) -> None:
        """Let what is more than a little wait on the disk."""
        if self.size > WAITING_LIMIT:
            self._file.rollover()  # type: ignore[attr-defined]

    def close(self) -> None:
        """Drop the bytes."""
        self._file.close()


class _DigestedSink:
    """Writes to a sink in blocks, and digests every byte in a thread beside that, at most one block at a time."""

    def __init__(self, sink: BinaryIO) -> None:
        self.position = 0
        """How many bytes were given."""
        self._sink = sink
        self._held: list[bytes] = []
        self._holds = 0
        self._digest = hashlib.sha256()
        self._pool: ThreadPoolExecutor | None = None
        self._digesting: Future[None] | None = None

    def write(self, data: bytes) -> None:
        """Take some bytes; the sink has them at the latest after ``flush``."""
        if len(data) >= BLOCK and self._held:
            self._pass_on()  # what is large is not copied to stand behind a header
        self._held.append(data)
        self._holds += len(data)
        self.position += len(data)
        if self._holds >= BLOCK:
            self._pass_on()

    def flush(self) -> None:
        """Give the sink what is held."""
        self._pass_on()
        self._settle()

    def sha256(self) -> str:
        """Return the digest of everything that was given, which the sink has then."""
        self.flush()
        return self._digest.hexdigest()

    def close(self) -> None:
        """End the thread; what is held is dropped."""
        self._held.clear()
        if self._pool is not None:
            self._pool.shutdown()

    def _pass_on(self) -> None:
        block = b"".join(self._held)
        self._held.clear()
        self._holds = 0
        self._settle()
        if len(block) < BLOCK:
            self._digest.update(block)  # a small package, or the end of one
        else:
            if self._pool is None:
                self._pool = ThreadPoolExecutor(1, thread_name_prefix="edms-seal")
            self._digesting = self._pool.submit(self._digest.update, block)
        view = memoryview(block)
        while view:
            # An unbuffered file may take less than it is given; some sinks return nothing at all.
            taken = self._sink.write(view)
            view = view[len(view) if taken is None else taken :]

    def _settle(self) -> None:
        if self._digesting is not None:
            self._digesting.result()
            self._digesting = None


class GrowingContainer:
    """The growing ZIP file: appends members, then directory and trailer, and digests every byte."""

    def __init__(self, sink: BinaryIO, workdir: Path | None) -> None:
        self.members: list[MemberEntry] = []
        """What the manifest says about members: all but contents."""
        self._sink = _DigestedSink(sink)
        self._count = 0
        self._directory = Spool(workdir)
        self._keys: set[str] = set()
        self._whole = True

    def append(self, name: str, chunks: Iterable[bytes], size: int, crc: int) -> None:
        """Write one member whose size and checksum are known."""
        if not self._whole:
            raise ValueError("a member was not written to its end")
        # No content's name is that of another member, and the writer knows which contents are there.
        digest = None if is_content(name) else hashlib.sha256()
        key = member_key(name)
        if digest is not None and key in self._keys:
            raise ValueError(f"there is a member {name} already")
        self._whole = False
        member = Member(name, self._sink.position, size, crc)
        self._sink.write(local_header(member))
        for chunk in chunks:
            self._sink.write(chunk)
            if digest is not None:
                digest.update(chunk)
        if self._sink.position != member.end:
            raise ValueError(f"{name} has not the size that its header tells")
        if digest is not None:
            self._keys.add(key)
            self.members.append(MemberEntry(name=name, size=size, sha256=digest.hexdigest()))
        self._directory.write(central_header(member))
        self._count += 1
        self._whole = True

    def flush(self) -> None:
        """Let the sink have everything that was appended."""
        self._sink.flush()

    def append_bytes(self, name: str, data: bytes) -> None:
        """Write one small member."""
        self.append(name, (data,), len(data), zlib.crc32(data))

    def finish(self) -> SealInfo:
        """Write directory and trailer."""
        offset = self._sink.position
        for chunk in self._directory.chunks():
            self._sink.write(chunk)
        self._sink.write(directory_end(self._count, self._directory.size, offset))
        length = self._sink.position + TRAILER_LENGTH
        self._sink.write(encode_trailer(length))
        sha256 = self._sink.sha256()
        self._sink.write(sha256.encode("ascii"))
        self._sink.flush()
        return SealInfo(length, sha256)

    def close(self) -> None:
        """Drop what was spooled."""
        self._sink.close()
        self._directory.close()
