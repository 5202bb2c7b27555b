"""Datasets as database rows, quickly and past the ORM's own writing: no signal, no stamp, no default."""

from typing import Any

from django.apps import apps
from django.contrib.contenttypes.models import ContentType
from django.db import connection, models, transaction

from tests.differential.datasets import GENERIC, GROUPS, Dataset, Reference, Row, columns_of
from tests.differential.values import JSON_NULL


def clear(group: str) -> None:
    """Delete every row of a group; sequences go on from where they are."""
    with connection.constraint_checks_disabled(), transaction.atomic():
        for name in reversed(GROUPS[group]):
            model = apps.get_model("zoo", name)
            for link in model._meta.local_many_to_many:
                if link.remote_field.through._meta.auto_created:
                    models.QuerySet(link.remote_field.through)._raw_delete("default")
            models.QuerySet(model)._raw_delete("default")


def write(dataset: Dataset, first: int = 1, step: int = 1) -> None:
    """Write a dataset; rows with plain numbers as primary keys get them from ``first`` on."""
    writer = _Writer(dataset, first, step)
    # PostgreSQL's constraints wait for the commit by themselves; the others have to be told.
    with connection.constraint_checks_disabled(), transaction.atomic():
        for name, rows in dataset.rows.items():
            writer.model(name, rows)
        for (name, link), pairs in dataset.links.items():
            writer.links(name, link, sorted(pairs))


class _Writer:
    def __init__(self, dataset: Dataset, first: int, step: int) -> None:
        self._dataset, self._first, self._step = dataset, first, step

    def model(self, name: str, rows: list[Row]) -> None:
        model = apps.get_model("zoo", name)
        columns = columns_of(name)
        numbered = isinstance(model._meta.pk, models.AutoField)
        inserted = [model._meta.pk, *columns] if numbered else columns
        values = [
            [
                *([self._number(place)] if numbered else []),
                *(self._value(name, column, row) for column in columns),
            ]
            for place, row in enumerate(rows)
        ]
        _insert(model._meta.db_table, inserted, values)

    def links(self, name: str, link: str, pairs: list[tuple[int, int]]) -> None:
        field: Any = apps.get_model("zoo", name)._meta.get_field(link)
        through = field.remote_field.through
        columns = [
            through._meta.get_field(column)
            for column in (field.m2m_field_name(), field.m2m_reverse_field_name())
        ]
        related = field.related_model.__name__
        values = [[self._identity(name, one), self._identity(related, other)] for one, other in pairs]
        _insert(through._meta.db_table, columns, values)

    def _number(self, place: int) -> int:
        return self._first + place * self._step

    def _identity(self, name: str, place: int) -> Any:
        """Return the primary key of a row."""
        primary_key: Any = apps.get_model("zoo", name)._meta.pk
        return self._held(name, primary_key, place)

    def _held(self, name: str, column: Any, place: int) -> Any:
        """Return what a column of a row holds that others refer to."""
        if isinstance(column, models.AutoField):
            return self._number(place)
        return self._value(name, column, self._dataset.rows[name][place])

    def _value(self, name: str, column: Any, row: Row) -> Any:
        if name in GENERIC and column.name in GENERIC[name][:2]:
            return self._generic(GENERIC[name], column, row)
        value = row[column.name]
        if value is None or not column.is_relation:
            return value
        return self._held(column.related_model.__name__, column.target_field, value)

    def _generic(self, generic: tuple[Any, ...], column: Any, row: Row) -> Any:
        kind, ident, *_ = generic
        meant: Reference = row[ident]
        if column.name == kind:
            return ContentType.objects.get_for_model(apps.get_model("zoo", meant.model)).pk
        if meant.place is None:
            return meant.ident
        identity = self._identity(meant.model, meant.place)
        return str(identity) if isinstance(column, models.CharField | models.TextField) else identity


def _insert(table: str, columns: list[Any], rows: list[list[Any]]) -> None:
    if not rows:
        return
    quote = connection.ops.quote_name
    named = ", ".join(quote(column.column) for column in columns)
    places = ", ".join(["%s"] * len(columns))
    values = [_prepared(column, value) for row in rows for column, value in zip(columns, row, strict=True)]
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {quote(table)} ({named}) VALUES {', '.join([f'({places})'] * len(rows))}", values
        )


def _prepared(column: Any, value: Any) -> Any:
    if value is JSON_NULL:
        return connection.ops.adapt_json_value(None, None)
    return column.get_db_prep_save(value, connection)
