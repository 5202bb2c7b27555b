"""The table of subcommands, and how a run ends: every error has its exit code, and 0 means that it worked."""

from __future__ import annotations

import argparse
import gc
import sys
from collections.abc import Callable
from types import MappingProxyType
from typing import Any, NoReturn, Protocol, TextIO

from django.core.management.base import CommandError

from edms_backup.cli import audit, check, create, inventory, restore, run, runs, show, status, undo, verify
from edms_backup.cli import list as list_packages
from edms_backup.cli.arguments import Parser, add_output_arguments
from edms_backup.cli.interrupts import stoppable
from edms_backup.cli.output import Output
from edms_backup.cli.progress import choose_reporter
from edms_backup.cli.text import shown
from edms_backup.errors import EXIT_DEFECTS, EXIT_OK, EdmsBackupError, Interrupted, UsageError
from edms_backup.events import Event, FindingRaised, Reporter
from edms_backup.service import Actor, BackupService

_OF_EARLIER_RUNS = ("restore_recovered", "restore_unsettled")
MakeService = Callable[[Reporter, Actor], BackupService]


class Subcommand(Protocol):
    """What a module of a subcommand has."""

    HELP: str
    DESCRIPTION: str
    EXAMPLES: str

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add the subcommand's own arguments."""

    def run(self, options: dict[str, Any], service: BackupService, out: Output) -> int:
        """Do it and return the exit code."""


class _Announcer:
    """Says on standard error, whatever the command, that an interrupted restore was settled; passes events on."""

    def __init__(self, reporter: Reporter, out: Output) -> None:
        self._reporter = reporter
        self._out = out

    def emit(self, event: Event) -> None:
        """Announce a finding about an earlier restore, and pass the event on."""
        if isinstance(event, FindingRaised) and event.finding.code in _OF_EARLIER_RUNS:
            self._out.note(self._out.palette.WARNING(f"warning: {shown(event.finding.message)}"))
        self._reporter.emit(event)


COMMANDS: MappingProxyType[str, Subcommand] = MappingProxyType(
    {
        "create": create,
        "restore": restore,
        "undo": undo,
        "list": list_packages,
        "show": show,
        "verify": verify,
        "inventory": inventory,
        "check": check,
        "runs": runs,
        "run": run,
        "status": status,
        "audit": audit,
    }
)

DESCRIPTION = """\
Back up and restore this site: its rows, its document files, and the proof that both came back.

  manage.py edms_backup create             make a package
  manage.py edms_backup restore latest     show what bringing it back would change, and ask"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Give the management command's parser the subcommands."""
    subparsers = parser.add_subparsers(dest="subcommand", metavar="SUBCOMMAND", parser_class=Parser)
    for name, command in COMMANDS.items():
        subparser = subparsers.add_parser(
            name,
            help=command.HELP,
            description=command.DESCRIPTION,
            epilog=f"examples:\n{command.EXAMPLES}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        command.add_arguments(subparser)
        add_output_arguments(subparser)


def main(
    options: dict[str, Any],
    out: Output,
    *,
    print_help: Callable[[], str],
    make_service: MakeService,
    stdin: TextIO | None = None,
    from_command_line: bool = True,
) -> None:
    """Run the subcommand that ``options`` name.

    Returns when it worked. In every other case it has said why, and raises ``CommandError`` with the exit
    code: ``docs/cli.md`` lists them. ``make_service`` gets the reporter and returns the service;
    ``from_command_line``: whether signals are ours to handle.
    """
    name = options.get("subcommand")
    if not name:
        # Not 0: a scheduled job that lost its subcommand must not look like a backup.
        out.stdout.write(print_help())
        _end(UsageError.exit_code, "No subcommand was named; nothing was done.")
    if from_command_line:
        # Rows come and go without cycles: looking for some every few hundred objects is a tenth of all the work.
        gc.freeze()
        gc.set_threshold(50_000, 20, 100)
    with stoppable(from_command_line) as interruption:
        try:
            reporter = choose_reporter(out, wanted=not options["no_progress"])
            actor = Actor.of_process("cli", options.get("reason") or "")
            service = make_service(_Announcer(reporter, out), actor)
            code = COMMANDS[name].run({**options, "stdin": stdin or sys.stdin}, service, out)
        except Interrupted as error:
            code = interruption.exit_code
            out.error(error, exit_code=code)
            _end(code, error.message, error)
        except EdmsBackupError as error:
            code = error.exit_code
            if name == "status":
                code = status.unknown(error, out)  # monitoring systems know four exit codes
            else:
                out.error(error)
            _end(code, error.message, error)
        except KeyboardInterrupt as error:
            code = interruption.exit_code
            if out.stderr.is_terminal:
                out.note("")  # the terminal shows ^C, or a progress line stands there
            out.error(Interrupted(out.if_interrupted), exit_code=code)
            _end(code, out.if_interrupted, error)
        except Exception as error:
            _unexpected(error, out, traceback=options.get("traceback", False))
            raise CommandError(_one_line(error), returncode=EdmsBackupError.exit_code) from error
    _finish(code, out)


def refuse(error: UsageError, out: Output) -> int:
    """Say what is wrong with the command line; return the exit code."""
    out.error(error)
    return error.exit_code


def _finish(code: int, out: Output) -> None:
    problem = out.stdout.problem
    if problem is not None:
        message = f"The result could not be written to standard output: {problem.strerror or problem}."
        out.note(out.palette.ERROR(f"error: {message}"))
        code = code or EdmsBackupError.exit_code
        _end(code, message)
    if code != EXIT_OK:
        _end(code, "Done, with defects that were listed." if code == EXIT_DEFECTS else "It did not succeed.")


def _unexpected(error: Exception, out: Output, *, traceback: bool) -> None:
    if traceback:
        out.traceback(error)
    hint = "" if traceback else "Add --traceback to see where it happened, and report it."
    out.error(EdmsBackupError(_one_line(error), hint=hint))


def _one_line(error: Exception) -> str:
    return " ".join(f"Unexpected {type(error).__name__}: {error}".split())


def _end(code: int, message: str, cause: BaseException | None = None) -> NoReturn:
    raise CommandError(message, returncode=code) from cause
