"""A plain directory as a store: a package appears in it by one atomic step, after its bytes are on disk."""

from __future__ import annotations

import errno
import logging
import os
import secrets
import shutil
import stat
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from edms_backup.errors import EdmsBackupError, PackageNotFound, UsageError
from edms_backup.storage.base import (
    SUFFIX,
    PackageRef,
    PackageRefs,
    PackageStore,
    check_name,
    not_found,
    partial_name,
    store_error,
    taken,
)

try:
    import fcntl
except ImportError:  # pragma: no cover
    # Not a POSIX system: a partial then counts as abandoned by its age alone.
    fcntl = None  # type: ignore[assignment]

logger = logging.getLogger(__name__)

LEFTOVER_AGE = 3600.0
"""Seconds without a write after which an unfinished package that no process holds counts as abandoned."""
NO_HARD_LINKS = frozenset({errno.EPERM, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK})
"""What file systems without hard links answer."""


class DirectoryStore(PackageStore):
    """Packages as files of one directory, readable by their owner only."""

    def __init__(self, path: Path, *, name: str = "") -> None:
        """Keep packages in ``path``, which is made (for this user only) when the first one is written."""
        self.path = Path(path).absolute()
        self.name = name or str(self.path)

    def workspace(self) -> Path:
        """Return the directory itself, so that publishing is a rename within one file system."""
        make_private_directory(self.path)
        return self.path

    def publish(self, local: Path, name: str) -> PackageRef:
        """Make ``local`` visible as ``name`` (see ``PackageStore.publish``)."""
        publish_file(local, self.workspace() / check_name(name))
        return self.stat(name)

    def list(self) -> PackageRefs:
        """Return the packages, the newest first; none when the directory was not made yet."""
        try:
            with os.scandir(self.path) as entries:
                names = [entry.name for entry in entries if _is_package(entry)]
        except FileNotFoundError:
            return []
        except OSError as error:
            raise store_error(error, f"The packages in {self.name} cannot be listed") from error
        found = []
        for name in names:
            try:
                found.append(self.stat(name))
            except PackageNotFound:
                continue  # deleted since the directory was read: rightly not in the list
        return sorted(found, key=lambda ref: ref.age_key, reverse=True)

    def open(self, name: str) -> BinaryIO:
        """Return the package as a readable file."""
        try:
            return open_regular(self.path / check_name(name))
        except FileNotFoundError as error:
            raise not_found(name, self.name) from error
        except OSError as error:
            raise store_error(error, f"The package {name} in {self.name} cannot be read") from error

    def stat(self, name: str) -> PackageRef:
        """Return size and age of a package."""
        try:
            status = (self.path / check_name(name)).stat()
        except FileNotFoundError as error:
            raise not_found(name, self.name) from error
        except OSError as error:
            raise store_error(error, f"The package {name} in {self.name} cannot be read") from error
        modified = datetime.fromtimestamp(status.st_mtime, UTC)
        return PackageRef(name=name, size=status.st_size, modified=modified)

    def delete(self, name: str) -> None:
        """Remove a package."""
        try:
            (self.path / check_name(name)).unlink()
            fsync_directory(self.path)
        except FileNotFoundError as error:
            raise not_found(name, self.name) from error
        except OSError as error:
            raise store_error(error, f"The package {name} in {self.name} cannot be deleted") from error

    def free_space(self) -> int | None:
        """Return the free bytes of the file system that holds the directory or will hold it."""
        place = next((path for path in (self.path, *self.path.parents) if path.is_dir()), None)
        if place is None:
            return None
        try:
            return shutil.disk_usage(place).free
        except OSError as error:
            raise store_error(error, f"The free space of {self.name} cannot be measured") from error

    def leftovers(self) -> tuple[Path, ...]:
        """Return abandoned partials in the directory."""
        return find_leftovers(self.path)

    def clear_leftovers(self) -> tuple[Path, ...]:
        """Remove abandoned partials in the directory and return them."""
        return remove_leftovers(self.path)


def publish_file(local: Path, target: Path) -> None:
    """Give the finished file ``local`` the name ``target`` in one step, after its bytes are on disk.

    Both must lie on one file system. An existing ``target`` is never overwritten (``UsageError``). Afterwards
    ``local`` is gone. Raises ``StoreFull`` or ``StoreUnavailable`` when the file system refuses; then there is no
    ``target`` either.
    """
    ours: os.stat_result | None = None
    try:
        _sync_file(local)
        ours = local.stat()
        _rename_exclusively(local, target)
        fsync_directory(target.parent)
    except FileExistsError as error:
        raise taken(target.name, str(target.parent)) from error
    except OSError as error:
        _withdraw(target, ours)
        if error.errno == errno.EXDEV:
            raise UsageError(
                f"{local} lies on another file system than {target.parent}: a package is written beside its"
                " final place, so that it appears there in one step."
            ) from error
        raise store_error(error, f"The package cannot be put in place as {target}") from error


def _withdraw(target: Path, ours: os.stat_result | None) -> None:
    """Remove a package that was named already when the disk failed: who is told of a failure finds nothing."""
    try:
        if ours is not None and os.path.samestat(target.lstat(), ours):
            target.unlink()
    except FileNotFoundError:
        return  # it had not come so far
    except OSError as error:
        logger.warning("%s may be there, although publishing it failed: %s", target, error)


def create_partial(directory: Path, name: str) -> BinaryIO:
    """Create the unfinished file of a package called ``name`` and return it, open for writing and reading.

    It belongs to this user only and is locked for as long as it is open, so that nobody takes it for a
    leftover. Its path is ``directory / partial_name(name)``. Raises ``UsageError`` when it exists already.
    """
    path = directory / partial_name(name)
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError as error:
        raise UsageError(
            f"Something is writing {path} already.", hint="Wait for it to end, or choose another name."
        ) from error
    except OSError as error:
        raise store_error(error, f"No package can be written in {directory}") from error
    if fcntl is not None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return os.fdopen(descriptor, "w+b")


def make_private_directory(path: Path) -> None:
    """Make ``path``, and what is missing above it, for this user only; raises ``StoreUnavailable``."""
    missing = [place for place in (path, *path.parents) if not place.exists()]
    try:
        for place in reversed(missing):
            place.mkdir(mode=0o700, exist_ok=True)
        path.mkdir(exist_ok=True)  # refuses what exists and is no directory
    except OSError as error:
        raise store_error(error, f"The directory {path} cannot be made") from error


def open_regular(path: Path) -> BinaryIO:
    """Open a file for reading; raises ``UsageError`` for a directory, device, pipe or socket."""
    # Without O_NONBLOCK, opening a named pipe would wait for somebody to write into it.
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    mode = os.fstat(descriptor).st_mode
    if not stat.S_ISREG(mode):
        os.close(descriptor)
        what = "a directory" if stat.S_ISDIR(mode) else "no ordinary file"
        raise UsageError(f"{path} is {what}; a package is one file.")
    return os.fdopen(descriptor, "rb")


def fsync_directory(path: Path) -> None:
    """Make the names in a directory survive a power failure."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def find_leftovers(directory: Path) -> tuple[Path, ...]:
    """Return the partials in ``directory`` that are old and that no process holds open."""
    try:
        partials = sorted(path for path in directory.glob(".*.partial") if not path.is_symlink())
        return tuple(path for path in partials if _abandoned(path))
    except OSError as error:
        raise store_error(error, f"The unfinished packages in {directory} cannot be listed") from error


def remove_leftovers(directory: Path) -> tuple[Path, ...]:
    """Remove what ``find_leftovers`` finds, and return it."""
    removed = find_leftovers(directory)
    try:
        for path in removed:
            path.unlink(missing_ok=True)
    except OSError as error:
        raise store_error(error, f"An unfinished package in {directory} cannot be removed") from error
    return removed


def _abandoned(path: Path) -> bool:
    try:
        if time.time() - path.stat().st_mtime < LEFTOVER_AGE:
            return False
        with path.open("rb") as file:
            return fcntl is None or _nobody_holds(file.fileno())
    except FileNotFoundError:
        return False  # published or removed a moment ago


def _nobody_holds(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_package(entry: os.DirEntry[str]) -> bool:
    if not entry.name.endswith(SUFFIX) or entry.name.startswith(".") or not entry.is_file():
        return False
    try:
        check_name(entry.name)
    except EdmsBackupError:
        return False  # a stranger's file: no name that this app would give or take
    return True


def _sync_file(path: Path) -> None:
    """Make the bytes of a file survive a power failure, and let nobody but its owner read it."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fchmod(descriptor, 0o600)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _rename_exclusively(local: Path, target: Path) -> None:
    """Rename without overwriting: a rename alone would, a link never does."""
    try:
        os.link(local, target)
    except OSError as error:
        if error.errno not in NO_HARD_LINKS:
            raise
        _rename_under_reservation(local, target)
        return
    local.unlink()


def _rename_under_reservation(local: Path, target: Path) -> None:
    """Rename on file systems without hard links: of all runs of this app only one at a time gets to it."""
    reservation = target.with_name(f".{target.name}.reserved")
    descriptor = os.open(reservation, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        if target.exists():
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(target))
        local.rename(target)
    finally:
        os.close(descriptor)
        reservation.unlink()


def scratch_file(directory: Path) -> BinaryIO:
    """Return an empty file without a name in ``directory``, which goes when it is closed."""
    path = directory / f".{secrets.token_hex(8)}.partial"
    try:
        file = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "w+b")
        path.unlink()
    except OSError as error:
        raise store_error(error, f"No file can be written in {directory}") from error
    return file
