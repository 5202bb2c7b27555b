"""What people want to know of a package at a glance, and how a verification ended."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from edms_backup.findings import Finding, Severity
from edms_backup.package.manifest import Manifest
from edms_backup.package.records import to_json

__all__ = ["PackageDetail", "PackageSummary", "VerifyReport", "summarize"]

INTEGRITY_EXIT = 13
DEFECTS_EXIT = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageSummary:
    """One line of a list."""

    name: str
    bytes: int
    readable: bool = True
    problem: str = ""
    """Why it cannot be read."""
    id: str = ""
    kind: str = ""
    label: str = ""
    created_at: str = ""
    rows: int = 0
    models: int = 0
    files: int = 0
    missing_files: int = 0

    def to_dict(self) -> dict[str, object]:
        """Return the summary as JSON-ready values."""
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageDetail:
    """A package with its whole manifest."""

    summary: PackageSummary
    manifest: Manifest

    def to_dict(self) -> dict[str, object]:
        """Return both as JSON-ready values."""
        return {"summary": self.summary.to_dict(), "manifest": to_json(self.manifest)}


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyReport:
    """How a verification ended."""

    package: str
    findings: tuple[Finding, ...]
    seconds: float
    rows: int = 0
    files: int = 0
    sha256: str = ""

    @property
    def ok(self) -> bool:
        """Return whether every byte is what was sealed."""
        return all(finding.severity < Severity.ERROR for finding in self.findings)

    @property
    def exit_code(self) -> int:
        """Return 0, 3 for an intact package that was complete with defects, 13 for a damaged one."""
        if not self.ok:
            return INTEGRITY_EXIT
        defects = any(finding.severity >= Severity.DEFECT for finding in self.findings)
        return DEFECTS_EXIT if defects else 0

    def to_dict(self) -> dict[str, object]:
        """Return the report as JSON-ready values."""
        return {
            "ok": self.ok,
            "package": self.package,
            "sha256": self.sha256,
            "rows": self.rows,
            "files": self.files,
            "seconds": round(self.seconds, 3),
            "findings": [finding.to_dict() for finding in self.findings],
        }


def summarize(name: str, size: int, manifest: Manifest) -> PackageSummary:
    """Return the summary of a readable package of ``size`` bytes."""
    return PackageSummary(
        name=name,
        bytes=size,
        id=manifest.header.package_id,
        kind=manifest.header.kind,
        label=manifest.header.label,
        created_at=manifest.header.created_at,
        rows=sum(model.rows for model in manifest.models),
        models=len(manifest.models),
        files=manifest.files.count,
        missing_files=manifest.files.missing,
    )
