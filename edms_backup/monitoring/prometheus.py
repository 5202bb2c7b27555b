"""Metrics for Prometheus: made anew from the status at each scrape, so that no process keeps numbers of its own.

Needs the extra: ``pip install "edms-backup[prometheus]"``.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edms_backup.errors import ConfigurationError, StoreUnavailable
from edms_backup.service import BackupService, StatusReport

if TYPE_CHECKING:
    from prometheus_client.metrics_core import Metric

_AGES = {
    "package": ("edms_backup_last_package_age_seconds", "Age of the last good package."),
    "verify": (
        "edms_backup_last_verify_age_seconds",
        "Age of the last verification that found a package intact.",
    ),
    "space": ("edms_backup_store_free_bytes", "What the store can still take."),
    "runs": ("edms_backup_run_seconds", "How long the present run lasts; 0 without one."),
    "queue": (
        "edms_backup_queue_seconds",
        "How long the oldest queued run waits with no worker at work; 0 without one.",
    ),
    "audit": ("edms_backup_audit_entries", "Number of the newest entry of the audit trail."),
}


def _client() -> Any:
    try:
        import prometheus_client  # noqa: PLC0415  (an extra)
    except ImportError as error:
        raise ConfigurationError(
            "Metrics need the package prometheus_client, which is not installed.",
            hint='pip install "edms-backup[prometheus]"',
        ) from error
    return prometheus_client


class EdmsBackupCollector:
    """A collector for ``prometheus_client``: ``REGISTRY.register(EdmsBackupCollector())``."""

    def __init__(self, report: StatusReport | None = None) -> None:
        """Report the status as it is at each scrape, or always ``report``."""
        _client()
        self._report = report

    def describe(self) -> Iterator[Metric]:
        """Say nothing: registering must not look at the store."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics."""
        yield from _metrics(self._report or BackupService.from_settings().status())


def _metrics(report: StatusReport) -> Iterator[Metric]:
    family = _client().metrics_core.GaugeMetricFamily
    levels = family(
        "edms_backup_check_level",
        "How a check stands: 0 ok, 1 warning, 2 critical, 3 unknown.",
        labels=["check"],
    )
    for check in report.checks:
        levels.add_metric([check.name], int(check.level))
    yield levels
    yield family(
        "edms_backup_level",
        "How backups stand: 0 ok, 1 warning, 2 critical, 3 unknown.",
        value=int(report.level),
    )
    for name, (metric, text) in _AGES.items():
        value = report.check(name).value
        if value is not None:
            yield family(metric, text, value=value)
    if report.packages is not None and report.bytes is not None:
        yield family("edms_backup_packages", "Packages in the store.", value=report.packages)
        yield family("edms_backup_store_bytes", "What all packages in the store take.", value=report.bytes)
    yield family(
        "edms_backup_status_timestamp_seconds", "When this was looked at.", value=report.at.timestamp()
    )


def exposition(report: StatusReport | None = None) -> bytes:
    """Return the metrics as a scrape gets them; raises ``ConfigurationError`` without the extra."""
    client = _client()
    registry = client.CollectorRegistry()
    registry.register(EdmsBackupCollector(report))
    text: bytes = client.generate_latest(registry)
    return text


def write_textfile(path: Path, report: StatusReport) -> None:
    """Write the metrics for the textfile collector of the node exporter, by one atomic step.

    Raises ``ConfigurationError`` without the extra, ``StoreUnavailable`` when the file cannot be written.
    """
    client = _client()
    registry = client.CollectorRegistry()
    registry.register(EdmsBackupCollector(report))
    try:
        client.write_to_textfile(str(path), registry)
    except OSError as error:
        raise StoreUnavailable(
            f"The metrics cannot be written to {path}: {error.strerror or error}.",
            hint="The directory must exist and be writable for this user.",
        ) from error
