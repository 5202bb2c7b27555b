"""Any storage of Django's ``STORAGES`` as a store.

Object stores and network shares have no rename and no directory to sync. A package goes there under its
own name, is read back, and is removed again unless the bytes that came back are those that were sent.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from django.core.files import File
from django.core.files.storage import FileSystemStorage, Storage, storages

from edms_backup.errors import EdmsBackupError, StoreUnavailable
from edms_backup.storage.base import (
    SUFFIX,
    PackageRef,
    PackageRefs,
    PackageStore,
    check_name,
    not_found,
    store_error,
    taken,
)
from edms_backup.storage.directory import (
    find_leftovers,
    make_private_directory,
    remove_leftovers,
    scratch_file,
)

CHUNK = 1024 * 1024
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)


def plain_location(storage: Storage) -> Path | None:
    """Return the directory of a storage that keeps files as they are in one, ``None`` for any other.

    A subclass of ``FileSystemStorage`` that reads or writes in its own way (encrypting, say) is another.
    """
    if not isinstance(storage, FileSystemStorage):
        return None
    own_ways = [
        getattr(type(storage), method) is not getattr(FileSystemStorage, method)
        for method in ("_save", "_open")
    ]
    return None if any(own_ways) else Path(storage.location)


class DjangoStore(PackageStore):
    """Packages in a Django storage that may be remote."""

    def __init__(self, alias: str, *, workdir: Path) -> None:
        """Keep packages in ``STORAGES[alias]``; unfinished and fetched ones pass through ``workdir``."""
        self.name = alias
        self._workdir = workdir

    @property
    def _storage(self) -> Storage:
        # Asked for each time: Django makes new storages when settings change.
        return storages[self.name]

    def workspace(self) -> Path:
        """Return the local directory from which packages are uploaded."""
        make_private_directory(self._workdir)
        return self._workdir

    def publish(self, local: Path, name: str) -> PackageRef:
        """Upload ``local`` as ``name``, read it back, and keep it only when it is the same."""
        check_name(name)
        if self._exists(name):
            raise taken(name, self.name)
        with local.open("rb") as file:
            sent = _fingerprint(iter(lambda: file.read(CHUNK), b""))
            file.seek(0)
            self._upload(file, name)
        try:
            came_back = _fingerprint(self._chunks(name))
        except EdmsBackupError:
            self._discard(name)
            raise
        if came_back != sent:
            self._discard(name)
            raise StoreUnavailable(
                f"The storage {self.name} gave back other bytes than it took for {name}; they were removed.",
                hint="Try again; if it happens twice, the storage or the way to it is broken.",
            )
        local.unlink()
        return self.stat(name)

    def list(self) -> PackageRefs:
        """Return the packages, the newest first."""
        try:
            _directories, names = self._storage.listdir("")
        except FileNotFoundError:
            return []
        except Exception as error:
            raise store_error(error, f"The packages in {self.name} cannot be listed") from error
        own = [
            name for name in names if name.endswith(SUFFIX) and not name.startswith(".") and _allowed(name)
        ]
        return sorted((self._ref(name) for name in own), key=lambda ref: ref.age_key, reverse=True)

    def open(self, name: str) -> BinaryIO:
        """Fetch the package into a file without a name in the local directory, and return that."""
        fetched = scratch_file(self._fetch_directory(check_name(name)))
        try:
            for chunk in self._chunks(name):
                fetched.write(chunk)
            fetched.seek(0)
        except OSError as error:
            fetched.close()
            raise store_error(error, f"The package {name} cannot be fetched from {self.name}") from error
        except BaseException:
            fetched.close()
            raise
        return fetched

    def stat(self, name: str) -> PackageRef:
        """Return size and age of a package."""
        if not self._exists(check_name(name)):
            raise not_found(name, self.name)
        return self._ref(name)

    def delete(self, name: str) -> None:
        """Remove a package."""
        self.stat(name)
        self._remove(name)

    def free_space(self) -> int | None:
        """Return ``None``: a storage does not say."""
        return None

    def leftovers(self) -> tuple[Path, ...]:
        """Return abandoned partials in the local directory."""
        return find_leftovers(self._workdir)

    def clear_leftovers(self) -> tuple[Path, ...]:
        """Remove abandoned partials in the local directory and return them."""
        return remove_leftovers(self._workdir)

    def _exists(self, name: str) -> bool:
        try:
            return self._storage.exists(name)
        except Exception as error:
            raise store_error(error, f"The storage {self.name} cannot be reached") from error

    def _ref(self, name: str) -> PackageRef:
        try:
            size = self._storage.size(name)
            modified = self._modified(name)
        except Exception as error:
            raise store_error(error, f"The package {name} in {self.name} cannot be read") from error
        return PackageRef(name=name, size=size, modified=modified)

    def _modified(self, name: str) -> datetime:
        try:
            modified = self._storage.get_modified_time(name)
        except NotImplementedError:
            return _NEVER  # not every storage knows; the name says when the package was made
        return modified if modified.tzinfo is not None else modified.astimezone()

    def _upload(self, file: BinaryIO, name: str) -> None:
        try:
            saved = self._storage.save(name, File(file, name=name))
        except Exception as error:
            # The name was free before, so what bears it now is the half that arrived.
            if self._exists(name):
                self._remove(name)
            raise store_error(error, f"The package {name} cannot be stored in {self.name}") from error
        if saved != name:
            self._remove(saved)
            raise taken(name, self.name)

    def _chunks(self, name: str) -> Iterator[bytes]:
        try:
            with self._storage.open(name, "rb") as file:
                while chunk := file.read(CHUNK):
                    yield chunk
        except FileNotFoundError as error:
            raise not_found(name, self.name) from error
        except Exception as error:
            raise store_error(error, f"The package {name} in {self.name} cannot be read") from error

    def _fetch_directory(self, name: str) -> Path:
        if not self._exists(name):
            raise not_found(name, self.name)
        return self.workspace()

    def _discard(self, name: str) -> None:
        """Remove an upload that cannot be trusted, if it is there at all."""
        if self._exists(name):
            self._remove(name)

    def _remove(self, name: str) -> None:
        try:
            self._storage.delete(name)
        except Exception as error:
            raise store_error(error, f"The package {name} in {self.name} cannot be deleted") from error


def _fingerprint(chunks: Iterator[bytes]) -> tuple[int, str]:
    size, digest = 0, hashlib.sha256()
    for chunk in chunks:
        size += len(chunk)
        digest.update(chunk)
    return size, digest.hexdigest()


def _allowed(name: str) -> bool:
    try:
        check_name(name)
    except EdmsBackupError:
        return False  # a stranger's file
    return True
