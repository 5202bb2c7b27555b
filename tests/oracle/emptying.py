"""Bringing a site back to where it is after ``migrate``, many times.

``flush`` does it the first time. What it leaves is kept and put back later on, in a tenth of the time.
"""

import sqlite3
from dataclasses import dataclass, field
from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.contrib.sites.models import Site
from django.core.management import call_command
from django.db import connection, connections
from psycopg import sql

_USED_SEQUENCES = """
    SELECT sequencename, last_value FROM pg_sequences WHERE schemaname = 'public' AND last_value IS NOT NULL
"""


@dataclass(slots=True)
class _Pristine:
    """What ``flush`` leaves: all of a SQLite database; tables that are not empty and sequences of PostgreSQL."""

    taken: bool = False
    copy: sqlite3.Connection = field(default_factory=lambda: sqlite3.connect(":memory:"))
    tables: dict[str, bytes] = field(default_factory=dict)
    sequences: dict[str, int] = field(default_factory=dict)


_pristine = _Pristine()


def empty() -> None:
    """Leave no rows but those that Django itself makes."""
    if connection.in_atomic_block or connection.needs_rollback:
        connections.close_all()
    connection.ensure_connection()
    raw: Any = connection.connection
    sqlite = connection.vendor == "sqlite"
    if _pristine.taken:
        (_put_back_sqlite if sqlite else _put_back_postgresql)(raw)
    else:
        call_command("flush", interactive=False, verbosity=0)
        (_take_sqlite if sqlite else _take_postgresql)(raw)
        _pristine.taken = True
    ContentType.objects.clear_cache()
    Site.objects.clear_cache()


def _take_sqlite(raw: sqlite3.Connection) -> None:
    raw.backup(_pristine.copy)


def _put_back_sqlite(raw: sqlite3.Connection) -> None:
    _pristine.copy.backup(raw)


def _take_postgresql(raw: Any) -> None:
    with raw.cursor() as cursor:
        for name in _full_tables(cursor):
            with cursor.copy(sql.SQL("COPY {} TO STDOUT").format(sql.Identifier(name))) as copy:
                _pristine.tables[name] = b"".join(bytes(block) for block in copy)
        _pristine.sequences = dict(cursor.execute(_USED_SEQUENCES).fetchall())


def _put_back_postgresql(raw: Any) -> None:
    with raw.transaction(), raw.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")  # foreign keys ask for no order
        for name in _full_tables(cursor):
            cursor.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(name)))
        for name, rows in _pristine.tables.items():
            with cursor.copy(sql.SQL("COPY {} FROM STDIN").format(sql.Identifier(name))) as copy:
                copy.write(rows)
        used = dict(cursor.execute(_USED_SEQUENCES).fetchall())
        for name in used.keys() | _pristine.sequences.keys():
            last = _pristine.sequences.get(name)
            cursor.execute(
                "SELECT setval(quote_ident(%s)::regclass, %s, %s)", [name, last or 1, last is not None]
            )


def _full_tables(cursor: Any) -> list[str]:
    """Return the tables that have rows."""
    names = cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
    asked = [
        sql.SQL("SELECT {} WHERE EXISTS (SELECT FROM {})").format(sql.Literal(name), sql.Identifier(name))
        for (name,) in names
    ]
    return [name for (name,) in cursor.execute(sql.SQL(" UNION ALL ").join(asked)).fetchall()]
