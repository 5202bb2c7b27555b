"""status: are backups in order? One line for monitoring systems and people."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from edms_backup.cli.output import Output
from edms_backup.cli.text import shown
from edms_backup.errors import EdmsBackupError
from edms_backup.monitoring.prometheus import write_textfile
from edms_backup.service import BackupService, Check, Level, StatusReport

HELP = "say whether backups are in order, for people and monitoring systems"
DESCRIPTION = """\
Say in one line whether backups are in order: the age of the last good package and of the last verification, whether
the store can be reached, free space, runs that are stuck, were interrupted or wait in vain for a worker, the end of
the audit trail. No package is opened and no database is asked.

The exit codes are those that monitoring plugins have: 0 in order, 1 warning, 2 critical, 3 unknown. The thresholds
are in EDMS_BACKUP["STATUS"]."""
EXAMPLES = """\
  manage.py edms_backup status
  manage.py edms_backup status --notify
  manage.py edms_backup status --prometheus /var/lib/node_exporter/edms_backup.prom"""

_PREFIX = "EDMS BACKUP"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``status``."""
    parser.add_argument(
        "--notify",
        action="store_true",
        help="Tell the people of EDMS_BACKUP['NOTIFY'] when something is not in order.",
    )
    parser.add_argument(
        "--prometheus",
        type=Path,
        metavar="FILE",
        help="Write metrics for the textfile collector of Prometheus to FILE, by one atomic step.",
    )


def run(options: dict[str, Any], service: BackupService, out: Output) -> int:
    """Say how it stands."""
    report = service.status(notify=options["notify"])
    if options["prometheus"]:
        write_textfile(Path(options["prometheus"]), report)
    if out.as_json:
        findings = [finding.to_dict() for finding in report.findings]
        details = {check.name: check.detail for check in report.checks if check.detail}
        out.document(
            {**report.to_dict(), "exit_code": int(report.level), "details": details, "findings": findings}
        )
        return int(report.level)
    out.verdict(f"{_headline(report)} | {' '.join(_performance(report))}", good=report.level is Level.OK)
    for check in report.checks:
        detail = f" ({shown(check.detail)})" if check.detail else ""
        out.line(f"{check.level.name:<8} {check.name}: {shown(check.message)}{detail}")
    out.findings(report.findings)
    return int(report.level)


def unknown(error: EdmsBackupError, out: Output) -> int:
    """Say that nothing can be said, on the line where monitoring systems look; return the exit code."""
    code = int(Level.UNKNOWN)
    if out.as_json:
        out.error(error, exit_code=code)
    else:
        out.verdict(f"{_PREFIX} {Level.UNKNOWN.name}: {shown(error.message)}", good=False)
    return code


def _headline(report: StatusReport) -> str:
    said = report.worrying or [report.check("package")]
    return f"{_PREFIX} {report.level.name}: {' '.join(shown(check.message) for check in said)}".replace(
        "|", "/"
    )


def _performance(report: StatusReport) -> list[str]:
    """Return the numbers as monitoring plugins write them: name=value[unit];warning;critical;least."""
    return [_number(check) for check in report.checks if check.value is not None]


def _number(check: Check) -> str:
    warning, critical = "", ""
    if check.limits:
        # A colon after a number means: alarm when below it.
        below = ":" if check.name == "space" else ""
        warning, critical = (f"{limit:.0f}{below}" for limit in check.limits)
    return f"{check.name}={check.value:.0f}{check.unit};{warning};{critical};0"
