"""What readers give: rows as JSON values, and what was noticed on the way."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import models

Record = Sequence[Any]


@dataclass(slots=True)
class Row:
    """One canonical row."""

    pk: Any
    """Primary key as JSON."""
    key: list[Any] | None
    """Natural key as JSON, flat; ``None`` for a keyless model."""
    fields: dict[str, Any]
    """Field names to JSON values, in the order of Django's serializers."""
    refs: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Generic references by name: the column, the target's model and its key (or primary key)."""
    json_null: list[str] = field(default_factory=list)
    """JSON columns whose ``None`` is JSON ``null``, not SQL NULL."""


@dataclass(slots=True)
class Tally:
    """What was noticed while reading: places that dangle, by model and field."""

    dangling: dict[tuple[str, str], int] = field(default_factory=dict)
    dangling_generic: dict[tuple[str, str], int] = field(default_factory=dict)

    def note(self, where: dict[tuple[str, str], int], label: str, name: str) -> None:
        """Count one more dangling place."""
        where[(label, name)] = where.get((label, name), 0) + 1


def batches(records: Iterable[Record], size: int) -> Iterator[list[Record]]:
    """Yield lists of up to ``size`` records (``itertools.batched`` came with Python 3.12)."""
    iterator = iter(records)
    while batch := list(itertools.islice(iterator, size)):
        yield batch


def in_pages(queryset: models.QuerySet[Any], page: int) -> Iterator[Any]:
    """Yield the records of a query, which stand in the order of the primary key, their first value."""
    found = list(queryset[:page])
    while found:
        yield from found
        found = list(queryset.filter(pk__gt=found[-1][0])[:page]) if len(found) == page else []
