"""``manage.py edms_backup``: hands over to the command line's own room, ``edms_backup.cli``."""

from __future__ import annotations

import argparse
import sys
from typing import Any, NoReturn

from django.core.management.base import BaseCommand, CommandError, CommandParser

from edms_backup.cli.arguments import Parser
from edms_backup.cli.main import DESCRIPTION, MakeService, add_arguments, main, refuse
from edms_backup.cli.output import Output
from edms_backup.errors import UsageError
from edms_backup.service import BackupService


class Command(BaseCommand):
    """Back up and restore this site."""

    # A site that is broken elsewhere must still be able to restore; `edms_backup check` is the own check.
    requires_system_checks = ()
    help = DESCRIPTION
    make_service: MakeService = BackupService.from_settings
    _from_command_line = False

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        """Return Django's parser, made to refuse in this app's own way."""
        kwargs.setdefault("formatter_class", argparse.RawDescriptionHelpFormatter)
        parser = super().create_parser(prog_name, subcommand, **kwargs)
        parser.__class__ = Parser
        return parser

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the subcommands."""
        add_arguments(parser)

    def run_from_argv(self, argv: list[str]) -> None:
        """Run from the command line: the exit code says how it ended, and no exception is shown."""
        self._from_command_line = True
        try:
            super().run_from_argv(argv)
        except UsageError as error:
            self._exit(refuse(error, self._output({"json": "--json" in argv})))

    def handle(self, *args: Any, **options: Any) -> None:
        """Run the subcommand; outside of the command line, failure is a ``CommandError``."""
        try:
            main(
                options,
                self._output(options),
                print_help=lambda: self.create_parser("manage.py", "edms_backup").format_help(),
                make_service=type(self).make_service,
                from_command_line=self._from_command_line,
            )
        except CommandError as error:
            if not self._from_command_line:
                raise
            self._exit(error.returncode)

    def _output(self, options: dict[str, Any]) -> Output:
        return Output(
            self.stdout,
            self.stderr,
            self.style,
            as_json=options.get("json", False),
            verbosity=options.get("verbosity", 1),
        )

    def _exit(self, code: int) -> NoReturn:
        sys.exit(code)
