"""create: make a package of the site as it is now."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from edms_backup.cli.arguments import add_reason_argument, add_scope_arguments, scope
from edms_backup.cli.output import Output
from edms_backup.cli.text import duration, finding_summary, number, pairs, plural, size
from edms_backup.errors import EXIT_OK
from edms_backup.service import BackupService, CreateReport, CreateRequest

HELP = "make a package of the site's rows and files"
DESCRIPTION = """\
Make one package of the rows and document files of this site, in one consistent view of the database, while
people go on working. The package is read back before it appears in the store; until then nothing is visible,
and nothing is ever overwritten.

Exit code 0 means complete. Exit code 3 means that the package was made and that something which belongs into
it was already missing or broken here, a document's file for example; the findings name it."""
EXAMPLES = """\
  manage.py edms_backup create
  manage.py edms_backup create --label "before the upgrade"
  manage.py edms_backup create --output /mnt/stick/site.edms.zip
  manage.py edms_backup create --models documents workflows.DocumentWorkflow --no-files"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``create``."""
    add_scope_arguments(parser, doing="Pack")
    parser.add_argument(
        "--output", type=Path, metavar="FILE", help="Write the package to this path instead of the store."
    )
    parser.add_argument("--label", default="", metavar="TEXT", help="A note for people, kept in the package.")
    parser.add_argument(
        "--jobs",
        type=_workers,
        metavar="N",
        help="Let N workers dump models at the same time, in the same view, where the database can share it; "
        "the package is the same. (EDMS_BACKUP['CREATE_JOBS'], else 1)",
    )
    add_reason_argument(parser)


def _workers(text: str) -> int:
    """Return a number of workers; anything else is refused like every wrong command line."""
    if not text.isascii() or not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"must be a number of workers, 1 or more, not {text!r}")
    return int(text)


def run(options: dict[str, Any], service: BackupService, out: Output) -> int:
    """Make the package and say what was made."""
    output = Path(options["output"]) if options["output"] else None
    out.if_interrupted = "Interrupted; no package was made."
    report = service.create(
        CreateRequest(output=output, label=options["label"], jobs=options["jobs"], **scope(options))
    )
    out.if_interrupted = f"Interrupted after the package was made: {report.package}."
    if out.as_json:
        out.document(report.to_dict())
    else:
        _show(report, out)
    return report.exit_code


def _show(report: CreateReport, out: Output) -> None:
    missing = f", {number(report.missing_files)} of them missing" if report.missing_files else ""
    out.lines(
        pairs(
            {
                "package": report.package,
                "id": report.id,
                "sha256": report.sha256,
                "size": f"{size(report.bytes)} ({plural(report.bytes, 'byte')})",
                "rows": f"{number(report.rows)} in {plural(report.models, 'model')}",
                "files": f"{number(report.files)}{missing}",
            }
        )
    )
    if report.findings:
        out.line()
        out.findings(report.findings)
        out.line()
    complete = report.exit_code == EXIT_OK
    verdict = "Complete" if complete else f"Complete with defects ({finding_summary(report.findings)})"
    out.verdict(
        f"{verdict}: {plural(report.rows, 'row')}, {plural(report.files, 'file')};"
        f" read back after writing, {duration(report.seconds)}. {report.package}",
        good=complete,
    )
