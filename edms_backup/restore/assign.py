"""restore, step 1: what primary key every row will have, and what becomes of rows that claim the same value."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from django.db import models

from edms_backup.findings import Finding, Severity
from edms_backup.restore.keymap import KeyMap, PlannedRow, pack
from edms_backup.restore.keys import ORDINAL, shown
from edms_backup.restore.ledger import clashes, missing_needs, resolved_by_chance, unfit_values
from edms_backup.restore.report import Mode
from edms_backup.restore.target import Target, deletes_strangers, key_members, unique_rules
from edms_backup.schema.spec import Fate, ModelSpec, OnConflict

LookUp = Callable[[str, Sequence[bytes]], dict[bytes, PlannedRow]]
"""(label, packed values) to the rows of the key map that have them."""


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
        key=shown(key),
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
    said = f"{spec.label} {shown(ours)} of the package and {shown(theirs)} of this site have the same "
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
        key=shown(ours),
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
                f"{holder} {shown(key)}: {field} held the id of a {label} that was gone when the package was made; "
                f"here that id belongs to {shown(other)}, which the row would then point at."
            ),
            model=holder,
            key=shown(key),
            field=field,
            hint="Restore with --mode replace, where primary keys are the package's, or into an empty site.",
        )


def unfit_findings(keymap: KeyMap) -> Iterator[Finding]:
    """Yield a blocking finding for values that the target database cannot hold, a few per model and field."""
    for label, key, field, problem, count in unfit_values(keymap):
        yield Finding(
            code="value_does_not_fit",
            severity=Severity.ERROR,
            message=f"{label} {shown(key)}: {field} {problem}.",
            model=label,
            key=shown(key),
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
            message=f"{holder}.{field} refers to {label} {shown(key)}, which is neither restored nor on this site.",
            model=holder,
            key=shown(key),
            field=field,
            hint=f"Restore {label} as well, or create that row first.",
        )
