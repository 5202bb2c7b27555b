"""Rows into a table by one prepared statement: what Django's compilers do value by value, done once.

``get_db_prep_save`` of each column still says what the database gets; only columns whose own classes are
Django's, for values that are the database's already, are not asked.
"""

from __future__ import annotations

import datetime
import functools
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from django.db import models

from edms_backup.engines.values import behind_references, exact_type, is_djangos_own, writer_of


def takes_plain_values(columns: Sequence[Any], connection: Any) -> bool:
    """Return whether every column takes its value as a parameter; some wrap it in SQL of their own."""
    return not any(_wraps(column, connection) for column in columns)


def _wraps(column: Any, connection: Any) -> bool:
    names = ("get_placeholder", "get_placeholder_sql")  # before and since Django 6.1
    methods = [getattr(type(column), name) for name in names if hasattr(column, name)]
    if methods and all(method in _BINARY for method in methods):
        # Django's own column of bytes asks the backend, and most have nothing to add.
        return _binary_mark(connection) != "%s"
    return bool(methods)


def _binary_mark(connection: Any) -> str:
    """Return what the backend writes in place of bytes."""
    if hasattr(models.BinaryField, "get_placeholder_sql"):  # its compiler is for values that are SQL
        return str(connection.ops.binary_placeholder_sql(b"", None)[0])
    return str(connection.ops.binary_placeholder_sql(b""))


_BINARY = [
    getattr(models.BinaryField, name)
    for name in ("get_placeholder", "get_placeholder_sql")
    if hasattr(models.BinaryField, name)
]


class RowInsert:
    """The statement that inserts rows into the table of ``model``, and the parameters of each row."""

    def __init__(self, model: type[models.Model], columns: Sequence[Any], connection: Any) -> None:
        quote = connection.ops.quote_name
        self.table = quote(model._meta.db_table)
        self.names = ", ".join(quote(column.column) for column in columns)
        marks = ", ".join(["%s"] * len(columns))
        self.sql = f"INSERT INTO {self.table} ({self.names}) VALUES ({marks})"
        self._compiled = _compiled(columns, connection)

    def parameters(self, records: Sequence[Mapping[str, Any]]) -> Iterator[list[Any]]:
        """Yield the parameters of each record, which has a value for each column by its attribute."""
        return map(self._compiled, records)


class RowUpdate:
    """The statement that writes all columns of a row of ``model``, and its parameters."""

    def __init__(self, model: type[models.Model], columns: Sequence[Any], connection: Any) -> None:
        quote = connection.ops.quote_name
        key: Any = model._meta.pk
        changes = ", ".join(f"{quote(column.column)} = %s" for column in columns)
        self.sql = f"UPDATE {quote(model._meta.db_table)} SET {changes} WHERE {quote(key.column)} = %s"
        self._compiled = _compiled([*columns, key], connection)

    def parameters(self, records: Sequence[Mapping[str, Any]]) -> Iterator[list[Any]]:
        """Yield the parameters of each record: the columns' values, then the primary key."""
        return map(self._compiled, records)


def _compiled(columns: Sequence[Any], connection: Any) -> Callable[[Mapping[str, Any]], list[Any]]:
    """Return the function from a record to its parameters."""
    names: dict[str, Any] = {
        "moment": datetime.datetime,
        "day": datetime.date,
        "uuid": uuid.UUID,
        "utc": datetime.UTC,
    }
    items = []
    for number, column in enumerate(columns):
        names[f"x{number}"] = functools.partial(writer_of(column).get_db_prep_save, connection=connection)
        own = behind_references(column)
        exact = exact_type(own)
        kind = "" if exact is None else f" or type(v) is {exact.__name__}"
        form = _form(own, connection)
        easily = f"{form[1]} if {form[0]} else " if form else ""
        items.append(f"(v if (v := R[{column.attname!r}]) is None{kind} else {easily}x{number}(v))")
    exec(
        f"def parameters(R):\n    return [{', '.join(items)}]", names
    )  # names of fields, quoted, and no more
    function: Callable[[Mapping[str, Any]], list[Any]] = names["parameters"]
    return function


def _form(column: Any, connection: Any) -> tuple[str, str] | None:
    """Return (which values ``v`` of ``column``, what the driver gets for them), where Django's own way is long.

    Measured by what Django does: whatever it makes of a sample value has to be what the short way makes of it.
    """
    if not is_djangos_own(column):
        return None
    kind = column.get_internal_type()
    for condition, form, sample in _FORMS.get(kind, ()):
        try:
            given = column.get_db_prep_save(sample, connection=connection)
        except ValueError:  # without USE_TZ a time stamp must not know its zone
            return None
        made = eval(form, {"v": sample})
        if type(made) is type(given) and made == given:
            return condition, form
    return None


_UTC_MOMENT = "type(v) is moment and v.tzinfo is utc"
_SAMPLES = {
    "moment": datetime.datetime(2024, 2, 29, 1, 2, 3, 45, tzinfo=datetime.UTC),
    "day": datetime.date(2024, 2, 29),
    "uuid": uuid.UUID(int=0x10203),
}
_FORMS: Mapping[str, Sequence[tuple[str, str, Any]]] = {
    "DateTimeField": [
        (_UTC_MOMENT, "v", _SAMPLES["moment"]),
        (_UTC_MOMENT, "v.isoformat(' ')[:-6]", _SAMPLES["moment"]),
    ],
    "DateField": [
        ("type(v) is day", "v", _SAMPLES["day"]),
        ("type(v) is day", "v.isoformat()", _SAMPLES["day"]),
    ],
    "UUIDField": [
        ("type(v) is uuid", "v", _SAMPLES["uuid"]),
        ("type(v) is uuid", "v.hex", _SAMPLES["uuid"]),
    ],
}
"""By internal type: (condition, form, sample), the first form that fits is taken."""
