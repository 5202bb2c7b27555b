"""undo: take the last restore back."""

from __future__ import annotations

import argparse
import time
from dataclasses import replace
from typing import Any

from edms_backup.cli.arguments import add_confirmation_arguments
from edms_backup.cli.ledger import plan_summary, show_plan
from edms_backup.cli.output import Output
from edms_backup.cli.restore import finish_plan, refuse_blocked, show_done, site
from edms_backup.cli.text import instant, pairs
from edms_backup.service import BackupService, RestoreRecord, RestoreReport

HELP = "take the last restore back"
DESCRIPTION = """\
Take a restore back: rows and files become what they were before it, from the safety package that it made
before its first write. What people changed since then is taken back too; the plan counts it.

Without --yes the plan is shown first, and it is carried out after you type yes. All of it or nothing."""
EXAMPLES = """\
  manage.py edms_backup undo --dry-run
  manage.py edms_backup undo
  manage.py edms_backup undo --run 5f0c1e --yes"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``undo``."""
    parser.add_argument(
        "--run",
        default="",
        metavar="ID",
        help="The restore to undo, by its id (default: the last one).",
    )
    add_confirmation_arguments(parser)


def run(options: dict[str, Any], service: BackupService, out: Output) -> int:
    """Show what undoing would change and stop there, or do it and show the proof."""
    record = service.last_undoable(options["run"])
    # Bound to one run, so that a restore that ends while somebody reads the plan is not undone instead.
    run_id = record.run_id if record is not None else options["run"]
    plan_digest = ""
    if options["dry_run"]:
        return _plan(run_id, record, service, out)
    if not options["yes"]:
        out.refuse_unless_answerable(options["stdin"])
        plan_digest = _confirmed(run_id, record, service, out, options)
    out.if_interrupted = "Interrupted; undoing was rolled back, rows and files are as before."
    report = service.undo(run_id=run_id, plan_digest=plan_digest)
    out.if_interrupted = "Interrupted after undoing was done: it stands."
    return show_done(report, out)


def _plan(run_id: str, record: RestoreRecord | None, service: BackupService, out: Output) -> int:
    started = time.monotonic()
    report = service.undo(run_id=run_id, plan_only=True)
    report = replace(report, seconds=time.monotonic() - started, verdict=plan_summary(report))
    if out.as_json:
        out.document(report.to_dict())
        return report.exit_code
    _show_plan(report, record, out)
    return finish_plan(report, out)


def _confirmed(
    run_id: str, record: RestoreRecord | None, service: BackupService, out: Output, options: dict[str, Any]
) -> str:
    """Return the digest of the plan that the operator saw and confirmed."""
    report = service.undo(run_id=run_id, plan_only=True)
    _show_plan(report, record, out)
    refuse_blocked(report)
    out.line(plan_summary(report))
    out.ask(f"\nUndo the restore {run_id} in {site(service)}?", options["stdin"])
    return report.plan_digest


def _show_plan(report: RestoreReport, record: RestoreRecord | None, out: Output) -> None:
    if record is not None:
        out.lines(
            pairs(
                {
                    "restored": record.package,
                    "done": instant(record.committed_at),
                    "run": record.run_id,
                    "state before": record.safety_package,
                }
            )
        )
    out.heading("Plan")
    show_plan(out, report)
    out.line()
