"""create, step 5: the manifest, written last, makes a package out of the segments."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from dataclasses import dataclass

import django

from edms_backup import __version__
from edms_backup.create.dump import Dumped
from edms_backup.create.freeze import FrozenSource
from edms_backup.create.plan import CreatePlan
from edms_backup.findings import Findings
from edms_backup.package import (
    DatabaseEntry,
    Exclusion,
    FilesEntry,
    Header,
    Manifest,
    PackageWriter,
    SealInfo,
)
from edms_backup.schema.drift import migration_state


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteFacts:
    """What the manifest says about the site beyond its rows; read from settings by the service."""

    fingerprints: Mapping[str, str]
    """Names of secrets to fingerprints, never the secrets."""
    configuration: Mapping[str, object]
    """Settings that say how to read the rows: ``USE_TZ``, ``TIME_ZONE``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """What was written before the seal."""

    dumped: Dumped
    files: FilesEntry
    findings: Findings


def _outside_keys(source: FrozenSource, plan: CreatePlan) -> dict[str, list[str]]:
    """Return the keys of models that are not in the package but that its rows name."""
    inside = {spec.label for spec in plan.specs}
    keys: dict[str, list[str]] = {}
    for spec in (source.inventory[spec.label] for spec in plan.specs):
        targets = [relation.target for relation in spec.relations] + [
            link.target for link in spec.many_to_many
        ]
        for target in targets:
            key = source.registry.of(target)
            if key.label not in inside and key.components:
                keys[key.label] = list(key.components)
    return keys


def seal(
    package: PackageWriter,
    header: Header,
    source: FrozenSource,
    plan: CreatePlan,
    contents: Contents,
    facts: SiteFacts,
) -> tuple[Manifest, SealInfo]:
    """Write manifest and trailer; returns both."""
    databases = []
    for alias in plan.aliases:
        vendor, version = source.engines[alias].describe()
        databases.append(DatabaseEntry(alias=alias, vendor=vendor, version=version))
    manifest = Manifest(
        header=header,
        software={
            "edms_backup": __version__,
            "django": django.get_version(),
            "python": platform.python_version(),
        },
        databases=tuple(databases),
        models=tuple(contents.dumped.models),
        migrations={
            alias_app: names for alias in plan.aliases for alias_app, names in migration_state(alias).items()
        },
        files=contents.files,
        exclusions=tuple(
            Exclusion(label=label, reason=reason) for label, reason in sorted(plan.exclusions.items())
        ),
        findings=tuple(finding.to_dict() for finding in contents.findings),
        fingerprints=dict(facts.fingerprints),
        configuration=dict(facts.configuration),
        references=_outside_keys(source, plan),
    )
    return manifest, package.finish(manifest)
