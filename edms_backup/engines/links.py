"""Reading many-to-many fields beside the rows that they belong to."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.db import models

from edms_backup.engines.naming import BATCH, base_queryset, leaf_encoder, outer_join_all
from edms_backup.engines.rows import Record, Tally
from edms_backup.engines.values import encoder, unchanged
from edms_backup.errors import DumpFailed
from edms_backup.naturalkeys import KeyRegistry
from edms_backup.schema.spec import ManyToMany, ModelSpec


class Links:
    """The many-to-many values of one field, read beside the rows: both come in the order of the owner."""

    def __init__(
        self, link: ManyToMany, registry: KeyRegistry, spec: ModelSpec, tally: Tally, page: int = 0
    ) -> None:
        self.name = link.name
        self._label = spec.label
        self._tally = tally
        target = registry.of(link.target)
        paths = list(target.paths)
        names = [f"{link.target_name}__{path}" for path in paths]
        self._encoders = [leaf_encoder(link.through, name) for name in names]
        columns: dict[str, Any] = {column.attname: column for column in link.through._meta.concrete_fields}
        self._encode_source = encoder(columns[link.source]) or unchanged
        self._encode_raw = encoder(columns[link.target_attname]) or unchanged
        owners = base_queryset(spec.model, spec.using).filter(pk=models.OuterRef(link.source))
        every = base_queryset(link.through, spec.using)
        self._count_strays(every.filter(~models.Exists(owners)).count())
        # A link whose owner is gone must not stand in the way of those that follow it.
        queryset = (
            every.filter(models.Exists(owners))
            .order_by(link.source, "pk")
            .values_list(link.source, "pk", link.target_attname, *names)
        )
        outer_join_all(queryset)
        self._stream = (
            _paged_links(queryset, link, page) if page else iter(queryset.iterator(chunk_size=BATCH))
        )
        self._next: Record | None = next(self._stream, None)

    def _count_strays(self, count: int) -> None:
        if count:
            self._tally.dangling[(self._label, self.name)] = count

    def of(self, pk: Any) -> list[Any]:
        """Return the targets of one owner, sorted; owners must be asked for in the order of the table."""
        found: list[Any] = []
        while self._next is not None and self._encode_source(self._next[0]) == pk:
            found.append(self._target(self._next))
            self._next = next(self._stream, None)
        return sorted(found, key=repr)

    def _target(self, record: Record) -> Any:
        """Return the natural key of a link's target, or its primary key where there is none to be had."""
        values = [
            value if value is None or encode is None else encode(value)
            for value, encode in zip(record[3:], self._encoders, strict=True)
        ]
        if values and all(value is None for value in values):
            self._tally.note(self._tally.dangling, self._label, self.name)
            return self._encode_raw(record[2])
        return values or self._encode_raw(record[2])

    def finish(self) -> None:
        """Raise ``DumpFailed`` unless every link has found its owner."""
        if self._next is not None:
            raise DumpFailed(
                f"Links of {self._label}.{self.name} could not be read in the order of their owners.",
                hint="Nothing was published. Run `edms_backup check`.",
            )


def _paged_links(queryset: models.QuerySet[Any], link: ManyToMany, page: int) -> Iterator[Record]:
    """Yield links in the order of owner and primary key, ``page`` of them at once."""
    found = list(queryset[:page])
    while found:
        yield from found
        owner, pk = found[-1][:2]
        later = models.Q(**{f"{link.source}__gt": owner}) | models.Q(**{link.source: owner, "pk__gt": pk})
        found = list(queryset.filter(later)[:page]) if len(found) == page else []
