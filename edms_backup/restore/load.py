"""restore, step 3: package rows into live tables, inside the one open transaction, as the key map says.

Deletes come first and in the order of referrers, then inserts and updates in the order of what is
referred to. Nothing of the host runs: no ``save()``, no signal, no ``auto_now``.
"""

from __future__ import annotations

import itertools
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models

from edms_backup.engines import TargetRow
from edms_backup.engines.softrefs import put
from edms_backup.engines.values import behind_references, decode, decoder
from edms_backup.errors import LoadFailed
from edms_backup.events import Progress, Reporter, StepFinished, StepStarted
from edms_backup.package import ModelEntry, PackageReader, reread_line
from edms_backup.restore.keymap import KeyMap, PlannedRow, pack
from edms_backup.restore.ledger import counts, live_pks_moved
from edms_backup.restore.report import Mode
from edms_backup.restore.target import Target, deletes_strangers, key_of_document, name_of_document
from edms_backup.schema.spec import ModelSpec

BATCH = 500  # rows decoded, resolved and written together

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Moves:
    """Which models have to be written anew, because rows that others refer to change their primary key."""

    moved: frozenset[str]
    """Labels with rows that both sides know under different primary keys."""
    rewritten: frozenset[str]
    """These, and every model in scope that refers to one of them."""


def find_moves(target: Target, keymap: KeyMap) -> Moves:
    """Find out what a replace moves; a merge moves nothing."""
    # Where one key named several rows, what refers to it has to be written anew as well.
    moved = {spec.label for spec in target.specs if live_pks_moved(keymap, spec.label)} | keymap.ambiguous
    rewritten = set(moved)
    for spec in target.specs:
        referred = {r.target._meta.label for r in spec.relations} | {
            m.target._meta.label for m in spec.many_to_many
        }
        if moved and (referred & moved or spec.generics or spec.soft):
            rewritten.add(spec.label)
    return Moves(frozenset(moved), frozenset(rewritten))


def load(
    package: PackageReader, target: Target, keymap: KeyMap, mode: Mode, moves: Moves, reporter: Reporter
) -> None:
    """Make the target hold what the key map promises.

    Raises ``LoadFailed`` when a value does not fit or the database refuses a row.
    """
    started = time.monotonic()
    entries = {entry.label: entry for entry in package.manifest.models}
    work = [spec for spec in target.specs if _has_work(spec, keymap, moves)]
    reporter.emit(StepStarted(step="load", total=sum(entries[spec.label].rows for spec in work)))
    for spec in reversed(target.specs):
        _delete(spec, target, keymap, mode, moves)
    done = 0
    for spec in work:
        loader = _ModelLoader(spec, entries[spec.label], target, keymap, spec.label in moves.rewritten)
        for count in loader.run(package):
            done += count
            reporter.emit(Progress(step="load", done=done, subject=spec.label))
    reporter.emit(StepFinished(step="load", done=done, seconds=time.monotonic() - started))


def _has_work(spec: ModelSpec, keymap: KeyMap, moves: Moves) -> bool:
    found = counts(keymap, spec.label)
    return bool(found["new"] or found["changed"]) or spec.label in moves.rewritten


def _delete(spec: ModelSpec, target: Target, keymap: KeyMap, mode: Mode, moves: Moves) -> None:
    gone: list[Any] = keymap.displaced_pks(spec.label)
    if deletes_strangers(spec, mode):
        lost = list(keymap.live_pks(spec.label, known=False))
        _delete_links_to(spec, target, [primary_key_value(spec, pk) for pk in lost])
        gone.extend(lost)
    if spec.label in moves.rewritten:
        gone.extend(keymap.live_pks(spec.label, known=True))
    if gone:
        target.engine(spec).delete(spec, list(dict.fromkeys(primary_key_value(spec, pk) for pk in gone)))


def primary_key_value(spec: ModelSpec, pk: Any) -> Any:
    """Return a primary key of the key map as the database value of the model's key; composite ones as a tuple."""
    column: Any = spec.model._meta.pk
    members = getattr(column, "fields", None)
    if members:
        return tuple(_decoded(member, part) for member, part in zip(members, pk, strict=True))
    return _decoded(column, pk)


def _decoded(column: Any, value: Any) -> Any:
    return decode(behind_references(column), value)


def _delete_links_to(spec: ModelSpec, target: Target, pks: list[Any]) -> None:
    """Remove many-to-many links of other models to rows that go."""
    for owner in target.inventory:
        for link in owner.many_to_many:
            if link.target is spec.model and pks:
                target.engine(spec).delete_links_to(link, pks)


class _ModelLoader:
    """Loads the rows of one model, a batch at a time."""

    def __init__(
        self, spec: ModelSpec, entry: ModelEntry, target: Target, keymap: KeyMap, rewritten: bool
    ) -> None:
        self.spec = spec
        self.entry = entry
        self.target = target
        self.keymap = keymap
        self.rewritten = rewritten
        self.engine = target.engine(spec)
        self.primary_key: Any = spec.model._meta.pk
        self.references = References(spec, target, keymap)
        self._columns = [
            (column, column.name, column.attname, None if column.is_relation else decoder(column))
            for column in spec.columns
        ]
        self._displaced = set(map(pack, keymap.displaced_pks(spec.label)))

    def run(self, package: PackageReader) -> Iterator[int]:
        """Load everything; yields the number of rows handled after each batch."""
        documents = (reread_line(line) for segment in self.entry.segments for line in package.lines(segment))
        while batch := list(itertools.islice(documents, BATCH)):
            self._load(batch)
            yield len(batch)

    def _load(self, batch: list[Document]) -> None:
        planned = self._planned(batch)
        wanted = [(document, row) for document, row in zip(batch, planned, strict=True) if self._is_work(row)]
        if not wanted:
            return
        self.references.resolve([document for document, _ in wanted])
        inserts: list[TargetRow] = []
        updates: list[TargetRow] = []
        for document, row in wanted:
            is_new = row.live is None or self.rewritten or pack(row.live) in self._displaced
            (inserts if is_new else updates).append(self._target_row(document, row))
        if inserts:
            self.engine.insert(self.spec, inserts)
        if updates:
            self.engine.update(self.spec, updates)

    def _planned(self, batch: list[Document]) -> list[PlannedRow]:
        """Return the fate of each row of a batch."""
        keys = [key_of_document(document, self.entry) for document in batch]
        if any(key is None for key in keys):
            pks = [pack(document["_pk"]) for document in batch]
            found = self.keymap.look_up_src(self.spec.label, pks)
            return [found[pk] for pk in pks]
        packed = [pack(key) for key in keys]
        found = self.keymap.look_up(self.spec.label, packed)
        return [found[key] for key in packed]

    def _is_work(self, row: PlannedRow) -> bool:
        if row.refused:
            return False
        return self.rewritten or row.live is None or not row.same or pack(row.live) in self._displaced

    def _target_row(self, document: Document, row: PlannedRow) -> TargetRow:
        name = name_of_document(document, self.entry)
        values: dict[str, Any] = {}
        fields = document["fields"]
        referring = {reference["field"] for reference in document.get("_refs", {}).values()}
        for column, field, attname, convert in self._columns:
            value = fields[field]
            if convert is None:
                values[attname] = self.references.value(column, value, name)
                continue
            if field in referring:
                value = self.references.followed(field, value, document)
            try:
                values[attname] = convert(value)
            except (ValidationError, ValueError, TypeError, ArithmeticError) as error:
                raise self._misfit(column, name) from error
        for json_column in document.get("_json_null", ()):
            values[json_column] = models.Value(None, models.JSONField())
        pk = row.target
        if self.primary_key.is_relation:
            values[self.primary_key.attname] = self._pk(pk, name)
        return TargetRow(
            pk=self._pk(pk, name),
            values=values,
            links={link.name: self.references.links(link.name, document) for link in self.spec.many_to_many},
            name=name,
        )

    def _pk(self, pk: Any, name: str) -> Any:
        try:
            return primary_key_value(self.spec, pk)
        except (ValidationError, ValueError, TypeError) as error:
            raise LoadFailed(f"{self.spec.label} {name}: {pk} is no primary key of this model.") from error

    def _misfit(self, column: Any, name: str) -> LoadFailed:
        return LoadFailed(
            f"{self.spec.label} {name}: the value of {column.name} is no {column.get_internal_type()}.",
            hint="Nothing was changed. The package was not made by this version of the models.",
        )


class References:
    """Resolves the references of a batch of rows to primary keys of the target."""

    def __init__(self, spec: ModelSpec, target: Target, keymap: KeyMap) -> None:
        self.spec = spec
        self.keymap = keymap
        self._labels = {r.name: r.target._meta.label for r in spec.relations}
        self._link_labels = {link.name: link.target._meta.label for link in spec.many_to_many}
        self._inventory = target.inventory
        self._unnamed = {
            r.name
            for r in spec.relations
            if r.to_primary_key
            and target.registry.of(r.target).keyless
            and r.target._meta.label in target.labels
        }
        self._found: dict[tuple[str, str], dict[bytes, PlannedRow]] = {}

    def resolve(self, documents: list[Document]) -> None:
        """Look up everything that a batch refers to, one question per model."""
        by_key: dict[str, set[bytes]] = defaultdict(set)
        by_src: dict[str, set[bytes]] = defaultdict(set)
        for document in documents:
            for label, value in self._values(document):
                (by_key if isinstance(value, list) else by_src)[label].add(pack(value))
        self._found.clear()
        for label, keys in by_key.items():
            self._found[("key", label)] = self.keymap.look_up(label, sorted(keys))
        for label, pks in by_src.items():
            self._found[("src", label)] = self.keymap.look_up_src(label, sorted(pks))

    def _values(self, document: Document) -> Iterator[tuple[str, Any]]:
        fields: Mapping[str, Any] = document["fields"]
        for name, label in self._labels.items():
            if isinstance(fields[name], list) or (fields[name] is not None and name in self._unnamed):
                yield label, fields[name]
        for name, label in self._link_labels.items():
            for value in fields[name]:
                yield label, value
        for reference in document.get("_refs", {}).values():
            label = self._label(reference["model"])
            yield label, reference["key"] if "key" in reference else reference["pk"]

    def _row(self, label: str, value: Any) -> PlannedRow | None:
        kind = "key" if isinstance(value, list) else "src"
        return self._found.get((kind, label), {}).get(pack(value))

    def _target(self, label: str, value: Any) -> Any:
        row = self._row(label, value)
        return None if row is None else row.target

    def value(self, column: Any, value: Any, name: str) -> Any:
        """Return the value of a foreign key column."""
        if value is None:
            return None
        if not isinstance(value, list):
            moved = self._target(self._labels[column.name], value) if column.name in self._unnamed else None
            return decode(column.target_field, value if moved is None else moved)
        found = self._target(self._labels[column.name], value)
        if found is None:
            raise self._missing(column.name, self._labels[column.name], value, name)
        return decode(column.target_field, found)

    def links(self, field: str, document: Document) -> list[Any]:
        """Return the primary keys that a many-to-many field points at."""
        label = self._link_labels[field]
        link = next(link for link in self.spec.many_to_many if link.name == field)
        primary_key: Any = link.target._meta.pk
        column = primary_key.target_field if primary_key.is_relation else primary_key
        found = []
        for value in document["fields"][field]:
            pk = self._target(label, value)
            if pk is None and isinstance(value, list):
                raise self._missing(field, label, value, str(document["_pk"]))
            found.append(decode(column, value if pk is None else pk))
        # Where a row gave way to another one, two links may have become one.
        return list(dict.fromkeys(found)) if self.keymap.substitutes else found

    def followed(self, column: str, value: Any, document: Document) -> Any:
        """Return a column's value with every id that a reference of the row resolves replaced by the target's."""
        for name, reference in document.get("_refs", {}).items():
            if reference["field"] != column:
                continue
            label = self._label(reference["model"])
            named = reference["key"] if "key" in reference else reference["pk"]
            row = self._row(label, named)
            if row is None and "key" in reference:
                raise self._missing(name, label or reference["model"], named, str(document["_pk"]))
            if row is not None and row.src is not None and row.src == row.target:
                continue  # the id stays what it is, down to the way in which it is written
            pk = None if row is None else row.target
            value = put(value, reference.get("path", ()), named if pk is None else pk)
        return value

    def _label(self, lower: str) -> str:
        """Return the label of the model that owns the rows of ``lower``, a proxy's too."""
        spec = self._inventory.of_label(lower)
        return "" if spec is None else spec.label

    def _missing(self, field: str, label: str, value: list[Any], name: str) -> LoadFailed:
        shown = ", ".join(str(part) for part in value)
        return LoadFailed(
            f"{self.spec.label} {name}: {field} refers to {label} {shown}, which is neither restored nor on this site.",
            hint=f"Nothing was changed. Restore {label} as well, or create that row first.",
        )
