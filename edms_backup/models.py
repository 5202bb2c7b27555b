"""Tables of this app: never part of a package, never restored."""

from __future__ import annotations

import datetime
from collections.abc import Iterable

from django.db import connections, models

from edms_backup.engines.errors import mapped
from edms_backup.errors import MissingTable


class RestoreMarker(models.Model):
    """Written inside the transaction of a restore: whoever finds it knows that the restore committed."""

    run_id = models.CharField(max_length=32, primary_key=True)
    committed_at = models.DateTimeField()

    class Meta:
        verbose_name = "restore marker"
        verbose_name_plural = "restore markers"

    def __str__(self) -> str:
        """Return the run."""
        return self.run_id


def mark(alias: str, run_id: str, committed_at: datetime.datetime) -> None:
    """Write the marker of a run, inside the open transaction of a database."""
    if connections[alias].timezone is None:  # USE_TZ is off: the column holds plain times
        committed_at = committed_at.astimezone(datetime.UTC).replace(tzinfo=None)
    marker = RestoreMarker(run_id=run_id, committed_at=committed_at)
    RestoreMarker._base_manager.using(alias).bulk_create([marker])  # no signal: hosts listen to every model


def is_marked(alias: str, run_id: str) -> bool:
    """Return whether the run committed in that database; raises ``DatabaseUnavailable``."""
    with mapped(alias):
        return RestoreMarker.objects.using(alias).filter(run_id=run_id).exists()


def require_marker_table(aliases: Iterable[str]) -> None:
    """Raise ``MissingTable`` where a marker would have no place: such a restore could not be settled after a crash."""
    table = RestoreMarker._meta.db_table
    for alias in aliases:
        with mapped(alias):
            present = connections[alias].introspection.table_names()
        if table not in present:
            raise MissingTable(
                f"Database {alias} has no table {table}, which a restore needs.",
                hint=f"Run `manage.py migrate edms_backup --database {alias}`.",
            )
