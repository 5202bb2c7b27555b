"""MariaDB and MySQL: consistent snapshots of InnoDB tables; foreign keys are switched off and checked after."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import models

from edms_backup.engines.base import EngineFeatures
from edms_backup.engines.fromlines import LineInsert, line_insert
from edms_backup.engines.generic import GenericEngine
from edms_backup.engines.literals import LiteralInsert
from edms_backup.engines.longvalues import BySubstring
from edms_backup.engines.serverside import INTEGERS, LONG, TEXTS, ServerJson
from edms_backup.engines.values import WITHOUT_OBJECTS
from edms_backup.schema.spec import ModelSpec

_JSON = {
    **dict.fromkeys(INTEGERS, "CAST({0} AS CHAR)"),
    # Among the control characters without a mark of their own, it writes these with capital digits.
    **dict.fromkeys(
        TEXTS,
        f"CASE WHEN LENGTH({{0}}) > {LONG} "
        "OR {0} REGEXP CONCAT('[', CHAR(11, 14, 15, 26, 27, 28, 29, 30, 31 USING utf8mb4), ']') THEN NULL "
        "ELSE JSON_QUOTE({0}) END",
    ),
    "BooleanField": "CASE {0} WHEN 1 THEN 'true' WHEN 0 THEN 'false' END",
    "DecimalField": """CONCAT('"', {0}, '"')""",
    "native uuid": """CONCAT('"', {0}, '"')""",
    "UUIDField": (
        """CASE WHEN {0} REGEXP '^[0-9a-f]{{32}}$' THEN CONCAT('"', SUBSTR({0}, 1, 8), '-', SUBSTR({0}, 9, 4), """
        """'-', SUBSTR({0}, 13, 4), '-', SUBSTR({0}, 17, 4), '-', SUBSTR({0}, 21), '"') END"""
    ),
    "DateField": """CASE WHEN {0} >= '0001-01-01' THEN CONCAT('"', {0}, '"') END""",
    "DateTimeField": (
        "CASE WHEN {0} >= '0001-01-01' "
        """THEN REPLACE(DATE_FORMAT({0}, '"%Y-%m-%dT%H:%i:%s.%fZ"'), '.000000', '') END"""
    ),
}


class MySQLEngine(GenericEngine):
    """Overrides snapshot, locks, constraint checks, sequences, and writes JSON where the server does it exactly."""

    shortcuts = WITHOUT_OBJECTS
    page = 10_000

    @property
    def server_json(self) -> ServerJson:
        """Return how MariaDB writes JSON; what MySQL escapes in texts has not been compared with Python yet."""
        connection: Any = self.connection
        untold = () if connection.mysql_is_mariadb else TEXTS
        return ServerJson(
            forms={kind: form for kind, form in _JSON.items() if kind not in untold},
            chain=False,
            long_values=BySubstring,
        )

    @property
    def features(self) -> EngineFeatures:
        """Return what MariaDB or MySQL can do; they differ in how deep JSON may nest."""
        connection: Any = self.connection
        return EngineFeatures(
            consistent_snapshot=True,
            locks_out_writers=True,
            ddl_sequences=True,
            deferred_constraints=False,
            stores_nul=True,
            stores_every_uuid=False,
            json_depth=31 if connection.mysql_is_mariadb else 100,
            json_numbers_as_written=True,
        )

    @property
    def name(self) -> str:
        """Return ``mysql``."""
        return "mysql"

    @property
    def lock(self) -> str:
        """Return what ``transaction`` keeps away from the tables."""
        return "the rows of its tables and the gaps between them: others read on, writers wait until it ends"

    def describe(self) -> tuple[str, str]:
        """Return ``mariadb`` or ``mysql`` with the version."""
        _, version = super().describe()
        return ("mariadb" if self.connection.mysql_is_mariadb else "mysql"), version

    def line_insert(self, model: type[models.Model], columns: Sequence[Any]) -> LineInsert | None:
        """Return what inserts rows by statements that hold their values."""
        return line_insert(LiteralInsert, model, columns, self.connection)

    def _begin_snapshot(self, specs: Sequence[ModelSpec]) -> None:
        with self.connection.cursor() as cursor:
            # Django's atomic() has only switched autocommit off; no transaction has begun on the server.
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            cursor.execute("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY")

    def _begin_writing(self, specs: Sequence[ModelSpec]) -> None:
        quote = self.connection.ops.quote_name
        with self.connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            cursor.execute("START TRANSACTION")
            for table in sorted({table for spec in specs for table in spec.tables}):
                # LOCK TABLES would commit; next-key locks on a full scan keep inserts out as well.
                cursor.execute(f"SELECT COUNT(*) FROM {quote(table)} FOR UPDATE")
                cursor.fetchall()

    def sequence(self, spec: ModelSpec) -> int | None:
        """Return the table's AUTO_INCREMENT less one."""
        greatest = super().sequence(spec)
        if greatest is None:
            return None
        with self.connection.cursor() as cursor:
            # SHOW CREATE TABLE is exact; information_schema may serve an old cached number.
            cursor.execute(f"SHOW TABLE STATUS LIKE {_literal(spec.table)}")
            names = [column[0] for column in cursor.description]
            found = cursor.fetchone()
        following = dict(zip(names, found, strict=True)).get("Auto_increment") if found else None
        return max(greatest, int(following) - 1) if following else greatest

    def raise_sequences(self, least: Sequence[tuple[ModelSpec, int]]) -> None:
        """``ALTER TABLE … AUTO_INCREMENT``: DDL that commits, so it is called after the commit."""
        quote = self.connection.ops.quote_name
        with self.connection.cursor() as cursor:
            for spec, number in least:
                if (self.sequence(spec) or 0) < number:
                    cursor.execute(f"ALTER TABLE {quote(spec.table)} AUTO_INCREMENT = {number + 1:d}")

    def analyze(self, specs: Sequence[ModelSpec]) -> None:
        """``ANALYZE TABLE``, one statement for all."""
        quote = self.connection.ops.quote_name
        tables = ", ".join(quote(table) for table in sorted({t for spec in specs for t in spec.tables}))
        with self.connection.cursor() as cursor:
            cursor.execute(f"ANALYZE TABLE {tables}")
            cursor.fetchall()

    def try_lock(self, name: str) -> bool:
        """Take a named lock of the session; names are the server's, so the database is part of it."""
        with self.connection.cursor() as cursor:
            cursor.execute("SELECT GET_LOCK(CONCAT(%s, MD5(DATABASE())), 0)", [name])
            return bool(cursor.fetchone()[0])

    def unlock(self, name: str) -> None:
        """Release the named lock."""
        with self.connection.cursor() as cursor:
            cursor.execute("SELECT RELEASE_LOCK(CONCAT(%s, MD5(DATABASE())))", [name])
            cursor.fetchall()

    def volatile_tables(self, specs: Sequence[ModelSpec]) -> list[tuple[str, str]]:
        """Return the tables that are not InnoDB: a snapshot does not hold them still."""
        wanted = {table for spec in specs for table in spec.tables}
        with self.connection.cursor() as cursor:
            cursor.execute(
                "SELECT table_name, engine FROM information_schema.tables WHERE table_schema = DATABASE()"
            )
            return sorted((t, e) for t, e in cursor.fetchall() if t in wanted and e and e.lower() != "innodb")


def _literal(text: str) -> str:
    """Return a quoted LIKE pattern that matches exactly ``text``."""
    escaped = text.replace("\\", "\\\\").replace("'", "''").replace("_", "\\_").replace("%", "%%")
    return f"'{escaped}'"
