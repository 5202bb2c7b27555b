"""Finding the long values of a model's rows, and reading them in pieces: what ``LongLine`` is made of."""

from __future__ import annotations

import abc
import base64
import codecs
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from django.db import models

from edms_backup.engines.compiled import CompiledReader
from edms_backup.engines.longlines import Pieces
from edms_backup.engines.naming import base_queryset, leaf_encoder
from edms_backup.engines.reading import Row
from edms_backup.engines.serverside import LONG, Sql
from edms_backup.engines.values import speaks_for_itself
from edms_backup.errors import DumpFailed
from edms_backup.naturalkeys.derive import unique_sets
from edms_backup.package.canonical import canonical, compact
from edms_backup.schema.spec import ModelSpec

PIECE = 3 * 2**19
"""Characters or bytes that are read at once; a multiple of three, so that pieces of base64 are base64."""
KINDS = ("CharField", "TextField", "BinaryField")
"""Internal types of columns that are read so."""


class LongValues(abc.ABC):
    """Finds and reads the long values of one model in one database."""

    def __init__(self, spec: ModelSpec) -> None:
        self._spec = spec
        self._columns = _candidates(spec)
        self._rows = base_queryset(spec.model, spec.using)

    @abc.abstractmethod
    def find(self, pks: Sequence[Any]) -> dict[bytes, list[Any]]:
        """Return, by canonical primary key, the columns that hold long values in some of these rows."""

    @abc.abstractmethod
    def raw(self, pk: Any, column: Any) -> Iterator[str | bytes]:
        """Yield one value in pieces; those of bytes have a length that three divides, except for the last."""

    def pieces(self, pk: Any, column: Any) -> Pieces:
        """Return what gives a value as JSON."""

        def read() -> Iterator[bytes]:
            try:
                for piece in self.raw(pk, column):
                    yield _written(piece)
            except UnicodeError as error:
                raise DumpFailed(
                    f"{self._spec.label}.{column.name} of the row pk={pk} cannot be read: {error}.",
                    hint="Mend the value, or leave the model out (--exclude); nothing was changed.",
                ) from error

        return read

    def _named(self, records: Iterator[tuple[Any, ...]]) -> Iterator[tuple[bytes, Sequence[Any]]]:
        """Yield canonical primary key and the other values of records that begin with the key."""
        encode = leaf_encoder(self._spec.model, "pk")
        for pk, *values in records:
            yield canonical(pk if encode is None else encode(pk)), values


class FrameReader(CompiledReader):
    """Reads rows as ``CompiledReader`` does, without the values of some columns."""

    def __init__(self, *arguments: Any, without: Sequence[Any]) -> None:
        self._without = without
        super().__init__(*arguments)

    def _select(self) -> None:
        columns = [column for column in self.spec.columns if column not in self._without]
        self._fields = [(column.name, self._field(column)) for column in columns]
        self._key = self._key_parts()

    def _finish(self, rows: list[Row]) -> list[Row]:
        for row in rows:  # every field has to be in its place
            row.fields = {column.name: row.fields.get(column.name) for column in self.spec.columns}
        return super()._finish(rows)


class BySubstring(LongValues):
    """Asks a server for one substring after the other."""

    def find(self, pks: Sequence[Any]) -> dict[bytes, list[Any]]:
        """Have the server tell the length of each value."""
        if not self._columns:
            return {}
        lengths = {
            f"edms_length_{number}": Sql("OCTET_LENGTH({0})", models.F(column.attname))
            for number, column in enumerate(self._columns)
        }
        for length in lengths.values():
            length.output_field = models.BigIntegerField()
        records = self._rows.annotate(**lengths).filter(pk__in=list(pks)).values_list("pk", *lengths)
        found = {
            pk: [column for column, size in zip(self._columns, sizes, strict=True) if (size or 0) >= LONG]
            for pk, sizes in self._named(records.iterator())
        }
        return {pk: columns for pk, columns in found.items() if columns}

    def raw(self, pk: Any, column: Any) -> Iterator[str | bytes]:
        """Ask until a piece is shorter than asked for."""
        row, position, size = self._rows.filter(pk=pk), 1, PIECE
        while size == PIECE:
            piece = Sql(f"SUBSTRING({{0}}, {position}, {PIECE})", models.F(column.attname))
            value = row.values_list(piece).get()[0]
            value = value if isinstance(value, str) else bytes(value)
            size = len(value)
            position += size
            yield value
            del value  # before the next one comes


def is_text(column: Any) -> bool:
    """Return whether a column that may be long is one of texts, not of bytes."""
    return bool(column.get_internal_type() != "BinaryField")


def in_utf8(pieces: Iterable[bytes]) -> Iterator[str]:
    """Yield the text of which ``pieces`` are the bytes; a character may stand in two of them."""
    decode = codecs.getincrementaldecoder("utf-8")().decode
    yield from map(decode, pieces)
    decode(b"", True)


def _written(piece: str | bytes) -> bytes:
    if isinstance(piece, bytes):
        return base64.b64encode(piece)
    return compact(piece)[1:-1].encode()


def _candidates(spec: ModelSpec) -> list[Any]:
    """Return the columns that may hold long values which nothing but the line needs."""
    needed = {name for names in unique_sets(spec.model) for name in names} | set(spec.key.components)
    needed.update(file.field for file in spec.files)
    needed.update(name for each in spec.generics for name in (each.content_type_name, each.object_id))
    return [column for column in spec.columns if column.name not in needed and may_be_long(column)]


def may_be_long(column: Any) -> bool:
    """Return whether a column is one of texts or bytes, as Django itself writes them, without a small limit."""
    if column.is_relation or column.primary_key or column.get_internal_type() not in KINDS:
        return False
    return not speaks_for_itself(column) and (column.max_length is None or column.max_length >= LONG)
