"""run: carry out a run that was submitted."""

from __future__ import annotations

import argparse
from typing import Any

from edms_backup.cli.output import Output
from edms_backup.cli.runs import show_run
from edms_backup.errors import EXIT_OK
from edms_backup.service import BackupService

HELP = "carry out a run that was submitted"
DESCRIPTION = """\
Carry out a run that somebody submitted, in this process, and write down how it ends. This is what a worker
does; with EDMS_BACKUP['JOBS'] = 'process' it is started by itself.

The exit code is that of the run. A run that has begun or ended already is left alone."""
EXAMPLES = """\
  manage.py edms_backup run 1a2b3c4d-5e6f-4a7b-8c9d-0e1f2a3b4c5d"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the id."""
    parser.add_argument("run", metavar="ID", help="The run; `edms_backup runs` lists them.")


def run(options: dict[str, Any], service: BackupService, out: Output) -> int:
    """Carry the run out and show it."""
    out.if_interrupted = "Interrupted; the run says how it ended."
    done = service.carry_out(options["run"])
    show_run(done, out)
    return EXIT_OK if done.exit_code is None else done.exit_code
