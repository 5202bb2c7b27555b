"""Rows for PostgreSQL's ``COPY``, long values in pieces: the driver would hold each of them several times."""

from __future__ import annotations

from binascii import hexlify
from collections.abc import Iterator, Sequence
from typing import Any

from psycopg import Binary
from psycopg.adapt import PyFormat, Transformer

from edms_backup.engines.longvalues import PIECE
from edms_backup.engines.serverside import LONG

_NULL = rb"\N"


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
