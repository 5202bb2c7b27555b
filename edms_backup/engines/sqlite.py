"""SQLite: a read transaction is a snapshot; a first write statement takes the one write lock."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from typing import Any

from django.db import connections

from edms_backup.engines.base import EngineFeatures
from edms_backup.engines.errors import mapped
from edms_backup.engines.generic import GenericEngine
from edms_backup.engines.serverside import INTEGERS, LONG, TEXTS, ServerJson
from edms_backup.engines.values import WITHOUT_OBJECTS
from edms_backup.schema.spec import ModelSpec

# A column may hold a value of any type, and dates are texts that nobody has checked.
_JSON = {
    **dict.fromkeys(INTEGERS, "CASE typeof({0}) WHEN 'integer' THEN CAST({0} AS TEXT) END"),
    **dict.fromkeys(
        TEXTS, f"CASE WHEN typeof({{0}}) = 'text' AND length({{0}}) < {LONG} THEN json_quote({{0}}) END"
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


class SQLiteEngine(GenericEngine):
    """Overrides snapshot, lock, sequences, and writes JSON where the database does it exactly."""

    shortcuts = WITHOUT_OBJECTS
    server_json = ServerJson(forms=_JSON)

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
