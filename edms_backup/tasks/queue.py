"""Django's tasks as the worker: ``django.tasks`` of Django 6.0 and later, its backport ``django_tasks`` before."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ImproperlyConfigured

from edms_backup.tasks import run_job

try:
    from django.tasks import task, task_backends
except ImportError:
    from django_tasks import task, task_backends  # type: ignore[assignment,no-redef]

_IN_PLACE = ("ImmediateBackend", "DummyBackend")


@task()  # type: ignore[untyped-decorator,unused-ignore]
def run(run_id: str) -> None:
    """Carry out a run. The task holds nothing but its id."""
    run_job(run_id)


def enqueue(run_id: str, where: str = "") -> None:
    """Enqueue the run with the backend of ``TASKS`` that ``where`` names (``default`` when it is empty)."""
    chosen: Any = run.using(backend=where) if where else run
    chosen.enqueue(run_id)


def works_in_place(where: str = "") -> bool | None:
    """Return whether that backend would do the work inside the request, or not at all; ``None``: it is unusable."""
    try:
        backend = task_backends[where or "default"]
    except ImproperlyConfigured:  # what both say of a backend that is not declared, or cannot be made
        return None
    return any(base.__name__ in _IN_PLACE for base in type(backend).__mro__)
