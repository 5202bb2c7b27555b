"""Moving the counters that new primary keys come from."""

from __future__ import annotations

from collections.abc import Iterable

from django.db import DEFAULT_DB_ALIAS, connections, models
from django.db.backends.base.base import BaseDatabaseWrapper


def move_sequences(
    tables: Iterable[type[models.Model]], distance: int, using: str = DEFAULT_DB_ALIAS
) -> None:
    """Let the next row of each table get a primary key far above those in use.

    The distance grows from table to table, so that rows of different tables do not line up either.
    MariaDB commits the open transaction when a counter is moved: call this outside one.

    Args:
        tables: Models whose tables are meant; those without an automatic integer key are left alone.
        distance: By how much, at least; zero moves nothing.
        using: The database.
    """
    if not distance:
        return
    connection = connections[using]
    counted = [model for model in tables if isinstance(model._meta.pk, models.AutoField)]
    for position, model in enumerate(counted):
        highest = model._base_manager.using(using).aggregate(highest=models.Max("pk"))["highest"] or 0
        _SET_NEXT[connection.vendor](connection, model, highest + distance + 7 * position)


def _set_next_sqlite(connection: BaseDatabaseWrapper, model: type[models.Model], number: int) -> None:
    """Set the counter of an SQLite table with AUTOINCREMENT."""
    table = model._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM sqlite_sequence WHERE name = %s", [table])
        cursor.execute("INSERT INTO sqlite_sequence (name, seq) VALUES (%s, %s)", [table, number - 1])


def _set_next_postgresql(connection: BaseDatabaseWrapper, model: type[models.Model], number: int) -> None:
    """Set the sequence behind a PostgreSQL column."""
    quoted = connection.ops.quote_name(model._meta.db_table)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT setval(pg_get_serial_sequence(%s, %s), %s, false)",
            [quoted, model._meta.pk.column, number],
        )


def _set_next_mariadb(connection: BaseDatabaseWrapper, model: type[models.Model], number: int) -> None:
    """Set the AUTO_INCREMENT counter of a MariaDB table."""
    quoted = connection.ops.quote_name(model._meta.db_table)
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {quoted} AUTO_INCREMENT = {int(number)}")


_SET_NEXT = {
    "sqlite": _set_next_sqlite,
    "postgresql": _set_next_postgresql,
    "mysql": _set_next_mariadb,
}
