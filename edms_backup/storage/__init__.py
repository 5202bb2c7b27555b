"""Where packages live: a directory, or any storage of Django's ``STORAGES``.

Reading order: ``base`` (what a store promises), ``directory`` (the atomic one), ``django_storage`` (what
cannot rename: upload, read back, compare), ``locate`` (what an operator may type for a package).
"""

from __future__ import annotations

from pathlib import Path

from django.core.files.storage import InvalidStorageError, storages

from edms_backup.errors import ConfigurationError
from edms_backup.storage.base import (
    RECEIVED,
    SUFFIX,
    PackageRef,
    PackageRefs,
    PackageStore,
    check_name,
    is_full,
    is_name_of,
    is_received,
    is_safety,
    package_name,
    partial_name,
    store_error,
)
from edms_backup.storage.directory import (
    NO_HARD_LINKS,
    DirectoryStore,
    create_partial,
    fsync_directory,
    publish_file,
)
from edms_backup.storage.django_storage import DjangoStore, plain_location
from edms_backup.storage.locate import locate

__all__ = [
    "NO_HARD_LINKS",
    "RECEIVED",
    "SUFFIX",
    "DirectoryStore",
    "DjangoStore",
    "PackageRef",
    "PackageRefs",
    "PackageStore",
    "check_name",
    "create_partial",
    "fsync_directory",
    "get_store",
    "is_full",
    "is_name_of",
    "is_received",
    "is_received",
    "is_safety",
    "locate",
    "package_name",
    "partial_name",
    "publish_file",
    "store_error",
]


def get_store(*, directory: Path, storage: str = "", workdir: Path | None = None) -> PackageStore:
    """Return the store of the site.

    ``directory`` holds the packages when ``storage``, an alias of ``STORAGES``, is empty. ``workdir`` is the
    local directory for unfinished and fetched packages of a storage that is not one (default: ``directory``).
    A storage that keeps plain files in a local directory gets the atomic ``DirectoryStore``. Raises
    ``ConfigurationError`` for an alias that does not exist.
    """
    if not storage:
        return DirectoryStore(directory)
    try:
        backend = storages[storage]
    except InvalidStorageError as error:
        raise ConfigurationError(
            f"EDMS_BACKUP['STORAGE'] names {storage!r}, which is no usable alias of STORAGES.",
            hint=str(error),
        ) from error
    location = plain_location(backend)
    if location is not None:
        return DirectoryStore(location, name=storage)
    return DjangoStore(storage, workdir=workdir or directory)
