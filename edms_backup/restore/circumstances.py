"""What differs around the rows: clocks, secrets, password hashers, the site's own address."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from django.contrib.auth.hashers import get_hashers_by_algorithm, is_password_usable

from edms_backup.engines.naming import base_queryset
from edms_backup.findings import Finding, Severity
from edms_backup.package import Manifest, PackageReader
from edms_backup.restore.index import decoded
from edms_backup.restore.target import Target
from edms_backup.schema.inventory import user_label

_SITES = "sites.Site"


def look_around(
    package: PackageReader,
    target: Target,
    fingerprints: Mapping[str, str],
    configuration: Mapping[str, object],
) -> Iterator[Finding]:
    """Yield what an operator should know before the restore; reads, and writes nothing."""
    yield from _clocks(package.manifest, configuration)
    yield from _secrets(package.manifest, fingerprints)
    yield from _hashers(package, target)
    yield from _sites(package, target)


def _clocks(manifest: Manifest, configuration: Mapping[str, object]) -> Iterator[Finding]:
    """Times with and without a zone are different things: neither is ever guessed from the other."""
    theirs, ours = manifest.configuration.get("USE_TZ"), configuration.get("USE_TZ")
    if theirs is not None and theirs != ours:
        yield Finding(
            code="time_zone_support_differs",
            severity=Severity.ERROR,
            message=f"The package was made with USE_TZ = {theirs}, this site has USE_TZ = {ours}.",
            field="USE_TZ",
            hint="Set USE_TZ as it was, restore, then change it the way Django describes.",
        )
    elif theirs is False and manifest.configuration.get("TIME_ZONE") != configuration.get("TIME_ZONE"):
        yield Finding(
            code="time_zone_differs",
            severity=Severity.WARNING,
            message="The package holds times without a zone, made under another TIME_ZONE than this site's.",
            field="TIME_ZONE",
            hint="They are restored as they are written; set TIME_ZONE as it was if they should mean the same.",
        )


def _secrets(manifest: Manifest, fingerprints: Mapping[str, str]) -> Iterator[Finding]:
    for name, theirs in sorted(manifest.fingerprints.items()):
        ours = fingerprints.get(name)
        if ours is not None and ours != theirs:
            yield Finding(
                code="secret_differs",
                severity=Severity.WARNING,
                message=f"{name} of this site is not the one that the package was made with.",
                field=name,
                hint="What was signed or encrypted with it cannot be read here until the old value is set again.",
            )


def _hashers(package: PackageReader, target: Target) -> Iterator[Finding]:
    """Count passwords whose hasher this site does not have: their owners could not sign in."""
    label = user_label()
    entry = next((entry for entry in package.manifest.models if entry.label == label), None)
    if entry is None or label is None or label not in target.labels:
        return
    known = set(get_hashers_by_algorithm())
    unknown: Counter[str] = Counter()
    for document, _ in decoded(package, entry):
        password = document["fields"].get("password")
        if isinstance(password, str) and password and is_password_usable(password):
            algorithm = password.split("$", 1)[0] if "$" in password else "an unknown algorithm"
            if algorithm not in known:
                unknown[algorithm] += 1
    for algorithm, count in sorted(unknown.items()):
        yield Finding(
            code="unknown_password_hasher",
            severity=Severity.WARNING,
            message=f"{count} users of {label} have passwords hashed with {algorithm}, which this site does not know.",
            model=label,
            field="password",
            count=count,
            hint="Add the hasher to PASSWORD_HASHERS (and install what it needs), or these users cannot sign in.",
        )


def _sites(package: PackageReader, target: Target) -> Iterator[Finding]:
    """Compare the address that this site has with those of the package."""
    entry = next((entry for entry in package.manifest.models if entry.label == _SITES), None)
    if entry is None or _SITES not in target.labels:
        return
    spec = target.inventory[_SITES]
    ours: set[Any] = set(base_queryset(spec.model, spec.using).values_list("domain", flat=True))
    theirs = {document["fields"]["domain"] for document, _ in decoded(package, entry)}
    if ours and not ours & theirs:
        yield Finding(
            code="site_differs",
            severity=Severity.WARNING,
            message="The package was made by a site with another domain than this one.",
            model=_SITES,
            field="domain",
            hint="Check SITE_ID, ALLOWED_HOSTS and the rows of sites.Site after the restore.",
        )
