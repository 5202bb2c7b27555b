"""The database that the environment chooses: SQLite, PostgreSQL or MariaDB."""

import importlib.util
from pathlib import Path
from typing import Any

import dj_database_url

# Django asks for at least this mysqlclient; PyMySQL implements the same interface under other numbers.
MYSQLCLIENT_VERSION = (2, 2, 8, "final", 0)


def use_pymysql_without_mysqlclient() -> None:
    """Let PyMySQL stand in for mysqlclient, which needs a compiler, when only PyMySQL is installed."""
    if importlib.util.find_spec("MySQLdb") is not None:
        return
    import pymysql  # noqa: PLC0415

    pymysql.version_info = MYSQLCLIENT_VERSION
    pymysql.install_as_MySQLdb()


def database_from_url(url: str | None, data_dir: Path) -> dict[str, Any]:
    """Return Django's database settings for a URL; without one, for an SQLite file in the data directory."""
    config: dict[str, Any] = dict(dj_database_url.parse(url or f"sqlite:///{data_dir / 'edms.sqlite3'}"))
    if config["ENGINE"].endswith("sqlite3"):
        config.setdefault("OPTIONS", {})["timeout"] = 20
    elif config["ENGINE"].endswith("mysql"):
        use_pymysql_without_mysqlclient()
        config.setdefault("OPTIONS", {})["charset"] = "utf8mb4"
        config["TEST"] = {"CHARSET": "utf8mb4", **config.get("TEST", {})}
    return config
