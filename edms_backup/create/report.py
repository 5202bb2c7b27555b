"""What a create is asked for, and what it answers."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from edms_backup.errors import EXIT_DEFECTS, EXIT_OK
from edms_backup.findings import Finding, Severity


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateRequest:
    """What to put into a package. Empty ``models`` means everything that travels."""

    models: tuple[str, ...] = ()
    """Labels (``documents.Document``) or app labels."""
    exclude: tuple[str, ...] = ()
    files: bool = True
    output: Path | None = None
    """Write the package to this path instead of the store."""
    database: str | None = None
    """Only models of this database alias."""
    label: str = ""
    """Free text for people; stands in the package's header."""
    jobs: int | None = None
    """How many workers dump models at the same time; ``None``: as the settings say."""
    kind: str = "backup"
    """``backup``, or ``safety`` for the package that a restore makes before its first write."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateReport:
    """What was made."""

    package: str
    """Name in the store, or the path that was asked for."""
    id: str
    sha256: str
    rows: int
    models: int
    files: int
    missing_files: int
    bytes: int
    seconds: float
    findings: tuple[Finding, ...] = ()

    @property
    def exit_code(self) -> int:
        """Return 0, or 3 when the package is complete with defects."""
        defects = [finding for finding in self.findings if finding.severity >= Severity.DEFECT]
        return EXIT_DEFECTS if defects else EXIT_OK

    def to_dict(self) -> dict[str, object]:
        """Return the report as JSON-ready values."""
        return {
            "package": self.package,
            "id": self.id,
            "sha256": self.sha256,
            "rows": self.rows,
            "models": self.models,
            "files": self.files,
            "missing_files": self.missing_files,
            "bytes": self.bytes,
            "seconds": round(self.seconds, 3),
            "complete": self.exit_code == EXIT_OK,
            "findings": [finding.to_dict() for finding in self.findings],
        }
