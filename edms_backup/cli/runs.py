"""runs: what was asked for, by whom, how far it is and how it ended."""

from __future__ import annotations

import argparse
import datetime
from typing import Any

from edms_backup.cli.output import Output
from edms_backup.cli.text import Cell, instant, number, pairs, plural, table
from edms_backup.errors import EXIT_OK, UsageError
from edms_backup.service import BackupService, Run, RunState

HELP = "list runs, show one, cancel one"
DESCRIPTION = """\
List what was asked for, the newest first: by whom, how far it is, how it ended. Commands are runs too, except
those that only look.

`runs cancel ID` cancels a run that waits at once. One that works is asked to stop: it rolls back what it had
begun, and its state then is cancelled. After the commit it is too late, and that is said."""
EXAMPLES = """\
  manage.py edms_backup runs
  manage.py edms_backup runs --state failed --json
  manage.py edms_backup runs show 1a2b3c4d-5e6f-4a7b-8c9d-0e1f2a3b4c5d
  manage.py edms_backup runs cancel 1a2b3c4d-5e6f-4a7b-8c9d-0e1f2a3b4c5d"""

_HEAD = ("id", "asked", "what", "state", "by", "progress")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what to do with which run, and filters for the list."""
    parser.add_argument(
        "action", nargs="?", choices=("list", "show", "cancel"), default="list", help="Default: list."
    )
    parser.add_argument("run", nargs="?", default="", metavar="ID", help="The run to show or to cancel.")
    parser.add_argument("--kind", metavar="KIND", help="List only runs of this kind, create for example.")
    parser.add_argument("--state", metavar="STATE", help="List only runs in this state, failed for example.")
    parser.add_argument("--limit", type=int, default=50, metavar="N", help="List at most N (default: 50).")


def run(options: dict[str, Any], service: BackupService, out: Output) -> int:
    """List, show or cancel."""
    action, run_id = options["action"], options["run"]
    if action == "list":
        if run_id:
            raise UsageError("A list takes no id.", hint="`edms_backup runs show ID` shows one run.")
        return _list(options, service, out)
    if not run_id:
        raise UsageError(
            f"Which run should be {'shown' if action == 'show' else 'cancelled'}?", hint="Add its id."
        )
    show_run(service.run(run_id) if action == "show" else service.cancel(run_id), out)
    return EXIT_OK


def _list(options: dict[str, Any], service: BackupService, out: Output) -> int:
    if options["limit"] < 1:
        raise UsageError("--limit must be at least 1.")
    where = {name: options[name] for name in ("kind", "state") if options[name]}
    page = service.runs(limit=options["limit"], **where)
    if out.as_json:
        out.document({"total": page.total, "runs": [found.to_dict() for found in page.runs]})
        return EXIT_OK
    if page.runs:
        out.lines(table(_HEAD, [_row(found) for found in page.runs]))
    shown = f" The newest {len(page.runs)} are shown." if page.total > len(page.runs) else ""
    out.verdict(f"{plural(page.total, 'run')}.{shown}", good=True)
    return EXIT_OK


def show_run(run: Run, out: Output) -> None:
    """Show one run."""
    if out.as_json:
        out.document(run.to_dict())
        return
    error = run.error or {}
    out.lines(
        pairs(
            {
                "run": str(run.pk),
                "what": run.kind,
                "asked": _moment(run.created_at),
                "by": f"{run.actor_name} ({run.origin})" if run.origin else run.actor_name,
                "why": run.reason,
                "begun": _moment(run.started_at),
                "last sign": "" if run.ended else _moment(run.heartbeat_at),
                "ended": _moment(run.ended_at),
                "progress": _progress(run),
                "worker": run.worker,
                "stop asked": _moment(run.cancel_requested_at),
                "error": str(error.get("message", "")),
                "hint": str(error.get("hint", "")),
            }
        )
    )
    good = run.state in (RunState.QUEUED, RunState.RUNNING, RunState.SUCCEEDED)
    verdict = str((run.report or {}).get("verdict") or (run.report or {}).get("package") or "")
    out.verdict(f"{run.get_state_display()}{': ' + verdict if verdict else ''}", good=good)


def _row(run: Run) -> list[Cell]:
    return [
        str(run.pk),
        _moment(run.created_at),
        run.kind,
        run.state,
        run.actor_name,
        "" if run.ended else _progress(run),
    ]


def _progress(run: Run) -> str:
    if not run.step:
        return ""
    total = f"/{number(run.total)}" if run.total else ""
    return f"{run.step}: {number(run.done)}{total} {run.unit}"


def _moment(moment: datetime.datetime | None) -> str:
    return "" if moment is None else instant(moment.astimezone(datetime.UTC).isoformat().split("+")[0])
