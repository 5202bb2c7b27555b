"""create, step 2: one consistent, read-only view per database, held until the package is sealed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from django.db.models import Count

from edms_backup.engines import Engine
from edms_backup.engines.naming import base_queryset, may_be_null, stream_names
from edms_backup.findings import Finding, Severity
from edms_backup.naturalkeys import KeyRegistry
from edms_backup.package import canonical
from edms_backup.schema.inventory import Inventory
from edms_backup.schema.spec import ModelSpec


@dataclass(frozen=True, slots=True)
class FrozenSource:
    """The site at one instant: what is read through it does not change."""

    engines: Mapping[str, Engine]
    inventory: Inventory
    registry: KeyRegistry
    findings: tuple[Finding, ...]

    def engine(self, spec: ModelSpec) -> Engine:
        """Return the engine of the model's database."""
        return self.engines[spec.using]


@contextmanager
def freeze(
    specs: Sequence[ModelSpec], engines: Mapping[str, Engine], *, already_open: bool = False
) -> Iterator[None]:
    """Hold one view per database for the ``with`` block.

    ``already_open``: a transaction of a restore holds the tables still; reading inside it is enough.
    """
    with ExitStack() as views:
        if not already_open:
            for alias in sorted({spec.using for spec in specs}):
                views.enter_context(engines[alias].freeze([spec for spec in specs if spec.using == alias]))
        yield


def ambiguous_keys(specs: Sequence[ModelSpec], registry: KeyRegistry) -> Iterator[tuple[ModelSpec, int]]:
    """Yield (model, number of rows too many) where a natural key that no constraint backs names several rows.

    Must be called inside the view, so that the answer holds for the rows that are dumped.
    """
    for spec in specs:
        if spec.key.by_method:
            surplus = _called_twice(spec, registry)
        elif spec.key.keyless:
            continue
        else:
            surplus = _nameless(spec) or (0 if spec.key.unique else _named_twice(spec))
        if surplus:
            yield spec, surplus


def _named_twice(spec: ModelSpec) -> int:
    groups = (
        base_queryset(spec.model, spec.using)
        .order_by()
        .values(*spec.key.paths)
        .annotate(edms_rows=Count("pk"))
        .filter(edms_rows__gt=1)
    )
    return sum(group["edms_rows"] - 1 for group in groups.iterator(chunk_size=2000))


def _nameless(spec: ModelSpec) -> int:
    """Count rows whose whole key is NULL: a reference to one could not be told from a dangling one."""
    columns = [path for path in spec.key.paths if path != "pk"]
    if len(columns) < len(spec.key.paths) or not may_be_null(spec.model, columns):
        return 0
    return (
        base_queryset(spec.model, spec.using).filter(**{f"{path}__isnull": True for path in columns}).count()
    )


def _called_twice(spec: ModelSpec, registry: KeyRegistry) -> int:
    """Count repeated answers of a method that only a call can tell; 16 bytes per row are kept meanwhile."""
    seen: set[bytes] = set()
    surplus = 0
    for _, key in stream_names(spec, registry):
        digest = hashlib.blake2b(canonical(key), digest_size=16).digest()
        surplus += digest in seen
        seen.add(digest)
    return surplus


def ambiguity_finding(spec: ModelSpec, surplus: int) -> Finding:
    """Return the finding that says that a model's rows are known by content, because its key is not unique."""
    return Finding(
        code="ambiguous_key",
        severity=Severity.WARNING,
        message=(
            f"The natural key of {spec.label} ({', '.join(spec.key.components)}) names more than one row; "
            "in this package its rows are known by their whole content and by primary key."
        ),
        model=spec.label,
        count=surplus,
        hint="Make the rows distinct, or declare another key in EDMS_BACKUP['NATURAL_KEYS'].",
    )
