"""The tables of the key map: a private SQLite file, and how its questions get the indexes that they need."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

_SCHEMA = """
CREATE TABLE rows (
    model INTEGER NOT NULL, key BLOB NOT NULL,
    src BLOB, src_hash BLOB, pk_ref BLOB,
    live BLOB, live_hash BLOB,
    target BLOB,
    refused INTEGER, announced INTEGER,
    PRIMARY KEY (model, key)
) WITHOUT ROWID;
CREATE TABLE after (model INTEGER NOT NULL, key BLOB NOT NULL, pk BLOB NOT NULL, hash BLOB NOT NULL,
    PRIMARY KEY (model, key)) WITHOUT ROWID;
CREATE TABLE uniques (model INTEGER NOT NULL, rule INTEGER NOT NULL, side INTEGER NOT NULL, value BLOB NOT NULL,
    key BLOB NOT NULL);
CREATE TABLE needs (model INTEGER NOT NULL, key BLOB NOT NULL, holder TEXT NOT NULL, field TEXT NOT NULL,
    PRIMARY KEY (model, key)) WITHOUT ROWID;
CREATE TABLE files (root TEXT NOT NULL, name TEXT NOT NULL, PRIMARY KEY (root, name)) WITHOUT ROWID;
CREATE TABLE dangling (model INTEGER NOT NULL, pk BLOB NOT NULL, holder TEXT NOT NULL, key BLOB NOT NULL,
    field TEXT NOT NULL);
CREATE TABLE unfit (model INTEGER NOT NULL, key BLOB NOT NULL, field TEXT NOT NULL, problem TEXT NOT NULL);
CREATE TABLE ordinals (model INTEGER NOT NULL, side INTEGER NOT NULL, hash BLOB NOT NULL, next INTEGER NOT NULL,
    PRIMARY KEY (model, side, hash)) WITHOUT ROWID;
CREATE TABLE displaced (model INTEGER NOT NULL, key BLOB NOT NULL, PRIMARY KEY (model, key)) WITHOUT ROWID;
"""
_INDEXES = {
    **{name: f"rows (model, {name}) WHERE {name} IS NOT NULL" for name in ("src", "live", "target")},
    "value": "uniques (model, rule, value)",
}
"""By column: what is asked by it needs an index, which is made when that happens first."""
_CACHE = 32_768
"""KiB of the map that are kept in memory, however large it grows: keys come in any order."""


class KeyTables:
    """The file of one key map. ``path``: where it is created."""

    def __init__(self, path: Path) -> None:
        self._db = sqlite3.connect(path, isolation_level=None)
        self._db.execute("PRAGMA journal_mode = OFF")
        self._db.execute("PRAGMA synchronous = OFF")
        self._db.execute(f"PRAGMA cache_size = -{_CACHE}")
        self._db.executescript(_SCHEMA)
        self._db.execute("BEGIN")
        self._models: dict[str, int] = {}
        self._indexed: set[str] = set()
        self._uniques: list[tuple[int, int, int, bytes, bytes]] = []

    def ask(self, query: str, parameters: Sequence[Any] | Mapping[str, Any] = ()) -> list[Any]:
        """Return all records that a query over the map gives."""
        return self._db.execute(query, parameters).fetchall()

    def stream(self, query: str, parameters: Sequence[Any] | Mapping[str, Any] = ()) -> Iterator[Any]:
        """Yield the records that a query over the map gives; the map must not change meanwhile."""
        yield from self._db.execute(query, parameters)

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def number(self, label: str) -> int:
        """Return the number that stands for a model label inside the map."""
        return self._models.setdefault(label, len(self._models))

    def label(self, number: int) -> str:
        """Return the label behind a number."""
        return next(label for label, known in self._models.items() if known == number)

    def index(self, column: str) -> None:
        """Be ready for questions by ``src``, ``live``, ``target`` or the ``value`` of a unique constraint."""
        if column not in self._indexed:
            self._indexed.add(column)
            self.flush()
            self._db.execute(f"CREATE INDEX by_{column} ON {_INDEXES[column]}")

    def flush(self) -> None:
        """Write what is held back."""
        self._db.executemany(
            "INSERT INTO uniques (model, rule, side, value, key) VALUES (?, ?, ?, ?, ?)", self._uniques
        )
        self._uniques.clear()
