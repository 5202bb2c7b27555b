"""Rows for PostgreSQL's ``COPY``, long values in pieces: the driver would hold each of them several times."""

from __future__ import annotations

from binascii import hexlify
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from django.db import models
from psycopg import Binary
from psycopg.adapt import PyFormat, Transformer

from edms_backup.engines.fromlines import TEXTS, Form, LineInsert, is_told, long_way, takes_moments, unescaped
from edms_backup.engines.longvalues import PIECE
from edms_backup.engines.serverside import LONG
from edms_backup.engines.values import behind_references

_NULL = rb"\N"
_AS_WRITTEN = ("BooleanField", "FloatField")
_BETWEEN_MARKS = ("DateField", "TimeField", "UUIDField", "DecimalField")
"""Internal types whose JSON, without its quotation marks, is what the server reads for them."""


def has_long_value(parameters: Sequence[Any]) -> bool:
    """Return whether a row is one for ``row_in_parts``."""
    return any(type(value) in _PARTED and len(_bare(value)) >= LONG for value in parameters)


def row_in_parts(parameters: Sequence[Any], cursor: Any) -> Iterator[bytes]:
    """Yield one row in ``COPY``'s text format, in parts, as the driver writes it in one."""
    transformer = Transformer(cursor)
    for number, value in enumerate(parameters):
        if number:
            yield b"\t"
        if value is None:
            yield _NULL
        elif type(value) is str:
            for start in range(0, len(value), PIECE):
                yield _escaped(value[start : start + PIECE].encode())
        elif type(value) in _PARTED:
            yield rb"\\x"
            whole = memoryview(_bare(value))
            for start in range(0, len(whole), PIECE):
                yield hexlify(whole[start : start + PIECE])
        else:
            dumped = transformer.get_dumper(value, PyFormat.TEXT).dump(value)
            yield _NULL if dumped is None else _escaped(bytes(dumped))
    yield b"\n"


_PARTED: tuple[type, ...] = (str, Binary, bytes, memoryview)


def _bare(value: Any) -> Any:
    return value.obj if type(value) is Binary else value


def _escaped(text: bytes) -> bytes:
    for plain, escaped in ((b"\\", rb"\\"), (b"\n", rb"\n"), (b"\r", rb"\r"), (b"\t", rb"\t")):
        text = text.replace(plain, escaped)
    return text


class CopyInsert(LineInsert):
    """Inserts rows by ``COPY``, whose text format is close to what stands in a line: most values are cut out of it."""

    null = r"'\\N'"

    def form(self, column: Any) -> Form:
        """Return how a value of ``column`` stands in a row of ``COPY``."""
        column = behind_references(column)
        source = _source(column, self.connection) if is_told(column) else ""
        if source:
            return Form(source, {"unescaped": unescaped, "escaped": _escaped_text})
        name, dumped = f"dumped_{column.attname}", self._dumped(long_way(column, self.connection))
        return Form(f"{name}(v)", {name: dumped})

    def row(self, values: Sequence[str]) -> str:
        """Return the source of a row with these sources of values."""
        return f"'\\t'.join(({', '.join(values)},))"

    def send(self, rows: list[Any]) -> None:
        """Copy them in; raises what the driver raises, as Django's errors."""
        statement = f"COPY {self.statement.table} ({self.statement.names}) FROM STDIN"
        with (
            self.connection.cursor() as cursor,
            self.connection.wrap_database_errors,
            cursor.copy(statement) as copy,
        ):
            copy.write("\n".join(rows) + "\n")

    def _dumped(self, parameter: Callable[[str], Any]) -> Callable[[str], str]:
        """Return the long way: Django's parameter, as the driver writes it."""
        transformer = Transformer(self.connection.connection)

        def dump(written: str) -> str:
            value = parameter(written)
            dumped = None if value is None else transformer.get_dumper(value, PyFormat.TEXT).dump(value)
            return (_NULL if dumped is None else _escaped(bytes(dumped))).decode()

        return dump


def _source(column: Any, connection: Any) -> str:
    """Return the expression of a value of a type that ``COPY`` reads nearly as it stands in JSON; empty for others."""
    kind = column.get_internal_type()
    if kind in TEXTS:
        # JSON has no control characters, so only what is escaped has to be written anew.
        return r"(v[1:-1] if '\\' not in v else escaped(unescaped(v)))"
    if kind in _AS_WRITTEN or kind.endswith(("AutoField", "IntegerField")):
        return "v"
    if kind in _BETWEEN_MARKS or (kind == "DateTimeField" and takes_moments(column, connection)):
        return "v[1:-1]"
    if isinstance(column, models.JSONField) and column.db_type(connection) == "jsonb":
        return r"(v if '\\' not in v else v.replace('\\', '\\\\'))"
    return ""


def _escaped_text(text: str) -> str:
    return _escaped(text.encode()).decode()
