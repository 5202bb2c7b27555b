"""restore, step 2: what would happen, as data. A real run computes it again under its locks."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from edms_backup.findings import Finding
from edms_backup.package import PackageReader
from edms_backup.package.canonical import canonical
from edms_backup.restore import ledger
from edms_backup.restore.index import shown_keys
from edms_backup.restore.keymap import KeyMap
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
    return RestorePlan(
        package=package.name,
        package_id=package.manifest.header.package_id,
        package_sha256=package.sha256,
        created_at=package.manifest.header.created_at,
        mode=request.mode,
        models=counts,
        files=files,
        findings=tuple(findings),
        digest=_digest(request, package, target, keymap, files),
        engines={alias: target.engines[alias].name for alias in target.aliases},
        samples=_samples(counts, keymap),
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
