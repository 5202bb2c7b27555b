"""create, step 2: one consistent, read-only view per database, held until the package is sealed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass

from django.db.models import Count

from edms_backup.create.workers import Breaker, Workers
from edms_backup.engines import Engine
from edms_backup.engines.naming import base_queryset, may_be_null, stream_names
from edms_backup.errors import DatabaseUnavailable
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
    specs: Sequence[ModelSpec],
    engines: Mapping[str, Engine],
    *,
    already_open: bool = False,
    jobs: int = 1,
) -> Iterator[Workers]:
    """Hold one view per database for the ``with`` block; gives ``jobs`` workers that read it.

    ``already_open``: a transaction of a restore holds the tables still; reading inside it is enough.
    With more than one worker, every engine has to share its snapshots.
    """
    if already_open:
        yield Workers()
        return
    of_alias = {
        alias: [spec for spec in specs if spec.using == alias]
        for alias in sorted({spec.using for spec in specs})
    }
    with ExitStack() as views, ExitStack() as gates:
        workers = Workers()
        if jobs > 1:
            jobs = _shut(gates, [engines[alias] for alias in of_alias], workers, jobs)
        for alias, own in of_alias.items():
            views.enter_context(engines[alias].freeze(own))
        views.enter_context(closing(workers))
        if jobs > 1:
            snapshots = {alias: engines[alias].export_snapshot() for alias in of_alias}
            workers.begin(lambda: _joined(engines, of_alias, snapshots), jobs)
            gates.close()
        yield workers


def _shut(gates: ExitStack, engines: Sequence[Engine], workers: Workers, jobs: int) -> int:
    """Keep writers from committing until all views have begun; return how many workers there can be."""
    try:
        for engine in engines:
            gates.enter_context(engine.hold_writers())
    except DatabaseUnavailable as error:
        gates.close()
        workers.refusals.append(error.message)
        return 1
    return jobs


@contextmanager
def _joined(
    engines: Mapping[str, Engine], of_alias: Mapping[str, Sequence[ModelSpec]], snapshots: Mapping[str, str]
) -> Iterator[Breaker]:
    """Hold the same views in the thread of a worker."""
    with ExitStack() as views:
        breakers = [
            views.enter_context(engines[alias].join(own, snapshots[alias])) for alias, own in of_alias.items()
        ]

        def break_off() -> None:
            for stop in breakers:
                stop()

        yield break_off


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


def fewer_workers(jobs: int, why: str) -> Finding:
    """Return the finding that says that less than ``jobs`` workers read the rows."""
    return Finding(
        code="fewer_workers",
        severity=Severity.INFO,
        message=f"Not all of {jobs} workers took part: {why}",
        hint="The package is the same; it may have taken longer.",
    )


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
