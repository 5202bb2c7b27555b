"""show: what is in one package."""

from __future__ import annotations

import argparse
from typing import Any

from edms_backup.cli.arguments import add_package_argument
from edms_backup.cli.output import Output
from edms_backup.cli.text import finding_from, instant, number, pairs, plural, shown, size, table
from edms_backup.errors import EXIT_OK
from edms_backup.service import BackupService, PackageDetail

HELP = "show what is in a package"
DESCRIPTION = """\
Show the table of contents of a package: where and when it was made, how many rows of which models it holds
and how they are named, its files, what was left out and why, and what was found when it was made.

Nothing but the table of contents is read. -v 2 adds models without rows, and everything that was found."""
EXAMPLES = """\
  manage.py edms_backup show latest
  manage.py edms_backup show /mnt/stick/site.edms.zip --json"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``show``."""
    add_package_argument(parser)


def run(options: dict[str, Any], service: BackupService, out: Output) -> int:
    """Show the package."""
    detail = service.show(options["package"])
    if out.as_json:
        out.document(detail.to_dict())
    else:
        _show_summary(detail, out)
        _show_models(detail, out)
        _show_rest(detail, out)
    return EXIT_OK


def _show_summary(detail: PackageDetail, out: Output) -> None:
    summary, manifest = detail.summary, detail.manifest
    files = manifest.files
    missing = f", {number(files.missing)} missing when it was made" if files.missing else ""
    out.lines(
        pairs(
            {
                "package": summary.name,
                "id": summary.id,
                "made": instant(summary.created_at),
                "kind": summary.kind,
                "label": summary.label,
                "format": str(manifest.format_version),
                "software": ", ".join(f"{name} {version}" for name, version in manifest.software.items()),
                "databases": ", ".join(
                    f"{entry.alias}: {entry.vendor} {entry.version}" for entry in manifest.databases
                ),
                "size": size(summary.bytes),
                "rows": f"{number(summary.rows)} in {plural(len(manifest.models), 'model')}",
                "files": f"{number(files.count)} ({size(files.bytes)}){missing}",
            }
        )
    )


def _show_models(detail: PackageDetail, out: Output) -> None:
    out.heading("Models")
    listed = [model for model in detail.manifest.models if model.rows or out.detailed]
    out.lines(
        table(
            ("model", "rows", "tier", "named by", "from"),
            [
                [model.label, model.rows, model.tier, ", ".join(model.key.paths) or "-", model.key.source]
                for model in listed
            ],
        )
    )
    empty = len(detail.manifest.models) - len(listed)
    if empty:
        out.line(f"{plural(empty, 'model')} without rows")


def _show_rest(detail: PackageDetail, out: Output) -> None:
    if detail.manifest.exclusions:
        out.heading("Left out")
        out.lines(
            table(("model", "why"), [[entry.label, entry.reason] for entry in detail.manifest.exclusions])
        )
    if detail.manifest.findings:
        out.heading("Found when it was made")
        out.findings([finding_from(document) for document in detail.manifest.findings])
    if out.detailed and detail.manifest.migrations:
        out.heading("Last migrations")
        latest = {app: names[-1] for app, names in detail.manifest.migrations.items() if names}
        out.lines(f"{shown(app)}.{shown(name)}" for app, name in latest.items())
