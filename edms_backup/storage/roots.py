"""Where document files live: base directories and Django storages, behind one small interface.

A *root* is known to packages by its name only. Names below a root come from rows and from packages, so
none is trusted: a name that is absolute, climbs out with ``..`` or through a link is refused.
"""

from __future__ import annotations

import datetime
import errno
import functools
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, NamedTuple, Protocol

from django.core.files.base import File
from django.core.files.storage import FileSystemStorage, Storage

from edms_backup.errors import MalformedPackage, StoreUnavailable
from edms_backup.storage.base import SUFFIX, store_error
from edms_backup.storage.directory import fsync_directory

_CHUNK = 1024 * 1024
_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
_TICK_NS = 20_000_000  # longer than the clock of any file system in use


class FileSignature(NamedTuple):
    """Something that changes when a file changes."""

    size: int
    modified: int | None
    """When it was last changed, in nanoseconds since 1970 UTC; ``None`` where nobody knows for certain."""
    identity: object
    """What else tells one state of the file from another."""


class FileRoot(Protocol):
    """A place where files live under names."""

    name: str
    plain: bool
    """Whether these are files of a directory, which threads may read beside each other."""

    def open(self, name: str) -> BinaryIO:
        """Open a file for reading; raises ``FileNotFoundError``."""

    def exists(self, name: str) -> bool:
        """Return whether there is a file of that name."""

    def signature(self, name: str) -> FileSignature:
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

    def __init__(
        self, name: str, directory: str | os.PathLike[str], closed: Callable[[str], bool] | None = None
    ) -> None:
        """Give files below ``directory``, but for real paths that are ``closed``: what backups themselves need."""
        self.name = name
        self.plain = True
        self.directory = Path(directory)
        self._closed = closed

    def path(self, name: str) -> Path:
        """Return the path of a name.

        Raises ``MalformedPackage`` when it leads out of the directory, or to what backups themselves need.
        """
        path = self.directory / checked_name(name)
        base = os.path.realpath(self.directory)
        real = os.path.realpath(path)
        if os.path.commonpath([base, real]) != base or real == base:
            checked_name("/" + name)  # through a link: the same refusal as for an absolute name
        if self._closed is not None and self._closed(real):
            raise MalformedPackage(
                f"A file name leads to packages or to the audit trail: {name!r}.",
                hint="The package or the row that names it is not trustworthy.",
            )
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

    def signature(self, name: str) -> FileSignature:
        """Return size, time of change and inode."""
        return _signature(self.path(name))

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


def _signature(path: str | Path) -> FileSignature:
    """Return size, time of change and inode of the file at ``path``.

    File systems keep time in ticks: a file that was written to just now can be written to again without a
    new time. So the clock is given time to move on before such a file is looked at.
    """
    found = os.stat(path)  # noqa: PTH116
    if time.time_ns() - found.st_mtime_ns < _TICK_NS:
        time.sleep(_TICK_NS / 1e9)
        found = os.stat(path)  # noqa: PTH116
    return FileSignature(found.st_size, found.st_mtime_ns, found.st_ino)


_READING = ("path", "open", "_open", "exists", "size", "get_modified_time")


def _reads_plain_files(storage: Storage) -> bool:
    """Return whether a storage reads files of a directory as Django does it, with nothing of its own."""
    return isinstance(storage, FileSystemStorage) and all(
        getattr(getattr(storage, way), "__func__", None) is getattr(FileSystemStorage, way)
        for way in _READING
    )


@functools.lru_cache(maxsize=64)
def _below(location: str, name: str) -> str:
    """Return the path of a name that was checked; the same file is asked for several times in a row."""
    return os.path.normpath(f"{location}/{checked_name(name)}")


class StorageRoot:
    """A Django storage that is no plain directory known by name.

    Files that Django itself would read from a directory are asked of the directory, in a tenth of the time, and with
    the exact time of change.
    """

    def __init__(self, name: str, storage: Storage) -> None:
        self.name = name
        self.storage = storage
        self.plain = _reads_plain_files(storage)

    def _path(self, name: str) -> str:
        """Return what ``storage.path`` would return: a name that was checked leads nowhere else."""
        return _below(self.storage.location, name)  # type: ignore[attr-defined]

    def open(self, name: str) -> BinaryIO:
        """Open through the storage."""
        if self.plain:
            path = self._path(name)
            try:
                # Whoever reads asks for much at once: a buffer would only copy it.
                return open(path, "rb", buffering=0)  # noqa: PTH123
            except OSError as error:
                if os.path.lexists(path):
                    raise
                raise FileNotFoundError(errno.ENOENT, "no such file", name) from error
        if not self.storage.exists(checked_name(name)):
            raise FileNotFoundError(errno.ENOENT, "no such file", name)
        opened: BinaryIO = self.storage.open(name, "rb")  # type: ignore[assignment]
        return opened

    def exists(self, name: str) -> bool:
        """Ask the storage."""
        return self.storage.exists(checked_name(name))

    def signature(self, name: str) -> FileSignature:
        """Return size and, where the storage knows it, the time of change."""
        if self.plain:
            return _signature(self._path(name))
        checked_name(name)
        try:
            changed = self.storage.get_modified_time(name)
        except NotImplementedError:
            changed = None
        return FileSignature(self.storage.size(name), _nanoseconds(changed), changed)

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


def _nanoseconds(moment: datetime.datetime | None) -> int | None:
    """Return a moment as a file system tells it; ``None`` without a zone: an hour in autumn comes twice."""
    if moment is None or moment.tzinfo is None:
        return None
    return (moment - _EPOCH) // datetime.timedelta(microseconds=1) * 1000


def kept_apart(state: Path, packages: Path | None) -> Callable[[str], bool]:
    """Return what tells whether a real path lies in the state directory, or is a package in the store.

    A root may lie around both. No row and no package may name what is in there: a restore would otherwise rewrite
    the record of itself.
    """
    state_path = os.path.realpath(state)
    store = os.path.realpath(packages) if packages is not None else None

    def closed(real: str) -> bool:
        inside = os.path.commonpath([state_path, real]) == state_path
        return inside or (os.path.dirname(real) == store and real.endswith(SUFFIX))  # noqa: PTH120

    return closed


def file_roots(
    directories: dict[str, str],
    storages: Callable[[], dict[str, Storage]],
    closed: Callable[[str], bool] | None = None,
) -> dict[str, FileRoot]:
    """Return every root of the site by name: declared directories first, then storages of file fields."""
    roots: dict[str, FileRoot] = {
        name: DirectoryRoot(name, path, closed) for name, path in directories.items()
    }
    for name, storage in storages().items():
        roots.setdefault(name, StorageRoot(name, storage))
    return roots
