"""manage.py system_reinit: what an administrator does after a disaster, before the restore."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from apps.settings.defaults import INITIAL_ADMIN_PASSWORD
from apps.settings.reinitialization import reinitialize


class Command(BaseCommand):
    """Empty the EDMS and make its defaults anew."""

    help = (
        "Deletes all rows and stored files of the EDMS and makes the default rows anew, with other primary "
        "keys and other uuids. Backup packages are kept."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the options."""
        parser.add_argument("--yes", action="store_true", help="Do not ask.")
        parser.add_argument(
            "--shift-ids",
            metavar="N",
            type=int,
            nargs="?",
            const=1000,
            default=0,
            help="Begin N above the primary keys in use (1000 without a number), and make content types "
            "and permissions anew.",
        )
        parser.add_argument(
            "--admin-password",
            default=INITIAL_ADMIN_PASSWORD,
            help="Password of the new administrator (default: %(default)s).",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Ask, then start over."""
        if options["shift_ids"] < 0:
            raise CommandError("--shift-ids takes a number that is not negative.")
        if not options["yes"] and input("Delete everything in this EDMS? Type 'yes': ") != "yes":
            raise CommandError("Nothing was changed.")
        reinitialize(options["admin_password"], options["shift_ids"])
        self.stdout.write("The EDMS is empty but for its defaults. Administrator: admin.")
