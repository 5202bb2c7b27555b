"""Reading a table as canonical rows: one query for the rows, one for each many-to-many field.

Everything that a row's line needs is selected in one go: own columns and the natural keys of referenced
rows by join. JSON columns are selected as text, which tells JSON ``null`` from SQL NULL. Generic references
are resolved a batch of rows at a time, one query per content type that occurs in it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from django.db import models
from django.db.models.functions import Cast

from edms_backup.engines.followed import Targets
from edms_backup.engines.links import Links
from edms_backup.engines.naming import (
    BATCH,
    base_queryset,
    called_key,
    leaf_column,
    leaf_encoder,
    outer_join_all,
)
from edms_backup.engines.rows import Record, Row, Tally, batches
from edms_backup.engines.values import (
    Encoder,
    behind_references,
    encoder,
    json_value,
    speaks_for_itself,
)
from edms_backup.errors import DumpFailed
from edms_backup.naturalkeys import KeyRegistry
from edms_backup.schema.inventory import Inventory
from edms_backup.schema.spec import ModelSpec

__all__ = ["Named", "Record", "Row", "RowReader", "Tally", "Value", "unreadable_key"]

_IN_ORDER = (
    "CharField",
    "SlugField",
    "UUIDField",
    *(f"{size}{kind}" for size in ("", "Big", "Small") for kind in ("AutoField", "IntegerField")),
)
"""Internal types of primary keys by which "after this one" means the same to the database as its order."""
_UNREADABLE = (ValueError, TypeError, ArithmeticError, RecursionError)
_MEND = "Mend the value, or leave the model out (--exclude); nothing was changed."


def unreadable_key(spec: ModelSpec, pk: Any, error: Exception) -> DumpFailed:
    """Return what is said of a row whose primary key, ``pk`` as it was read, cannot be turned into JSON."""
    return DumpFailed(f"The primary key {pk!r} of a row of {spec.label} cannot be read: {error}.", hint=_MEND)


class _Columns:
    """Collects the names to select and remembers at which position each one is."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def position(self, name: str) -> int:
        if name not in self.names:
            self.names.append(name)
        return self.names.index(name)


def _json_alias(name: str) -> str:
    return f"edms_json_{name}"


@dataclass(frozen=True, slots=True)
class Value:
    """One selected value of a record, and how it becomes JSON."""

    position: int
    column: models.Field[Any, Any] | None
    """The column that it comes from; ``None`` where the value is not the column's own (JSON as text)."""
    encode: Encoder | None

    def get(self, record: Record) -> Any:
        """Return the value as JSON."""
        value = record[self.position]
        return value if value is None or self.encode is None else self.encode(value)


@dataclass(frozen=True, slots=True)
class Named:
    """A reference that is written as the natural key of its target."""

    raw: Value
    leaves: tuple[Value, ...]
    dangles: Callable[[], None]
    """Called for a value without a row, which travels as it is."""

    def get(self, record: Record) -> Any:
        """Return the target's natural key, or the value itself where there is no such row."""
        if record[self.raw.position] is None:
            return None
        key = [leaf.get(record) for leaf in self.leaves]
        if all(value is None for value in key):
            self.dangles()
            return self.raw.get(record)
        return key


class RowReader:
    """Reads the rows of one model; build one per run and model.

    ``registry`` names referenced rows, ``inventory`` tells where generic references may lead.
    """

    reads_ahead = False
    """Whether the next records may be fetched in another thread; only readers that fetch by themselves do so."""
    page = 0
    """Rows asked for at once from a database whose driver holds the whole of an answer in memory; 0: all of them."""

    def __init__(self, spec: ModelSpec, registry: KeyRegistry, inventory: Inventory, tally: Tally) -> None:
        self.spec = spec
        self.registry = registry
        self.inventory = inventory
        self.tally = tally
        self._columns = _Columns()
        self._json: dict[str, int] = {}
        self._pk = self._leaf("pk")
        followed = spec.generics or spec.soft
        self._targets = Targets(spec, registry, inventory, tally) if followed else None
        self._select()

    def _select(self) -> None:
        """Choose what is read of each row beside its primary key."""
        self._fields = [(column.name, self._field(column)) for column in self.spec.columns]
        self._key = self._key_parts()

    def rows(self) -> Iterator[Row]:
        """Yield every row in the order of its primary key."""
        queryset = base_queryset(self.spec.model, self.spec.using).order_by("pk")
        yield from self._read(queryset, self._links())

    def _links(self) -> list[Links]:
        return [
            Links(link, self.registry, self.spec, self.tally, self.page) for link in self.spec.many_to_many
        ]

    def some(self, pks: Iterable[Any]) -> Iterator[Row]:
        """Yield the rows with these primary keys, in the order of those, without their many-to-many fields."""
        queryset = base_queryset(self.spec.model, self.spec.using).filter(pk__in=list(pks)).order_by("pk")
        yield from self._read(queryset, [])

    def _read(self, queryset: models.QuerySet[Any], links: list[Links]) -> Iterator[Row]:
        for batch in self._batches(queryset):
            try:
                rows = [self._row(record, links) for record in batch]
            except _UNREADABLE as error:
                raise self._unreadable(batch, error) from error
            yield from self._finish(rows)
        for link in links:
            link.finish()

    def _batches(self, queryset: models.QuerySet[Any]) -> Iterator[list[Record]]:
        """Yield the records of a query in the order of the primary key, a page after the other where that is asked."""
        column: Any = self.spec.model._meta.pk
        pageable = behind_references(column).get_internal_type() in _IN_ORDER
        if not self.page or not pageable:
            yield from self._records(self._selected(queryset))
            return
        rest, size = queryset, self.page
        while size == self.page:
            size = 0
            for batch in self._records(self._selected(rest)[: self.page]):
                size += len(batch)
                last = batch[-1][self._pk.position]
                yield batch
            if size:
                rest = queryset.filter(pk__gt=last)

    def _selected(self, queryset: models.QuerySet[Any]) -> models.QuerySet[Any]:
        """Return the query for everything that is read of each row."""
        texts = {_json_alias(name): Cast(name, models.TextField()) for name in self._json}
        selected: models.QuerySet[Any] = queryset.annotate(**texts).values_list(*self._columns.names)
        outer_join_all(selected)
        return selected

    def _records(self, selected: models.QuerySet[Any]) -> Iterator[list[Record]]:
        """Yield the records in lists of up to ``BATCH``."""
        return batches(selected.iterator(chunk_size=BATCH), BATCH)

    def _row(self, record: Record, links: list[Links]) -> Row:
        row = Row(self._pk.get(record), None, {name: value.get(record) for name, value in self._fields})
        for name, position in self._json.items():
            if row.fields[name] is None and record[position] is not None:
                row.json_null.append(name)
        if self._key is not None:
            row.key = [value for part in self._key for value in self._part(part, record, row)]
        for link in links:
            row.fields[link.name] = link.of(row.pk)
        return row

    def _unreadable(self, batch: list[Record], error: Exception) -> DumpFailed:
        """Say which column of which row holds a value that is none."""
        for record in batch:
            try:
                pk = self._get(self._pk, record)
            except _UNREADABLE as reason:
                return unreadable_key(self.spec, record[self._pk.position], reason)
            for name, value in self._fields:
                try:
                    self._get(value, record)
                except type(error) as reason:
                    return DumpFailed(
                        f"{self.spec.label}.{name} of the row pk={pk} cannot be read: {reason}.",
                        hint=_MEND,
                    )
        return DumpFailed(f"Rows of {self.spec.label} cannot be read: {error}.")

    def _get(self, value: Value | Named, record: Record) -> Any:
        return value.get(record)

    def _finish(self, rows: list[Row]) -> list[Row]:
        if self._targets is not None:
            self._targets.resolve(rows)
        if self.spec.key.by_method:
            self._call_natural_key(rows)
        return rows

    def _call_natural_key(self, rows: list[Row]) -> None:
        """Ask the model itself for the keys of a batch; one query per batch."""
        column: Any = self.spec.model._meta.pk
        wanted = [column.to_python(row.pk) for row in rows]
        instances = base_queryset(self.spec.model, self.spec.using).in_bulk(wanted)
        for row, pk in zip(rows, wanted, strict=True):
            row.key = called_key(instances[pk])

    def _leaf(self, path: str) -> Value:
        """Return the value at the end of an ORM path."""
        column = leaf_column(self.spec.model, path)
        return Value(self._columns.position(path), column, leaf_encoder(self.spec.model, path))

    def _field(self, column: Any) -> Value | Named:
        if isinstance(column, models.JSONField) and not speaks_for_itself(column):
            self._json[column.name] = self._columns.position(_json_alias(column.name))
            return Value(self._json[column.name], None, json_value)
        raw = Value(self._columns.position(column.attname), behind_references(column), encoder(column))
        if not column.is_relation:
            return raw
        target = self.registry.of(column.related_model)
        if not target.paths or not column.target_field.primary_key:
            # No name to write (or, for to_field, the value is content already): the value itself.
            return raw
        leaves = tuple(self._leaf(f"{column.name}__{path}") for path in target.paths)
        label, tally = self.spec.label, self.tally
        return Named(raw, leaves, lambda: tally.note(tally.dangling, label, column.name))

    def _key_parts(self) -> list[str | Value] | None:
        """Return what the row's own key is put together from: names of its fields (or ``pk``) and other values."""
        if self.spec.key.keyless or self.spec.key.by_method:
            return None
        own = {"pk", *(column.name for column in self.spec.columns)}
        # What is no field of this model is a path, or a column of a parent's table.
        return [name if name in own else self._leaf(name) for name in self.spec.key.components]

    def _part(self, part: str | Value, record: Record, row: Row) -> list[Any]:
        if isinstance(part, Value):
            return [part.get(record)]
        value = row.pk if part == "pk" else row.fields[part]
        return value if isinstance(value, list) and part != "pk" else [value]
