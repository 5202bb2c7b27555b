"""Where document files live: base directories and Django storages, behind one small interface.

A *root* is known to packages by its name only. Names below a root come from rows and from packages, so
none is trusted: a name that is absolute, climbs out with ``..`` or through a link is refused.
"""

from __future__ import annotations

import errno
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, Protocol

from django.core.files.base import File
from django.core.files.storage import Storage

from edms_backup.errors import MalformedPackage, StoreUnavailable
from edms_backup.storage.base import store_error
from edms_backup.storage.directory import fsync_directory

_CHUNK = 1024 * 1024
_TICK_NS = 20_000_000  # longer than the clock of any file system in use


class FileRoot(Protocol):
    """A place where files live under names."""

    name: str

    def open(self, name: str) -> BinaryIO:
        """Open a file for reading; raises ``FileNotFoundError``."""

    def exists(self, name: str) -> bool:
        """Return whether there is a file of that name."""

    def signature(self, name: str) -> tuple[object, ...]:
        """Return something that changes when the file changes; raises ``FileNotFoundError``."""

    def write(self, name: str, source: BinaryIO) -> None:
        """Create or replace the file, durable when the call returns."""

    def delete(self, name: str) -> None:
        """Delete the file if it is there."""


def checked_name(name: str) -> str:
    """Return ``name`` if it stays below its root; raise ``MalformedPackage`` otherwise."""
    parts = name.replace("\\", "/").split("/")
    drive = len(parts[0]) == 2 and parts[0][1] == ":"
    if not name or name.startswith(("/", "\\")) or drive or ".." in parts or "\x00" in name:
        raise MalformedPackage(
            f"A file name leads out of its place: {name!r}.",
            hint="The package or the row that names it is not trustworthy.",
        )
    return name


class DirectoryRoot:
    """A base directory."""

    def __init__(self, name: str, directory: str | os.PathLike[str]) -> None:
        self.name = name
        self.directory = Path(directory)

    def path(self, name: str) -> Path:
        """Return the real path of a name; raises ``MalformedPackage`` when it leads out of the directory."""
        path = self.directory / checked_name(name)
        base = os.path.realpath(self.directory)
        real = os.path.realpath(path)
        if os.path.commonpath([base, real]) != base or real == base:
            checked_name("/" + name)  # through a link: the same refusal as for an absolute name
        return path

    def open(self, name: str) -> BinaryIO:
        """Open a regular file for reading."""
        path = self.path(name)
        if not path.is_file():
            raise FileNotFoundError(errno.ENOENT, "no such file", name)
        return path.open("rb")

    def exists(self, name: str) -> bool:
        """Return whether there is a regular file of that name."""
        return self.path(name).is_file()

    def signature(self, name: str) -> tuple[object, ...]:
        """Return size, time of change and inode.

        File systems keep time in ticks: a file that was written to just now can be written to again without a
        new time. So the clock is given time to move on before such a file is looked at.
        """
        path = self.path(name)
        found = path.stat()
        if time.time_ns() - found.st_mtime_ns < _TICK_NS:
            time.sleep(_TICK_NS / 1e9)
            found = path.stat()
        return (found.st_size, found.st_mtime_ns, found.st_ino)

    def write(self, name: str, source: BinaryIO) -> None:
        """Write beside the final name, flush to disk, rename over it."""
        path = self.path(name)
        partial = path.with_name(f".{path.name[:200]}.edms-partial")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with partial.open("wb") as sink:
                shutil.copyfileobj(source, sink, _CHUNK)
                sink.flush()
                os.fsync(sink.fileno())
            partial.replace(path)
            fsync_directory(path.parent)
        except OSError as error:
            partial.unlink(missing_ok=True)
            raise store_error(error, f"File {name} below {self.name} cannot be written") from error

    def delete(self, name: str) -> None:
        """Delete the file if it is there."""
        self.path(name).unlink(missing_ok=True)


class StorageRoot:
    """A Django storage that is no plain directory known by name."""

    def __init__(self, name: str, storage: Storage) -> None:
        self.name = name
        self.storage = storage

    def open(self, name: str) -> BinaryIO:
        """Open through the storage."""
        if not self.storage.exists(checked_name(name)):
            raise FileNotFoundError(errno.ENOENT, "no such file", name)
        opened: BinaryIO = self.storage.open(name, "rb")  # type: ignore[assignment]
        return opened

    def exists(self, name: str) -> bool:
        """Ask the storage."""
        return self.storage.exists(checked_name(name))

    def signature(self, name: str) -> tuple[object, ...]:
        """Return size and, where the storage knows it, the time of change."""
        checked_name(name)
        try:
            changed: object = self.storage.get_modified_time(name)
        except NotImplementedError:
            changed = None
        return (self.storage.size(name), changed)

    def write(self, name: str, source: BinaryIO) -> None:
        """Delete and save; a storage that answers with another name is an error, never ignored."""
        if self.storage.exists(checked_name(name)):
            self.storage.delete(name)
        saved = self.storage.save(name, File(source))
        if saved != name:
            self.storage.delete(saved)
            raise StoreUnavailable(
                f"Storage {self.name} saved {name} under another name ({saved}).",
                hint="The storage must be able to write a file under the name that rows hold.",
            )

    def delete(self, name: str) -> None:
        """Delete through the storage."""
        self.storage.delete(checked_name(name))


def file_roots(
    directories: dict[str, str], storages: Callable[[], dict[str, Storage]]
) -> dict[str, FileRoot]:
    """Return every root of the site by name: declared directories first, then storages of file fields."""
    roots: dict[str, FileRoot] = {name: DirectoryRoot(name, path) for name, path in directories.items()}
    for name, storage in storages().items():
        roots.setdefault(name, StorageRoot(name, storage))
    return roots
