"""Where document content hangs off the models: file fields, and text columns declared as paths.

A file is known inside a package by the name of its *root* and its name below it. A root is a base
directory or a Django storage of the site; its real place never enters a package.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.core.files.storage import FileSystemStorage, Storage, storages
from django.db import models
from django.utils.functional import LazyObject


@dataclass(frozen=True, slots=True, kw_only=True)
class PathField:
    """Declaration of a text column that holds the path of a file (``EDMS_BACKUP["PATH_FIELDS"]``)."""

    roots: tuple[tuple[str, str], ...]
    """Pairs of path prefix and root name, the first match counts; the prefix stays part of the name."""
    sha256: str = ""
    """Column that holds the expected SHA-256 of the content, if any."""
    size: str = ""
    """Column that holds the expected size in bytes, if any."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileSpec:
    """One column that names files."""

    field: str
    roots: tuple[tuple[str, str], ...]
    sha256: str = ""
    size: str = ""

    def root_of(self, name: str) -> str | None:
        """Return the root that ``name`` belongs to, or ``None`` when no prefix fits."""
        return next((root for prefix, root in self.roots if name.startswith(prefix)), None)


def file_specs(
    model: type[models.Model], paths: Mapping[str, PathField], roots: Mapping[str, str]
) -> Iterator[FileSpec]:
    """Yield the file-naming columns of a model's own table.

    ``paths``: lower-case ``app.model.field`` to its declaration. ``roots``: root names to directories.
    """
    for column in model._meta.local_concrete_fields:
        declared = paths.get(f"{model._meta.label_lower}.{column.name}")
        if declared is not None:
            yield FileSpec(
                field=column.name, roots=declared.roots, sha256=declared.sha256, size=declared.size
            )
        elif isinstance(column, models.FileField):
            yield FileSpec(field=column.name, roots=(("", root_name(column, roots)),))


def root_name(column: models.FileField, roots: Mapping[str, str]) -> str:
    """Return the name under which a file field's storage is known.

    A directory that settings name keeps that name; a storage of ``STORAGES`` has its alias; any other
    storage is named after its field.
    """
    storage = _real(column.storage)
    location = storage_location(storage)
    for name, directory in roots.items():
        if location is not None and os.path.realpath(directory) == os.path.realpath(location):
            return name
    for alias in storages.backends:
        if storages[alias] is storage or _same_storage(_real(storages[alias]), storage):
            return alias
    return f"field:{column.model._meta.label}.{column.name}"


def _real(storage: Any) -> Any:
    """Return the storage behind Django's lazy ``default_storage``, others as they are."""
    if isinstance(storage, LazyObject):
        return storages["default"]
    return storage


def _same_storage(one: Storage, other: Storage) -> bool:
    here, there = storage_location(one), storage_location(other)
    return type(one) is type(other) and here is not None and here == there


def storage_location(storage: Any) -> str | None:
    """Return the directory of a file system storage, ``None`` for any other kind."""
    if isinstance(storage, FileSystemStorage):
        return str(storage.location)
    return None


def file_fields_by_root(roots: Mapping[str, str], all_models: list[type[models.Model]]) -> dict[str, Storage]:
    """Return the storages behind the roots that file fields use and settings do not name."""
    found: dict[str, Storage] = {}
    for model in all_models:
        for column in model._meta.local_concrete_fields:
            if isinstance(column, models.FileField):
                name = root_name(column, roots)
                if name not in roots:
                    found[name] = column.storage
    return found
