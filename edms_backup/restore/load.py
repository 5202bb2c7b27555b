"""restore, step 3: package rows into live tables, inside the one open transaction, as the key map says.

Deletes come first and in the order of referrers, then inserts and updates in the order of what is
referred to. Nothing of the host runs: no ``save()``, no signal, no ``auto_now``.
"""

from __future__ import annotations

import functools
import itertools
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from re import Match
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models

from edms_backup.engines import TargetRow
from edms_backup.engines.values import behind_references, decode, decoder, exact_type, unchanged
from edms_backup.errors import LoadFailed
from edms_backup.events import Progress, Reporter, StepFinished, StepStarted
from edms_backup.package import ModelEntry, PackageReader, reread_line
from edms_backup.restore.keymap import KeyMap, PlannedRow, pack
from edms_backup.restore.ledger import all_new, counts, live_pks_moved
from edms_backup.restore.references import Document, KnownRows, References
from edms_backup.restore.report import Mode
from edms_backup.restore.scannedload import KnownPlaces, ScannedLoad
from edms_backup.restore.target import Target, deletes_strangers, key_reader
from edms_backup.schema.spec import ModelSpec

BATCH = 500  # rows decoded, resolved and written together
SCANNED_BATCH = 2000  # the same of rows that are not decoded
ROOM = 8 * 1024 * 1024  # bytes of lines after which a batch ends


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
    done, known, places = 0, KnownRows(keymap), KnownPlaces(keymap)
    with ExitStack() as stack:
        _fill(target, [spec for spec in work if all_new(keymap, spec.label)], entries, stack)
        for spec in work:
            loader = _ModelLoader(spec, entries[spec.label], target, keymap, known, places, moves)
            for count in loader.run(package):
                done += count
                reporter.emit(Progress(step="load", done=done, subject=spec.label))
    reporter.emit(StepFinished(step="load", done=done, seconds=time.monotonic() - started))


def _fill(
    target: Target, specs: Sequence[ModelSpec], entries: Mapping[str, ModelEntry], stack: ExitStack
) -> None:
    """Let each database know that rows go into empty tables; ``stack``: until they are there."""
    for alias in target.aliases:
        own = [spec for spec in specs if spec.using == alias]
        if own:
            rows = sum(entries[spec.label].rows for spec in own)
            stack.enter_context(target.engines[alias].filling(own, rows))


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
        self,
        spec: ModelSpec,
        entry: ModelEntry,
        target: Target,
        keymap: KeyMap,
        known: KnownRows,
        places: KnownPlaces,
        moves: Moves,
    ) -> None:
        self.spec = spec
        self.entry = entry
        self.keymap = keymap
        self.engine = target.engine(spec)
        self.rows = RowMaker(spec, References(spec, target, keymap, known))
        self._rewritten = spec.label in moves.rewritten
        self._key_of = key_reader(entry)
        self._displaced = set(map(pack, keymap.displaced_pks(spec.label)))
        # Into an empty table nothing has to be asked: every row is new and keeps its primary key.
        self._all_new = not self._displaced and all_new(keymap, spec.label)
        self._scanned = ScannedLoad(spec, entry, target, keymap, places) if self._all_new else None

    def run(self, package: PackageReader) -> Iterator[int]:
        """Load everything; yields the number of rows handled after each batch."""
        if self._scanned is not None and not self._scanned.reason:
            yield from self._run_scanned(package, self._scanned)
            return
        # No name here holds a line: a long one would stand in memory beside the row that it has become.
        lines = itertools.chain.from_iterable(map(package.lines, self.entry.segments))
        while batch := self._batch(lines):
            size = len(batch)
            self._load(batch)
            batch.clear()  # before the next one is read
            yield size

    def _run_scanned(self, package: PackageReader, scanned: ScannedLoad) -> Iterator[int]:
        """Load everything from lines that are taken apart, and those that are not in the plain way."""
        blocks = itertools.chain.from_iterable(map(package.blocks, self.entry.segments))
        found: list[Match[str]] = []
        lines: list[bytes] = []
        room = ROOM
        for each in scanned.scanner.scan(blocks):
            if isinstance(each, bytes):
                room -= len(each)
                lines.append(each)
            else:
                found.append(each)
            del each  # before the next one is read: either may be a long one
            if room < 0 or len(found) + len(lines) >= SCANNED_BATCH:
                yield self._load_scanned(scanned, found, lines)
                room = ROOM
        yield self._load_scanned(scanned, found, lines)

    def _load_scanned(self, scanned: ScannedLoad, found: list[Match[str]], lines: list[bytes]) -> int:
        """Load some lines, and let go of them; return how many they were."""
        count = len(found) + len(lines)
        lines += scanned.load(found)
        found.clear()
        while lines:
            batch = [reread_line(lines.pop()) for _ in range(min(BATCH, len(lines)))]
            self._load(batch)
        return count

    def _batch(self, lines: Iterator[bytes]) -> list[Document]:
        """Return the rows that are handled together; with a long one the batch ends."""
        batch: list[Document] = []
        room = ROOM

        def counted(line: bytes) -> bytes:
            nonlocal room
            room -= len(line)
            return line

        for document in map(reread_line, map(counted, itertools.islice(lines, BATCH))):
            batch.append(document)
            if room < 0:
                break
        return batch

    def _load(self, batch: list[Document]) -> None:
        keys = [self._key_of(document) for document in batch]
        if self._all_new:
            self.rows.references.resolve(batch)
            made = [
                self.rows.made(document, document["_pk"], key)
                for document, key in zip(batch, keys, strict=True)
            ]
            batch.clear()  # what the database gets may be long, and is not needed in its other form as well
            self.engine.insert(self.spec, made)
            return
        planned = zip(batch, keys, self._planned(batch, keys), strict=True)
        wanted = [(document, key, row) for document, key, row in planned if self._is_work(row)]
        if not wanted:
            return
        self.rows.references.resolve([document for document, _, _ in wanted])
        inserts: list[TargetRow] = []
        updates: list[TargetRow] = []
        for document, key, row in wanted:
            is_new = row.live is None or self._rewritten or pack(row.live) in self._displaced
            (inserts if is_new else updates).append(self.rows.made(document, row.target, key))
        del document
        wanted.clear()
        batch.clear()
        if inserts:
            self.engine.insert(self.spec, inserts)
        if updates:
            self.engine.update(self.spec, updates)

    def _planned(self, batch: list[Document], keys: list[list[Any] | None]) -> list[PlannedRow]:
        """Return the fate of each row of a batch."""
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
        return self._rewritten or row.live is None or not row.same or pack(row.live) in self._displaced


class RowMaker:
    """Turns rows of the package into rows of the target; what they refer to must have been resolved.

    Like ``CompiledReader`` on the other way it is a function made for the model. A row on which that function
    fails is gone through again, value by value, to say which one it was.
    """

    def __init__(self, spec: ModelSpec, references: References) -> None:
        self.spec = spec
        self.references = references
        self._primary_key: Any = spec.model._meta.pk
        self._links = [link.name for link in spec.many_to_many]
        self._followed = {generic.object_id for generic in spec.generics} | {soft.field for soft in spec.soft}
        self._columns = [
            (column, references.column(column) if column.is_relation else decoder(column))
            for column in spec.columns
        ]
        is_own_column = not self._primary_key.is_relation and not hasattr(self._primary_key, "fields")
        self._pk_of = decoder(self._primary_key) if is_own_column else None
        self._values = self._compile()

    def made(self, document: Document, pk: Any, key: list[Any] | None) -> TargetRow:
        """Return the row that ``document`` will be, with the primary key ``pk`` and named by ``key``.

        Raises ``LoadFailed`` for a value or a reference that finds no place.
        """
        row = TargetRow(pk=None, values={}, key=key)
        try:
            row.values = self._values(document["fields"], document)
            row.pk = self._pk_of(pk) if self._pk_of is not None else primary_key_value(self.spec, pk)
        except (ValidationError, ValueError, TypeError, ArithmeticError, LookupError):
            self._explain(document, pk, row.name)
            raise
        if "_json_null" in document:
            for name in document["_json_null"]:
                row.values[name] = models.Value(None, models.JSONField())
        if self._primary_key.is_relation:
            row.values[self._primary_key.attname] = row.pk
        if self._links:
            row.links = {name: self.references.links(name, document) for name in self._links}
        return row

    def _compile(self) -> Callable[[Mapping[str, Any], Document], dict[str, Any]]:
        """Return the function from the fields of a row, and the row, to its values by attribute."""
        names: dict[str, Any] = {}
        items = []
        for number, (column, convert) in enumerate(self._columns):
            field, call = repr(column.name), f"x{number}"
            names[call] = convert
            exact = None if column.is_relation else exact_type(column)
            if column.name in self._followed:
                names[call] = functools.partial(self._value, column, convert)
                source = f"{call}(D)"
            elif convert is unchanged:
                source = f"F[{field}]"
            elif exact is not None:
                source = f"v if (v := F[{field}]) is None or type(v) is {exact.__name__} else {call}(v)"
            else:
                source = f"None if (v := F[{field}]) is None else {call}(v)"
            items.append(f"{column.attname!r}: ({source})")
        exec(
            f"def values(F, D):\n    return {{{', '.join(items)}}}", names
        )  # names of fields, quoted, and no more
        function: Callable[[Mapping[str, Any], Document], dict[str, Any]] = names["values"]
        return function

    def _value(self, column: Any, convert: Callable[[Any], Any], document: Document) -> Any:
        value = document["fields"][column.name]
        return convert(self.references.followed(column.name, value, document))

    def _explain(self, document: Document, pk: Any, name: str) -> None:
        """Raise ``LoadFailed`` naming the value of a row that finds no place."""
        for column, convert in self._columns:
            value = document["fields"][column.name]
            if column.is_relation:
                self.references.value(column, value, name)
                continue
            try:
                self._value(column, convert, document)
            except (ValidationError, ValueError, TypeError, ArithmeticError) as error:
                raise LoadFailed(
                    f"{self.spec.label} {name}: the value of {column.name} is no {column.get_internal_type()}.",
                    hint="Nothing was changed. The package was not made by this version of the models.",
                ) from error
        try:
            primary_key_value(self.spec, pk)
        except (ValidationError, ValueError, TypeError) as error:
            raise LoadFailed(f"{self.spec.label} {name}: {pk} is no primary key of this model.") from error
