"""What the audit trail keeps of a report: numbers and names, never the content of a row."""

from __future__ import annotations

from typing import Any

from edms_backup.create.report import CreateReport, CreateRequest
from edms_backup.findings import Severity
from edms_backup.package.summary import VerifyReport
from edms_backup.restore.report import RestoreReport


def created(request: CreateRequest, report: CreateReport) -> dict[str, Any]:
    """Return what is kept of a create. ``whole``: all that travels was asked for, and went into the store."""
    part = request.models or request.exclude or not request.files or request.database is not None
    return {
        "id": report.id,
        "sha256": report.sha256,
        "bytes": report.bytes,
        "rows": report.rows,
        "files": report.files,
        "seconds": round(report.seconds, 3),
        "defects": sum(finding.severity >= Severity.DEFECT for finding in report.findings),
        "whole": not part and request.output is None,
    }


def restored(report: RestoreReport, undoes: str) -> dict[str, Any]:
    """Return what is kept of a restore or undo."""
    counts = report.models.values()
    details = {
        "run": report.run_id,
        "mode": report.mode.value,
        "package_id": report.package_id,
        "plan": report.plan_digest,
        "verdict": report.verdict,
        "safety_package": report.safety_package,
        "inserted": sum(count.inserted for count in counts),
        "updated": sum(count.updated for count in counts),
        "deleted": sum(count.deleted for count in counts),
        "files": report.files.written + report.files.replaced,
        "seconds": round(report.seconds, 3),
    }
    return {**details, "undoes": undoes} if undoes else details


def verified(report: VerifyReport) -> dict[str, Any]:
    """Return what is kept of a verification."""
    return {
        "intact": report.ok,
        "sha256": report.sha256,
        "rows": report.rows,
        "files": report.files,
        "seconds": round(report.seconds, 3),
    }
