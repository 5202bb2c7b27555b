"""restore, step 4: what the target holds now, compared with what the package and the plan promised.

Everything is read again from the live database, inside the transaction: counts per model, the fate of
every row, foreign keys, and the digest of the content, which depends neither on the order of rows nor on
their primary keys. One unannounced difference is enough to roll everything back.

The rows that the load was to leave and the rows that are there are compared as two sets, by the sum of the
digests of their contents and primary keys. Only where the sums differ, or the plan announced that nobody can
foretell one, is each row looked for, and what is wrong with it told.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from edms_backup.events import Progress, Reporter, StepFinished, StepStarted
from edms_backup.findings import Finding, Severity
from edms_backup.package import Manifest, ModelEntry, PackageReader, RowDigest
from edms_backup.restore import ledger
from edms_backup.restore.index import decoded
from edms_backup.restore.keymap import Duplicate, KeyMap, pack
from edms_backup.restore.keys import shown_keys
from edms_backup.restore.report import FileCounts, Mode, ModelCounts
from edms_backup.restore.target import Target, deletes_strangers, digest_of, key_of_document
from edms_backup.schema.spec import ModelSpec

_NAMED = 10  # rows that are named per model; the rest is counted

_SAY = {
    "missing": "is in the package, but not in the database after the load",
    "differs": "is not what the package holds after the load",
    "wrong_key": "has another primary key than planned",
    "touched": "is not part of the package, but was changed by the load",
    "lost": "is not part of the package, but has gone during the load",
    "survived": "should have been deleted, but is still there",
    "unexpected": "appeared during the load, and nobody announced it",
}


def validate(
    package: PackageReader,
    target: Target,
    keymap: KeyMap,
    mode: Mode,
    counts: dict[str, ModelCounts],
    reporter: Reporter,
) -> list[Finding]:
    """Return every difference between promise and database; fills ``after`` of ``counts``."""
    started = time.monotonic()
    entries = {entry.label: entry for entry in package.manifest.models}
    total = sum(count.expected for count in counts.values())
    reporter.emit(StepStarted(step="validate", total=total))
    findings: list[Finding] = []
    done = 0
    for spec in target.specs:
        entry, count = entries[spec.label], counts[spec.label]
        promise = _promise(spec, keymap, mode)
        if promise is not None and _as_promised(promise, spec, target, keymap):
            count.after = promise.rows.count
            count.identical = ledger.kept_count(keymap, spec.label)
            findings.extend(_ledger(spec, count))
            loaded = promise.of_package
        else:
            findings.extend(_row_by_row(package, entry, spec, target, keymap, mode, count))
            loaded = _loaded(entry, keymap)
        if not count.refused and spec.label not in keymap.rewritten:
            findings.extend(_digest(entry, loaded))
        done += counts[spec.label].expected
        reporter.emit(Progress(step="validate", done=done, subject=spec.label))
    findings.extend(_foreign_keys(target, package.manifest))
    reporter.emit(StepFinished(step="validate", done=done, seconds=time.monotonic() - started))
    return findings


@dataclass(slots=True)
class _Promise:
    """What the load was to leave of one model."""

    rows: RowDigest
    """Of the contents with the primary keys of all rows."""
    of_package: RowDigest
    """Of the contents of those that come from the package."""


def _promise(spec: ModelSpec, keymap: KeyMap, mode: Mode) -> _Promise | None:
    """Return what the key map promises; ``None`` where it leaves the content of a row open."""
    if ledger.announces(keymap, spec.label):
        return None
    promise = _Promise(RowDigest(), RowDigest())
    deleted = deletes_strangers(spec, mode)
    for content, pk, is_ours in ledger.promised(keymap, spec.label, deleted=deleted):
        promise.rows.add(_placed(content, pk))
        if is_ours:
            promise.of_package.add(int.from_bytes(content))
    return promise


def _placed(content: bytes, pk: bytes) -> int:
    """Return what stands for a content under a primary key; digests of contents have one length, the key follows."""
    return int.from_bytes(hashlib.sha256(content + pk).digest())


def _as_promised(promise: _Promise, spec: ModelSpec, target: Target, keymap: KeyMap) -> bool:
    """Read all rows again, and return whether they are those that were promised."""
    found = RowDigest()
    for line in target.live_lines(spec, keymap.look_up_target, loaded=True):
        found.add(_placed(digest_of(line), line.pk))
    return found == promise.rows


def _row_by_row(
    package: PackageReader,
    entry: ModelEntry,
    spec: ModelSpec,
    target: Target,
    keymap: KeyMap,
    mode: Mode,
    count: ModelCounts,
) -> Iterator[Finding]:
    """Take every row by its name, and yield what is not as promised; fills ``after`` and ``identical`` of ``count``."""
    yield from _read_again(spec, target, keymap)
    count.after = ledger.after_count(keymap, spec.label)
    count.identical = ledger.identical_count(keymap, spec.label)
    yield from _ledger(spec, count)
    yield from _rows(package, entry, spec, target, keymap, mode)


def _read_again(spec: ModelSpec, target: Target, keymap: KeyMap) -> Iterator[Finding]:
    """Take the rows as they stand now; two with one natural key are a difference like any other."""
    rows = target.live_rows(spec, keymap.look_up_target, loaded=True)
    try:
        keymap.add_after(spec.label, ((row.key, row.pk, row.digest) for row in rows))
    except Duplicate as duplicate:
        (shown,) = shown_keys([duplicate.args[1]])
        yield _error("row_twice", f"{spec.label} {shown} is there twice after the load.", spec.label)


def _ledger(spec: ModelSpec, counts: ModelCounts) -> Iterator[Finding]:
    """Yield a finding when the counts do not add up."""
    accounted = counts.inserted + counts.updated + counts.unchanged + counts.refused
    if accounted != counts.expected:
        yield _error(
            "ledger_differs",
            f"{spec.label}: {counts.expected} rows of the package, but {accounted} accounted for.",
            spec.label,
        )
    expected_after = counts.before + counts.inserted - counts.deleted
    if counts.after != expected_after:
        yield _error(
            "count_differs",
            f"{spec.label}: {expected_after} rows expected after the load, {counts.after} found.",
            spec.label,
        )


def _rows(
    package: PackageReader, entry: ModelEntry, spec: ModelSpec, target: Target, keymap: KeyMap, mode: Mode
) -> Iterator[Finding]:
    deleted = deletes_strangers(spec, mode)
    differences = ledger.differences(keymap, spec.label, deleted=deleted, limit=_NAMED)
    differing = [key for what, key in differences if what == "differs"]
    fields = _differing_fields(package, entry, spec, target, keymap, differing) if differing else {}
    for what, key in differences:
        (shown,) = shown_keys([key])
        place = fields.get(key, "")
        yield Finding(
            code=f"row_{what}",
            severity=Severity.ERROR,
            message=f"{spec.label} {shown} {_SAY[what]}{f' (field {place})' if place else ''}.",
            model=spec.label,
            key=shown,
            field=place,
        )


def _differing_fields(
    package: PackageReader,
    entry: ModelEntry,
    spec: ModelSpec,
    target: Target,
    keymap: KeyMap,
    keys: list[bytes],
) -> dict[bytes, str]:
    """Return the names of the fields in which rows differ, by key; only looked for when something is wrong."""
    wanted: dict[bytes, dict[str, Any]] = {}
    for document, _ in decoded(package, entry):
        key = key_of_document(document, entry)
        if key is not None and pack(key) in keys:
            wanted[pack(key)] = document["fields"]
    found: dict[bytes, str] = {}
    for row in target.live_rows(spec, keymap.look_up_target, loaded=True):
        promised = None if row.key is None else wanted.get(row.key)
        if promised is not None and row.key is not None:
            now = row.fields
            found[row.key] = ", ".join(name for name, value in promised.items() if now.get(name) != value)
    return found


def _loaded(entry: ModelEntry, keymap: KeyMap) -> RowDigest:
    digest = RowDigest()
    for content in ledger.loaded_hashes(keymap, entry.label):
        digest.add(int.from_bytes(content))
    return digest


def _digest(entry: ModelEntry, digest: RowDigest) -> Iterator[Finding]:
    """Compare the digest that was sealed into the package with the one of its rows in the database."""
    if digest.count != entry.rows or digest.hexdigest() != entry.digest:
        yield _error(
            "digest_differs",
            f"{entry.label}: the digest of the live rows is not the digest that was sealed into the package.",
            entry.label,
        )


def _foreign_keys(target: Target, manifest: Manifest) -> Iterator[Finding]:
    """Yield a finding for every constrained foreign key that points at nothing."""
    for alias in target.aliases:
        specs = [spec for spec in target.specs if spec.using == alias]
        for broken in target.engines[alias].broken_references(specs):
            yield Finding(
                code="broken_reference",
                severity=Severity.ERROR,
                message=f"{broken}.",
                model=broken.label,
                key=f"pk={broken.pk}",
                field=broken.field,
                hint="The row was broken before the backup, or is not part of the restore.",
            )


def _error(code: str, message: str, label: str) -> Finding:
    return Finding(code=code, severity=Severity.ERROR, message=message, model=label)


def verdict(counts: dict[str, ModelCounts], files: FileCounts) -> str:
    """Return the one line that says what was proven; call it after ``validate``."""
    expected = sum(count.expected for count in counts.values())
    identical = sum(count.identical or 0 for count in counts.values())
    return (
        f"{identical}/{expected} rows identical in {len(counts)} models, "
        f"{files.identical}/{files.expected} files identical"
    )
