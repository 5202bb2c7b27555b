"""The names of rows that generic and declared soft references point at."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from edms_backup.engines.naming import names_of
from edms_backup.engines.rows import Row, Tally
from edms_backup.engines.softrefs import occurrences, reference_name
from edms_backup.naturalkeys import KeyRegistry
from edms_backup.schema.inventory import Inventory
from edms_backup.schema.spec import Fate, GenericRef, ModelSpec, SoftRef


class Targets:
    """Names the rows that generic and declared soft references of one model point at."""

    def __init__(self, spec: ModelSpec, registry: KeyRegistry, inventory: Inventory, tally: Tally) -> None:
        self.spec = spec
        self.registry = registry
        self.inventory = inventory
        self.tally = tally

    def resolve(self, rows: list[Row]) -> None:
        """Fill ``refs`` of a batch of rows."""
        for soft in self.spec.soft:
            self._resolve_soft(soft, rows)
        for generic in self.spec.generics:
            wanted: dict[tuple[str, str], list[Row]] = defaultdict(list)
            for row in rows:
                content_type, object_id = row.fields[generic.content_type_name], row.fields[generic.object_id]
                if isinstance(content_type, list) and object_id is not None:
                    wanted[(content_type[0], content_type[1])].append(row)
            for (app_label, model_name), holders in wanted.items():
                self._resolve_type(generic, f"{app_label}.{model_name}", holders)

    def _resolve_soft(self, soft: SoftRef, rows: list[Row]) -> None:
        target = self.inventory[soft.target]
        found = [(row, *place) for row in rows for place in occurrences(row.fields[soft.field], soft.path)]
        names = names_of(target, self.registry, {value for _, _, value in found}) if found else {}
        for row, path, value in found:
            named = names.get(str(value))
            if named is None:
                self.tally.note(self.tally.dangling_generic, self.spec.label, soft.field)
                continue
            reference = {"field": soft.field, "model": target.model._meta.label_lower, **named}
            row.refs[reference_name(soft, path)] = {**reference, "path": list(path)} if path else reference

    def _resolve_type(self, generic: GenericRef, label: str, holders: list[Row]) -> None:
        names = self.names(label, {row.fields[generic.object_id] for row in holders})
        if names is None:
            return  # its rows do not travel: the id is all that there is to say
        for row in holders:
            target = names.get(str(row.fields[generic.object_id]))
            if target is None:
                self.tally.note(self.tally.dangling_generic, self.spec.label, generic.name)
                continue
            row.refs[generic.name] = {"field": generic.object_id, "model": label, **target}

    def names(self, label: str, ids: set[Any]) -> dict[str, dict[str, Any]] | None:
        """Return the names behind ids of a model, by id as text; ``None`` when its rows do not travel."""
        spec = self.inventory.of_label(label)
        if spec is not None and spec.fate is Fate.EXCLUDED:
            return None
        return {} if spec is None else names_of(spec, self.registry, ids)
