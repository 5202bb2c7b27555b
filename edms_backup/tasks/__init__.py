"""Long work, carried out elsewhere: submit a request here, and a worker makes it a run.

A worker gets nothing but the run's id; request, progress and report stand in the state directory, which all
processes of a site share. ``EDMS_BACKUP["JOBS"]`` says who the worker is: ``process`` (a detached
``manage.py edms_backup run ID``), ``tasks`` (Django's tasks), ``celery``, or a function of the host's own.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable

from django.utils.module_loading import import_string

from edms_backup.errors import ConfigurationError
from edms_backup.service import Actor, BackupService, Request, Run, RunKind

__all__ = ["ADAPTERS", "adapter_for", "run_job", "submit"]

logger = logging.getLogger(__name__)

Adapter = Callable[[str, str], None]
"""Takes a run's id, and the alias or queue that ``JOBS`` names after the colon; makes a worker carry it out."""

ADAPTERS = {
    "process": "edms_backup.tasks.process.start",
    "tasks": "edms_backup.tasks.queue.enqueue",
    "celery": "edms_backup.tasks.celery.send",
}
_EXTRAS = {"tasks": "edms-backup[tasks]", "celery": "edms-backup[celery]"}


def submit(
    kind: RunKind | str,
    request: Request,
    *,
    actor: Actor | None = None,
    idempotency_key: str = "",
    service: BackupService | None = None,
) -> Run:
    """Let a worker do what ``request`` asks for, and return the run at once; ``service.run(id)`` watches it.

    With an ``idempotency_key`` that the actor used before, the earlier run is returned and nothing is begun.
    Raises ``RunLocked`` while another run that writes is queued or running, ``ConfigurationError`` when no
    worker can be told, ``UsageError`` for a request of another kind.
    """
    service = service or BackupService.from_settings()
    jobs = service.settings.jobs
    adapter = adapter_for(jobs)
    backend, _, where = jobs.partition(":")
    run, new = service.queue(
        RunKind(kind),
        request,
        backend=backend if backend in ADAPTERS else "other",
        actor=actor,
        idempotency_key=idempotency_key,
    )
    if new:
        try:
            adapter(str(run.pk), where)
        except Exception as error:
            problem = ConfigurationError(
                f"No worker could be told to carry the run out (JOBS is {jobs!r}): {type(error).__name__}.",
                hint="The log has the details. Look whether the queue can be reached, then submit it again.",
            )
            logger.exception("run %s cannot be handed over", run.pk)
            service.give_up(run, problem)  # it must not stand in the way of others
            raise problem from error
    return run


def run_job(run_id: str) -> None:
    """Carry out a run that was submitted. What a task of any queue calls, with nothing but the id.

    How it ends stands in the run; the task itself fails only when something unexpected happens.
    """
    run = BackupService.from_settings().carry_out(uuid.UUID(run_id))
    logger.info("run %s: %s", run.pk, run.state)


def adapter_for(jobs: str) -> Adapter:
    """Return what tells the worker that ``JOBS`` names; raises ``ConfigurationError`` when it is not there."""
    backend, _, _where = jobs.partition(":")
    path = ADAPTERS.get(backend, jobs)
    try:
        found = import_string(path)
    except ImportError as error:
        extra = _EXTRAS.get(backend)
        raise ConfigurationError(
            f"EDMS_BACKUP['JOBS'] is {jobs!r}, and that cannot be imported: {error}",
            hint=f"Install it: pip install '{extra}'." if extra else "Name a function that takes a run's id.",
        ) from error
    if backend in ADAPTERS:
        return found  # type: ignore[no-any-return]
    return lambda run_id, where: found(run_id)
