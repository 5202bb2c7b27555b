"""Rows for MariaDB and MySQL as text of one statement: most values are cut out of a line.

The drivers write a statement from parameters, value by value, in Python. What stands in a line needs a quotation
mark or two to be a literal; only texts with escapes, and types of which that is not known, go through the driver.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from edms_backup.engines.fromlines import (
    TEXTS,
    Form,
    LineInsert,
    is_told,
    long_way,
    parameter_form,
    unescaped,
)
from edms_backup.engines.values import behind_references

_STATEMENT = 1_000_000  # characters of one statement, far below what any server takes
_MOMENTS = ("DateField", "TimeField", "DateTimeField", "UUIDField")


class LiteralInsert(LineInsert):
    """Inserts many rows with one statement that holds their values."""

    null = "'NULL'"

    def form(self, column: Any) -> Form:
        """Return how a value of ``column`` stands in a statement."""
        column = behind_references(column)
        source = _source(column) if is_told(column) else ""
        if source:
            return Form(source, {"literal": self._literal, "unescaped": unescaped})
        form = parameter_form(column, self.connection)
        if is_told(column) and column.get_internal_type() in _MOMENTS and _is_text(column, self.connection):
            return Form(f"f\"'{{{form.source}}}'\"", form.names)
        return Form(f"literal({form.source})", {**form.names, "literal": self._literal})

    def row(self, values: Sequence[str]) -> str:
        """Return the source of a row with these sources of values."""
        return f"'(' + ','.join(({', '.join(values)},)) + ')'"

    def send(self, rows: list[Any]) -> None:
        """Send them, as many as go into one statement at a time; raises what the driver raises."""
        start = f"INSERT INTO {self.statement.table} ({self.statement.names}) VALUES "
        with self.connection.cursor() as cursor:
            for chunk in _chunks(rows):
                cursor.execute(start + ",".join(chunk))

    @property
    def _literal(self) -> Callable[[Any], str]:
        """Return the driver's own way to write a value."""
        write = self.connection.connection.cursor().mogrify

        def literal(value: Any) -> str:
            written = write("%s", (value,))
            return written if isinstance(written, str) else written.decode("utf-8", "surrogateescape")

        return literal


def _source(column: Any) -> str:
    """Return the expression of a value of a type whose JSON is nearly a literal; empty for others."""
    kind = column.get_internal_type()
    if kind in TEXTS:
        # Without a backslash there is nothing that one mode of the server reads as an escape, and another does not.
        doubled = """f"'{v[1:-1]}'" if "'" not in v else "'" + v[1:-1].replace("'", "''") + "'\""""
        return rf"(({doubled}) if '\\' not in v else literal(unescaped(v)))"
    if kind == "BooleanField" or kind.endswith(("AutoField", "IntegerField")):
        return "v"
    if kind == "FloatField":
        return "(v + 'e0')"  # else it would be a decimal number
    return "v[1:-1]" if kind == "DecimalField" else ""


def _is_text(column: Any, connection: Any) -> bool:
    """Return whether Django gives the driver texts for values of ``column``: short ones, without quotation marks."""
    samples = {
        "DateField": '"2024-02-29"',
        "TimeField": '"01:02:03"',
        "DateTimeField": '"2024-02-29T01:02:03Z"',
        "UUIDField": '"00010203-0405-4607-8809-0a0b0c0d0e0f"',
    }
    try:
        return isinstance(long_way(column, connection)(samples[column.get_internal_type()]), str)
    except ValueError:
        return False


def _chunks(rows: Sequence[str]) -> Iterator[Sequence[str]]:
    """Yield the rows in pieces that go into one statement each; a longer one is alone."""
    start = length = 0
    for number, row in enumerate(rows):
        if length and length + len(row) > _STATEMENT:
            yield rows[start:number]
            start, length = number, 0
        length += len(row) + 1
    if start < len(rows):
        yield rows[start:]
