"""What a row of the package asks of the target: rows outside of the scope, files, ids that must stay dangling."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from edms_backup.engines.naming import as_primary_key
from edms_backup.engines.softrefs import occurrences, reference_name
from edms_backup.engines.values import encode_plain
from edms_backup.errors import MalformedPackage
from edms_backup.restore.keymap import KeyMap, pack
from edms_backup.restore.target import Target
from edms_backup.schema.spec import Fate, ModelSpec

_half = re.compile("[\ud800-\udfff]")


def note_files(spec: ModelSpec, document: dict[str, Any], keymap: KeyMap) -> None:
    """Note the files that a row names; raises ``MalformedPackage`` for a name that is no text."""
    for column in spec.files:
        name = document["fields"][column.field]
        if name:
            if not isinstance(name, str):
                raise MalformedPackage(f"{spec.label}: the name of a file in {column.field} is no text.")
            if _half.search(name):
                continue  # no text either, which is told with the row
            keymap.want_file(column.root_of(name) or "unknown", name)


class Dangling:
    """Notes references that named nothing at the source: in the target they must not come to name something."""

    def __init__(self, spec: ModelSpec, target: Target, keymap: KeyMap) -> None:
        self._spec = spec
        self._target = target
        self._keymap = keymap
        self._relations = [
            (relation.name, relation.target._meta.label)
            for relation in spec.relations
            if relation.to_primary_key and target.registry.of(relation.target).paths
        ]

    def note(self, document: dict[str, Any], key: bytes) -> None:
        """Note the references of one row; ``key`` is its own."""
        for label, value, field in self._found(document):
            found = self._target.inventory.of_label(label)
            pk = None if found is None else as_primary_key(found, value)
            if found is not None and pk is not None:
                self._keymap.add_dangling(found.label, encode_plain(pk), self._spec.label, key, field)

    def _found(self, document: dict[str, Any]) -> Iterator[tuple[str, Any, str]]:
        """Yield (label, primary key, field) of every reference of a row that no name goes with."""
        fields = document["fields"]
        for name, label in self._relations:
            value = fields[name]
            if type(value) is not list and value is not None:
                yield label, value, name
        if not self._spec.generics and not self._spec.soft:
            return
        named = document.get("_refs", {})
        for generic in self._spec.generics:
            content_type, object_id = fields[generic.content_type_name], fields[generic.object_id]
            if generic.name not in named and object_id is not None and isinstance(content_type, list):
                spec_of = self._target.inventory.of_label(".".join(content_type))
                if spec_of is not None and spec_of.fate is not Fate.EXCLUDED:
                    yield ".".join(content_type), object_id, generic.name
        for soft in self._spec.soft:
            for path, value in occurrences(fields[soft.field], soft.path):
                if reference_name(soft, path) not in named:
                    yield soft.target, value, soft.field


class Needs:
    """Notes references of package rows that lead out of the scope."""

    def __init__(self, spec: ModelSpec, target: Target, keymap: KeyMap) -> None:
        self._spec = spec
        self._target = target
        self._keymap = keymap
        outside = [(r.name, r.target._meta.label) for r in spec.relations]
        self._relations = [(name, label) for name, label in outside if label not in target.labels]
        links = [(link.name, link.target._meta.label) for link in spec.many_to_many]
        self._labels = target.labels
        self._links = [(name, label) for name, label in links if label not in self._labels]

    def note(self, document: dict[str, Any]) -> None:
        """Note what one row needs."""
        fields = document["fields"]
        for name, label in self._relations:
            if isinstance(fields[name], list):
                self._add(label, fields[name], name)
        for name, label in self._links:
            for value in fields[name]:
                if isinstance(value, list):
                    self._add(label, value, name)
        if "_refs" not in document:
            return
        for name, reference in document["_refs"].items():
            found = self._target.inventory.of_label(reference["model"])
            if found is not None and found.label not in self._labels and "key" in reference:
                self._add(found.label, reference["key"], name)

    def _add(self, label: str, key: list[Any], field: str) -> None:
        self._keymap.add_need(label, pack(key), self._spec.label, field)
