"""PostgreSQL: what slows a load down is taken away from empty tables, and made anew when they are full.

A foreign key is checked for each row that comes in, an index is kept in order row by row; both are quicker for a whole
table at once. All of it is one transaction with the load, so that whatever ends it leaves the tables as they were.
The price is ACCESS EXCLUSIVE on these tables: nobody can read them meanwhile. So it is done only where there is
nothing to read (they are empty), where that holds nobody else up (no other table refers to them), and where it is worth
it; and whoever holds such a table at the time is not waited for.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import OperationalError, transaction

logger = logging.getLogger(__name__)

WORTH = 50_000
"""Rows for which it pays to rebuild what is on the tables that they go into."""
_PATIENCE = "2s"

# Tables that this role owns, that are ordinary ones without heirs, and to which no table outside of these refers.
_TABLES = """
SELECT c.oid, c.oid::regclass::text FROM pg_class c
WHERE c.oid = ANY (%(tables)s::regclass[]) AND c.relkind = 'r' AND NOT c.relispartition
AND pg_has_role(c.relowner, 'USAGE')
AND NOT EXISTS (SELECT FROM pg_inherits i WHERE c.oid IN (i.inhrelid, i.inhparent))
AND NOT EXISTS (SELECT FROM pg_constraint r WHERE r.contype = 'f' AND r.confrelid = c.oid
    AND r.conrelid <> ALL (%(tables)s::regclass[]))
AND NOT EXISTS (SELECT FROM pg_event_trigger WHERE evtenabled <> 'D')
"""
# What has a comment or settings of its own would come back without them: it stays.
_FOREIGN_KEYS = """
SELECT conrelid::regclass::text, quote_ident(conname), pg_get_constraintdef(oid) FROM pg_constraint
WHERE contype = 'f' AND conrelid = ANY (%(tables)s) AND confrelid = ANY (%(tables)s) AND convalidated
AND conparentid = 0 AND obj_description(oid, 'pg_constraint') IS NULL ORDER BY conname
"""
_INDEXES = """
SELECT i.indexrelid::regclass::text, pg_get_indexdef(i.indexrelid)
FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
WHERE i.indrelid = ANY (%(tables)s) AND NOT i.indisunique AND NOT i.indisexclusion AND NOT i.indisclustered
AND NOT i.indisreplident AND i.indisvalid AND c.reltablespace = 0 AND obj_description(c.oid, 'pg_class') IS NULL
AND NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attstattarget > 0) ORDER BY 1
"""


@dataclass(frozen=True, slots=True)
class TakenAway:
    """What has to be made anew: SQL that drops each thing, and SQL that makes it."""

    drops: tuple[str, ...]
    makes: tuple[str, ...]


def take_away(connection: Any, tables: Sequence[str]) -> TakenAway | None:
    """Take foreign keys among empty tables, and their indexes that are not unique, away inside of a transaction.

    ``tables``: names, quoted. ``None`` where nothing could be taken away, or somebody else holds one of the tables;
    everything is as it was then.
    """
    try:
        with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
            found = _found(cursor, tables)
            for statement in found.drops if found else ():
                cursor.execute(statement)
            return found
    except OperationalError as error:  # a lock that is not to be had, a deadlock
        logger.info("indexes on %s are kept: %s", connection.alias, type(error).__name__)
        return None


def _found(cursor: Any, tables: Sequence[str]) -> TakenAway | None:
    cursor.execute(_TABLES, {"tables": list(tables)})
    chosen = dict(cursor.fetchall())
    if not chosen:
        return None
    cursor.execute("SELECT current_setting('lock_timeout')")
    (usual,) = cursor.fetchone()
    cursor.execute(f"SET LOCAL lock_timeout = '{_PATIENCE}'")
    cursor.execute(f"LOCK TABLE {', '.join(sorted(chosen.values()))} IN ACCESS EXCLUSIVE MODE")
    cursor.execute("SELECT set_config('lock_timeout', %s, true)", [usual])
    empty = [number for number, name in chosen.items() if not _any(cursor, name)]
    cursor.execute(_FOREIGN_KEYS, {"tables": empty})
    keys = cursor.fetchall()
    cursor.execute(_INDEXES, {"tables": empty})
    indexes = cursor.fetchall()
    if not keys and not indexes:
        return None
    return TakenAway(
        (
            *(f"ALTER TABLE {table} DROP CONSTRAINT {name}" for table, name, _ in keys),
            *(f"DROP INDEX {name}" for name, _ in indexes),
        ),
        (
            *(definition for _, definition in indexes),
            *(f"ALTER TABLE {table} ADD CONSTRAINT {name} {definition}" for table, name, definition in keys),
        ),
    )


def _any(cursor: Any, table: str) -> bool:
    cursor.execute(f"SELECT EXISTS (SELECT FROM {table})")
    return bool(cursor.fetchone()[0])


def make_anew(connection: Any, taken: TakenAway) -> None:
    """Make what was taken away; the database looks at all rows for it.

    Raises Django's ``IntegrityError`` where a row refers to nothing; the transaction can go on then to say which one.
    """
    with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
        # No table can be altered whose rows wait for a check.
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        for statement in taken.makes:
            cursor.execute(statement)
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")
