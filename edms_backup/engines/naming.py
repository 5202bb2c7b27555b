"""Naming rows: from primary keys to natural keys, for one id, for many, for a whole table."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from django.core.exceptions import ValidationError
from django.db import connections, models

from edms_backup.engines.values import Encoder, behind_references, encode_plain, encoder, unchanged
from edms_backup.errors import DumpFailed
from edms_backup.naturalkeys import KeyRegistry
from edms_backup.naturalkeys.resolve import concrete
from edms_backup.schema.spec import ModelSpec

BATCH = 2000  # rows per fetch and per look-up of generic references


def base_queryset(model: type[models.Model], using: str) -> models.QuerySet[Any]:
    """Return a queryset of every row: no manager of the host is asked, soft-deleted rows are seen.

    ``Meta.ordering`` is left out as well: it may sort by other tables, lose rows over it, or have no end.
    """
    return models.QuerySet(model=model, using=using).order_by()


def outer_join_all(queryset: models.QuerySet[Any]) -> None:
    """Turn every join of ``queryset`` into an outer join, so that a dangling reference loses no row.

    Django joins a NOT NULL foreign key with INNER JOIN; a row whose target is gone (a key without a
    constraint, checks that were off) would vanish from the result without a word.
    """
    query = queryset.query
    for alias, join in list(query.alias_map.items()):
        if getattr(join, "join_type", None) == "INNER JOIN":
            query.alias_map[alias] = join.promote()  # type: ignore[union-attr]


def leaf_column(model: type[models.Model], path: str) -> models.Field[Any, Any] | None:
    """Return the column that an ORM path ends at, behind all references; ``None`` for a composite key."""
    current = model
    *steps, last = path.split("__")
    for step in steps:
        current = concrete(current._meta.get_field(step).related_model)  # type: ignore[arg-type]
    column: Any = current._meta.pk if last == "pk" else current._meta.get_field(last)
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
    texts: dict[Any, list[str]] = defaultdict(list)
    read = primary_key_reader(spec)
    for value in ids:
        pk = read(value)
        if pk is not None:
            texts[pk].append(str(value))
    key = registry.of(spec.model)
    paths = key.paths
    encoders = [leaf_encoder(spec.model, path) for path in paths]
    encode_pk = leaf_encoder(spec.model, "pk")
    found: dict[str, dict[str, Any]] = {}
    queryset = base_queryset(spec.model, spec.using).filter(pk__in=list(texts)).values_list("pk", *paths)
    outer_join_all(queryset)
    for pk, *values in queryset:
        named = [v if v is None or e is None else e(v) for v, e in zip(values, encoders, strict=True)]
        known = any(value is not None for value in named)
        name = {"key": named} if known else {"pk": pk if encode_pk is None else encode_pk(pk)}
        found.update((text, name) for text in texts[pk])
    return found


def as_primary_key(spec: ModelSpec, value: Any) -> Any:
    """Return a value of a soft reference as the primary key of ``spec``; ``None`` when it cannot be one."""
    return primary_key_reader(spec)(value)


def primary_key_reader(spec: ModelSpec) -> Callable[[Any], Any]:
    """Return ``as_primary_key`` for many values."""
    column: Any = spec.model._meta.pk
    if hasattr(column, "field_names"):
        return lambda value: None  # nothing soft can hold a composite key
    column = behind_references(column)
    kind, to_python = column.get_internal_type(), column.to_python
    is_number = kind.endswith(("AutoField", "IntegerField"))
    low, high = connections[spec.using].ops.integer_field_range(kind) if is_number else (None, None)

    def read(value: Any) -> Any:
        try:
            pk = to_python(value)
        except (ValidationError, ValueError, TypeError):
            return None
        if isinstance(pk, int) and ((low is not None and pk < low) or (high is not None and pk > high)):
            return None
        return pk

    return read


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
