"""check: would a package of this site restore?"""

from __future__ import annotations

import argparse
from typing import Any

from edms_backup.cli.output import Output
from edms_backup.cli.text import finding_summary
from edms_backup.errors import EXIT_OK
from edms_backup.service import BackupService

HELP = "look for what would spoil a backup or a restore"
DESCRIPTION = """\
Look at settings, models, tables and live rows for what would spoil a backup or a restore: natural keys that
are not unique or not filled, tables that differ from their models, models of which nobody said what happens
to them. Nothing is changed. Run it after every upgrade, before the day when it counts."""
EXAMPLES = """\
  manage.py edms_backup check
  manage.py edms_backup check --json"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add nothing: ``check`` has no arguments of its own."""


def run(options: dict[str, Any], service: BackupService, out: Output) -> int:
    """Show what was found."""
    report = service.check()
    if out.as_json:
        out.document(report.to_dict())
        return report.exit_code
    out.findings(report.findings)
    summary = finding_summary(report.findings)
    out.verdict(f"Found: {summary}." if summary else "Nothing found.", good=report.exit_code == EXIT_OK)
    return report.exit_code
