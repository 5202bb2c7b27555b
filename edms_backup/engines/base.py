"""What an engine is: the verbs that the pipelines need from one database, and what it says of itself.

``generic`` is correct on every Django backend; the others override what their vendor does better.
Callers ask ``features``, never which vendor it is.
"""

from __future__ import annotations

import abc
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any

from django.db import models

from edms_backup.engines.fromlines import LineInsert
from edms_backup.engines.lines import Line
from edms_backup.engines.longlines import LongLine
from edms_backup.engines.reading import Row, Tally
from edms_backup.naturalkeys import KeyRegistry
from edms_backup.schema.inventory import Inventory
from edms_backup.schema.spec import ManyToMany, ModelSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineFeatures:
    """What an engine can do; every default is the cautious answer."""

    consistent_snapshot: bool = False
    """``freeze`` gives one view of all tables, whatever others write meanwhile."""
    shares_snapshot: bool = False
    """The view that ``freeze`` holds can be given to connections of other threads, with ``join``."""
    reads_ahead: bool = False
    """Another thread may fetch from a cursor while this one uses the same connection."""
    locks_out_writers: bool = False
    """``transaction`` keeps other writers away from the tables until it ends."""
    ddl_sequences: bool = False
    """Raising a sequence is DDL that would commit the transaction, so it has to wait until after the commit."""
    enforces_length: bool = True
    """Text that is longer than its column is refused by the database."""
    stores_nul: bool = False
    """Text may hold NUL characters."""
    stores_nan: bool = False
    stores_infinity: bool = False
    exact_decimals: bool = True
    """Decimals are stored as such; their places and digits are limited."""
    stores_lone_surrogates: bool = False
    """JSON may hold half of a surrogate pair, escaped."""
    stores_every_uuid: bool = True
    """A column of the database's own uuid type takes any 128 bits."""
    json_depth: int | None = None
    """How deep arrays and objects may nest in a JSON column; ``None``: as deep as a package holds."""
    json_numbers_as_written: bool = False
    """A number in a JSON column comes back in the notation in which it was written."""
    deferred_constraints: bool = True
    """Foreign keys may be violated between statements of one transaction."""


@dataclass(slots=True)
class TargetRow:
    """A row as it will stand in the target: database values, references resolved."""

    pk: Any
    values: dict[str, Any]
    """Attribute names to Python values, without the primary key (unless that is a relation)."""
    links: dict[str, list[Any]] = field(default_factory=dict)
    """Many-to-many field names to primary keys of their targets."""
    key: list[Any] | None = None
    """Natural key; ``None`` where the row has none."""

    @property
    def name(self) -> str:
        """Return what messages call the row."""
        return f"pk={self.pk}" if self.key is None else ", ".join(map(str, self.key))


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokenReference:
    """A foreign key that points at nothing, found after the load."""

    label: str
    field: str
    pk: Any
    value: Any

    def __str__(self) -> str:
        """Return what it is, without a full stop."""
        return f"{self.label} pk={self.pk}: {self.field} points at {self.value}, which does not exist"


class Engine(abc.ABC):
    """Moves rows of one database alias."""

    def __init__(self, alias: str) -> None:
        self.alias = alias

    @property
    def features(self) -> EngineFeatures:
        """Return what this engine can do with this database."""
        return EngineFeatures()

    @property
    @abc.abstractmethod
    def name(self) -> str:
        """Return the engine's name for plans and reports."""

    @abc.abstractmethod
    def describe(self) -> tuple[str, str]:
        """Return vendor and version of the database."""

    @property
    def lock(self) -> str:
        """Return what ``transaction`` keeps away from the tables until it ends, for the plan of a restore."""
        return "what the database itself locks: stop writers"

    def slower(self, spec: ModelSpec, registry: KeyRegistry, inventory: Inventory) -> str:
        """Return why the rows of a model take a slower way than others, empty where they do not."""
        return ""

    @abc.abstractmethod
    def freeze(self, specs: Sequence[ModelSpec]) -> AbstractContextManager[None]:
        """Hold one consistent, read-only view of the tables of ``specs``.

        Raises ``DatabaseUnavailable`` when the database cannot be reached.
        """

    def hold_writers(self) -> AbstractContextManager[None]:
        """Keep others from committing while views of one moment begin, where ``join`` could not be told of one.

        Raises ``DatabaseUnavailable`` when they do not let go in time.
        """
        return nullcontext()

    def export_snapshot(self) -> str:
        """Return what ``join`` has to be told of the view that ``freeze`` holds in this thread."""
        return ""

    def join(self, specs: Sequence[ModelSpec], snapshot: str) -> AbstractContextManager[Callable[[], None]]:
        """Hold, on a connection of this thread alone, the view that another thread's ``freeze`` holds.

        Asked only where ``features.shares_snapshot``, and inside of ``hold_writers`` and ``freeze``. Gives what
        any thread may call to break off the statement under way. The connection is closed at the end.
        Raises ``DatabaseUnavailable`` when there is none to be had.
        """
        raise NotImplementedError(f"engine {self.name} has no view to share")

    @abc.abstractmethod
    def transaction(self, specs: Sequence[ModelSpec]) -> AbstractContextManager[None]:
        """Open the one transaction of a restore; commits on a clean exit, rolls back on an exception."""

    @abc.abstractmethod
    def rows(
        self, spec: ModelSpec, registry: KeyRegistry, inventory: Inventory, tally: Tally
    ) -> Iterator[Row]:
        """Yield the canonical rows of a model in the order of its primary key."""

    @abc.abstractmethod
    def lines(
        self, spec: ModelSpec, registry: KeyRegistry, inventory: Inventory, tally: Tally
    ) -> Iterator[Line | LongLine]:
        """Yield the same rows in the same order as lines of a package."""

    @abc.abstractmethod
    def count(self, spec: ModelSpec) -> int:
        """Return how many rows the model's table holds."""

    def filling(self, specs: Sequence[ModelSpec], rows: int) -> AbstractContextManager[None]:
        """Hold while ``rows`` rows go into the tables of ``specs``, which are empty, and into others as well.

        Raises ``LoadFailed`` at the end where one of them refers to nothing and the database says so already then.
        """
        return nullcontext()

    @abc.abstractmethod
    def insert(self, spec: ModelSpec, rows: list[TargetRow]) -> None:
        """Insert rows with their primary keys and links; no signal, no ``save()``, no ``auto_now``."""

    def line_insert(self, model: type[models.Model], columns: Sequence[Any]) -> LineInsert | None:
        """Return what inserts rows of a table from values as they stand in lines; ``None``: ``insert`` has to do."""
        return None

    def insert_lines(self, insert: LineInsert, rows: list[Any], name_of: Callable[[int], str]) -> None:
        """Insert rows that were made for ``insert``, which ``line_insert`` gave; ``name_of`` names one by its number.

        Raises ``LoadFailed`` when the database refuses them.
        """
        raise NotImplementedError(f"engine {self.name} takes no rows from lines")

    @abc.abstractmethod
    def update(self, spec: ModelSpec, rows: list[TargetRow]) -> None:
        """Write all columns and links of existing rows."""

    @abc.abstractmethod
    def delete(self, spec: ModelSpec, pks: Iterable[Any]) -> None:
        """Delete rows and their own links, without cascades and signals."""

    @abc.abstractmethod
    def delete_links_to(self, link: ManyToMany, pks: Iterable[Any]) -> None:
        """Delete the links of a many-to-many field that point at rows which go."""

    @abc.abstractmethod
    def column_values(self, model: type[models.Model], names: Sequence[str]) -> Iterator[tuple[Any, ...]]:
        """Yield (primary key, values of ``names``) of every row of a model's table."""

    @abc.abstractmethod
    def set_column(self, model: type[models.Model], attname: str, changes: Iterable[tuple[Any, Any]]) -> None:
        """Write one column of single rows: pairs of primary key and value. ``attname`` may be the key itself."""

    @abc.abstractmethod
    def broken_references(self, specs: Sequence[ModelSpec]) -> list[BrokenReference]:
        """Return foreign keys of the tables of ``specs`` that point at nothing."""

    @abc.abstractmethod
    def sequence(self, spec: ModelSpec) -> int | None:
        """Return the last number that the model's sequence gave out, ``None`` when it has no sequence."""

    @abc.abstractmethod
    def raise_sequences(self, least: Sequence[tuple[ModelSpec, int]]) -> None:
        """Let every sequence continue above the given number and above every row of its table."""

    @abc.abstractmethod
    def analyze(self, specs: Sequence[ModelSpec]) -> None:
        """Let the database renew what its planner knows of the tables; called outside of transactions."""

    @abc.abstractmethod
    def disconnect(self) -> None:
        """Let go of the connection and of whatever transaction it is in; the next use opens a new one."""

    def begin_anew(self) -> None:
        """Do the same after the last transaction has ended, however it did: nothing is left of it."""
        self.disconnect()

    @abc.abstractmethod
    def try_lock(self, name: str) -> bool:
        """Take a lock that all processes on this database see; it goes with the connection."""

    @abc.abstractmethod
    def unlock(self, name: str) -> None:
        """Release ``try_lock``."""

    @abc.abstractmethod
    def volatile_tables(self, specs: Sequence[ModelSpec]) -> list[tuple[str, str]]:
        """Return (table, storage engine) of tables that take no part in transactions."""
