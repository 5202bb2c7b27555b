"""What tables hold, cell by cell, read past Django: the measure of a way there and back."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql

from tests.databases import connect, vendor_of

Rows = list[tuple[str, ...]]

# Not part of what is compared: bookkeeping of Django and of the app under test.
_OWN = ("django_migrations", "sqlite_", "edms_backup_")


@dataclass(frozen=True, slots=True)
class Table:
    """One table: the names of its columns, and its rows as exact texts, sorted."""

    columns: tuple[str, ...]
    rows: Rows


def read_tables(url: str, links: Collection[str] = ()) -> dict[str, Table]:
    """Return every table of a database with all cells, each as a text that tells type and value apart.

    ``links``: tables of many-to-many fields. Their own ``id`` names nothing and is left out.
    """
    read = _read_sqlite if vendor_of(url) == "sqlite" else _read_postgresql
    found = {name: table for name, table in sorted(read(url).items()) if not name.startswith(_OWN)}
    return {name: _without_id(table) if name in links else table for name, table in found.items()}


def _without_id(table: Table) -> Table:
    kept = [position for position, name in enumerate(table.columns) if name != "id"]
    rows = sorted(tuple(row[position] for position in kept) for row in table.rows)
    return Table(tuple(table.columns[position] for position in kept), rows)


def _read_sqlite(url: str) -> dict[str, Table]:
    """A storage class is part of the value: 1 and 1.0 and '1' are three."""
    found = {}
    with connect(url) as connection:
        for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            cursor = connection.execute('SELECT * FROM "{}"'.format(name.replace('"', '""')))
            columns = tuple(column[0] for column in cursor.description)
            found[name] = Table(columns, sorted(tuple(map(repr, row)) for row in cursor))
    return found


def _read_postgresql(url: str) -> dict[str, Table]:
    """The text form of COPY: floats with all digits, moments with all microseconds."""
    with psycopg.connect(url) as connection, connection.cursor() as cursor:
        names = cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        return {name: _copied(cursor, name) for (name,) in names}


def _copied(cursor: Any, name: str) -> Table:
    cursor.execute(sql.SQL("SELECT * FROM {} LIMIT 0").format(sql.Identifier(name)))
    columns = tuple(column.name for column in cursor.description or ())
    with cursor.copy(sql.SQL("COPY {} TO STDOUT").format(sql.Identifier(name))) as copy:
        text = b"".join(bytes(block) for block in copy).decode()
    return Table(columns, sorted(tuple(line.split("\t")) for line in text.split("\n")[:-1]))


def differences(before: dict[str, Table], after: dict[str, Table]) -> dict[str, str]:
    """Return where two states differ: ``table.column``, or ``table`` for rows that one of them lacks.

    The values are samples for people: what stood there before, and what stands there now.
    """
    found: dict[str, str] = {}
    for name in before.keys() | after.keys():
        one, other = before.get(name), after.get(name)
        if one is None or other is None or one.columns != other.columns:
            found[name] = "the table itself"
        elif one.rows != other.rows:
            found |= _of_rows(name, one, other)
    return dict(sorted(found.items()))


def _of_rows(name: str, one: Table, other: Table) -> dict[str, str]:
    gone = [row for row in one.rows if row not in other.rows]
    new = [row for row in other.rows if row not in one.rows]
    if len(gone) != len(new):
        return {name: f"{len(one.rows)} rows, now {len(other.rows)}: {gone[:1]} {new[:1]}"}
    found: dict[str, str] = {}
    for was, now in zip(gone, new, strict=True):
        for column, left, right in zip(one.columns, was, now, strict=True):
            if left != right:
                found.setdefault(f"{name}.{column}", f"{left}, now {right}")
    return found
