"""What a database can write as JSON by itself, exactly as the plain encoders write it.

An engine lists, by Django's internal type, the SQL that turns a value into its JSON text; ``{0}`` stands for the
value, which is never NULL there. Where the value is one that the SQL was not made for, it has to give NULL: then
that row is read in the other way. Types that are not listed (floating point numbers, JSON, what a class outside of
Django decides) are written by Python.
"""

from __future__ import annotations

import string
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from django.db import models

from edms_backup.engines.values import behind_references, speaks_for_itself
from edms_backup.schema.spec import ModelSpec

if TYPE_CHECKING:
    from edms_backup.engines.longvalues import LongValues

MOST_PLACES = 6
"""Decimal places up to which ``str`` of a ``Decimal`` never turns to an exponent."""

LONG = 1_000_000
"""Length of a text or of bytes that do not go into a line with all the rest: they would be held several times."""

INTEGERS = (
    "AutoField",
    "BigAutoField",
    "SmallAutoField",
    "BigIntegerField",
    "IntegerField",
    "SmallIntegerField",
    "PositiveBigIntegerField",
    "PositiveIntegerField",
    "PositiveSmallIntegerField",
)
TEXTS = ("CharField", "SlugField", "TextField", "FileField", "FilePathField")


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerJson:
    """How one database writes JSON.

    ``forms``: by internal type, the SQL of a value. ``chain``: whether texts are put together by ``||``, else by
    ``CONCAT``; both have to give NULL where a part is NULL. ``utc_only``: whether time stamps can be written
    only where the connection's own zone is UTC. ``long_values``: what reads a model's long values in pieces.
    ``names_only``: whether Python is quicker with all but the names behind generic references. ``raw``: by internal
    type, the SQL that keeps the driver from making objects of values, for which the engine's shortcuts are made.
    """

    forms: Mapping[str, str] = field(default_factory=dict)
    chain: bool = True
    utc_only: bool = True
    long_values: Callable[[ModelSpec], LongValues] | None = None
    names_only: bool = False
    raw: Mapping[str, str] = field(default_factory=dict)

    def form(self, column: Any, connection: Any) -> str | None:
        """Return the SQL for values of ``column``, behind all references; ``None`` where Python has to write them."""
        if column is None:
            return None
        column = behind_references(column)
        kind = column.get_internal_type()
        if isinstance(column, models.JSONField) or speaks_for_itself(column):
            return None
        if kind == "DecimalField" and (column.decimal_places is None or column.decimal_places > MOST_PLACES):
            return None
        if not self._in_zone(kind, connection):
            return None
        if kind == "UUIDField" and connection.features.has_native_uuid_field:
            kind = "native uuid"
        return self.forms.get(kind)

    def raw_form(self, column: Any, connection: Any) -> str | None:
        """Return the SQL by which the driver gives a value as it is stored; ``None`` where that is of no use."""
        kind = column.get_internal_type()
        return (
            None if speaks_for_itself(column) or not self._in_zone(kind, connection) else self.raw.get(kind)
        )

    def _in_zone(self, kind: str, connection: Any) -> bool:
        zone = connection.timezone
        return kind != "DateTimeField" or (zone is not None and not (self.utc_only and str(zone) != "UTC"))

    def text(self, path: str, column: Any, connection: Any) -> Sql | None:
        """Return the expression of the value at a path as JSON text, ``null`` included; ``None`` as ``form`` does."""
        form = self.form(column, connection)
        return None if form is None else null_or(path, Sql(form, models.F(path)))

    def named(self, paths: Sequence[str], texts: Sequence[Any], before: str = "", after: str = "") -> Sql:
        """Return the expression of a natural key as a list between two constants; NULL where no part of it is there."""
        key = self.joined([f"{before}[", *between(texts), f"]{after}"])
        nothing = " AND ".join(f"{{{number}}} IS NULL" for number in range(1, 1 + len(paths)))
        return Sql(f"CASE WHEN {nothing} THEN NULL ELSE {{0}} END", key, *map(models.F, paths))

    def joined(self, parts: Sequence[Any]) -> Sql:
        """Return the expression of all parts in a row; texts among them are constants."""
        expressions = [part for part in parts if not isinstance(part, str)]
        numbers = iter(range(len(expressions)))
        marks = [_constant(part) if isinstance(part, str) else f"{{{next(numbers)}}}" for part in parts]
        form = f"({' || '.join(marks)})" if self.chain else f"CONCAT({', '.join(marks)})"
        return Sql(form, *expressions)


def null_or(path: str, text: Sql) -> Sql:
    """Return ``text`` where there is a value at a path, else the JSON text of none."""
    return Sql("CASE WHEN {0} IS NULL THEN 'null' ELSE {1} END", models.F(path), text)


def _constant(text: str) -> str:
    """Return a constant as it stands in a form; it holds names of models and fields, and marks of JSON."""
    if "\\" in text:
        raise ValueError(f"{text!r} holds a backslash, which not every database takes as it is")
    doubled = text.replace("'", "''").replace("{", "{{").replace("}", "}}")
    return f"'{doubled}'"


class Sql(models.Func):
    """SQL in which ``{0}``, ``{1}`` … stand for expressions, as often as they are needed."""

    output_field: Any = models.TextField()

    def __init__(self, form: str, *expressions: Any) -> None:
        super().__init__(*expressions)
        self.form = form

    def as_sql(self, compiler: Any, connection: Any, *_: Any, **__: Any) -> tuple[str, tuple[Any, ...]]:
        """Return the SQL, and the parameters in the order in which it asks for them."""
        compiled = [compiler.compile(expression) for expression in self.source_expressions]
        sql: list[str] = []
        parameters: list[Any] = []
        for text, mark in _pieces(self.form):
            sql.append(text)
            if mark is not None:
                part, own = compiled[mark]
                sql.append(part)
                parameters.extend(own)
        return "".join(sql), tuple(parameters)


def _pieces(form: str) -> Iterator[tuple[str, int | None]]:
    """Yield (text, number of the expression that follows it); a percent sign in the text is doubled."""
    for text, mark, _, _ in string.Formatter().parse(form):
        yield text.replace("%", "%%"), None if mark is None else int(mark)


def between(parts: Sequence[Any]) -> list[Any]:
    """Return the parts with commas between them."""
    return [item for number, part in enumerate(parts) for item in ((",", part) if number else (part,))]
