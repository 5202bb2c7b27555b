"""create, step 1: which models travel, and what stands in the way. Touches nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from edms_backup.create.report import CreateRequest
from edms_backup.engines import Engine
from edms_backup.errors import MissingTable, UsageError
from edms_backup.findings import Finding, Findings, Severity
from edms_backup.schema.drift import find_drift, tables_without_model
from edms_backup.schema.inventory import Inventory
from edms_backup.schema.spec import Fate, ModelSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class CreatePlan:
    """What a create will put into the package."""

    request: CreateRequest
    specs: tuple[ModelSpec, ...]
    """Models that travel, referenced ones first."""
    exclusions: dict[str, str]
    """Models that stay, with the reason."""
    findings: tuple[Finding, ...] = field(default=())
    jobs: int = 1
    """How many workers will dump models."""
    alone: tuple[str, ...] = ()
    """Why fewer workers than were asked for can take part."""

    @property
    def aliases(self) -> list[str]:
        """Return the database aliases that take part, in a fixed order."""
        return sorted({spec.using for spec in self.specs})


def plan_create(request: CreateRequest, inventory: Inventory, engines: Mapping[str, Engine]) -> CreatePlan:
    """Decide what travels.

    Raises ``UnknownModel`` for a name nobody knows, ``UsageError`` when nothing is left or no worker, and
    ``MissingTable`` with one finding per place when a table or column is not there.
    """
    if request.jobs is not None and request.jobs < 1:
        raise UsageError(f"{request.jobs} workers cannot make a package.", hint="Ask for 1 or more (--jobs).")
    specs = inventory.select(request.models, request.exclude, request.database)
    if not specs:
        raise UsageError("Nothing is left to back up.", hint="Check --models, --exclude and --database.")
    findings = Findings(list(find_drift(specs)))
    if findings.blocking:
        first = findings.blocking[0]
        more = f" ({len(findings.blocking) - 1} more)" if len(findings.blocking) > 1 else ""
        raise MissingTable(first.message + more, hint=first.hint, findings=findings.blocking)
    aliases = sorted({spec.using for spec in specs})
    if not request.models:
        findings.extend(tables_without_model(inventory, aliases))
    for alias in aliases:
        findings.extend(engine_findings(alias, engines[alias], specs))
    alone = _why_alone([engines[alias] for alias in aliases]) if (request.jobs or 1) > 1 else ()
    return CreatePlan(
        request=request,
        specs=tuple(specs),
        exclusions=_exclusions(inventory, specs),
        findings=tuple(findings),
        jobs=1 if alone else min(request.jobs or 1, len(specs)),
        alone=alone,
    )


def _why_alone(engines: Iterable[Engine]) -> tuple[str, ...]:
    """Return what keeps several workers from reading the same view, by database."""
    return tuple(
        f"engine {engine.name} cannot give its view of database {engine.alias} to several connections here;"
        " one reads all of it."
        for engine in engines
        if not engine.features.shares_snapshot
    )


def engine_findings(alias: str, engine: Engine, specs: Iterable[ModelSpec]) -> Iterator[Finding]:
    """Yield what keeps the packages of one database from being consistent."""
    if not engine.features.consistent_snapshot:
        yield Finding(
            code="no_snapshot",
            severity=Severity.WARNING,
            message=(
                f"Engine {engine.name} cannot hold database {alias} still: "
                "stop writers while a package is made."
            ),
        )
    for table, storage_engine in engine.volatile_tables([spec for spec in specs if spec.using == alias]):
        yield Finding(
            code="volatile_table",
            severity=Severity.WARNING,
            message=(
                f"Table {table} is {storage_engine}: it takes no part in transactions, "
                "its rows may change meanwhile."
            ),
            hint="ALTER TABLE … ENGINE = InnoDB.",
        )


def _exclusions(inventory: Inventory, specs: list[ModelSpec]) -> dict[str, str]:
    chosen = {spec.label for spec in specs}
    reasons = {}
    for spec in inventory:
        if spec.label not in chosen:
            reasons[spec.label] = spec.reason if spec.fate is Fate.EXCLUDED else "not asked for"
    return reasons
