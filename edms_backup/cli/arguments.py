"""Arguments that several subcommands share, and the parser that refuses in this app's own way."""

from __future__ import annotations

import argparse
from typing import Any, NoReturn

from django.core.management.base import CommandError, CommandParser

from edms_backup.errors import UsageError


class Parser(CommandParser):
    """Django's parser, except that a wrong command line is a ``UsageError`` like any other."""

    def error(self, message: str) -> NoReturn:
        """Refuse the command line; inside of ``call_command`` as ``CommandError``, as callers expect."""
        if self.called_from_command_line:
            raise UsageError(f"{self.prog}: {message}.", hint=" ".join(self.format_usage().split()))
        raise CommandError(message, returncode=UsageError.exit_code)


def add_output_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what every subcommand has: ``--json``, ``--no-progress``, and Django's own options.

    Django reads its options before the subcommand only; people write them at the end.
    """
    parser.add_argument(
        "--json",
        action="store_true",
        help="Write exactly one JSON document to standard output, also when it fails; the rest goes to "
        "standard error.",
    )
    parser.add_argument(
        "--no-progress", action="store_true", help="Show no progress, not even on a terminal."
    )
    django = parser.add_argument_group("options of Django")
    django.add_argument(
        "-v",
        "--verbosity",
        type=int,
        choices=(0, 1, 2, 3),
        default=argparse.SUPPRESS,
        help="0: the verdict only; 1: normal; 2: everything, and progress in logs.",
    )
    for name, text in (
        ("--settings", "Python path to the settings module."),
        ("--pythonpath", "A directory to add to the Python path."),
    ):
        django.add_argument(name, default=argparse.SUPPRESS, help=text)
    for name, text in (
        ("--traceback", "Show where an unexpected error came from."),
        ("--no-color", "Write without colours."),
        ("--force-color", "Write with colours into pipes and files too."),
    ):
        django.add_argument(name, action="store_true", default=argparse.SUPPRESS, help=text)


def add_scope_arguments(parser: argparse.ArgumentParser, *, doing: str) -> None:
    """Add the options that say which rows and files are meant; ``doing`` is a verb for the help."""
    parser.add_argument(
        "--models",
        nargs="+",
        action="extend",
        default=[],
        metavar="MODEL",
        help=f"{doing} only these models: app_label.Model, or an app label for all models of an app.",
    )
    parser.add_argument(
        "--exclude",
        nargs="+",
        action="extend",
        default=[],
        metavar="MODEL",
        help="Leave these models out: app_label.Model, or an app label.",
    )
    parser.add_argument("--no-files", action="store_true", help=f"{doing} rows only, no document files.")
    parser.add_argument("--database", metavar="ALIAS", help=f"{doing} only the models of this database.")


def add_package_argument(parser: argparse.ArgumentParser) -> None:
    """Add the positional argument that names a package."""
    parser.add_argument(
        "package",
        metavar="PKG",
        help="A path; or, in the store, a name, the beginning of one, or `latest` (safety packages aside).",
    )


def add_reason_argument(parser: argparse.ArgumentParser) -> None:
    """Add what every subcommand has that the audit trail records with its begin and end."""
    parser.add_argument(
        "--reason", default="", metavar="TEXT", help="Why, in your own words; kept in the audit trail."
    )


def add_confirmation_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what a subcommand has that changes the site."""
    parser.add_argument(
        "--dry-run",
        action="store_true",
        help="Show the plan and change nothing; the exit code tells its fate.",
    )
    parser.add_argument("--yes", action="store_true", help="Do not ask; needed where nobody can answer.")
    add_reason_argument(parser)


def scope(options: dict[str, Any]) -> dict[str, Any]:
    """Return the part of a request that ``add_scope_arguments`` stands for."""
    return {
        "models": tuple(options["models"]),
        "exclude": tuple(options["exclude"]),
        "files": not options["no_files"],
        "database": options["database"],
    }
