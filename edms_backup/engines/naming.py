"""Naming rows: from primary keys to natural keys, for one id, for many, for a whole table."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from django.db import models

from edms_backup.engines.values import Encoder, encode_plain, encoder, unchanged
from edms_backup.errors import DumpFailed
from edms_backup.naturalkeys import KeyLookup, KeyRegistry
from edms_backup.naturalkeys.paths import (
    base_queryset,
    behind_references,
    columns_along,
    outer_join_all,
    value_reader,
)
from edms_backup.schema.spec import ModelSpec

__all__ = [
    "BATCH",
    "as_primary_key",
    "base_queryset",
    "called_key",
    "leaf_column",
    "leaf_encoder",
    "may_be_null",
    "names_of",
    "outer_join_all",
    "primary_key_reader",
    "stream_names",
]

BATCH = 2000  # rows per fetch and per look-up of generic references


def leaf_column(model: type[models.Model], path: str) -> models.Field[Any, Any] | None:
    """Return the column that an ORM path ends at, behind all references; ``None`` for a composite key."""
    column: Any = columns_along(model, path)[-1]
    if isinstance(column, models.Field):
        column = behind_references(column)
    return None if hasattr(column, "field_names") or not isinstance(column, models.Field) else column


def leaf_encoder(model: type[models.Model], path: str) -> Encoder | None:
    """Return the encoder of the column that an ORM path ends at."""
    column = leaf_column(model, path)
    # A composite primary key is a tuple of plain values.
    return encode_plain if column is None else encoder(column)


def may_be_null(model: type[models.Model], paths: Iterable[str]) -> bool:
    """Return whether every one of some ORM paths can end at NULL."""

    def nullable(path: str) -> bool:
        current: Any = model
        for step in path.split("__"):
            if step == "pk":
                return False
            column = current._meta.get_field(step)
            if column.null:
                return True
            current = column.related_model
        return False

    return all(nullable(path) for path in paths)


def names_of(spec: ModelSpec, registry: KeyRegistry, ids: Iterable[Any]) -> dict[str, dict[str, Any]]:
    """Return, for every id (as text) that exists, ``{"key": [...]}`` or ``{"pk": ...}`` of the row.

    An id that does not even fit the primary key's type names nothing.
    """
    if hasattr(spec.model._meta.pk, "field_names"):
        return {}  # nothing soft can hold a composite key
    paths = registry.of(spec.model).paths
    encoders = [leaf_encoder(spec.model, path) for path in paths]
    encode_pk, read_pk = leaf_encoder(spec.model, "pk") or unchanged, primary_key_reader(spec)
    found: dict[str, dict[str, Any]] = {}
    for value, values in KeyLookup(spec.model, paths, spec.using).keys(ids).items():
        named = [v if v is None or e is None else e(v) for v, e in zip(values, encoders, strict=True)]
        known = any(part is not None for part in named)
        found[str(value)] = {"key": named} if known else {"pk": encode_pk(read_pk(value))}
    return found


def as_primary_key(spec: ModelSpec, value: Any) -> Any:
    """Return a value of a soft reference as the primary key of ``spec``; ``None`` when it cannot be one."""
    return primary_key_reader(spec)(value)


def primary_key_reader(spec: ModelSpec) -> Callable[[Any], Any]:
    """Return ``as_primary_key`` for many values."""
    column: Any = spec.model._meta.pk
    if hasattr(column, "field_names"):
        return lambda value: None  # nothing soft can hold a composite key
    return value_reader(column, spec.using)


def called_key(instance: models.Model) -> list[Any]:
    """Return what the host's own ``natural_key()`` says of a row; raises ``DumpFailed`` when it fails."""
    try:
        return [encode_plain(value) for value in instance.natural_key()]  # type: ignore[attr-defined]
    except Exception as error:
        label = instance._meta.label
        raise DumpFailed(
            f"{label}.natural_key() of the row with primary key {instance.pk} failed: {type(error).__name__}: {error}",
            hint=f"Declare a key for {label} in EDMS_BACKUP['NATURAL_KEYS']; then the method is not called.",
        ) from error


def stream_names(spec: ModelSpec, registry: KeyRegistry) -> Iterator[tuple[Any, list[Any]]]:
    """Yield (primary key, natural key) of every row, as JSON; a keyless row is named by its primary key."""
    key = registry.of(spec.model)
    encode_pk = leaf_encoder(spec.model, "pk") or unchanged
    if key.by_method:
        for instance in base_queryset(spec.model, spec.using).iterator(chunk_size=BATCH):
            yield encode_pk(instance.pk), called_key(instance)
        return
    paths = key.paths or ("pk",)
    encoders = [leaf_encoder(spec.model, path) for path in paths]
    queryset = base_queryset(spec.model, spec.using).order_by("pk").values_list("pk", *paths)
    outer_join_all(queryset)
    for pk, *values in queryset.iterator(chunk_size=BATCH):
        named = [v if v is None or e is None else e(v) for v, e in zip(values, encoders, strict=True)]
        yield encode_pk(pk), named
