"""Django system checks: what is wrong with settings and natural keys, before a backup needs them.

Ids are stable and documented in ``docs/checks.md``.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from django.apps.config import AppConfig
from django.core import checks

from edms_backup.conf import get_settings, setting_mistakes
from edms_backup.errors import ConfigurationError, EdmsBackupError
from edms_backup.findings import Finding, Severity
from edms_backup.service import BackupService
from edms_backup.tasks import adapter_for

_IDS = {
    "key_method_unusable": "edms_backup.W010",
    "key_not_on_manager": "edms_backup.W011",
    "key_by_method": "edms_backup.W012",
    "key_not_unique": "edms_backup.W013",
    "key_holds_clock": "edms_backup.I014",
    "key_nullable": "edms_backup.W015",
    "keyless_model": "edms_backup.I016",
    "key_without_index": "edms_backup.I017",
}


@checks.register("edms_backup")
def check_settings(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[checks.CheckMessage]:
    """Report every mistake in ``EDMS_BACKUP``."""
    return [
        checks.Error(str(mistake), hint=mistake.hint or None, id="edms_backup.E001")
        for mistake in setting_mistakes()
    ]


@checks.register("edms_backup")
def check_jobs(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[checks.CheckMessage]:
    """Report a worker that is not there, or that would do long work inside of a request."""
    if setting_mistakes():
        return []  # reported already
    settings = get_settings()
    try:
        adapter_for(settings.jobs)
    except ConfigurationError as error:
        return [checks.Error(str(error), hint=error.hint, id="edms_backup.E003")]
    backend, _, where = settings.jobs.partition(":")
    found: list[checks.CheckMessage] = []
    if backend == "tasks":
        found.extend(_unfit_backend(where))
    if settings.jobs != "process" and _is_temporary(settings.state_directory):
        found.append(
            checks.Warning(
                f"EDMS_BACKUP['STATE_DIRECTORY'] ({settings.state_directory}) lies where other machines and"
                " containers have a directory of their own.",
                hint="A run is handed over in this directory: workers must see the same one.",
                id="edms_backup.W021",
            )
        )
    return found


def _unfit_backend(where: str) -> Iterator[checks.CheckMessage]:
    from edms_backup.tasks.queue import works_in_place  # noqa: PLC0415  (needs the extra, which is there now)

    name = where or "default"
    in_place = works_in_place(where)
    if in_place is None:
        yield checks.Error(
            f"EDMS_BACKUP['JOBS'] names {name!r}, which is no usable alias of TASKS.", id="edms_backup.E003"
        )
    if in_place:
        yield checks.Warning(
            f"TASKS[{name!r}] works at once, inside of the request, or not at all: a restore would outlast it.",
            hint="Choose a backend with workers, the one of django-tasks-db for example, or JOBS = 'process'.",
            id="edms_backup.W020",
        )


def _is_temporary(directory: Path) -> bool:
    places = (tempfile.gettempdir(), "/tmp", "/var/tmp", "/dev/shm", "/run")
    real = Path(os.path.realpath(directory))
    return any(real.is_relative_to(os.path.realpath(place)) for place in places)


# Only with `check --deploy`: what is worth knowing once need not be read before every command.
@checks.register("edms_backup", deploy=True)
def check_natural_keys(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[checks.CheckMessage]:
    """Report what the models alone tell about natural keys; ``edms_backup check`` looks at the rows too."""
    if setting_mistakes():
        return []  # reported already, and nothing can be said beyond them
    try:
        findings = BackupService.from_settings().audit_models()
    except EdmsBackupError as error:
        return [checks.Error(str(error), hint=error.hint or None, id="edms_backup.E002")]
    return [_message(finding) for finding in findings if finding.code in _IDS]


def _message(finding: Finding) -> checks.CheckMessage:
    kind = checks.Warning if finding.severity >= Severity.WARNING else checks.Info
    return kind(finding.message, hint=finding.hint or None, obj=finding.model, id=_IDS[finding.code])
