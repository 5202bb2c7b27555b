"""``python -m tests.cli.stand_in [--hang] …``: the command on a stand-in for the service, in its own process.

With ``--hang`` the run lasts until somebody stops it, and says when it has begun.
"""

import os
import sys
import time
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")

import django

django.setup()

from edms_backup.management.commands.edms_backup import Command  # noqa: E402
from tests.cli.conftest import FakeService  # noqa: E402


def _hang() -> None:
    try:
        sys.stderr.write("begun\n")
        sys.stderr.flush()
        time.sleep(60)
    except KeyboardInterrupt:
        # Undoing takes a moment, in which impatient people press again.
        sys.stderr.write("undoing\n")
        sys.stderr.flush()
        time.sleep(0.5)
        sys.stderr.write("undone\n")
        raise


def main() -> None:
    arguments = sys.argv[1:]
    service = FakeService()
    if arguments[0] == "--hang":
        arguments = arguments[1:]
        service.during = _hang

    def make_service(reporter: Any, actor: Any) -> FakeService:
        service.reporter, service.actor = reporter, actor
        return service

    stand_in = type("StandIn", (Command,), {"make_service": staticmethod(make_service)})
    stand_in().run_from_argv(["manage.py", "edms_backup", *arguments])


if __name__ == "__main__":
    main()
