"""SQLite: a read transaction is a snapshot; a first write statement takes the one write lock."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from typing import Any

from django.db import OperationalError, connections, models

from edms_backup.engines.base import EngineFeatures
from edms_backup.engines.errors import mapped
from edms_backup.engines.generic import GenericEngine
from edms_backup.engines.longvalues import PIECE, LongValues, in_utf8, is_text
from edms_backup.engines.serverside import INTEGERS, LONG, TEXTS, ServerJson, Sql
from edms_backup.engines.values import WITHOUT_OBJECTS, date_of_text, moment_of_text
from edms_backup.schema.spec import ModelSpec

# Since 3.43 there is a length that is told without reading the value.
_LENGTH = "octet_length" if sqlite3.sqlite_version_info >= (3, 43) else "length"
# A column may hold a value of any type, and dates are texts that nobody has checked.
_JSON = {
    **dict.fromkeys(INTEGERS, "CASE typeof({0}) WHEN 'integer' THEN CAST({0} AS TEXT) END"),
    **dict.fromkeys(
        TEXTS,
        f"CASE WHEN typeof({{0}}) = 'text' AND {_LENGTH}({{0}}) < {LONG} THEN json_quote({{0}}) END",
    ),
    "BooleanField": "CASE {0} WHEN 1 THEN 'true' WHEN 0 THEN 'false' END",
    "UUIDField": (
        "CASE WHEN length({0}) = 32 AND {0} NOT GLOB '*[^0-9a-f]*' THEN '\"' || substr({0}, 1, 8) || '-' || "
        "substr({0}, 9, 4) || '-' || substr({0}, 13, 4) || '-' || substr({0}, 17, 4) || '-' || "
        "substr({0}, 21) || '\"' END"
    ),
    "DateField": ("CASE WHEN {0} >= '0001' AND {0} = strftime('%Y-%m-%d', {0}) THEN '\"' || {0} || '\"' END"),
    "DateTimeField": (
        "CASE WHEN {0} < '0001' OR substr({0}, 1, 19) <> strftime('%Y-%m-%d %H:%M:%S', substr({0}, 1, 19)) "
        "THEN NULL WHEN length({0}) = 19 OR (length({0}) = 26 AND substr({0}, 20, 1) = '.' "
        "AND substr({0}, 21) NOT GLOB '*[^0-9]*' AND substr({0}, 21) <> '000000') "
        "THEN '\"' || replace({0}, ' ', 'T') || 'Z\"' END"
    ),
}
# Else the driver makes objects of these for Django, of which nothing but their text is wanted.
_RAW = dict.fromkeys(("DateTimeField", "DateField"), "CAST({0} AS TEXT)")


class ByBlob(LongValues):
    """Reads values by SQLite's incremental input, which never holds the whole of one, as ``substr`` does."""

    def find(self, pks: Sequence[Any]) -> dict[bytes, list[Any]]:
        """Open each value of the right type, which tells its length."""
        if not self._columns or not self._can_open():
            return {}
        try:
            return self._found(pks)
        except OperationalError:  # somebody has made the table WITHOUT ROWID
            return {}

    def _found(self, pks: Sequence[Any]) -> dict[bytes, list[Any]]:
        types = {
            f"edms_type_{number}": Sql("typeof({0})", models.F(column.attname))
            for number, column in enumerate(self._columns)
        }
        rows = self._rows.annotate(edms_row=self._row_id(), **types).filter(pk__in=list(pks))
        found = {}
        for pk, (row, *kinds) in self._named(rows.values_list("pk", "edms_row", *types).iterator()):
            columns = [
                column
                for column, kind in zip(self._columns, kinds, strict=True)
                if kind == ("text" if is_text(column) else "blob") and self._length(row, column) >= LONG
            ]
            if columns:
                found[pk] = columns
        return found

    def raw(self, pk: Any, column: Any) -> Iterator[str | bytes]:
        """Read piece by piece; texts are stored in UTF-8."""
        row = self._rows.annotate(edms_row=self._row_id()).values_list("edms_row").get(pk=pk)[0]
        with self._open(row, column) as value:
            pieces = iter(lambda: value.read(PIECE), b"")
            yield from in_utf8(pieces) if is_text(column) else pieces

    def _can_open(self) -> bool:
        """Return whether the driver can open values, and reads texts as they are stored."""
        with connections[self._spec.using].cursor() as cursor:
            cursor.execute("PRAGMA encoding")
            return bool(cursor.fetchone()[0] == "UTF-8") and self._name_of_row_id() is not None

    def _name_of_row_id(self) -> str | None:
        """Return one of the names of a row's number that no column of the table has."""
        taken = {str(column.column).lower() for column in self._spec.model._meta.local_concrete_fields}
        return next((name for name in ("_rowid_", "oid", "rowid") if name not in taken), None)

    def _row_id(self) -> Sql:
        number = Sql(str(self._name_of_row_id()))
        number.output_field = models.BigIntegerField()
        return number

    def _length(self, row: int, column: Any) -> int:
        with self._open(row, column) as value:
            return len(value)

    def _open(self, row: int, column: Any) -> Any:
        connection: Any = connections[self._spec.using].connection
        return connection.blobopen(self._spec.table, column.column, row, readonly=True)


class SQLiteEngine(GenericEngine):
    """Overrides snapshot, lock, sequences, and writes JSON where the database does it exactly."""

    shortcuts = {**WITHOUT_OBJECTS, "DateTimeField": moment_of_text, "DateField": date_of_text}
    server_json = ServerJson(forms=_JSON, long_values=ByBlob, names_only=True, raw=_RAW)

    @property
    def features(self) -> EngineFeatures:
        """Return what SQLite can do; views are shared where readers take no write lock, and of files only."""
        connection: Any = self.connection
        return EngineFeatures(
            consistent_snapshot=True,
            shares_snapshot=not (
                connection.in_atomic_block
                or connection.is_in_memory_db()
                or connection.settings_dict.get("OPTIONS", {}).get("transaction_mode")
                not in (None, "DEFERRED")
            ),
            locks_out_writers=True,
            enforces_length=False,
            stores_nul=True,
            stores_lone_surrogates=True,
            stores_infinity=True,
            exact_decimals=False,
            json_numbers_as_written=True,
        )

    @property
    def name(self) -> str:
        """Return ``sqlite``."""
        return "sqlite"

    @property
    def lock(self) -> str:
        """Return what ``transaction`` keeps away from the tables."""
        return "the one write lock of the database: others read on, writers wait until it ends"

    def _begin_snapshot(self, specs: Sequence[ModelSpec]) -> None:
        # A deferred transaction begins with its first read; until then others may still write.
        with self.connection.cursor() as cursor:
            cursor.execute("SELECT COUNT(*) FROM sqlite_master")
            cursor.fetchone()

    @contextmanager
    def hold_writers(self) -> Iterator[None]:
        """Hold the one write lock on a connection of its own: nobody commits, everybody reads."""
        with mapped(self.alias), closing(connections.create_connection(self.alias)) as gate:
            with gate.cursor() as cursor:
                cursor.execute("BEGIN IMMEDIATE")
            yield  # closing the connection rolls back

    def _interrupt(self, session: Any) -> None:
        session.interrupt()

    def _begin_writing(self, specs: Sequence[ModelSpec]) -> None:
        # Any write statement takes the reserved lock at once, even one that changes no row.
        with self.connection.cursor() as cursor:
            table = self.connection.ops.quote_name(specs[0].table)
            cursor.execute(f"DELETE FROM {table} WHERE 0")

    def sequence(self, spec: ModelSpec) -> int | None:
        """Return ``sqlite_sequence``'s number, or the greatest key for a table that has never been counted."""
        greatest = super().sequence(spec)
        if greatest is None or not self._has_sequences():
            return greatest
        with self.connection.cursor() as cursor:
            cursor.execute("SELECT seq FROM sqlite_sequence WHERE name = %s", [spec.table])
            found = cursor.fetchone()
        return max(greatest, int(found[0])) if found else greatest

    def analyze(self, specs: Sequence[ModelSpec]) -> None:
        """Let SQLite decide which tables are worth it."""
        with self.connection.cursor() as cursor:
            cursor.execute("PRAGMA optimize")

    def raise_sequences(self, least: Sequence[tuple[ModelSpec, int]]) -> None:
        """Write ``sqlite_sequence`` where it lags behind; rows themselves have moved it already."""
        if not self._has_sequences():
            return
        with self.connection.cursor() as cursor:
            for spec, number in least:
                cursor.execute(
                    "UPDATE sqlite_sequence SET seq = %s WHERE name = %s AND seq < %s", _twice(number, spec)
                )
                cursor.execute(
                    "INSERT INTO sqlite_sequence (name, seq) SELECT %s, %s "
                    "WHERE NOT EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = %s)",
                    [spec.table, number, spec.table],
                )

    def _has_sequences(self) -> bool:
        with self.connection.cursor() as cursor:
            cursor.execute("SELECT COUNT(*) FROM sqlite_master WHERE name = 'sqlite_sequence'")
            return bool(cursor.fetchone()[0])


def _twice(number: int, spec: ModelSpec) -> list[Any]:
    return [number, spec.table, number]
