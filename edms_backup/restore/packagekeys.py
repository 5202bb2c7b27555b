"""restore: by which fields the package names its rows, as far as the site agrees."""

from __future__ import annotations

from django.apps import apps

from edms_backup.errors import NaturalKeyError
from edms_backup.naturalkeys import KeyRegistry, KeySource
from edms_backup.naturalkeys.admission import admits
from edms_backup.package import Manifest


def package_registry(manifest: Manifest, own: KeyRegistry) -> KeyRegistry:
    """Return the keys that the package was made with; the site's own for models that are not in it.

    Raises ``NaturalKeyError`` for one that is no key here: names of rows are shown, and which column is a name
    is nothing that a package decides.
    """
    named = {label: tuple(paths) for label, paths in manifest.references.items()}
    named |= {entry.label: tuple(entry.key.paths) for entry in manifest.models if entry.key.paths}
    for label, paths in named.items():
        _refuse_strange_key(label, paths, own)
    declared = dict(own.declarations)
    keyless = set(own.keyless)
    for entry in manifest.models:
        label = entry.label.lower()
        if entry.key.paths:
            declared[label] = tuple(entry.key.paths)
        elif entry.key.source == KeySource.CONTENT:
            keyless.add(label)
    declared |= {label.lower(): tuple(paths) for label, paths in manifest.references.items()}
    return KeyRegistry(declared, own.prefer_uuid, frozenset(keyless))


def _refuse_strange_key(label: str, paths: tuple[str, ...], own: KeyRegistry) -> None:
    try:
        model = apps.get_model(label)
    except (LookupError, ValueError):
        return  # whatever it is, the site has no rows of it
    if not admits(own, model, paths):
        raise NaturalKeyError(
            f"The package names rows of {label} by {', '.join(paths)}, which is no natural key of them on this site.",
            hint=f"If it should be one, declare it for {label} in EDMS_BACKUP['NATURAL_KEYS'].",
        )
