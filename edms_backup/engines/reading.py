"""Reading a table as canonical rows: one query for the rows, one for each many-to-many field.

Everything that a row's line needs is selected in one go: own columns and the natural keys of referenced
rows by join. JSON columns are selected as text, which tells JSON ``null`` from SQL NULL. Generic references
are resolved a batch of rows at a time, one query per content type that occurs in it.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import models
from django.db.models.functions import Cast

from edms_backup.engines.naming import (
    BATCH,
    base_queryset,
    called_key,
    leaf_column,
    leaf_encoder,
    names_of,
    outer_join_all,
)
from edms_backup.engines.softrefs import occurrences, reference_name
from edms_backup.engines.values import (
    Encoder,
    behind_references,
    encoder,
    json_value,
    speaks_for_itself,
    unchanged,
)
from edms_backup.errors import DumpFailed
from edms_backup.naturalkeys import KeyRegistry
from edms_backup.schema.inventory import Inventory
from edms_backup.schema.spec import Fate, GenericRef, ManyToMany, ModelSpec, SoftRef

Record = Sequence[Any]


@dataclass(slots=True)
class Row:
    """One canonical row."""

    pk: Any
    """Primary key as JSON."""
    key: list[Any] | None
    """Natural key as JSON, flat; ``None`` for a keyless model."""
    fields: dict[str, Any]
    """Field names to JSON values, in the order of Django's serializers."""
    refs: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Generic references by name: the column, the target's model and its key (or primary key)."""
    json_null: list[str] = field(default_factory=list)
    """JSON columns whose ``None`` is JSON ``null``, not SQL NULL."""


@dataclass(slots=True)
class Tally:
    """What was noticed while reading: places that dangle, by model and field."""

    dangling: dict[tuple[str, str], int] = field(default_factory=dict)
    dangling_generic: dict[tuple[str, str], int] = field(default_factory=dict)

    def note(self, where: dict[tuple[str, str], int], label: str, name: str) -> None:
        """Count one more dangling place."""
        where[(label, name)] = where.get((label, name), 0) + 1


def batches(records: Iterable[Record], size: int) -> Iterator[list[Record]]:
    """Yield lists of up to ``size`` records (``itertools.batched`` came with Python 3.12)."""
    iterator = iter(records)
    while batch := list(itertools.islice(iterator, size)):
        yield batch


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

    def __init__(self, spec: ModelSpec, registry: KeyRegistry, inventory: Inventory, tally: Tally) -> None:
        self.spec = spec
        self.registry = registry
        self.inventory = inventory
        self.tally = tally
        self._columns = _Columns()
        self._json: dict[str, int] = {}
        self._pk = self._leaf("pk")
        self._fields = [(column.name, self._field(column)) for column in spec.columns]
        self._key = self._key_parts()
        followed = spec.generics or spec.soft
        self._targets = _Targets(spec, registry, inventory, tally) if followed else None

    def rows(self) -> Iterator[Row]:
        """Yield every row in the order of its primary key."""
        queryset = base_queryset(self.spec.model, self.spec.using).order_by("pk")
        yield from self._read(
            queryset, [_Links(link, self.registry, self.spec, self.tally) for link in self.spec.many_to_many]
        )

    def _read(self, queryset: models.QuerySet[Any], links: list[_Links]) -> Iterator[Row]:
        texts = {_json_alias(name): Cast(name, models.TextField()) for name in self._json}
        selected = queryset.annotate(**texts).values_list(*self._columns.names)
        outer_join_all(selected)
        for batch in self._records(selected):
            try:
                rows = [self._row(record, links) for record in batch]
            except (ValueError, TypeError, ArithmeticError, RecursionError) as error:
                raise self._unreadable(batch, error) from error
            yield from self._finish(rows)
        for link in links:
            link.finish()

    def _records(self, selected: models.QuerySet[Any]) -> Iterator[list[Record]]:
        """Yield the records in lists of up to ``BATCH``."""
        return batches(selected.iterator(chunk_size=BATCH), BATCH)

    def _row(self, record: Record, links: list[_Links]) -> Row:
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
            for name, value in self._fields:
                try:
                    self._get(value, record)
                except type(error) as reason:
                    pk = self._get(self._pk, record)
                    return DumpFailed(
                        f"{self.spec.label}.{name} of the row pk={pk} cannot be read: {reason}.",
                        hint="Mend the value, or leave the model out (--exclude); nothing was changed.",
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


class _Links:
    """The many-to-many values of one field, read beside the rows: both come in the order of the owner."""

    def __init__(self, link: ManyToMany, registry: KeyRegistry, spec: ModelSpec, tally: Tally) -> None:
        self.name = link.name
        self._label = spec.label
        self._tally = tally
        target = registry.of(link.target)
        paths = list(target.paths)
        names = [f"{link.target_name}__{path}" for path in paths]
        self._encoders = [leaf_encoder(link.through, name) for name in names]
        columns: dict[str, Any] = {column.attname: column for column in link.through._meta.concrete_fields}
        self._encode_source = encoder(columns[link.source]) or unchanged
        self._encode_raw = encoder(columns[link.target_attname]) or unchanged
        owners = base_queryset(spec.model, spec.using).filter(pk=models.OuterRef(link.source))
        every = base_queryset(link.through, spec.using)
        self._count_strays(every.filter(~models.Exists(owners)).count())
        # A link whose owner is gone must not stand in the way of those that follow it.
        queryset = (
            every.filter(models.Exists(owners))
            .order_by(link.source, "pk")
            .values_list(link.source, link.target_attname, *names)
        )
        outer_join_all(queryset)
        self._stream = iter(queryset.iterator(chunk_size=BATCH))
        self._next: Record | None = next(self._stream, None)

    def _count_strays(self, count: int) -> None:
        if count:
            self._tally.dangling[(self._label, self.name)] = count

    def of(self, pk: Any) -> list[Any]:
        """Return the targets of one owner, sorted; owners must be asked for in the order of the table."""
        found: list[Any] = []
        while self._next is not None and self._encode_source(self._next[0]) == pk:
            found.append(self._target(self._next))
            self._next = next(self._stream, None)
        return sorted(found, key=repr)

    def _target(self, record: Record) -> Any:
        """Return the natural key of a link's target, or its primary key where there is none to be had."""
        values = [
            value if value is None or encode is None else encode(value)
            for value, encode in zip(record[2:], self._encoders, strict=True)
        ]
        if values and all(value is None for value in values):
            self._tally.note(self._tally.dangling, self._label, self.name)
            return self._encode_raw(record[1])
        return values or self._encode_raw(record[1])

    def finish(self) -> None:
        """Raise ``DumpFailed`` unless every link has found its owner."""
        if self._next is not None:
            raise DumpFailed(
                f"Links of {self._label}.{self.name} could not be read in the order of their owners.",
                hint="Nothing was published. Run `edms_backup check`.",
            )


class _Targets:
    """Names the rows that generic and declared soft references of one model point at."""

    def __init__(self, spec: ModelSpec, registry: KeyRegistry, inventory: Inventory, tally: Tally) -> None:
        self.spec = spec
        self.registry = registry
        self.inventory = inventory
        self.tally = tally

    def resolve(self, rows: list[Row]) -> None:
        """Fill ``refs`` of a batch of rows."""
        for soft in self.spec.soft:
            self._resolve_soft(soft, rows)
        for generic in self.spec.generics:
            wanted: dict[tuple[str, str], list[Row]] = defaultdict(list)
            for row in rows:
                content_type, object_id = row.fields[generic.content_type_name], row.fields[generic.object_id]
                if isinstance(content_type, list) and object_id is not None:
                    wanted[(content_type[0], content_type[1])].append(row)
            for (app_label, model_name), holders in wanted.items():
                self._resolve_type(generic, f"{app_label}.{model_name}", holders)

    def _resolve_soft(self, soft: SoftRef, rows: list[Row]) -> None:
        target = self.inventory[soft.target]
        found = [(row, *place) for row in rows for place in occurrences(row.fields[soft.field], soft.path)]
        names = names_of(target, self.registry, {value for _, _, value in found}) if found else {}
        for row, path, value in found:
            named = names.get(str(value))
            if named is None:
                self.tally.note(self.tally.dangling_generic, self.spec.label, soft.field)
                continue
            reference = {"field": soft.field, "model": target.model._meta.label_lower, **named}
            row.refs[reference_name(soft, path)] = {**reference, "path": list(path)} if path else reference

    def _resolve_type(self, generic: GenericRef, label: str, holders: list[Row]) -> None:
        spec = self.inventory.of_label(label)
        if spec is not None and spec.fate is Fate.EXCLUDED:
            return  # its rows do not travel: the id is all that there is to say
        names: dict[str, dict[str, Any]] = {}
        if spec is not None:
            names = names_of(spec, self.registry, {row.fields[generic.object_id] for row in holders})
        for row in holders:
            target = names.get(str(row.fields[generic.object_id]))
            if target is None:
                self.tally.note(self.tally.dangling_generic, self.spec.label, generic.name)
                continue
            row.refs[generic.name] = {"field": generic.object_id, "model": label, **target}
