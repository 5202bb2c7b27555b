"""After the commit: what the database, the caches and the host have to be told.

Nothing here can undo the restore any more, so nothing here raises: what fails is a finding, and the exit
code says that somebody has to look.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from django.apps import apps
from django.core.cache import caches
from django.db import Error, router
from django.dispatch import Signal

from edms_backup.engines import Engine
from edms_backup.engines.naming import base_queryset
from edms_backup.findings import Finding, Severity
from edms_backup.restore.report import RestoreReport
from edms_backup.schema.spec import ModelSpec

logger = logging.getLogger(__name__)

Hook = Callable[[RestoreReport], Iterable[Finding] | None]
"""What ``EDMS_BACKUP["AFTER_RESTORE"]`` names: called in the order of the list, with the report."""


def forget(specs: Iterable[ModelSpec]) -> None:
    """Drop what this process remembers of rows: content types and sites keep them in memory."""
    for spec in specs:
        clear_cache = getattr(spec.model._default_manager, "clear_cache", None)
        if clear_cache is not None:
            clear_cache()


def analyze(engines: Mapping[str, Engine], specs: Sequence[ModelSpec]) -> Iterator[Finding]:
    """Let every database look at its tables again, so that its planner knows the new rows."""
    for alias in sorted({spec.using for spec in specs}):
        try:
            engines[alias].analyze([spec for spec in specs if spec.using == alias])
        except Error as error:
            yield Finding(
                code="analyze_failed",
                severity=Severity.WARNING,
                message=f"Database {alias} could not renew its statistics: {type(error).__name__}.",
                hint="Run ANALYZE by hand; until then queries may be slow.",
            )


def end_sessions() -> Iterator[Finding]:
    """Delete database sessions, inside the open transaction: they belong to people as they were before."""
    if not apps.is_installed("django.contrib.sessions"):
        return
    session = apps.get_model("sessions", "Session")
    sessions = base_queryset(session, router.db_for_write(session))
    count = sessions.count()
    if count:
        sessions._raw_delete(sessions.db)
        yield Finding(
            code="sessions_ended",
            severity=Severity.INFO,
            message=f"{count} {'session was' if count == 1 else 'sessions were'} ended;"
            " everybody has to sign in again.",
            count=count,
        )


def clear_caches(report: RestoreReport) -> None:
    """Empty every cache of ``CACHES``: what they hold was true before the restore. A hook like any other."""
    for alias in caches.settings:
        caches[alias].clear()


def run_hooks(hooks: Sequence[tuple[str, Hook]], report: RestoreReport) -> Iterator[Finding]:
    """Call the host's hooks in order; each is a pair of its name and the callable."""
    for name, hook in hooks:
        try:
            yield from hook(report) or ()
        except Exception as error:
            logger.exception("hook %s failed", name)
            yield _failed("hook_failed", f"The hook {name} failed: {type(error).__name__}: {error}")


def send(signal: Signal, sender: type[Any], **arguments: object) -> Iterator[Finding]:
    """Send a signal to the host's receivers, with what ``signals.py`` says that it has."""
    for receiver, response in signal.send_robust(sender=sender, **arguments):
        if isinstance(response, Exception):
            name = getattr(receiver, "__qualname__", repr(receiver))
            yield _failed(
                "receiver_failed", f"The receiver {name} failed: {type(response).__name__}: {response}"
            )


def _failed(code: str, message: str) -> Finding:
    return Finding(
        code=code,
        severity=Severity.DEFECT,
        message=message,
        hint="The run itself is not touched by this; mend the host's code and run it by hand.",
    )
