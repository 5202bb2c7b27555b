"""restore, between planning and loading: rows that refer to a refused row refer to the one that stays.

With ``on_conflict = keep`` a row of the package gives way to a row of the site. What the package says of the
rows that refer to it is then not what will stand in the database: their content, as it is proven after the
load, is computed anew here, with the name of the row that stays.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from edms_backup.findings import Finding, Severity
from edms_backup.package import ModelEntry, PackageReader, canonical, digest_of_line
from edms_backup.restore.index import decoded
from edms_backup.restore.keymap import KeyMap, pack, unpack
from edms_backup.restore.target import Target, key_of_document, name_of_document
from edms_backup.schema.spec import ModelSpec

Substitutes = Mapping[str, Mapping[bytes, bytes]]
"""Labels to (key of the refused row, key of the row that stays), both packed."""


def redirect(package: PackageReader, target: Target, keymap: KeyMap) -> Iterator[Finding]:
    """Expect the content that referring rows will have; yields a blocking finding where that cannot be.

    A row whose own natural key names the refused row, or that is known by its content, would become another
    row: nobody has decided that.
    """
    if not keymap.substitutes:
        return
    entries = {entry.label: entry for entry in package.manifest.models}
    for spec in target.specs:
        if _concerned(spec, keymap.substitutes):
            yield from _redirect(package, entries[spec.label], spec, target, keymap)


def _concerned(spec: ModelSpec, substitutes: Substitutes) -> bool:
    referred = {r.target._meta.label for r in spec.relations} | {
        m.target._meta.label for m in spec.many_to_many
    }
    return bool(spec.generics or spec.soft or referred & substitutes.keys())


def _redirect(
    package: PackageReader, entry: ModelEntry, spec: ModelSpec, target: Target, keymap: KeyMap
) -> Iterator[Finding]:
    for document, _ in decoded(package, entry):
        key, name = key_of_document(document, entry), name_of_document(document, entry)
        if not _rewrite(document, spec, target, keymap.substitutes):
            continue
        if key is None or key_of_document(document, entry) != key:
            yield _would_be_another(spec, name)
            continue
        digest = digest_of_line(canonical(document) + b"\n", document)
        keymap.set_content(spec.label, pack(key), digest.to_bytes(32, "big"))


def _rewrite(document: dict[str, Any], spec: ModelSpec, target: Target, substitutes: Substitutes) -> bool:
    """Put the keys of rows that stay in the place of refused ones; return whether there was one."""
    fields = document["fields"]
    changed = False
    for relation in spec.relations:
        stays = _stays(fields[relation.name], relation.target._meta.label, substitutes)
        if stays is not None:
            fields[relation.name], changed = stays, True
    for link in spec.many_to_many:
        known = substitutes.get(link.target._meta.label, {})
        if any(pack(value) in known for value in fields[link.name]):
            found = [
                _stays(value, link.target._meta.label, substitutes) or value for value in fields[link.name]
            ]
            fields[link.name] = sorted({pack(value): value for value in found}.values(), key=repr)
            changed = True
    for reference in document.get("_refs", {}).values():
        owner = target.inventory.of_label(reference["model"])
        stays = _stays(reference.get("key"), "" if owner is None else owner.label, substitutes)
        if stays is not None:
            reference["key"], changed = stays, True
    return changed


def _stays(value: Any, label: str, substitutes: Substitutes) -> Any:
    """Return the key of the row that stays instead of the one that ``value`` names; ``None`` when it is not refused."""
    if not isinstance(value, list):
        return None
    found = substitutes.get(label, {}).get(pack(value))
    return None if found is None else unpack(found)


def _would_be_another(spec: ModelSpec, shown: str) -> Finding:
    return Finding(
        code="conflict_in_key",
        severity=Severity.ERROR,
        message=(
            f"{spec.label} {shown} is known by a row that is refused because this site's row is kept: "
            "with the other one it would be another row."
        ),
        model=spec.label,
        key=shown,
        hint="Rename or remove the row of this site, or choose another policy than 'keep' for the refused model.",
    )
