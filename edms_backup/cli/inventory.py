"""inventory: every model of the site, what happens to it, and how its rows are named."""

from __future__ import annotations

import argparse
from typing import Any

from edms_backup.cli.output import Output
from edms_backup.cli.text import plural, shown, table
from edms_backup.errors import EXIT_OK
from edms_backup.service import BackupService, InventoryReport

HELP = "list every model: what travels, and how rows are named"
DESCRIPTION = """\
List every model of the site: whether its rows travel in a package and why not, how much their loss would hurt
(tier), how many there are, and the natural key that names a row where the primary key cannot.

-v 2 adds database, table, references and columns that name files, and why a key was chosen."""
EXAMPLES = """\
  manage.py edms_backup inventory
  manage.py edms_backup inventory -v 2
  manage.py edms_backup inventory --json"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add nothing: ``inventory`` has no arguments of its own."""


def run(options: dict[str, Any], service: BackupService, out: Output) -> int:
    """Show the inventory."""
    report = service.inventory()
    if out.as_json:
        out.document(report.to_dict())
        return report.exit_code
    travelling = [entry for entry in report.models if entry.fate != "excluded"]
    excluded = [entry for entry in report.models if entry.fate == "excluded"]
    head = ("model", "tier", "rows", "fate", "named by", "from")
    out.lines(
        table(
            head,
            [
                [entry.label, entry.tier, entry.rows, entry.fate, entry.key or "-", entry.key_source]
                for entry in travelling
            ],
        )
    )
    if out.detailed:
        _show_details(report, out)
    if excluded:
        out.heading("Left out")
        out.lines(table(("model", "rows", "why"), [[e.label, e.rows, e.reason] for e in excluded]))
    if report.findings:
        out.heading("Findings")
        out.findings(report.findings)
    rows = sum(entry.rows or 0 for entry in travelling)
    out.line()
    out.verdict(
        f"{plural(len(travelling), 'model')} with {plural(rows, 'row')} travel, {len(excluded)} stay.",
        good=report.exit_code == EXIT_OK,
    )
    return report.exit_code


def _show_details(report: InventoryReport, out: Output) -> None:
    out.heading("Details")
    for entry in report.models:
        out.line(f"{entry.label}  ({entry.database}: {entry.table})")
        details = {
            "why this key": [entry.why] if entry.why else [],
            "refers to": entry.relations,
            "many to many": entry.many_to_many,
            "generic": entry.generics,
            "files": entry.files,
        }
        for name, values in details.items():
            if values:
                out.line(f"    {name}: {', '.join(shown(str(value)) for value in values)}")
