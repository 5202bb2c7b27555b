"""Rows into a table by one prepared statement: what Django's insert compiler does value by value, done once.

``get_db_prep_save`` of each column still says what the database gets; only columns whose own classes are
Django's, for values that are the database's already, are not asked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from django.db import models

from edms_backup.engines.values import behind_references, exact_type

Prepare = Callable[[Any], Any]


def takes_plain_values(columns: Sequence[Any]) -> bool:
    """Return whether every column takes its value as a parameter; some wrap it in SQL of their own."""
    wraps = ("get_placeholder", "get_placeholder_sql")  # before and since Django 6.1
    return not any(hasattr(column, name) for column in columns for name in wraps)


class RowInsert:
    """The statement that inserts rows into the table of ``model``, and the parameters of each row."""

    def __init__(self, model: type[models.Model], columns: Sequence[Any], connection: Any) -> None:
        quote = connection.ops.quote_name
        self.table = quote(model._meta.db_table)
        self.names = ", ".join(quote(column.column) for column in columns)
        marks = ", ".join(["%s"] * len(columns))
        self.sql = f"INSERT INTO {self.table} ({self.names}) VALUES ({marks})"
        self._prepare = [(column.attname, _preparer(column, connection)) for column in columns]

    def parameters(self, rows: Sequence[Any]) -> Iterator[list[Any]]:
        """Yield the parameters of each row: an object that has a value for each column."""
        for row in rows:
            yield [prepare(getattr(row, attname)) for attname, prepare in self._prepare]


def _preparer(column: Any, connection: Any) -> Prepare:
    exact = exact_type(behind_references(column))

    def prepare(value: Any) -> Any:
        if value is None or type(value) is exact:
            return value
        return column.get_db_prep_save(value, connection=connection)

    return prepare
