"""Celery as the worker.

The site's own Celery app includes this module: ``Celery("edms", include=["edms_backup.tasks.celery"])``.
"""

from __future__ import annotations

from typing import Any

from celery import shared_task

from edms_backup.tasks import run_job


@shared_task(name="edms_backup.run", ignore_result=True, acks_late=False)  # type: ignore[untyped-decorator,unused-ignore]
def run(run_id: str) -> None:
    """Carry out a run. The message holds nothing but its id; how it ends stands in the run."""
    run_job(run_id)


def send(run_id: str, where: str = "") -> None:
    """Send the run to the queue that ``where`` names (the site's default queue when it is empty)."""
    options: dict[str, Any] = {"queue": where} if where else {}
    run.apply_async((run_id,), **options)
