"""Where uploads wait: bytes of strangers, private, never listed and never restored from.

An upload is known by an id that this side made; nothing of what its sender calls it becomes a name here.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

from edms_backup.errors import (
    ChecksumMismatch,
    EdmsBackupError,
    NotAPackage,
    PackageExists,
    PackageNotFound,
    PackageTooLarge,
    StoreFull,
    TruncatedPackage,
)
from edms_backup.storage.base import store_error
from edms_backup.storage.directory import make_private_directory, open_regular

CHUNK = 1 << 20
WAITING = 20
"""Announced uploads that may wait at a time."""
KEPT = 24 * 3600.0
"""Seconds after which an upload that nobody admitted is removed."""
_MAGIC = b"PK\x03\x04"
"""A package is a ZIP, and begins with a member."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Announcement:
    """What somebody said of an upload before its bytes came."""

    id: uuid.UUID
    length: int
    sha256: str
    received: bool
    """Whether its bytes are here, and are what was announced."""


class Source(Protocol):
    """What an upload is read from: a file, or the body of a request."""

    def read(self, size: int = ..., /) -> bytes:
        """Return the next bytes; none at the end."""


class Quarantine:
    """The uploads that nobody has admitted yet."""

    def __init__(self, path: Path) -> None:
        """Keep uploads in ``path``, which is made for this user only."""
        self.path = path

    def announce(self, owner: str, *, limit: int, length: int, sha256: str) -> uuid.UUID:
        """Note that an upload will come, and return its id; ``take`` then wants just these bytes.

        Raises ``PackageTooLarge``, ``StoreFull`` while too many wait already, or ``StoreUnavailable``.
        """
        if length > limit:
            raise too_large(limit)
        make_private_directory(self.path)
        self._clear()
        if sum(1 for _ in self.path.glob("*.announced")) >= WAITING:
            raise StoreFull(
                f"{WAITING} uploads are announced already, and none of them was admitted.",
                hint="Admit or discard them; after a day they go by themselves.",
            )
        upload = uuid.uuid4()
        note = {"owner": owner, "length": length, "sha256": sha256}
        try:
            descriptor = os.open(
                self._note(upload), os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600
            )
            with os.fdopen(descriptor, "w", encoding="utf-8") as sink:
                json.dump(note, sink)
        except OSError as error:
            self._note(upload).unlink(missing_ok=True)
            raise store_error(error, "The upload cannot be announced") from error
        return upload

    def announced(self, upload: uuid.UUID, owner: str) -> Announcement:
        """Return what was announced; raises ``PackageNotFound`` also for what somebody else announced."""
        try:
            note = json.loads(self._note(upload).read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):  # ValueError: the disk was full when it was written
            note = {}
        except OSError as error:
            raise store_error(error, "The upload cannot be read") from error
        if note.get("owner") != owner:
            raise PackageNotFound(
                "There is no such upload, or it was removed meanwhile.", hint="Announce it."
            )
        return Announcement(
            id=upload,
            length=note["length"],
            sha256=note["sha256"],
            received=self._file(upload).exists(),
        )

    def take(
        self,
        source: Source,
        *,
        limit: int,
        length: int | None = None,
        sha256: str = "",
        upload: uuid.UUID | None = None,
    ) -> uuid.UUID:
        """Read an upload to its end and return its id. Nothing is kept when this raises.

        ``length`` and ``sha256`` are what the sender announced, ``upload`` the id that ``announce`` gave. Raises
        ``PackageTooLarge`` as soon as there are more than ``limit`` bytes, ``TruncatedPackage`` or
        ``ChecksumMismatch`` when something else came than was announced, ``NotAPackage`` for what does not
        begin like a package, ``PackageExists`` for bytes that came already, ``StoreFull`` or
        ``StoreUnavailable``.
        """
        if length is not None and length > limit:
            raise too_large(limit)
        make_private_directory(self.path)
        self._clear()
        upload = upload or uuid.uuid4()
        coming = self.path / f"{upload}.{uuid.uuid4().hex[:8]}.coming"
        try:
            self._write(coming, source, limit, length, sha256)
            try:
                os.link(coming, self._file(upload))
            except FileExistsError:
                raise PackageExists("The bytes of this upload came already.", hint="Admit it.") from None
            except OSError as error:
                raise store_error(error, "The upload cannot be kept") from error
        finally:
            coming.unlink(missing_ok=True)
        return upload

    def _write(self, path: Path, source: Source, limit: int, length: int | None, sha256: str) -> None:
        digest, size = hashlib.sha256(), 0
        most = limit if length is None else length
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            with os.fdopen(descriptor, "wb") as sink:
                while chunk := source.read(CHUNK):
                    if not size and not chunk.startswith(_MAGIC[: len(chunk)]):
                        raise NotAPackage("What was sent is no package of this app; nothing of it was kept.")
                    size += len(chunk)
                    if size > most:
                        raise too_large(limit) if length is None else _other_length(length)
                    digest.update(chunk)
                    sink.write(chunk)
                sink.flush()
                os.fsync(sink.fileno())
        except OSError as error:
            raise store_error(error, "The upload cannot be kept") from error
        if not size:
            raise NotAPackage("Nothing was sent.")
        if length is not None and size != length:
            raise _other_length(length)
        if sha256 and not hmac.compare_digest(sha256.lower().encode(), digest.hexdigest().encode()):
            raise ChecksumMismatch(
                "What came is not what was announced: its SHA-256 is another.", hint="Send it again."
            )

    @contextmanager
    def opened(self, upload: uuid.UUID) -> Iterator[BinaryIO]:
        """Open an upload for reading; raises ``PackageNotFound``."""
        try:
            stream = open_regular(self._file(upload))
        except FileNotFoundError as error:
            raise PackageNotFound(
                "There is no such upload, or it was removed meanwhile.", hint="Send it again."
            ) from error
        except OSError as error:
            raise store_error(error, "The upload cannot be read") from error
        with stream:
            yield stream

    def discard(self, upload: uuid.UUID) -> None:
        """Remove an upload, if it is there. Raises ``StoreUnavailable``."""
        try:
            self._file(upload).unlink(missing_ok=True)
            self._note(upload).unlink(missing_ok=True)
        except OSError as error:
            raise store_error(error, "The upload cannot be removed") from error

    def _file(self, upload: uuid.UUID) -> Path:
        return self.path / f"{upload}.upload"

    def _note(self, upload: uuid.UUID) -> Path:
        return self.path / f"{upload}.announced"

    def _clear(self) -> None:
        """Remove what nobody has admitted for a day."""
        for path in self.path.iterdir():
            try:
                if time.time() - path.stat().st_mtime > KEPT:
                    path.unlink()
            except FileNotFoundError:
                continue  # somebody else was quicker


def too_large(limit: int) -> EdmsBackupError:
    """Return the error for an upload beyond the limit."""
    return PackageTooLarge(
        f"The package is larger than this site accepts ({limit:,} bytes); nothing of it was kept.",
        hint="EDMS_BACKUP['UPLOAD_LIMIT'] sets the limit; or put the package into the store by hand.",
    )


def _other_length(length: int) -> EdmsBackupError:
    return TruncatedPackage(
        f"{length:,} bytes were announced, and others came; nothing of it was kept.", hint="Send it again."
    )
