"""The rows of the table ``Run``: a mirror for people and faces, kept where it can be and never a hindrance.

A site may lack the table (a restore into an empty server), its database may be read-only, locked or away:
then a run goes on all the same, and the row is made from the run's folder when somebody looks again.
"""

from __future__ import annotations

import datetime
import logging
import uuid
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from django.db import Error, connections, models, router, transaction

from edms_backup.models import Run, storable

logger = logging.getLogger(__name__)

Answer = TypeVar("Answer")


def mirror(run: Run) -> bool:
    """Write the row of a run; return whether that was possible."""
    alias = router.db_for_write(Run)
    values = {
        column.attname: _for_database(getattr(run, column.attname), alias)
        for column in Run._meta.concrete_fields
    }
    rows = Run._base_manager.using(alias)
    try:
        # The savepoint keeps a host's own transaction usable. No signal is sent: hosts listen to every model.
        with transaction.atomic(using=alias):
            if not rows.filter(pk=run.pk).update(**{k: v for k, v in values.items() if k != "id"}):
                rows.bulk_create([Run(**values)])
    except Error as error:
        logger.info("run %s has no row: %s", run.pk, error)
        return False
    return True


def known() -> dict[uuid.UUID, str] | None:
    """Return id and state of every row; ``None`` when the table cannot be read."""
    return _read(lambda rows: dict(rows.values_list("pk", "state")))


def select(where: Mapping[str, Any], offset: int, limit: int | None) -> list[Run] | None:
    """Return rows, the newest first; ``None`` when the table cannot be read."""
    until = None if limit is None else offset + limit
    found = _read(lambda rows: list(rows.filter(**where).order_by("-created_at", "pk")[offset:until]))
    return None if found is None else [_aware(run) for run in found]


def count(where: Mapping[str, Any]) -> int | None:
    """Return how many rows there are; ``None`` when the table cannot be read."""
    return _read(lambda rows: rows.filter(**where).count())


def _read(ask: Callable[[models.QuerySet[Run]], Answer]) -> Answer | None:
    alias = router.db_for_read(Run)
    try:
        with transaction.atomic(
            using=alias
        ):  # a table that is missing must not spoil a host's own transaction
            return ask(Run._base_manager.using(alias))
    except Error as error:
        logger.info("the runs cannot be read: %s", error)
        return None


def _for_database(value: Any, alias: str) -> Any:
    if isinstance(value, datetime.datetime) and connections[alias].timezone is None:
        return value.astimezone(datetime.UTC).replace(
            tzinfo=None
        )  # USE_TZ is off: the column holds plain times
    return storable(value)


def _aware(run: Run) -> Run:
    for column in Run._meta.concrete_fields:
        value = getattr(run, column.attname)
        if isinstance(column, models.DateTimeField) and value is not None and value.tzinfo is None:
            setattr(run, column.attname, value.replace(tzinfo=datetime.UTC))
    return run
