"""restore, step 1: both sides into the key map, and for every row the primary key that it will have."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from django.db import models

from edms_backup.engines.fitness import Fitness
from edms_backup.engines.naming import stream_names
from edms_backup.errors import MalformedPackage, NaturalKeyError
from edms_backup.events import Progress, Reporter, StepFinished, StepStarted
from edms_backup.findings import Finding, Severity
from edms_backup.package import ModelEntry, PackageReader, decode_line, digest_of_line
from edms_backup.package.scanning import boxed, lines_of_all
from edms_backup.restore.keymap import LIVE, PACKAGE, Duplicate, KeyMap, PlannedRow, content_key, pack, unpack
from edms_backup.restore.keys import ORDINAL
from edms_backup.restore.ledger import (
    clashes,
    dangling_models,
    missing_needs,
    needed_models,
    resolved_by_chance,
    unfit_values,
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
from edms_backup.schema.spec import Fate, ModelSpec, OnConflict

LookUp = Callable[[str, Sequence[bytes]], dict[bytes, PlannedRow]]
"""(label, packed values) to the rows of the key map that have them."""


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
            f"The package holds two rows of {spec.label} with the natural key {_shown(duplicate.args[1])}.",
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
            f"This site has two rows of {spec.label} with the natural key {_shown(duplicate.args[1])}.",
            hint="Make them distinct, or declare another key in EDMS_BACKUP['NATURAL_KEYS'] and make a new package.",
        ) from duplicate


def _index_names(spec: ModelSpec, target: Target, keymap: KeyMap) -> None:
    """Take the names of rows of a model that is referred to but not restored."""
    names = stream_names(spec, target.registry)
    keymap.add_live(spec.label, ((pack(key), pack(pk), b"") for pk, key in names))
    keymap.keep_live_keys(spec.label)


# -- primary keys ----------------------------------------------------------------------------------


def assign_keys(target: Target, keymap: KeyMap, mode: Mode, issued: Mapping[str, int]) -> list[Finding]:
    """Decide which primary key every row has afterwards; returns what makes that impossible.

    ``issued``: the last number that each model's sequence had given out at the source; no number is given twice.
    """
    findings: list[Finding] = []
    for spec in target.specs:
        replaces = mode is Mode.REPLACE and spec.fate is Fate.INCLUDED
        if spec.label in keymap.fresh:
            _order(spec, keymap, issued.get(spec.label, 0))
            continue
        if key_members(spec):
            _follow_members(spec, keymap)
            if spec.append_only or not replaces:
                _survivors_follow(spec, keymap)
        elif replaces:
            keymap.keep_package_keys(spec.label)
            if spec.append_only:
                findings.extend(_make_room(spec, keymap))
        else:
            keymap.keep_live_keys(spec.label)
            keymap.take_free_keys(spec.label)
        findings.extend(_allocate(spec, keymap, issued.get(spec.label, 0)))
        _order(spec, keymap, issued.get(spec.label, 0))
    return findings


def _order(spec: ModelSpec, keymap: KeyMap, issued: int) -> None:
    """Give rows of one content primary keys in the order in which they stand in the package, if they are numbers.

    Which of them is which is told by that order alone: a new one with a lower number than one before it would be
    taken for that one by the next restore, and what refers to it would move.
    """
    if not spec.key.keyless or not isinstance(spec.model._meta.pk, models.AutoField):
        return
    following = max(keymap.greatest(spec.label), issued)
    content, last = b"", 0
    for key, is_new, target in list(keymap.twins(spec.label)):
        if key[:-ORDINAL] != content:
            content, last = key[:-ORDINAL], target
        elif is_new and target < last:
            following += 1
            keymap.set_target(spec.label, key, following)
            last = following
        else:
            last = target


def _follow_members(spec: ModelSpec, keymap: KeyMap) -> None:
    """A primary key that holds the keys of other rows is made of the keys that these rows will have."""
    members = key_members(spec)
    for key, references in list(keymap.with_reference(spec.label)):
        parts = [
            _member(member, value, keymap.look_up if isinstance(value, list) else keymap.look_up_src)
            for member, value in zip(members, references, strict=True)
        ]
        keymap.set_target(spec.label, key, parts[0] if len(members) == 1 else parts)


def _member(member: Any, value: Any, look_up: LookUp) -> Any:
    """Return what a part of a primary key will be: the key that the row it names will have."""
    if not member.is_relation or not member.target_field.primary_key:
        return value
    parent = member.related_model._meta.concrete_model._meta.label
    row = look_up(parent, [pack(value)]).get(pack(value))
    return value if row is None or row.target is None else row.target


def _survivors_follow(spec: ModelSpec, keymap: KeyMap) -> None:
    """Rows that the package does not know, and whose key is another row's, keep or follow that row's key."""
    members = key_members(spec)
    for key, live, _ in list(keymap.survivors(spec.label)):
        parts = live if isinstance(live, list) else [live]
        moved = [
            _member(member, part, keymap.look_up_live) for member, part in zip(members, parts, strict=True)
        ]
        keymap.set_target(spec.label, key, moved if isinstance(live, list) else moved[0])


def _make_room(spec: ModelSpec, keymap: KeyMap) -> Iterator[Finding]:
    """Rows that survive a replace keep their primary key unless a row of the package has it."""
    following = keymap.greatest(spec.label)
    numbered = isinstance(spec.model._meta.pk, models.AutoField)
    for key, live, taken in list(keymap.survivors(spec.label)):
        if taken and not numbered:
            yield _taken(spec, key, live)
            continue
        following += taken
        keymap.set_target(spec.label, key, following if taken else live)


def _allocate(spec: ModelSpec, keymap: KeyMap, issued: int) -> Iterator[Finding]:
    """Give new rows whose primary key is taken a new one, where primary keys are mere numbers."""
    waiting = list(keymap.without_target(spec.label))
    if not waiting:
        return
    if isinstance(spec.model._meta.pk, models.AutoField):
        following = max(keymap.greatest(spec.label), issued)
        for key, _, _ in waiting:
            following += 1
            keymap.set_target(spec.label, key, following)
        return
    for key, src, _ in waiting[:20]:
        yield _taken(spec, key, src)


def _taken(spec: ModelSpec, key: bytes, pk: Any) -> Finding:
    return Finding(
        code="primary_key_taken",
        severity=Severity.ERROR,
        message=f"Another row of {spec.label} has the primary key {pk}; an identifier is never given anew.",
        model=spec.label,
        key=_shown(key),
        hint="Decide which of the two rows is right, and correct the other one.",
    )


def settle_conflicts(target: Target, keymap: KeyMap, mode: Mode) -> Iterator[Finding]:
    """Compare unique constraints besides the key, and settle what settings say how to settle.

    Rows that only swap values are set aside. Yields a finding wherever a row of the package and another row
    that stays claim the same value; it blocks unless the model has a policy.
    """
    for spec in target.specs:
        rules = unique_rules(spec)
        stays = not deletes_strangers(spec, mode)
        for rule, ours, theirs, known in clashes(keymap, spec.label):
            if known:
                # The other row is about to change as well: it makes room first.
                keymap.displace(spec.label, theirs)
            elif stays:
                yield _settled(spec, keymap, rules[rule].names, ours, theirs)


def _settled(spec: ModelSpec, keymap: KeyMap, names: tuple[str, ...], ours: bytes, theirs: bytes) -> Finding:
    """Apply the model's policy to one conflict and say so."""
    said = f"{spec.label} {_shown(ours)} of the package and {_shown(theirs)} of this site have the same "
    said += f"{', '.join(names)}, but different natural keys"
    if spec.on_conflict is OnConflict.KEEP:
        keymap.refuse(spec.label, ours, theirs)
        severity, code, end = (
            Severity.DEFECT,
            "conflict_kept",
            "; this site's row stays, the package's is refused.",
        )
    elif _may_take(spec) and keymap.take_over(spec.label, ours, theirs):
        severity, code, end = Severity.WARNING, "conflict_taken", "; the package's row takes its place."
    else:
        severity, code, end = Severity.ERROR, "unique_conflict", "."
    return Finding(
        code=code,
        severity=severity,
        message=said + end,
        model=spec.label,
        key=_shown(ours),
        field=", ".join(names),
        hint=(
            "Rename or remove the row of this site, restore with --mode replace, or choose a policy: "
            f"EDMS_BACKUP['MODELS']['{spec.label}']['on_conflict'] = 'keep' or 'take'."
        ),
    )


def _may_take(spec: ModelSpec) -> bool:
    return spec.on_conflict is OnConflict.TAKE and not spec.append_only


def chance_findings(keymap: KeyMap) -> Iterator[Finding]:
    """Yield a blocking finding where an id that named nothing would name an unrelated row of this site."""
    for holder, key, field, label, other in resolved_by_chance(keymap):
        yield Finding(
            code="dangling_id_taken",
            severity=Severity.ERROR,
            message=(
                f"{holder} {_shown(key)}: {field} held the id of a {label} that was gone when the package was made; "
                f"here that id belongs to {_shown(other)}, which the row would then point at."
            ),
            model=holder,
            key=_shown(key),
            field=field,
            hint="Restore with --mode replace, where primary keys are the package's, or into an empty site.",
        )


def unfit_findings(keymap: KeyMap) -> Iterator[Finding]:
    """Yield a blocking finding for values that the target database cannot hold, a few per model and field."""
    for label, key, field, problem, count in unfit_values(keymap):
        yield Finding(
            code="value_does_not_fit",
            severity=Severity.ERROR,
            message=f"{label} {_shown(key)}: {field} {problem}.",
            model=label,
            key=_shown(key),
            field=field,
            count=count,
            hint="Correct the value at its source and make a new package, or restore into the same kind of database.",
        )


def need_findings(keymap: KeyMap) -> Iterator[Finding]:
    """Yield a blocking finding for every row outside of the scope that the package needs and the site lacks."""
    for label, key, holder, field in missing_needs(keymap):
        yield Finding(
            code="missing_reference",
            severity=Severity.ERROR,
            message=f"{holder}.{field} refers to {label} {_shown(key)}, which is neither restored nor on this site.",
            model=holder,
            key=_shown(key),
            field=field,
            hint=f"Restore {label} as well, or create that row first.",
        )


def shown_keys(keys: Iterable[bytes]) -> list[str]:
    """Return natural keys for people."""
    return [_shown(key) for key in keys]


def _shown(key: bytes) -> str:
    if key[:1] == b"[":
        key = key[: key.rindex(b"]") + 1]  # what follows tells surplus rows of one key apart
    else:
        return f"(content {key[1:7].hex()})"
    return ", ".join("NULL" if value is None else str(value) for value in unpack(key))
