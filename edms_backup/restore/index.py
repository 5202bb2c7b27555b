"""restore, step 1: the rows of both sides into the key map."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from edms_backup.engines.fitness import Fitness
from edms_backup.engines.naming import stream_names
from edms_backup.errors import MalformedPackage, NaturalKeyError
from edms_backup.events import Progress, Reporter, StepFinished, StepStarted
from edms_backup.package import ModelEntry, PackageReader, decode_line, digest_of_line
from edms_backup.package.scanning import boxed, lines_of_all
from edms_backup.restore.keymap import LIVE, PACKAGE, Duplicate, KeyMap, content_key, pack
from edms_backup.restore.keys import shown
from edms_backup.restore.ledger import (
    dangling_models,
    needed_models,
)
from edms_backup.restore.notes import Dangling, Needs, note_files
from edms_backup.restore.report import Mode
from edms_backup.restore.scanned import ScannedRows, Taken
from edms_backup.restore.target import (
    Target,
    deletes_strangers,
    key_members,
    key_reader,
    unique_rules,
    unique_values,
)
from edms_backup.schema.spec import ModelSpec


def index_all(package: PackageReader, target: Target, keymap: KeyMap, mode: Mode, reporter: Reporter) -> None:
    """Fill the key map with the rows of the package and of the target that are in scope.

    Raises ``MalformedPackage`` or ``NaturalKeyError`` when two rows of one side have the same key.
    """
    started = time.monotonic()
    entries = {entry.label: entry for entry in package.manifest.models}
    total = sum(entries[spec.label].rows for spec in target.specs)
    reporter.emit(StepStarted(step="plan", total=total))
    done = 0
    # Rows that point at any model come last: by then it is known which row is which.
    for spec in sorted(target.specs, key=lambda spec: bool(spec.generics or spec.soft)):
        entry = entries[spec.label]
        if not key_members(spec) and not target.engine(spec).count(spec):
            keymap.fresh.add(spec.label)
        _index_package(package, entry, spec, target, keymap)
        if spec.label not in keymap.fresh:
            _index_live(spec, target, keymap, mode)
        done += entry.rows
        reporter.emit(Progress(step="plan", done=done, subject=spec.label))
    keymap.flush()
    for label in sorted({*needed_models(keymap), *dangling_models(keymap)}):
        if label not in target.labels:
            _index_names(target.inventory[label], target, keymap)
    reporter.emit(StepFinished(step="plan", done=done, seconds=time.monotonic() - started))


def decoded(package: PackageReader, entry: ModelEntry) -> Iterator[tuple[dict[str, Any], bytes]]:
    """Yield every row of a model of the package, decoded, with its line."""
    for segment in entry.segments:
        number = 0
        for line in package.lines(segment):
            number += 1  # noqa: SIM113 - enumerate() would hold the line
            yield decode_line(line, segment.member, number), line
            del line  # before the next one is read: either may be a long one


def _index_package(
    package: PackageReader, entry: ModelEntry, spec: ModelSpec, target: Target, keymap: KeyMap
) -> None:
    scanned = ScannedRows(spec, entry, target, keymap)
    decode = _Decoded(spec, entry, target, keymap)

    def rows() -> Iterator[Taken]:
        for segment in entry.segments:
            blocks, number = package.blocks(segment), 0
            for found in lines_of_all(blocks) if scanned.reason else scanned.scanner.scan(blocks):
                number += 1  # noqa: SIM113 - enumerate() would hold the line
                taken = None if isinstance(found, bytes) else scanned.take(found)
                if taken is None:
                    held = boxed(found if isinstance(found, bytes) else found[0].encode())
                    del found  # before the next one is read: either may be a long one
                    taken = decode(held, segment.member, number)
                yield taken

    try:
        keymap.add_package(spec.label, rows())
    except Duplicate as duplicate:
        raise MalformedPackage(
            f"The package holds two rows of {spec.label} with the natural key {shown(duplicate.args[1])}.",
            hint="It cannot have been made by `edms_backup create`; take another package.",
        ) from duplicate


class _Decoded:
    """What the key map takes from a line, the plain way: it is decoded, and every value looked at."""

    def __init__(self, spec: ModelSpec, entry: ModelEntry, target: Target, keymap: KeyMap) -> None:
        self._spec = spec
        self._keymap = keymap
        self._rules = [] if spec.label in keymap.fresh else unique_rules(spec)
        self._members = key_members(spec)
        self._refuse_misshapen = _shape(spec, entry)
        self._needs, self._dangling = Needs(spec, target, keymap), Dangling(spec, target, keymap)
        self._refers = bool(spec.relations or spec.many_to_many or spec.generics or spec.soft)
        self._key_of = key_reader(entry)
        self._fitness = Fitness(spec, target.engine(spec).features)

    def __call__(self, held: list[bytes], member: str, number: int) -> Taken:
        """Return what a line gives, and note what it asks for; ``held`` is a list of one, the line."""
        spec, keymap = self._spec, self._keymap
        line = held.pop()
        document = decode_line(line, member, number)
        fields = document["fields"]
        self._refuse_misshapen(document)
        key = self._key_of(document)
        packed = None if key is None else pack(key)
        digest = digest_of_line(line, document).to_bytes(32, "big")
        known = packed or content_key(digest)
        if self._refers:
            self._needs.note(document)
            self._dangling.note(document, known)
        if not self._fitness.fits(fields, document["_pk"], line):
            for field, problem in self._fitness.problems(fields, document["_pk"]):
                keymap.add_unfit(spec.label, known, field, problem)
        if spec.files:
            note_files(spec, document, keymap)
        if self._rules:
            keymap.add_unique(spec.label, PACKAGE, known, unique_values(fields, self._rules, pack))
        reference = pack([fields[member.name] for member in self._members]) if self._members else None
        return packed, pack(document["_pk"]), digest, reference


def _shape(spec: ModelSpec, entry: ModelEntry) -> Callable[[Mapping[str, Any]], None]:
    """Return a check that a row has the fields of its model, and lists where links stand."""
    names = {field.name for field in entry.fields}
    links = [link.name for link in spec.many_to_many]

    def check(document: Mapping[str, Any]) -> None:
        fields = document["fields"]
        if fields.keys() != names:
            odd = min(names.symmetric_difference(fields))
            raise MalformedPackage(
                f"{spec.label}: the row with _pk {document['_pk']!r} lacks or adds {odd!r}."
            )
        for link in links:
            if not isinstance(fields[link], list):
                raise MalformedPackage(
                    f"{spec.label}: {link!r} of the row with _pk {document['_pk']!r} is no list of references."
                )

    return check


def _index_live(spec: ModelSpec, target: Target, keymap: KeyMap, mode: Mode) -> None:
    rules = unique_rules(spec)

    def rows() -> Iterator[tuple[bytes | None, bytes, bytes]]:
        for row in target.live_rows(spec, keymap.look_up_live):
            if rules:
                values = unique_values(row.fields, rules, pack)
                keymap.add_unique(spec.label, LIVE, row.key or content_key(row.digest), values)
            yield row.key, row.pk, row.digest

    try:
        keymap.add_live(spec.label, rows(), surplus=deletes_strangers(spec, mode))
    except Duplicate as duplicate:
        raise NaturalKeyError(
            f"This site has two rows of {spec.label} with the natural key {shown(duplicate.args[1])}.",
            hint="Make them distinct, or declare another key in EDMS_BACKUP['NATURAL_KEYS'] and make a new package.",
        ) from duplicate


def _index_names(spec: ModelSpec, target: Target, keymap: KeyMap) -> None:
    """Take the names of rows of a model that is referred to but not restored."""
    names = stream_names(spec, target.registry)
    keymap.add_live(spec.label, ((pack(key), pack(pk), b"") for pk, key in names))
    keymap.keep_live_keys(spec.label)
