"""Throw-away databases for tests, one fresh and uniquely named for each that asks.

Everything here speaks to the servers through their drivers, never through Django's connections: the tests'
own database access rules stay in force, and a database is made before any site knows of it.
"""

import os
import secrets
import shutil
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit, urlunsplit

import psycopg
import pymysql
from psycopg import sql

VENDORS = ("sqlite", "postgresql", "mariadb")
SERVER_VARIABLES = {
    "postgresql": "EDMS_TEST_POSTGRESQL_URL",
    "mariadb": "EDMS_TEST_MARIADB_URL",
}
SCHEMES = {"sqlite": "sqlite", "postgres": "postgresql", "postgresql": "postgresql", "mysql": "mariadb"}
REQUIRE_VARIABLE = "EDMS_REQUIRE_DATABASES"
DRIVER_ERRORS = (psycopg.Error, pymysql.Error)


def server_url(vendor: str) -> str | None:
    """Return the address of the vendor's server, or None when the environment names none."""
    return os.environ.get(SERVER_VARIABLES[vendor]) or None


def missing_vendors() -> list[str]:
    """Return the vendors whose tests cannot run because no server address is given."""
    return [vendor for vendor in SERVER_VARIABLES if server_url(vendor) is None]


def required() -> bool:
    """Say whether a missing database is a failure rather than a skip."""
    return os.environ.get(REQUIRE_VARIABLE, "") not in ("", "0")


def vendor_of(url: str) -> str:
    """Return the vendor that a database URL speaks of."""
    scheme = urlsplit(url).scheme
    return {"sqlite": "sqlite", "postgres": "postgresql", "postgresql": "postgresql", "mysql": "mariadb"}[
        scheme
    ]


def default_vendor() -> str:
    """Return the vendor that ``DATABASE_URL`` speaks of: of tests that have one database, and of their sites."""
    return vendor_of(os.environ.get("DATABASE_URL") or "sqlite:///")


@contextmanager
def connect(url: str) -> Iterator[Any]:
    """Open a driver connection in autocommit mode and close it at the end."""
    vendor = vendor_of(url)
    parts = urlsplit(url)
    if vendor == "sqlite":
        connection: Any = sqlite3.connect(parts.path.removeprefix("/"), isolation_level=None)
    elif vendor == "postgresql":
        connection = psycopg.connect(url, autocommit=True, connect_timeout=10)
    else:
        connection = pymysql.connect(
            host=parts.hostname,
            port=parts.port or 3306,
            user=unquote(parts.username or ""),
            password=unquote(parts.password or ""),
            database=parts.path.removeprefix("/") or None,
            charset="utf8mb4",
            autocommit=True,
            connect_timeout=10,
        )
    try:
        yield connection
    finally:
        connection.close()


def query(url: str, statement: str, params: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
    """Run one statement and return its rows. Placeholders are ``%s`` for every vendor."""
    if vendor_of(url) == "sqlite":
        statement = statement.replace("%s", "?")
    with connect(url) as connection:
        cursor = connection.cursor()
        # Without parameters no placeholder is looked for, so a % in the text means itself.
        cursor.execute(statement, tuple(params)) if params else cursor.execute(statement)
        return list(cursor.fetchall()) if cursor.description else []


def server_version(vendor: str) -> str:
    """Return the version that the vendor's server reports; raises the driver's error when unreachable."""
    if vendor == "sqlite":
        return sqlite3.sqlite_version
    url = server_url(vendor)
    assert url is not None
    statement = "SHOW server_version" if vendor == "postgresql" else "SELECT version()"
    return str(query(url, statement)[0][0]).split(" ", maxsplit=1)[0]


def create_database(vendor: str, directory: Path, template: str | None = None) -> str:
    """Create a database with a name that nothing else has and return its URL.

    A SQLite database is a file in ``directory``. ``template`` is the URL of a database of the same vendor, to
    which nobody is connected: the new one begins as its copy.
    """
    name = f"edms_test_{secrets.token_hex(6)}"
    if vendor == "sqlite":
        path = directory / f"{name}.sqlite3"
        if template is not None:
            shutil.copyfile(urlsplit(template).path.removeprefix("/"), path)
        return f"sqlite:///{path}"
    server = server_url(vendor)
    assert server is not None, f"{SERVER_VARIABLES[vendor]} names no server"
    url = urlunsplit(urlsplit(server)._replace(path=f"/{name}"))
    if vendor == "postgresql":
        base = urlsplit(template).path.removeprefix("/") if template is not None else "template0"
        with connect(server) as connection:
            statement = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
            connection.execute(statement.format(sql.Identifier(name), sql.Identifier(base)))
        return url
    query(server, f"CREATE DATABASE `{name}` CHARACTER SET utf8mb4")
    if template is not None:
        _copy_mariadb(template, url)
    return url


def drop_database(url: str) -> None:
    """Drop a database that :func:`create_database` made, whoever may still be connected to it."""
    vendor = vendor_of(url)
    name = urlsplit(url).path.removeprefix("/")
    if vendor == "sqlite":
        for suffix in ("", "-wal", "-shm", "-journal"):
            Path(name + suffix).unlink(missing_ok=True)
        return
    server = server_url(vendor)
    assert server is not None
    if vendor == "postgresql":
        with connect(server) as connection:
            connection.execute(
                sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
            )
    else:
        query(server, f"DROP DATABASE IF EXISTS `{name}`")


def _copy_mariadb(source: str, target: str) -> None:
    """Copy tables and rows between two databases of one server, which has no template databases."""
    source_name = urlsplit(source).path.removeprefix("/")
    with connect(target) as connection:
        cursor = connection.cursor()
        cursor.execute("SET foreign_key_checks = 0")
        cursor.execute(
            "SELECT table_name FROM information_schema.tables"
            " WHERE table_schema = %s AND table_type = 'BASE TABLE'",
            (source_name,),
        )
        for (table,) in cursor.fetchall():
            cursor.execute(f"SHOW CREATE TABLE `{source_name}`.`{table}`")
            cursor.execute(cursor.fetchone()[1])
            cursor.execute(
                "SELECT column_name FROM information_schema.columns WHERE table_schema = %s"
                " AND table_name = %s AND COALESCE(generation_expression, '') = '' ORDER BY ordinal_position",
                (source_name, table),
            )
            columns = ", ".join(f"`{column}`" for (column,) in cursor.fetchall())
            cursor.execute(
                f"INSERT INTO `{table}` ({columns}) SELECT {columns} FROM `{source_name}`.`{table}`"
            )
