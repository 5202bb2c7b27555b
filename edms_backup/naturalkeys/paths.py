"""ORM paths (``folder__number``): the columns along one, the rows they start from, the values at the end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.core.exceptions import ValidationError
from django.db import connections, models


def concrete(model: type[models.Model]) -> type[models.Model]:
    """Return the model that owns the table: a proxy's concrete model, else the model itself."""
    owner = model._meta.concrete_model
    return owner if owner is not None else model


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


def columns_along(model: type[models.Model], path: str) -> list[Any]:
    """Return the columns of a path in order: foreign keys, then the one that it ends at.

    Raises ``FieldDoesNotExist`` for a step that is none.
    """
    current, found = concrete(model), []
    for step in path.split("__"):
        column: Any = current._meta.pk if step == "pk" else current._meta.get_field(step)
        found.append(column)
        if column.is_relation:
            current = concrete(column.related_model)
    return found


def behind_references(column: Any) -> Any:
    """Return the column whose values ``column`` holds: itself, or what its references lead to in the end."""
    while column.is_relation:
        column = column.target_field
    return column


def value_reader(column: Any, using: str) -> Callable[[Any], Any]:
    """Return the function from a value to what ``column`` holds for it.

    It returns ``None`` for what the column cannot hold: such a value is in no row.
    """
    parts = getattr(column, "fields", None)
    if parts is not None:
        return _tuple_reader([value_reader(part, using) for part in parts])
    column = behind_references(column)
    kind, to_python = column.get_internal_type(), column.to_python
    is_number = kind.endswith(("AutoField", "IntegerField"))
    low, high = connections[using].ops.integer_field_range(kind) if is_number else (None, None)

    def read(value: Any) -> Any:
        try:
            found = to_python(value)
        except (ValidationError, ValueError, TypeError):
            return None
        if isinstance(found, int) and (
            (low is not None and found < low) or (high is not None and found > high)
        ):
            return None
        return found

    return read


def _tuple_reader(readers: list[Callable[[Any], Any]]) -> Callable[[Any], Any]:
    """Return the reader of a composite primary key, whose value is a tuple."""

    def read(value: Any) -> Any:
        if not isinstance(value, tuple | list) or len(value) != len(readers):
            return None
        found = tuple(reader(part) for reader, part in zip(readers, value, strict=True))
        return None if None in found else found

    return read
