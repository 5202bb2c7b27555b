"""The inventory as a report: every model with tier, rows, key, references, files, fate and drift."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass

from edms_backup.errors import EXIT_DEFECTS, EXIT_OK, SchemaError
from edms_backup.findings import Finding, Severity
from edms_backup.schema.spec import ModelSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class InventoryEntry:
    """One model."""

    label: str
    table: str
    database: str
    tier: str
    fate: str
    reason: str
    rows: int | None
    """``None`` when the table cannot be read."""
    key: str
    key_source: str
    why: str
    relations: list[str]
    many_to_many: list[str]
    generics: list[str]
    files: list[str]
    append_only: bool

    def to_dict(self) -> dict[str, object]:
        """Return the entry as JSON-ready values."""
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class InventoryReport:
    """Every model of the site, and what was noticed."""

    models: tuple[InventoryEntry, ...]
    findings: tuple[Finding, ...]

    @property
    def exit_code(self) -> int:
        """Return 0, or 15 when tables and models do not fit."""
        blocking = any(finding.severity >= Severity.ERROR for finding in self.findings)
        return SchemaError.exit_code if blocking else EXIT_OK

    def to_dict(self) -> dict[str, object]:
        """Return the report as JSON-ready values."""
        return {
            "models": [entry.to_dict() for entry in self.models],
            "findings": [finding.to_dict() for finding in self.findings],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckReport:
    """What an audit found."""

    findings: tuple[Finding, ...]
    models: int

    @property
    def exit_code(self) -> int:
        """Return 0, 3 when something in the data is broken, 15 when a backup is not possible."""
        worst = max((finding.severity for finding in self.findings), default=Severity.INFO)
        if worst >= Severity.ERROR:
            return SchemaError.exit_code
        return EXIT_DEFECTS if worst >= Severity.DEFECT else EXIT_OK

    def to_dict(self) -> dict[str, object]:
        """Return the report as JSON-ready values."""
        return {
            "ok": self.exit_code == EXIT_OK,
            "models": self.models,
            "findings": [finding.to_dict() for finding in self.findings],
        }


def catalogue(
    specs: Iterable[ModelSpec], broken: set[str], count: Callable[[ModelSpec], int]
) -> list[InventoryEntry]:
    """Describe models; rows of those in ``broken`` (labels whose table does not fit) are not counted."""
    return [_entry(spec, None if spec.label in broken else count(spec)) for spec in specs]


def _entry(spec: ModelSpec, rows: int | None) -> InventoryEntry:
    return InventoryEntry(
        label=spec.label,
        table=spec.table,
        database=spec.using,
        tier=spec.tier.value,
        fate=spec.fate.value,
        reason=spec.reason,
        rows=rows,
        key=", ".join(spec.key.components) or ("natural_key()" if spec.key.by_method else "-"),
        key_source=spec.key.source.value,
        why=spec.key.why,
        relations=[f"{r.name} → {r.target._meta.label}{'?' if r.null else ''}" for r in spec.relations],
        many_to_many=[f"{link.name} ⇄ {link.target._meta.label}" for link in spec.many_to_many],
        generics=[f"{g.name} ({g.content_type_name}, {g.object_id})" for g in spec.generics],
        files=[f"{f.field} in {', '.join(root for _, root in f.roots)}" for f in spec.files],
        append_only=spec.append_only,
    )
