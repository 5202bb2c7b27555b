"""list: the packages in the store."""

from __future__ import annotations

import argparse
from typing import Any

from edms_backup.cli.output import Output
from edms_backup.cli.text import Cell, instant, plural, shown, size, table
from edms_backup.errors import EXIT_DEFECTS, EXIT_OK
from edms_backup.service import BackupService, PackageSummary

HELP = "list the packages in the store"
DESCRIPTION = """\
List the finished packages in the store, the newest first. Packages of the kind `safety` were made by a
restore before its first write.

Only the table of contents of each package is read; `edms_backup verify` reads every byte. Exit code 3 means
that a package cannot be opened; it is named."""
EXAMPLES = """\
  manage.py edms_backup list
  manage.py edms_backup list --json"""

_HEAD = ("name", "made", "kind", "size", "rows", "files", "label")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add nothing: ``list`` has no arguments of its own."""


def run(options: dict[str, Any], service: BackupService, out: Output) -> int:
    """Show the packages."""
    packages = service.list()
    unreadable = [package for package in packages if not package.readable]
    if out.as_json:
        out.document({"packages": [package.to_dict() for package in packages]})
    else:
        if packages:
            out.lines(table(_HEAD, [_row(package) for package in packages]))
        for package in unreadable:
            out.line(out.palette.ERROR(f"{shown(package.name)}: {shown(package.problem)}"))
        unread = f", {len(unreadable)} of them unreadable" if unreadable else ""
        out.verdict(f"{plural(len(packages), 'package')}{unread}.", good=not unreadable)
    return EXIT_DEFECTS if unreadable else EXIT_OK


def _row(package: PackageSummary) -> list[Cell]:
    if not package.readable:
        return [package.name, "", "unreadable", size(package.bytes), None, None, ""]
    made = instant(package.created_at)
    return [package.name, made, package.kind, size(package.bytes), package.rows, package.files, package.label]
