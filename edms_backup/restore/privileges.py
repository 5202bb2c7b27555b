"""restore, part of the plan: who could do more afterwards than before.

A package is rows, and rows are rights: a flag on a user, a member of a group, a permission of a group, a password
that somebody else knows. What a restore would give is compared with what stands here now, for faces to show and for
the pipeline to refuse.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.contrib.auth import get_user_model

from edms_backup.errors import MalformedPackage
from edms_backup.findings import Finding, Severity
from edms_backup.package import ModelEntry, PackageReader
from edms_backup.restore import ledger
from edms_backup.restore.index import decoded
from edms_backup.restore.keymap import KeyMap, PlannedRow, pack
from edms_backup.restore.report import PrivilegeChange, PrivilegeDelta
from edms_backup.restore.target import Target, name_of_document
from edms_backup.schema.inventory import user_label
from edms_backup.schema.spec import ModelSpec

_FLAGS = {"is_superuser": "superuser", "is_staff": "staff"}
_TOKENS = "authtoken.Token"
_GROUP, _PERMISSION = "auth.Group", "auth.Permission"
_ROLES = "roles"
_BATCH = 400
_LISTED = 200
"""Rows that are named; the rest is counted, and what it gains stands in the list of all that is gained."""

Fields = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _Reading:
    """How rights are read from the rows of one model."""

    flags: tuple[tuple[str, str], ...]
    links: tuple[tuple[str, Callable[[Any], str]], ...]
    identity: tuple[str, ...]
    """Fields with which somebody signs in: whoever knows a new one has what the account may do."""

    def holds(self, fields: Fields) -> frozenset[str]:
        """Return what a row holds."""
        found = {privilege for name, privilege in self.flags if fields.get(name)}
        for name, say in self.links:
            found.update(say(value) for value in fields.get(name, ()))
        return frozenset(found)

    def another_may_sign_in(self, before: Fields, after: Fields) -> bool:
        """Return whether somebody may sign in with the account who could not before."""
        if not self.identity:
            return False
        opened = bool(after.get("is_active")) and not before.get("is_active", True)
        return opened or any(before.get(name) != after.get(name) for name in self.identity)


def find_privileges(package: PackageReader, target: Target, keymap: KeyMap) -> PrivilegeDelta:
    """Return what the rows of the package would give to whom, once the key map is filled and settled."""
    entries = {entry.label: entry for entry in package.manifest.models}
    changes: list[PrivilegeChange] = []
    gained: set[str] = set()
    total = 0
    for spec in target.specs:
        for change in _changes(package, entries[spec.label], spec, target, keymap):
            total += 1
            gained.update(change.gains, change.holds)
            if len(changes) < _LISTED:
                changes.append(change)
    return PrivilegeDelta(changes=tuple(changes), total=total, gained=tuple(sorted(gained)))


def beyond(delta: PrivilegeDelta, may_grant: tuple[str, ...] | None) -> Iterator[Finding]:
    """Yield a blocking finding when more would be given than who asks may give; ``None``: they may give all."""
    if may_grant is None:
        return
    too_much = sorted(set(delta.gained) - set(may_grant))
    if too_much:
        shown = ", ".join(too_much[:5]) + (f" and {len(too_much) - 5} more" if len(too_much) > 5 else "")
        yield Finding(
            code="privileges_beyond_actor",
            severity=Severity.ERROR,
            message=f"This restore would give what you do not hold yourself: {shown}.",
            hint="The plan lists who would gain what. A superuser may restore it.",
            count=len(too_much),
        )


def _changes(
    package: PackageReader, entry: ModelEntry, spec: ModelSpec, target: Target, keymap: KeyMap
) -> Iterator[PrivilegeChange]:
    if (
        spec.grants
        or spec.label == _TOKENS
        or any(r.target._meta.label == _PERMISSION for r in spec.relations)
    ):
        found = ledger.counts(keymap, spec.label)
        if found["new"] + found["changed"]:
            yield PrivilegeChange(model=spec.label, key="", gains=(f"rows of {spec.label}",))
        return
    reading = _reading(spec, target)
    if not reading.flags and not reading.links and not reading.identity:
        return
    matched: dict[bytes, tuple[str, Fields]] = {}
    for row, document in _changed(package, entry, spec, keymap):
        name = name_of_document(document, entry)
        after: Fields = {field: document["fields"].get(field) or () for field in _read_fields(reading)}
        if row.live is not None:
            matched[pack(row.live)] = (name, after)
        elif gains := reading.holds(after):
            yield PrivilegeChange(model=spec.label, key=name, gains=tuple(sorted(gains)))
    if not matched:
        return
    # What an account may do through roles of the host's own making stands in no column of it.
    own_roles = frozenset({_ROLES} if any(known.grants for known in target.inventory) else ())
    for live in target.live_rows(spec, keymap.look_up_live):
        if live.pk not in matched:
            continue
        name, after = matched[live.pk]
        now = live.fields
        before: Fields = {field: now.get(field) or () for field in _read_fields(reading)}
        holds = reading.holds(after)
        gains = holds - reading.holds(before)
        holds |= own_roles
        taken_over = reading.another_may_sign_in(before, after) and bool(holds)
        if gains or taken_over:
            yield PrivilegeChange(
                model=spec.label,
                key=name,
                gains=tuple(sorted(gains)),
                sign_in=taken_over,
                holds=tuple(sorted(holds)) if taken_over else (),
            )


def _changed(
    package: PackageReader, entry: ModelEntry, spec: ModelSpec, keymap: KeyMap
) -> Iterator[tuple[PlannedRow, dict[str, Any]]]:
    """Yield the rows of the package that would be inserted or updated, with their places in the key map."""
    batch: list[dict[str, Any]] = []

    def placed() -> Iterator[tuple[PlannedRow, dict[str, Any]]]:
        rows = keymap.look_up_src(spec.label, [pack(document["_pk"]) for document in batch])
        for document in batch:
            row = rows.get(pack(document["_pk"]))
            if row is None:
                raise MalformedPackage(f"{spec.label}: two rows of the package have one primary key.")
            if not row.refused and not (row.same and row.live is not None):
                yield row, document

    for document, _ in decoded(package, entry):
        batch.append(document)
        if len(batch) >= _BATCH:
            yield from placed()
            batch.clear()
    yield from placed()


def _read_fields(reading: _Reading) -> tuple[str, ...]:
    names = [name for name, _ in reading.flags] + [name for name, _ in reading.links]
    return (*names, *reading.identity, *(("is_active",) if reading.identity else ()))


def _reading(spec: ModelSpec, target: Target) -> _Reading:
    columns = {column.name for column in spec.columns}
    links = []
    for link in spec.many_to_many:
        label = link.target._meta.label
        if label in (_GROUP, _PERMISSION):
            links.append((link.name, _say(label, target)))
    return _Reading(
        flags=tuple((name, privilege) for name, privilege in _FLAGS.items() if name in columns),
        links=tuple(links),
        identity=_identity(spec, columns),
    )


def _identity(spec: ModelSpec, columns: set[str]) -> tuple[str, ...]:
    if spec.label != user_label():
        return ("password",) if {"password", *_FLAGS} <= columns else ()
    user: Any = get_user_model()
    return tuple(
        name for name in ("password", user.USERNAME_FIELD, user.get_email_field_name()) if name in columns
    )


def _say(label: str, target: Target) -> Callable[[Any], str]:
    """Return how a reference to a group or permission reads: ``group editors``, ``permission auth.add_user``."""
    paths = target.registry.of(apps.get_model(label)).paths

    def say(value: Any) -> str:
        if not isinstance(value, list) or len(value) != len(paths):
            return f"{label} {value}"
        named = dict(zip(paths, value, strict=True))
        if label == _PERMISSION and {"codename", "content_type__app_label"} <= set(named):
            return f"permission {named['content_type__app_label']}.{named['codename']}"
        return f"group {named['name']}" if "name" in named else f"{label} {value}"

    return say
