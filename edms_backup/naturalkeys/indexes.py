"""Whether the database finds by natural key without reading a whole table: what is declared, what is there.

A look-up gives a list of values for each path of the key (``lookup``). The database may begin at any of
them: where the column at the end begins an index, and so does each foreign key on the way back to the
model. That an index begins with the column is enough; whether the planner takes it is its own affair.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db import connections, models

from edms_backup.naturalkeys.derive import unique_sets
from edms_backup.naturalkeys.paths import columns_along
from edms_backup.naturalkeys.resolve import KeySpec

_SERVING = (models.Index.suffix, "btree", "hash")
"""Kinds of indexes, as Django calls them, that find equal values."""

FirstColumns = Callable[[type[models.Model]], set[str] | None]
"""The first columns of the indexes of a model's own table; ``None`` where nothing can be said."""


def missing_indexes(model: type[models.Model], key: KeySpec, first_columns: FirstColumns) -> list[Any]:
    """Return the columns that would each have to begin an index; none when a look-up has one to begin at.

    Of several ways to mend it, the one with the fewest columns.
    """
    ways = [
        [column for column in columns_along(model, path) if not _begins_one(column, first_columns)]
        for path in key.paths
    ]
    return min(ways, key=len, default=[])


def _begins_one(column: Any, first_columns: FirstColumns) -> bool:
    if column.primary_key:
        return True
    known = first_columns(column.model)
    return known is None or column.column in known


def declared(model: type[models.Model]) -> set[str]:
    """Return the first columns of the indexes that a model declares for its own table."""
    meta: Any = model._meta
    names = [column.name for column in meta.local_concrete_fields if column.db_index]
    names += [fields[0] for fields in unique_sets(model)]
    names += [
        index.fields_orders[0][0]
        for index in meta.indexes
        if index.fields_orders and not index.condition and index.suffix in _SERVING
    ]
    first_of_pk = (getattr(meta.pk, "fields", None) or (meta.pk,))[0]
    return {first_of_pk.column, *(meta.get_field(name).column for name in names)}


class TableIndexes:
    """The first columns of the indexes that the tables of one database have; each table is looked at once."""

    def __init__(self, using: str) -> None:
        self.using = using
        self._connection = connections[using]
        with self._connection.cursor() as cursor:
            self._tables = set(self._connection.introspection.table_names(cursor))
        self._known: dict[str, set[str]] = {}

    def __call__(self, model: type[models.Model]) -> set[str] | None:
        """Return them for a model's own table; ``None`` for a view, or where there is no such table."""
        table = model._meta.db_table
        if table not in self._tables:
            return None
        if table not in self._known:
            with self._connection.cursor() as cursor:
                found: Any = self._connection.introspection.get_constraints(cursor, table)
            partial = _with_condition(model)
            self._known[table] = {
                entry["columns"][0]
                for name, entry in found.items()
                if name not in partial and entry["columns"] and _finds(entry)
            }
        return self._known[table]


def _finds(entry: dict[str, Any]) -> bool:
    """Return whether what introspection tells of is an index that finds equal values."""
    if entry["primary_key"] or entry["unique"]:
        return True
    return bool(entry["index"]) and entry.get("type", models.Index.suffix) in _SERVING


def _with_condition(model: type[models.Model]) -> set[str]:
    """Return the names of indexes that hold a part of the rows only: introspection does not tell them apart."""
    both = (*model._meta.constraints, *model._meta.indexes)
    return {one.name for one in both if getattr(one, "condition", None) is not None}


def what_to_add(model: type[models.Model], key: KeySpec, columns: list[Any]) -> str:
    """Return the sentence that says how the models get the indexes that are missing."""
    column = columns[0]
    own = not any("__" in name for name in key.components)
    if own and not key.unique and len(columns) == 1 and column.model is model:
        names = [column.name, *(name for name in key.components if name != column.name)]
        return f"Add UniqueConstraint(fields={names}, name=…) to Meta.constraints of {model._meta.label}."
    return " ".join(
        f"Add Index(fields={[column.name]}, name=…) to Meta.indexes of {column.model._meta.label}."
        for column in columns
    )
