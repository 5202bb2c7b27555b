"""Fill the example EDMS with believable content, the same each time."""

import time
from argparse import ArgumentParser
from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import connection, transaction

from apps.demo import coverage, multitude, story
from apps.demo.accounts import DEMO_PASSWORDS
from apps.demo.factories.base import restart_sequences
from apps.demo.files import FileShelf
from apps.demo.rows import reset_sequences
from apps.demo.source import Source, drawing_from
from apps.documents.models import Document

NOT_COUNTED = ("auth.Permission", "contenttypes.ContentType")
"""Models whose rows Django makes by itself."""


class Command(BaseCommand):
    """Fill every table and both file directories of the example EDMS with demo content."""

    help = (
        "Fills every table and both file directories of the example EDMS. The same seed and scale give the "
        "same rows and bytes in an empty database."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument(
            "--scale", type=int, default=1, help="Size: 1 makes about 600 rows, 200 about 100,000."
        )
        parser.add_argument("--seed", type=int, default=1, help="Another seed makes another site.")
        parser.add_argument(
            "--flush",
            "--force",
            action="store_true",
            help="Delete every row of the database first. Files stay; those of equal names are overwritten.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Seed the site, or refuse to."""
        if options["scale"] < 1:
            raise CommandError("The scale must be 1 or more.")
        if Document._meta.db_table not in connection.introspection.table_names():
            raise CommandError("This database has no tables for documents yet; run migrate first.")
        if Document._base_manager.exists() and not options["flush"]:
            raise CommandError("This database already has documents; --flush deletes everything in it first.")
        started = time.monotonic()
        if options["flush"]:
            call_command("flush", interactive=False, verbosity=0)
            ContentType.objects.clear_cache()
        restart_sequences()
        shelf = FileShelf()
        with drawing_from(Source(options["seed"], options["scale"])) as source, transaction.atomic():
            site = story.tell(source, shelf)
            multitude.add(site, options["scale"], report=self.stdout.write)
            reset_sequences()
            counts = coverage.row_counts()
            empty = [label for label, count in counts.items() if not count]
            if empty:
                raise CommandError(
                    f"Nothing was seeded into {', '.join(empty)}; the demo content has to be extended."
                )
        rows = sum(count for label, count in counts.items() if label not in NOT_COUNTED)
        self.stdout.write(
            f"{rows} rows in {len(counts)} tables, {len(shelf.paths)} files ({shelf.size} bytes), "
            f"{time.monotonic() - started:.1f} s."
        )
        accounts = ", ".join(f"{name} / {password}" for name, password in DEMO_PASSWORDS.items())
        self.stdout.write(f"Sign in as {accounts}.")
