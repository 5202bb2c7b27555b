"""PostgreSQL: repeatable read with the locks that pg_dump takes; table locks keep writers out."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from django.db import IntegrityError, connections, models
from django.db.backends.postgresql.psycopg_any import is_psycopg3

from edms_backup.engines.base import EngineFeatures
from edms_backup.engines.errors import one_line
from edms_backup.engines.fromlines import LineInsert, line_insert
from edms_backup.engines.generic import GenericEngine
from edms_backup.engines.longvalues import PIECE, BySubstring, in_utf8, is_text
from edms_backup.engines.rebuilding import WORTH, make_anew, take_away
from edms_backup.engines.serverside import INTEGERS, LONG, TEXTS, ServerJson, Sql
from edms_backup.engines.writing import RowInsert
from edms_backup.errors import LoadFailed
from edms_backup.schema.spec import ModelSpec

if is_psycopg3:
    from edms_backup.engines.copying import CopyInsert, has_long_value, row_in_parts

_JSON = {
    **dict.fromkeys((*INTEGERS, "BooleanField"), "({0})::text"),
    **dict.fromkeys(TEXTS, f"CASE WHEN octet_length({{0}}) < {LONG} THEN to_json({{0}})::text END"),
    **dict.fromkeys(("native uuid", "DecimalField"), """'"' || ({0})::text || '"'"""),
    # Python knows the years 1 to 9999; PostgreSQL knows more, and infinities.
    "DateField": (
        "CASE WHEN {0} BETWEEN '0001-01-01' AND '9999-12-31' "
        """THEN '"' || to_char({0}, 'YYYY-MM-DD') || '"' END"""
    ),
    "DateTimeField": (
        "CASE WHEN {0} BETWEEN '0001-01-01 00:00+00' AND '9999-12-31 23:59:59.999999+00' THEN replace("
        """'"' || to_char({0} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') || '"', '.000000', '') END"""
    ),
}


_PATIENCE = "60s"
_NO_JIT = "SET LOCAL jit = off"
"""To compile the expressions that write a line takes longer than the compiled ones save: half a second a query."""


class ByCursor(BySubstring):
    """Has the server unpack a value once; what ``SUBSTRING`` is asked of would be unpacked for every piece."""

    def raw(self, pk: Any, column: Any) -> Iterator[str | bytes]:
        """Fetch one piece after the other of the value's bytes."""
        form = "convert_to({0}, 'UTF8')" if is_text(column) else "{0} || ''"
        row = self._rows.filter(pk=pk).values_list(Sql(form, models.F(column.attname)))
        value, parameters = row.query.sql_with_params()
        # OFFSET keeps the inner query, and with it the one time at which it is computed.
        statement = (
            f"SELECT substring(v.whole FROM start FOR {PIECE}) FROM ({value} OFFSET 0) AS v(whole), "
            f"generate_series(1, octet_length(v.whole), {PIECE}) AS start"
        )
        with connections[self._spec.using].chunked_cursor() as cursor:
            cursor.execute(statement, parameters)
            pieces = (bytes(record[0]) for record in iter(cursor.fetchone, None))
            yield from in_utf8(pieces) if is_text(column) else pieces


class PostgreSQLEngine(GenericEngine):
    """Overrides snapshot, locks, sequences, and writes JSON where the server does it exactly."""

    server_json = ServerJson(forms=_JSON, utc_only=False, long_values=ByCursor)

    @property
    def features(self) -> EngineFeatures:
        """Return what PostgreSQL can do; a transaction that somebody else has opened is not shared."""
        return EngineFeatures(
            consistent_snapshot=True,
            shares_snapshot=not self.connection.in_atomic_block,
            reads_ahead=is_psycopg3,
            locks_out_writers=True,
            stores_nan=True,
            stores_infinity=True,
        )

    @property
    def name(self) -> str:
        """Return ``postgresql``."""
        return "postgresql"

    @property
    def lock(self) -> str:
        """Return what ``transaction`` keeps away from the tables."""
        return (
            "SHARE ROW EXCLUSIVE on its tables: others read on, writers wait until it ends; ACCESS EXCLUSIVE on empty "
            f"tables into which more than {WORTH:,} rows go: nobody reads those meanwhile"
        )

    @contextmanager
    def filling(self, specs: Sequence[ModelSpec], rows: int) -> Iterator[None]:
        """Leave the checks of foreign keys, and indexes, until all rows are there, where that is quicker and safe."""
        taken = None
        if rows >= WORTH:
            taken = take_away(
                self.connection, [self._quoted(table) for spec in specs for table in spec.tables]
            )
        yield
        if taken is None:
            return
        try:
            make_anew(self.connection, taken)
        except IntegrityError as error:
            raise self._pointing_at_nothing(specs, error) from error

    def _pointing_at_nothing(self, specs: Sequence[ModelSpec], error: Exception) -> LoadFailed:
        """Return what is said of rows whose foreign keys the database did not accept."""
        broken = self.broken_references(specs)
        return LoadFailed(
            f"Database {self.alias} refused the rows: {broken[0] if broken else one_line(error)}.",
            hint="Nothing was changed. The row was broken before the backup, or refers to one that is not restored.",
        )

    def _insert_rows(self, insert: RowInsert, records: list[dict[str, Any]]) -> None:
        """Send the rows with ``COPY``, which takes them in a part of the time."""
        if not is_psycopg3:  # the older driver copies from files only
            super()._insert_rows(insert, records)
            return
        statement = f"COPY {insert.table} ({insert.names}) FROM STDIN"
        with (
            self.connection.cursor() as cursor,
            self.connection.wrap_database_errors,
            cursor.copy(statement) as copy,
        ):
            for parameters in insert.parameters(records):
                if not has_long_value(parameters):
                    copy.write_row(parameters)
                    continue
                for part in row_in_parts(parameters, cursor):
                    copy.write(part)

    def line_insert(self, model: type[models.Model], columns: Sequence[Any]) -> LineInsert | None:
        """Return what inserts rows by ``COPY``."""
        kind: type[LineInsert] = CopyInsert if is_psycopg3 else LineInsert
        return line_insert(kind, model, columns, self.connection)

    def _begin_snapshot(self, specs: Sequence[ModelSpec]) -> None:
        with self.connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            # TRUNCATE is not seen through a snapshot. The locks have to be there before the first SELECT,
            # which is what fixes the snapshot; LOCK TABLE itself does not.
            if specs:
                cursor.execute(f"LOCK TABLE {self._tables(specs)} IN ACCESS SHARE MODE")
            cursor.execute("SELECT 1")
            cursor.execute(_NO_JIT)

    def export_snapshot(self) -> str:
        """Return the name of the snapshot; it is there for others as long as this transaction."""
        with self.connection.cursor() as cursor:
            cursor.execute("SELECT pg_export_snapshot()")
            return str(cursor.fetchone()[0])

    def _begin_joined(self, specs: Sequence[ModelSpec], snapshot: str) -> None:
        with self.connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            cursor.execute(f"SET TRANSACTION SNAPSHOT '{snapshot}'")
            # Who waits for a table that the freezing transaction reads would never end if this one waited
            # behind it: the server does not know that one of the two waits for the other. So never wait long.
            cursor.execute(f"SET LOCAL lock_timeout = '{_PATIENCE}'")
            cursor.execute(f"LOCK TABLE {self._tables(specs)} IN ACCESS SHARE MODE NOWAIT")
            cursor.execute(_NO_JIT)

    def _interrupt(self, session: Any) -> None:
        session.cancel()

    def _begin_writing(self, specs: Sequence[ModelSpec]) -> None:
        with self.connection.cursor() as cursor:
            if specs:
                # Readers go on; writers wait until the restore has ended.
                cursor.execute(f"LOCK TABLE {self._tables(specs)} IN SHARE ROW EXCLUSIVE MODE")
            cursor.execute("SET CONSTRAINTS ALL DEFERRED")
            cursor.execute(_NO_JIT)

    def _tables(self, specs: Sequence[ModelSpec]) -> str:
        return ", ".join(sorted({self._quoted(table) for spec in specs for table in spec.tables}))

    def _quoted(self, table: str) -> str:
        return str(self.connection.ops.quote_name(table))

    def sequence(self, spec: ModelSpec) -> int | None:
        """Return the sequence's last value (identity or serial), whatever rows there are."""
        greatest = super().sequence(spec)
        name = None if greatest is None else self._sequence_name(spec)
        if name is None:
            return greatest
        with self.connection.cursor() as cursor:
            cursor.execute(f"SELECT last_value, is_called FROM {name}")
            last, called = cursor.fetchone()
        return max(greatest or 0, int(last) if called else int(last) - 1)

    def raise_sequences(self, least: Sequence[tuple[ModelSpec, int]]) -> None:
        """``setval`` where the sequence lags behind; it is never lowered and survives a rollback."""
        with self.connection.cursor() as cursor:
            for spec, number in least:
                name = self._sequence_name(spec)
                if name is not None and number > 0 and (self.sequence(spec) or 0) <= number:
                    cursor.execute("SELECT setval(%s, %s, true)", [name, number])

    def _sequence_name(self, spec: ModelSpec) -> str | None:
        primary_key = spec.model._meta.pk
        assert primary_key is not None
        with self.connection.cursor() as cursor:
            quoted = self.connection.ops.quote_name(spec.table)
            cursor.execute("SELECT pg_get_serial_sequence(%s, %s)", [quoted, primary_key.column])
            found = cursor.fetchone()
        return found[0] if found else None

    def analyze(self, specs: Sequence[ModelSpec]) -> None:
        """``ANALYZE`` the tables."""
        with self.connection.cursor() as cursor:
            cursor.execute(f"ANALYZE {self._tables(specs)}")

    def try_lock(self, name: str) -> bool:
        """Take an advisory lock of the session."""
        with self.connection.cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_lock(%s)", [zlib.crc32(name.encode())])
            return bool(cursor.fetchone()[0])

    def unlock(self, name: str) -> None:
        """Release the advisory lock."""
        with self.connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [zlib.crc32(name.encode())])
