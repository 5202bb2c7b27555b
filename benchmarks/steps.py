"""Runs one restore or create inside of a site, and prints where its seconds went: ``python -m benchmarks.steps``."""

import json
import sys
import time

import django

from edms_backup.events import Event, StepFinished


class Clock:
    """Adds up the seconds of each step."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    def emit(self, event: Event) -> None:
        """Take one event."""
        if isinstance(event, StepFinished):
            self.seconds[event.step] = self.seconds.get(event.step, 0.0) + event.seconds


def main(command: str) -> None:
    """Run ``create`` or ``restore`` of the newest package."""
    django.setup()
    from edms_backup.service import BackupService, CreateRequest, RestoreRequest

    clock = Clock()
    service = BackupService.from_settings(reporter=clock)
    started = time.perf_counter()
    if command == "create":
        service.create(CreateRequest())
    else:
        service.restore(RestoreRequest(package="latest", safety_package=False))
    clock.seconds["whole"] = time.perf_counter() - started
    json.dump(clock.seconds, sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1])
