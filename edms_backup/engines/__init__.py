"""How rows move: one engine for every database, better ones for some."""

from __future__ import annotations

from collections.abc import Mapping

from django.db import connections
from django.utils.module_loading import import_string

from edms_backup.engines.base import Engine, EngineFeatures, TargetRow
from edms_backup.errors import ConfigurationError

ENGINES: dict[str, str] = {
    "postgresql": "edms_backup.engines.postgresql.PostgreSQLEngine",
    "mysql": "edms_backup.engines.mysql.MySQLEngine",
    "sqlite": "edms_backup.engines.sqlite.SQLiteEngine",
}
GENERIC = "edms_backup.engines.generic.GenericEngine"

__all__ = ["ENGINES", "GENERIC", "Engine", "EngineFeatures", "TargetRow", "get_engine"]


def get_engine(alias: str, overrides: Mapping[str, str] | None = None) -> Engine:
    """Return the engine for a database alias.

    ``overrides``: vendor (Django's ``connection.vendor``) or alias to the dotted path of an engine class.
    Raises ``ConfigurationError`` when the class cannot be imported.
    """
    chosen = {**ENGINES, **(overrides or {})}
    vendor = connections[alias].vendor
    path = (overrides or {}).get(alias) or chosen.get(vendor, GENERIC)
    try:
        engine: Engine = import_string(path)(alias)
    except ImportError as error:
        raise ConfigurationError(f"EDMS_BACKUP['ENGINES'] names {path}, which cannot be imported.") from error
    return engine
