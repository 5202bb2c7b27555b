#!/usr/bin/env python
"""Command line of the example EDMS."""

import os
import sys
from pathlib import Path


def main() -> None:
    """Run a management command. The backup app is taken from the checkout when it is not installed."""
    repository = str(Path(__file__).resolve().parent.parent)
    if repository not in sys.path:
        sys.path.append(repository)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "edms.settings")

    from django.core.management import execute_from_command_line  # noqa: PLC0415

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
