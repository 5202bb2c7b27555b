"""Which row of the package is which row of the target: a private table on disk, beside the restore.

Memory does not grow with the data: keys, primary keys and content digests of both sides live in a
temporary SQLite file (``keytables``). Everything a plan says is a join over it. (SQL in this file goes to that
private file only, never to a database of the site.)
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from edms_backup.restore.keys import Duplicate, PlannedRow, content_key, pack, unpack
from edms_backup.restore.keytables import KeyTables

__all__ = ["AFTER", "LIVE", "PACKAGE", "Duplicate", "KeyMap", "PlannedRow", "content_key", "pack", "unpack"]

PACKAGE, LIVE, AFTER = 0, 1, 2
_IN = 400
_BATCH = 1000


class KeyMap(KeyTables):
    """The map of one restore. ``path`` is a file that the map creates and the caller's folder outlives."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.ambiguous: set[str] = set()
        """Labels of models in which several rows of the target have one natural key."""
        self.substitutes: dict[str, dict[bytes, bytes]] = {}
        """By label: keys of refused rows, which the site does not have, to keys of the rows that stay instead."""
        self.rewritten: set[str] = set()
        """Labels of models with rows whose content is not what was sealed, as the plan announced."""
        self.fresh: set[str] = set()
        """Labels of models without a row in the target: what comes there is new, and keeps its primary key."""

    # -- filling -----------------------------------------------------------------------------------

    def add_package(
        self, label: str, rows: Iterable[tuple[bytes | None, bytes, bytes, bytes | None]]
    ) -> None:
        """Take rows of the package: (key, primary key, content digest, reference in the primary key).

        A key of ``None`` stands for a keyless row, known by its content and by its number among equals. Rows of
        models that are ``fresh`` get the primary key that they have in the package. Raises ``Duplicate`` when a
        key is there twice.
        """
        target = "?3" if label in self.fresh else "NULL"
        statement = (
            f"INSERT INTO rows (model, key, src, src_hash, pk_ref, target) VALUES (?1, ?2, ?3, ?4, ?5, {target}) "
            "ON CONFLICT (model, key) DO UPDATE SET src = excluded.src, src_hash = excluded.src_hash, "
            "pk_ref = excluded.pk_ref WHERE src IS NULL"
        )
        self._put(label, PACKAGE, statement, rows)

    def add_live(
        self, label: str, rows: Iterable[tuple[bytes | None, bytes, bytes]], *, surplus: bool = False
    ) -> None:
        """Take rows of the target: (key, primary key, content digest).

        ``surplus``: a second row with the same key is taken as a row that the package does not know (it will
        go), and the model is noted in ``ambiguous``; otherwise it raises ``Duplicate``.
        """
        statement = (
            "INSERT INTO rows (model, key, live, live_hash) VALUES (?, ?, ?, ?) "
            "ON CONFLICT (model, key) DO UPDATE SET live = excluded.live, live_hash = excluded.live_hash "
            "WHERE live IS NULL"
        )
        self._put(label, LIVE, statement, rows, surplus=surplus)

    def add_after(self, label: str, rows: Iterable[tuple[bytes | None, bytes, bytes]]) -> None:
        """Take rows of the target as they stand after the load: (key, primary key, content digest)."""
        statement = (
            "INSERT INTO after (model, key, pk, hash) VALUES (?, ?, ?, ?) ON CONFLICT (model, key) DO NOTHING"
        )
        self._put(label, AFTER, statement, rows)

    def _put(
        self,
        label: str,
        side: int,
        statement: str,
        rows: Iterable[tuple[Any, ...]],
        *,
        surplus: bool = False,
    ) -> None:
        """Run a statement that takes each key once, many rows at a time."""
        number = self.number(label)
        iterator = iter(rows)
        while batch := list(itertools.islice(iterator, _BATCH)):
            named = [(number, *row) for row in batch if row[0] is not None]
            taken = self._db.executemany(statement, named).rowcount if named else 0
            if taken != len(named) and not surplus:
                raise Duplicate(label, next(self._duplicates(side, named))[1])
            if taken != len(named):
                self._put_surplus(label, statement, list(self._duplicates(side, named)))
            for row in batch:
                if row[0] is None:
                    self._put_keyless(statement, number, side, row)

    def _put_keyless(self, statement: str, number: int, side: int, row: tuple[Any, ...]) -> None:
        """Give a keyless row the next number among rows of the same content on its side."""
        _, pk, digest, *rest = row
        self._db.execute(
            "INSERT INTO ordinals VALUES (?, ?, ?, 1) ON CONFLICT (model, side, hash) DO UPDATE SET next = next + 1",
            (number, side, digest),
        )
        query = "SELECT next - 1 FROM ordinals WHERE model = ? AND side = ? AND hash = ?"
        ((ordinal,),) = self.ask(query, (number, side, digest))
        self._db.execute(statement, (number, content_key(digest, ordinal), pk, digest, *rest))

    def _put_surplus(self, label: str, statement: str, named: Sequence[tuple[Any, ...]]) -> None:
        """Take rows whose key another row has already, each under a key of its own."""
        self.ambiguous.add(label)
        for number, key, pk, *rest in named:
            self._db.execute(statement, (number, key + b"#" + pk, pk, *rest))

    def _duplicates(self, side: int, named: Sequence[tuple[Any, ...]]) -> Iterator[tuple[Any, ...]]:
        """Yield the rows whose key another row had taken before: what is stored for it is not this row."""
        table, column = {PACKAGE: ("rows", "src"), LIVE: ("rows", "live"), AFTER: ("after", "pk")}[side]
        query = f"SELECT EXISTS (SELECT 1 FROM {table} WHERE model = ? AND key = ? AND {column} = ?)"
        for row in named:
            if not self.ask(query, row[:3])[0][0]:
                yield row

    def add_unique(self, label: str, side: int, key: bytes, values: Iterable[tuple[int, bytes]]) -> None:
        """Take a row's values under unique constraints: pairs of the constraint's number and the values."""
        number = self.number(label)
        self._uniques.extend((number, rule, side, value, key) for rule, value in values)
        if len(self._uniques) >= _BATCH:
            self.flush()

    def add_need(self, label: str, key: bytes, holder: str, field: str) -> None:
        """Note that a row outside of the package's scope must exist in the target."""
        self._db.execute(
            "INSERT OR IGNORE INTO needs VALUES (?, ?, ?, ?)", (self.number(label), key, holder, field)
        )

    def add_unfit(self, label: str, key: bytes, field: str, problem: str) -> None:
        """Note a value that the target cannot hold."""
        self._db.execute("INSERT INTO unfit VALUES (?, ?, ?, ?)", (self.number(label), key, field, problem))

    def add_dangling(self, label: str, pk: Any, holder: str, key: bytes, field: str) -> None:
        """Note that a row of the package holds an id which named no row when the package was made."""
        self._db.execute(
            "INSERT INTO dangling VALUES (?, ?, ?, ?, ?)", (self.number(label), pack(pk), holder, key, field)
        )

    def want_file(self, root: str, name: str) -> None:
        """Note that a row in scope names a file."""
        self._db.execute("INSERT OR IGNORE INTO files VALUES (?, ?)", (root, name))

    def wants_file(self, root: str, name: str) -> bool:
        """Return whether a row in scope names the file."""
        found = self._db.execute(
            "SELECT EXISTS (SELECT 1 FROM files WHERE root = ? AND name = ?)", (root, name)
        )
        return bool(found.fetchone()[0])

    # -- deciding ----------------------------------------------------------------------------------

    def keep_live_keys(self, label: str) -> None:
        """Let every row of the target keep its primary key."""
        self._db.execute(
            "UPDATE rows SET target = live WHERE model = ? AND live IS NOT NULL AND refused IS NULL",
            (self.number(label),),
        )

    def keep_package_keys(self, label: str) -> None:
        """Give every row of the package the primary key that it has there."""
        self._db.execute(
            "UPDATE rows SET target = src WHERE model = ? AND src IS NOT NULL AND refused IS NULL",
            (self.number(label),),
        )

    def take_free_keys(self, label: str) -> None:
        """Give new rows the package's primary key where no row of the target has it."""
        self.index("live")
        self._db.execute(
            "UPDATE rows SET target = src WHERE model = :m AND target IS NULL AND src IS NOT NULL AND NOT EXISTS "
            "(SELECT 1 FROM rows AS other WHERE other.model = :m AND other.live = rows.src)",
            {"m": self.number(label)},
        )

    def without_target(self, label: str) -> Iterator[tuple[bytes, Any, Any]]:
        """Yield (key, package's primary key, reference in the primary key) of rows that still need a key."""
        found = self._db.execute(
            "SELECT key, src, pk_ref FROM rows WHERE model = ? AND src IS NOT NULL AND target IS NULL",
            (self.number(label),),
        ).fetchall()
        for key, src, pk_ref in found:
            yield key, unpack(src), unpack(pk_ref)

    def with_reference(self, label: str) -> Iterator[tuple[bytes, Any]]:
        """Yield (key, reference in the primary key) of the package's rows."""
        query = "SELECT key, pk_ref FROM rows WHERE model = ? AND src IS NOT NULL"
        for key, reference in self._db.execute(query, (self.number(label),)).fetchall():
            yield key, unpack(reference)

    def survivors(self, label: str) -> Iterator[tuple[bytes, Any, bool]]:
        """Yield (key, primary key, whether another row of the package has it) of rows that stay as they are."""
        self.index("src")
        query = (
            "SELECT key, live, EXISTS (SELECT 1 FROM rows AS o WHERE o.model = rows.model AND o.src = rows.live "
            "AND o.key <> rows.key) FROM rows WHERE model = ? AND (src IS NULL OR refused) AND live NOT NULL "
            "ORDER BY key"
        )
        for key, live, taken in self._db.execute(query, (self.number(label),)).fetchall():
            yield key, unpack(live), bool(taken)

    def set_target(self, label: str, key: bytes, pk: Any) -> None:
        """Give one row its primary key in the target."""
        self._db.execute(
            "UPDATE rows SET target = ? WHERE model = ? AND key = ?", (pack(pk), self.number(label), key)
        )

    def twins(self, label: str) -> Iterator[tuple[bytes, bool, int]]:
        """Yield (key, whether it is new, number in the target) of keyless rows that are not alone with their content.

        They come in the order of contents, and among those in that of the package.
        """
        query = (
            "SELECT key, live IS NULL, target FROM rows JOIN (SELECT hash FROM ordinals WHERE model = :m "
            "AND side = 0 AND next > 1) ON hash = src_hash WHERE model = :m AND src IS NOT NULL "
            "AND refused IS NULL AND target IS NOT NULL ORDER BY key"
        )
        for key, is_new, target in self.stream(query, {"m": self.number(label)}):
            yield key, bool(is_new), int(target)

    def greatest(self, label: str) -> int:
        """Return the greatest integer primary key of either side and of the plan, 0 when there is none."""
        columns = ", ".join(f"COALESCE(CAST({name} AS INTEGER), 0)" for name in ("src", "live", "target"))
        found = self._db.execute(
            f"SELECT MAX(MAX({columns})) FROM rows WHERE model = ?",
            (self.number(label),),
        ).fetchone()
        return int(found[0] or 0)

    def forgive(self, label: str, live: Any) -> None:
        """Expect that a row which stays changes its content, as the plan announced."""
        self.index("live")
        self._db.execute(
            "UPDATE rows SET announced = 1 WHERE model = ? AND live = ?", (self.number(label), pack(live))
        )

    def refuse(self, label: str, ours: bytes, theirs: bytes) -> None:
        """Leave a row of the package out; what refers to it will refer to the site's row instead."""
        number = self.number(label)
        if not self.ask(
            "SELECT live FROM rows WHERE model = ? AND key = ? AND live IS NOT NULL", (number, ours)
        ):
            self.substitutes.setdefault(label, {})[ours] = theirs
        self._db.execute(
            "UPDATE rows SET refused = 1, target = COALESCE(live, (SELECT other.live FROM rows AS other "
            "WHERE other.model = :m AND other.key = :theirs)) WHERE model = :m AND key = :ours",
            {"m": number, "ours": ours, "theirs": theirs},
        )

    def set_content(self, label: str, key: bytes, digest: bytes) -> None:
        """Expect another content of a row than the package says, as the plan announced."""
        self.rewritten.add(label)
        self._db.execute(
            "UPDATE rows SET src_hash = ? WHERE model = ? AND key = ?", (digest, self.number(label), key)
        )

    def take_over(self, label: str, ours: bytes, theirs: bytes) -> bool:
        """Let a row of the package take the place of the site's row; ``False`` when it has a place already."""
        number = self.number(label)
        parameters = {"m": number, "ours": ours, "theirs": theirs}
        changed = self._db.execute(
            "UPDATE rows SET (live, live_hash) = (SELECT other.live, other.live_hash FROM rows AS other "
            "WHERE other.model = :m AND other.key = :theirs) WHERE model = :m AND key = :ours AND live IS NULL",
            parameters,
        ).rowcount
        if changed:
            self._db.execute("DELETE FROM rows WHERE model = :m AND key = :theirs", parameters)
        return bool(changed)

    def displace(self, label: str, key: bytes) -> None:
        """Have an existing row deleted and inserted anew, because another row needs its unique value first."""
        self._db.execute("INSERT OR IGNORE INTO displaced VALUES (?, ?)", (self.number(label), key))

    # -- asking ------------------------------------------------------------------------------------

    def live_pks(self, label: str, *, known: bool | None = None) -> Iterator[Any]:
        """Yield primary keys that rows have in the target before the restore.

        ``known``: only rows that become as in the package (``True``), or that it does not know (``False``).
        """
        conditions = {True: "AND src IS NOT NULL AND refused IS NULL", False: "AND src IS NULL", None: ""}
        condition = conditions[known]
        query = f"SELECT live FROM rows WHERE model = ? AND live IS NOT NULL {condition}"
        for (live,) in self._db.execute(query, (self.number(label),)).fetchall():
            yield unpack(live)

    def displaced_pks(self, label: str) -> list[Any]:
        """Return the target's primary keys of displaced rows."""
        found = self._db.execute(
            "SELECT rows.live FROM displaced JOIN rows USING (model, key) WHERE model = ?",
            (self.number(label),),
        )
        return [unpack(live) for (live,) in found.fetchall()]

    def look_up(self, label: str, keys: Sequence[bytes]) -> dict[bytes, PlannedRow]:
        """Return the rows of a model with these keys."""
        return self._look_up(label, "key", keys)

    def look_up_src(self, label: str, pks: Sequence[bytes]) -> dict[bytes, PlannedRow]:
        """Return the rows of a model by the primary key that they have in the package."""
        return self._look_up(label, "src", pks)

    def look_up_live(self, label: str, pks: Sequence[bytes]) -> dict[bytes, PlannedRow]:
        """Return the rows of a model by the primary key that they had in the target."""
        return self._look_up(label, "live", pks)

    def look_up_target(self, label: str, pks: Sequence[bytes]) -> dict[bytes, PlannedRow]:
        """Return the rows of a model by the primary key that they have after the load."""
        return self._look_up(label, "target", pks)

    def places(self, label: str, column: str, names: Sequence[str]) -> Iterator[tuple[str, str]]:
        """Yield (name, primary key in the target), as they are written, of the rows that have one.

        ``column``: whether ``names`` are natural keys (``key``) or primary keys of the package (``src``).
        """
        if column != "key":
            self.index(column)
        for start in range(0, len(names), _IN):
            chunk = [name.encode() for name in names[start : start + _IN]]
            query = (
                f"SELECT {column}, target FROM rows WHERE model = ? AND {column} IN ({','.join('?' * len(chunk))}) "
                "AND target IS NOT NULL"
            )
            for name, target in self._db.execute(query, (self.number(label), *chunk)):
                yield name.decode(), target.decode()

    def _look_up(self, label: str, column: str, values: Sequence[bytes]) -> dict[bytes, PlannedRow]:
        if column != "key":
            self.index(column)
        found: dict[bytes, PlannedRow] = {}
        for start in range(0, len(values), _IN):
            chunk = values[start : start + _IN]
            marks = ",".join("?" * len(chunk))
            for value, key, src, live, target, same, refused in self._db.execute(
                f"SELECT {column}, key, src, live, target, src_hash = live_hash, refused FROM rows "
                f"WHERE model = ? AND {column} IN ({marks})",
                (self.number(label), *chunk),
            ):
                found[value] = PlannedRow(
                    key, unpack(src), unpack(live), unpack(target), bool(same), bool(refused)
                )
        return found
