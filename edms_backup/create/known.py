"""What another package holds already, so that it need be neither read nor written again.

The place where packages that build on another one will come in. Whatever is known this way lies outside of the
package that is made, so ``PackageWriter.finish()`` refuses to seal one that refers to it: no complete package
can come out that lacks a content. Nothing is known, unless somebody hands something in.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Protocol

from edms_backup.package import FileEntry, PackageReader


class KnownContent(Protocol):
    """Is asked for each file before it is read, and for each content before it is written."""

    def file(self, root: str, name: str) -> FileEntry | None:
        """Return what is known of a file of that name.

        It is taken for unchanged, and not read, if size and time of change are known and still the same.
        """

    def member(self, sha256: str) -> str | None:
        """Return the member that holds a content, by its digest; it is then not written."""


class NothingKnown:
    """Every file is read, and every content is written once."""

    def file(self, root: str, name: str) -> FileEntry | None:
        """Return ``None``."""
        return None

    def member(self, sha256: str) -> str | None:
        """Return ``None``."""
        return None


class PackageContent:
    """What one package holds; ``path`` is a private file that this makes and the caller's folder outlives.

    With ``full_check`` no file is recognised by its time: all are read, and those with known content not written.
    Raises an ``IntegrityError`` when the package's index of files is damaged; contents are not looked at.
    """

    def __init__(self, package: PackageReader, path: Path, *, full_check: bool = False) -> None:
        self._full_check = full_check
        self._db = sqlite3.connect(path, isolation_level=None)
        self._db.executescript(
            "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;"
            "CREATE TABLE files (root TEXT, name TEXT, size INTEGER, modified INTEGER, sha256 TEXT, member TEXT,"
            " PRIMARY KEY (root, name)) WITHOUT ROWID; BEGIN"
        )
        self._db.executemany(
            "INSERT INTO files VALUES (?, ?, ?, ?, ?, ?)",
            (
                (entry.root, entry.name, entry.size, entry.modified, entry.sha256, entry.member)
                for entry in package.files()
                if not entry.missing
            ),
        )
        self._db.execute("CREATE INDEX files_sha256 ON files (sha256)")

    def file(self, root: str, name: str) -> FileEntry | None:
        """Return the package's entry for a file of that name, if it has one."""
        if self._full_check:
            return None
        found = self._db.execute(
            "SELECT size, modified, sha256, member FROM files WHERE root = ? AND name = ?", (root, name)
        ).fetchone()
        if found is None:
            return None
        size, modified, sha256, member = found
        return FileEntry(root=root, name=name, size=size, modified=modified, sha256=sha256, member=member)

    def member(self, sha256: str) -> str | None:
        """Return the package's member with that content."""
        found = self._db.execute("SELECT member FROM files WHERE sha256 = ? LIMIT 1", (sha256,)).fetchone()
        return None if found is None else str(found[0])

    def close(self) -> None:
        """Close the file."""
        self._db.close()
