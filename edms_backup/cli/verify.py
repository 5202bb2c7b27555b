"""verify: are the bytes of a package those that were sealed?"""

from __future__ import annotations

import argparse
from typing import Any

from edms_backup.cli.arguments import add_package_argument
from edms_backup.cli.output import Output
from edms_backup.cli.text import duration, finding_summary, plural
from edms_backup.errors import EXIT_OK, EdmsBackupError, Interrupted
from edms_backup.service import BackupService

HELP = "check every byte of a package"
DESCRIPTION = """\
Read every byte of a package and compare it with what was sealed: the whole file and its length, every member,
every row's place in the counts. Nothing is loaded and nothing is changed.

Exit code 13 means that the package is damaged; do not restore it, and keep it: what can still be read may be
all there is."""
EXAMPLES = """\
  manage.py edms_backup verify latest
  manage.py edms_backup verify /mnt/stick/site.edms.zip --json"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``verify``."""
    add_package_argument(parser)


def run(options: dict[str, Any], service: BackupService, out: Output) -> int:
    """Read the package and say whether it is intact."""
    try:
        report = service.verify(options["package"])
    except EdmsBackupError as error:
        if not out.as_json or isinstance(error, Interrupted):
            raise
        out.document(_unreadable(options["package"], error))
        return error.exit_code
    if out.as_json:
        out.document(report.to_dict())
        return report.exit_code
    out.findings(report.findings)
    contents = f"{plural(report.rows, 'row')}, {plural(report.files, 'file')}, {duration(report.seconds)}"
    if not report.ok:
        verdict = f"DAMAGED ({finding_summary(report.findings) or 'see above'})"
    else:
        verdict = "Intact" if report.exit_code == EXIT_OK else "Intact, with defects that were there before"
    out.verdict(f"{verdict}: {report.package}; {contents}.", good=report.exit_code == EXIT_OK)
    return report.exit_code


def _unreadable(package: str, error: EdmsBackupError) -> dict[str, object]:
    """Return the document for a package that could not be read at all, with the keys that scripts look at."""
    found = [finding.to_dict() for finding in error.findings]
    return {"ok": False, "package": package, "findings": found, "error": error.to_dict()}
