"""Rows as they are given: inserted without save(), without auto_now and without any receiver.

A demo site has to be the same each time. Ordinary saving would put the present time into every auto_now field
and let the receivers of the EDMS write further rows, so rows are inserted raw, as a fixture loader would.
"""

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any

from django.apps import apps
from django.core.management.color import no_style
from django.db import DEFAULT_DB_ALIAS, connections, models

from .source import current, seeding

BATCH = 400
"""Rows in one INSERT at most; databases with a limit on parameters get fewer."""


def assign_keys(rows: Sequence[models.Model], using: str = DEFAULT_DB_ALIAS) -> None:
    """Give each row without an integer primary key one from the current source."""
    for row in rows:
        if row.pk is None and isinstance(row._meta.pk, models.AutoField | models.BigAutoField):
            row.pk = current().next_key(row._meta.label_lower, partial(_highest_key, type(row), using))


def _highest_key(model: type[models.Model], using: str) -> int:
    """Return the highest key that the table of `model` holds, 0 when it is empty."""
    found = model._base_manager.using(using).aggregate(highest=models.Max("pk"))["highest"]
    return found or 0


def insert(rows: Sequence[models.Model], using: str = DEFAULT_DB_ALIAS) -> None:
    """Insert `rows`, all of one model, exactly as they are."""
    if not rows:
        return
    if seeding():
        assign_keys(rows, using)
    model = type(rows[0])
    keyed = [row for row in rows if row.pk is not None]
    fields = list(model._meta.concrete_fields)
    size = min(BATCH, max(1, connections[using].ops.bulk_batch_size(fields, keyed or rows)))
    for start in range(0, len(keyed), size):
        model._base_manager.using(using)._insert(
            keyed[start : start + size], fields=fields, using=using, raw=True
        )
    for row in rows:
        if row.pk is None:
            _insert_unkeyed(row, using)
        row._state.adding = False
        row._state.db = using


def _insert_unkeyed(row: models.Model, using: str) -> None:
    """Insert one row whose primary key the database chooses, and give the row that key."""
    fields = [field for field in row._meta.concrete_fields if not field.primary_key]
    manager = type(row)._base_manager.using(using)
    returned = manager._insert([row], fields=fields, returning_fields=[row._meta.pk], using=using, raw=True)
    row.pk = returned[0][0]


def overwrite(row: models.Model, using: str = DEFAULT_DB_ALIAS) -> None:
    """Write every column of `row` over the stored row with the same primary key."""
    values = {
        field.attname: getattr(row, field.attname)
        for field in row._meta.concrete_fields
        if not field.primary_key
    }
    type(row)._base_manager.using(using).filter(pk=row.pk).update(**values)


def remove(row: models.Model, using: str = DEFAULT_DB_ALIAS) -> None:
    """Delete the stored row alone: no cascade, no receiver; the object keeps its primary key."""
    queryset = type(row)._base_manager.using(using).filter(pk=row.pk)
    queryset._raw_delete(using)


def link(owner: models.Model, relation: str, targets: Iterable[models.Model]) -> None:
    """Add `targets` to the many-to-many `relation` of `owner`, leaving out those that are there already."""
    field: Any = owner._meta.get_field(relation)
    through = field.remote_field.through
    near, far = field.m2m_field_name(), field.m2m_reverse_field_name()
    present = set(through._base_manager.filter(**{near: owner}).values_list(f"{far}_id", flat=True))
    insert([through(**{near: owner, far: target}) for target in targets if target.pk not in present])


def reset_sequences(using: str = DEFAULT_DB_ALIAS) -> None:
    """Move every sequence past the keys that were inserted by hand."""
    connection = connections[using]
    present = set(connection.introspection.table_names())
    tables = [m for m in apps.get_models(include_auto_created=True) if m._meta.db_table in present]
    with connection.cursor() as cursor:
        for statement in connection.ops.sequence_reset_sql(no_style(), tables):
            cursor.execute(statement)
