"""restore: bring a package back, after showing what that changes."""

from __future__ import annotations

import argparse
import socket
import time
from dataclasses import replace
from typing import Any

from django.db import connections

from edms_backup.cli.arguments import (
    add_confirmation_arguments,
    add_package_argument,
    add_scope_arguments,
    scope,
)
from edms_backup.cli.ledger import plan_summary, show_plan, show_proof
from edms_backup.cli.output import Output
from edms_backup.cli.text import duration, instant, pairs, plural
from edms_backup.errors import EXIT_OK, PlanBlocked
from edms_backup.findings import Severity
from edms_backup.service import (
    BackupService,
    Mode,
    Outcome,
    RestorePlan,
    RestoreReport,
    RestoreRequest,
)

HELP = "bring a package back, all of it or nothing"
DESCRIPTION = """\
Bring the rows and files of a package back into this site: all of it, or, when anything goes wrong, nothing.

merge (the default) inserts what is missing, updates what differs and leaves alone what the package does not
know. replace also deletes rows that the package does not know, so that the models hold exactly what they held
when the package was made.

Without --yes the plan is shown first, and exactly that plan is carried out after you type yes. Before the
first write a safety package is made, so that `edms_backup undo` can take the restore back."""
EXAMPLES = """\
  manage.py edms_backup restore latest --dry-run
  manage.py edms_backup restore latest
  manage.py edms_backup restore /mnt/stick/site.edms.zip --mode replace
  manage.py edms_backup restore edms-20250131 --models documents --yes --json"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``restore``."""
    add_package_argument(parser)
    parser.add_argument(
        "--mode",
        choices=[mode.value for mode in Mode],
        default=Mode.MERGE.value,
        help="merge keeps rows that the package does not know, replace deletes them (default: merge).",
    )
    add_confirmation_arguments(parser)
    add_scope_arguments(parser, doing="Restore")
    parser.add_argument(
        "--no-safety-package",
        action="store_true",
        help="Make no package before the first write. The restore can then not be undone.",
    )


def run(options: dict[str, Any], service: BackupService, out: Output) -> int:
    """Show the plan and stop there, or carry it out and show the proof."""
    request = RestoreRequest(
        package=options["package"],
        mode=Mode(options["mode"]),
        safety_package=not options["no_safety_package"],
        **scope(options),
    )
    if options["dry_run"]:
        return _plan(request, service, out)
    if not options["yes"]:
        out.refuse_unless_answerable(options["stdin"])
        request = _confirmed(request, service, out, options)
    out.if_interrupted = "Interrupted; the restore was rolled back, rows and files are as before."
    report = service.restore(request)
    out.if_interrupted = "Interrupted after the restore was done: it stands."
    return show_done(report, out)


def _plan(request: RestoreRequest, service: BackupService, out: Output) -> int:
    started = time.monotonic()
    plan = service.plan(request)
    report = planned(plan, time.monotonic() - started)
    if out.as_json:
        out.document(report.to_dict())
        return report.exit_code
    _show_plan(plan, report, out)
    return finish_plan(report, out)


def _confirmed(
    request: RestoreRequest, service: BackupService, out: Output, options: dict[str, Any]
) -> RestoreRequest:
    """Return the request bound to the plan that the operator saw and confirmed."""
    plan = service.plan(request)
    report = planned(plan, 0.0)
    _show_plan(plan, report, out)
    refuse_blocked(report)
    out.line(plan_summary(report))
    out.ask(
        f"\nRestore {plan.package} ({plan.mode.value}) into {target(plan)} of {site(service)}?",
        options["stdin"],
    )
    return replace(request, plan_digest=plan.digest)


def _show_plan(plan: RestorePlan, report: RestoreReport, out: Output) -> None:
    out.lines(
        pairs(
            {
                "package": plan.package,
                "made": instant(plan.created_at),
                "id": plan.package_id,
                "sha256": plan.package_sha256,
                "mode": plan.mode.value,
                "database": target(plan),
                "locks": "; ".join(dict.fromkeys(plan.locks.values())),
            }
        )
    )
    out.heading("Plan")
    show_plan(out, report)
    for label, reason in plan.slower.items():
        out.line(f"{label} takes a slower way than other models: {reason}.")
    out.line()


def planned(plan: RestorePlan, seconds: float) -> RestoreReport:
    """Return a plan in the shape of a report, so that programs read one shape only."""
    report = RestoreReport.of_plan(plan)
    return replace(report, seconds=seconds, verdict=plan_summary(report))


def finish_plan(report: RestoreReport, out: Output) -> int:
    """Say what a plan comes to and that nothing was changed; return the exit code."""
    refuse_blocked(report)
    good = report.exit_code == EXIT_OK
    out.verdict(f"Dry run, nothing was changed. {plan_summary(report)}", good=good)
    return report.exit_code


def refuse_blocked(report: RestoreReport) -> None:
    """Raise ``PlanBlocked`` when findings, which were shown, forbid the plan."""
    errors = [finding for finding in report.findings if finding.severity >= Severity.ERROR]
    if errors:
        raise PlanBlocked(
            f"The plan is blocked by {plural(len(errors), 'error')}; nothing was written.",
            hint="The findings above say what to do.",
        )


def show_done(report: RestoreReport, out: Output) -> int:
    """Show what a restore or undo did; return the exit code."""
    if report.outcome is Outcome.COMMITTED:
        out.if_interrupted = "Interrupted after the restore was done; it stands."
    if out.as_json:
        out.document(report.to_dict())
        return report.exit_code
    out.heading("Proof")
    show_proof(out, report)
    out.line()
    if report.outcome is Outcome.COMMITTED and report.safety_package:
        out.line(f"The state before is kept in {report.safety_package}.")
        run = f" --run {report.run_id}" if report.run_id else ""
        out.line(f"To undo this restore: manage.py edms_backup undo{run}")
    word = "Restored" if report.outcome is Outcome.COMMITTED else "Rolled back"
    with_defects = "" if report.exit_code == EXIT_OK else " with defects"
    out.verdict(
        f"{word}{with_defects} in {duration(report.seconds)}: {report.verdict}",
        good=report.exit_code == EXIT_OK,
    )
    return report.exit_code


def target(plan: RestorePlan) -> str:
    """Return the databases that a plan writes to, as their settings name them, without secrets."""
    return ", ".join(database(alias) for alias in plan.engines) or "the database"


def database(alias: str) -> str:
    """Return how people know a database: kind, name, host and alias."""
    declared = connections.settings.get(alias, {})
    kind = str(declared.get("ENGINE", "")).rpartition(".")[2] or "database"
    host = declared.get("HOST") or "this machine"
    return f"{kind} {str(declared.get('NAME', ''))!r} on {host} ({alias})"


def site(service: BackupService) -> str:
    """Return how people know the site: its name in settings, else the machine's."""
    name = service.settings.site_name
    return f"site {name!r}" if name else f"the site on {socket.gethostname()}"
