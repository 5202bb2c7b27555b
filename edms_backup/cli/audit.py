"""audit: who did what, and whether the record of it is whole."""

from __future__ import annotations

import argparse
from typing import Any

from edms_backup.cli.output import Output
from edms_backup.cli.text import Cell, instant, plural, table
from edms_backup.errors import EXIT_OK, UsageError
from edms_backup.service import AuditReport, BackupService, Entry

HELP = "show the audit trail, or verify it"
DESCRIPTION = """\
Show who did what, when, from where and why, and how it ended; or verify that this record is whole.

verify looks at every entry: altered, missing, doubled, moved and foreign ones are found, in the journal on disk and
in its copy in the database. It prints the anchor of the newest entry. Keep that elsewhere, and hand it in later with
--anchor: then nothing up to there was rewritten. Exit code 13 means that the trail is not what was written."""
EXAMPLES = """\
  manage.py edms_backup audit list --last 20
  manage.py edms_backup audit verify
  manage.py edms_backup audit verify --anchor 42:9f86d081884c7d65…"""

_HEAD = ("no", "when", "who", "from", "what", "phase", "result", "about", "why")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``audit``."""
    parser.add_argument("action", choices=("list", "verify"), help="What to do.")
    parser.add_argument("--last", type=int, metavar="N", help="With list: the newest N entries only.")
    parser.add_argument(
        "--anchor", default="", metavar="NO:SHA256", help="With verify: an anchor that was printed earlier."
    )


def run(options: dict[str, Any], service: BackupService, out: Output) -> int:
    """Show the trail or verify it."""
    if options["action"] == "verify":
        return _verify(service.verify_audit(anchor=options["anchor"]), out)
    last = options["last"]
    if last is not None and last < 1:
        raise UsageError("--last needs a number above 0.")
    return _list(service.audit_entries(last=last), out)


def _list(entries: list[Entry], out: Output) -> int:
    if out.as_json:
        out.document({"entries": [{**entry.to_dict(), "sha256": entry.digest} for entry in entries]})
        return EXIT_OK
    if entries:
        out.lines(table(_HEAD, [_row(entry) for entry in entries]))
    out.verdict(f"{plural(len(entries), 'entry', 'entries')}.", good=True)
    return EXIT_OK


def _row(entry: Entry) -> list[Cell]:
    ended = f"{entry.result} ({entry.code})" if entry.code else entry.result
    origin = f"{entry.origin} {entry.address}".strip()
    return [
        str(entry.sequence),
        instant(entry.at),
        entry.name,
        origin,
        entry.what,
        entry.phase,
        ended,
        entry.subject,
        entry.reason,
    ]


def _verify(report: AuditReport, out: Output) -> int:
    if out.as_json:
        out.document(report.to_dict())
        return report.exit_code
    out.findings(report.findings)
    if report.anchor:
        out.line(f"anchor  {report.anchor}")
    where = "journal and database" if report.database else "journal only: the database was not compared"
    verdict = "Whole" if report.ok else "NOT WHAT WAS WRITTEN"
    out.verdict(
        f"{verdict}: {plural(report.entries, 'entry', 'entries')}, {where}.",
        good=report.ok and report.database,
    )
    return report.exit_code
