"""restore, step 2: what would happen, as data. A real run computes it again under its locks."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from edms_backup.findings import Finding
from edms_backup.package import PackageReader
from edms_backup.package.canonical import canonical
from edms_backup.restore import ledger
from edms_backup.restore.keymap import KeyMap
from edms_backup.restore.keys import shown_keys
from edms_backup.restore.privileges import beyond, find_privileges
from edms_backup.restore.report import FileCounts, Mode, ModelCounts, RestorePlan, RestoreRequest
from edms_backup.restore.target import Target, deletes_strangers
from edms_backup.schema.spec import ModelSpec

_SAMPLES = 5  # natural keys shown per model and action


def build_plan(
    request: RestoreRequest,
    package: PackageReader,
    target: Target,
    keymap: KeyMap,
    files: FileCounts,
    findings: Sequence[Finding],
) -> RestorePlan:
    """Return the plan that the filled key map stands for."""
    counts = {spec.label: _counts(spec, keymap, request.mode) for spec in target.specs}
    privileges = find_privileges(package, target, keymap)
    return RestorePlan(
        package=package.name,
        package_id=package.manifest.header.package_id,
        package_sha256=package.sha256,
        created_at=package.manifest.header.created_at,
        mode=request.mode,
        models=counts,
        files=files,
        findings=(*findings, *beyond(privileges, request.may_grant)),
        digest=_digest(request, package, target, keymap, files),
        engines={alias: target.engines[alias].name for alias in target.aliases},
        locks={alias: target.engines[alias].lock for alias in target.aliases},
        slower=_slower(target, counts),
        samples=_samples(counts, keymap),
        privileges=privileges,
    )


def _counts(spec: ModelSpec, keymap: KeyMap, mode: Mode) -> ModelCounts:
    found = ledger.counts(keymap, spec.label)
    deletes = deletes_strangers(spec, mode)
    return ModelCounts(
        expected=found["expected"],
        before=found["before"],
        inserted=found["new"],
        updated=found["changed"],
        unchanged=found["same"],
        refused=found["refused"],
        deleted=found["only_live"] if deletes else 0,
        left=0 if deletes else found["only_live"],
        moved=found["moved"],
    )


def _digest(
    request: RestoreRequest, package: PackageReader, target: Target, keymap: KeyMap, files: FileCounts
) -> str:
    """Return what changes when package, target or request change, and only then."""
    digest = hashlib.sha256()
    asked = [request.mode.value, request.files, sorted(target.labels), package.sha256, files.to_dict()]
    digest.update(canonical(asked))
    for spec in target.specs:
        digest.update(spec.label.encode())
        for pk, content in ledger.live_state(keymap, spec.label):
            digest.update(pk + content)
    return digest.hexdigest()


def _slower(target: Target, counts: dict[str, ModelCounts]) -> dict[str, str]:
    """Return the reasons why models that have rows take a slower way."""
    reasons = {
        spec.label: target.engine(spec).slower(spec, target.registry, target.inventory)
        for spec in target.specs
        if counts[spec.label].expected or counts[spec.label].before
    }
    return {label: reason for label, reason in reasons.items() if reason}


def _samples(counts: dict[str, ModelCounts], keymap: KeyMap) -> dict[str, dict[str, list[str]]]:
    samples: dict[str, dict[str, list[str]]] = {}
    for label, count in counts.items():
        actions = {"inserted": count.inserted, "updated": count.updated, "deleted": count.deleted}
        shown = {
            action: shown_keys(ledger.sample(keymap, label, action, _SAMPLES))
            for action, number in actions.items()
            if number
        }
        if shown:
            samples[label] = shown
    return samples
