"""The names behind a generic reference, for lines that the database writes.

For each model that occurs, the database looks the row up by its primary key and writes the member ``_refs`` itself,
where both are numbers, or both uuids. What it does not find, or cannot look for, is asked for a batch at a time.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.db import connections, models

from edms_backup.engines.followed import Targets
from edms_backup.engines.naming import base_queryset, leaf_column, outer_join_all
from edms_backup.engines.rows import Record
from edms_backup.engines.serverside import INTEGERS, ServerJson, Sql
from edms_backup.engines.values import behind_references
from edms_backup.naturalkeys import KeyRegistry
from edms_backup.package.canonical import compact
from edms_backup.schema.spec import Fate, GenericRef, ModelSpec


class _Nothing(str):
    """A text that is empty because a reference names no row."""


DANGLING = _Nothing()
"""Stands for the references of a row whose generic reference leads nowhere."""

Place = Callable[[Record], tuple[str | None, Any]]
"""Takes a record; returns the model, in lower case, and the id that its generic reference names."""


class ReferenceTexts:
    """Writes ``_refs`` of the rows of one model."""

    def __init__(
        self,
        spec: ModelSpec,
        generic: GenericRef,
        registry: KeyRegistry,
        targets: Targets,
        server: ServerJson,
    ) -> None:
        self._spec = spec
        self._generic = generic
        self._registry = registry
        self._targets = targets
        self._server = server

    def sql(self) -> Sql | None:
        """Return the expression of the member, NULL where the database does not know; ``None`` if it never does."""
        forms = ["CASE {0}"]
        parts: list[Any] = [models.F(self._generic.content_type)]
        for number, label in self._kinds():
            found = self._looked_up(label)
            if found is not None:
                forms.append(f"WHEN {number:d} THEN {{{len(parts)}}}")
                parts.append(found)
        return Sql(" ".join([*forms, "END"]), *parts) if len(parts) > 1 else None

    def _kinds(self) -> Iterator[tuple[int, str]]:
        """Yield (primary key, label) of the content types that occur in the table."""
        using = self._spec.using
        used = (
            base_queryset(self._spec.model, using)
            .values_list(self._generic.content_type, flat=True)
            .distinct()
        )
        known = base_queryset(ContentType, using).filter(pk__in=[pk for pk in used if pk is not None])
        for pk, app_label, model in known.values_list("pk", "app_label", "model").order_by("pk"):
            yield pk, f"{app_label}.{model}"

    def _looked_up(self, label: str) -> models.Subquery | None:
        """Return the query for the member of rows that refer to rows of ``label``."""
        spec = self._targets.inventory.of_label(label)
        if spec is None or spec.fate is Fate.EXCLUDED or spec.using != self._spec.using:
            return None
        kinds = {_kind(spec.model._meta.pk), _kind(self._spec.model._meta.get_field(self._generic.object_id))}
        paths = self._registry.of(spec.model).paths
        connection = connections[spec.using]
        texts = [self._server.text(path, leaf_column(spec.model, path), connection) for path in paths]
        if kinds not in ({"number"}, {"uuid"}) or not spec.model._meta.managed or not texts or None in texts:
            return None
        member = self._server.named(paths, texts, before=self._start(label), after="}}")
        rows = base_queryset(spec.model, spec.using).filter(pk=models.OuterRef(self._generic.object_id))
        named = rows.annotate(edms_member=member).values("edms_member")
        outer_join_all(named)
        return models.Subquery(named)

    def _start(self, label: str) -> str:
        known = compact({"field": self._generic.object_id, "model": label})[:-1]
        return f',"_refs":{{{compact(self._generic.name)}:{known},"key":'

    def members(self, records: list[Record], place: Place, position: int | None) -> list[str | None]:
        """Return the member of each record, empty without one, ``DANGLING`` where the reference leads nowhere.

        ``None`` stands for a row that has to be read plainly. ``position``: where the database has written it.
        """
        written = [None if position is None else record[position] for record in records]
        places = [
            place(r) if text is None else (None, None) for r, text in zip(records, written, strict=True)
        ]
        wanted: dict[str, set[Any]] = defaultdict(set)
        for label, number in places:
            if label is not None and number is not None:
                wanted[label].add(number)
        asked = {label: self._asked(label, numbers) for label, numbers in wanted.items()}
        found: list[str | None] = []
        for text, (label, number) in zip(written, places, strict=True):
            known = asked.get(label) if label is not None and number is not None else None
            found.append(text or ("" if known is None else known.get(str(number), DANGLING)))
        return found

    def _asked(self, label: str, numbers: set[Any]) -> dict[str, str | None] | None:
        """Return the member for rows of a model by their id as text; ``None`` when its rows do not travel."""
        names = self._targets.names(label, numbers)
        if names is None:
            return None
        start = self._start(label)
        return {
            text: f"{start}{compact(name['key'])}}}}}" if "key" in name else None
            for text, name in names.items()
        }


def _kind(column: Any) -> str:
    if hasattr(column, "field_names"):
        return "composite"
    kind = behind_references(column).get_internal_type()
    return "number" if kind in INTEGERS else "uuid" if kind == "UUIDField" else kind
