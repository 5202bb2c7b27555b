"""What the rows of the zoo say, in words that do not depend on primary keys: the measure of a round trip.

Written with the ORM alone and without a line of the app under test, so that both cannot err alike.
"""

from typing import Any

from django.apps import apps
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import ValidationError
from django.db import models

from tests.zoo.population import rows

Portrait = dict[str, list[dict[str, Any]]]

_GENERIC = {
    "Note": ("content_type", "object_id"),
    "TextNote": ("content_type", "object_id"),
    "UuidNote": ("kind", "ident"),
    "SoftNote": ("content_type", "object_id"),
    "Watch": ("content_type", "object_id"),
}


def portrait(labels: tuple[str, ...], *, keys: bool = False) -> Portrait:
    """Return every row of the models; ``keys``: with primary keys."""
    return {
        label: sorted((_row(row, keys) for row in rows(apps.get_model(label))), key=repr) for label in labels
    }


def _row(row: models.Model, keys: bool) -> dict[str, Any]:
    said: dict[str, Any] = {"pk": row.pk} if keys else {}
    kind, ident = _GENERIC.get(type(row).__name__, ("", ""))
    for column in row._meta.concrete_fields:
        value = getattr(row, column.attname)
        if column.name == ident:
            value = _generic(getattr(row, f"{kind}_id"), value)
        elif column.is_relation:
            value = _name(column.related_model, column.target_field.name, value)
        elif column.primary_key and isinstance(column, models.AutoField):
            continue
        elif isinstance(column, models.BinaryField) and value is not None:
            value = bytes(value)
        elif isinstance(column, models.JSONField):
            value = [value, _is_sql_null(row, column)]
        said[column.name] = (
            str(value) if hasattr(value, "__fspath__") or "File" in type(value).__name__ else value
        )
        if isinstance(column, models.FileField):
            said[column.name] = models.QuerySet(type(row)).values_list(column.name, flat=True).get(pk=row.pk)
    for link in row._meta.local_many_to_many:
        through = link.remote_field.through
        if not through._meta.auto_created:
            continue
        source, target = link.m2m_column_name(), link.m2m_reverse_name()
        found = models.QuerySet(through).filter(**{source: row.pk}).values_list(target, flat=True)
        said[link.name] = sorted((_name(link.related_model, "pk", pk) for pk in found), key=repr)
    return said


def _name(model: type[models.Model], column: str, value: Any) -> Any:
    """Return what a reference points at: the row's code, or the value when there is no such row."""
    if value is None:
        return None
    found = models.QuerySet(model).filter(**{column: value}).first()
    if found is None:
        return ("nothing", value)
    if isinstance(found, ContentType):
        return (found.app_label, found.model)
    own = [getattr(found, field.attname) for field in found._meta.concrete_fields if field.name == "value"]
    return (model.__name__, found.code, *own)  # type: ignore[attr-defined]


def _generic(kind: int | None, ident: Any) -> Any:
    model = None if kind is None else ContentType.objects.get_for_id(kind).model_class()
    if model is None or ident is None or not model._meta.managed:
        return ident
    try:
        return _name(model, "pk", ident)
    except (ValueError, TypeError, OverflowError, ValidationError):
        return ("nothing", ident)  # no primary key of that model, so it names nothing


def _is_sql_null(row: models.Model, column: models.Field) -> bool:
    return models.QuerySet(type(row)).filter(pk=row.pk, **{f"{column.name}__isnull": True}).exists()
