"""Proposing a natural key from the unique constraints of a model.

What people call a thing goes before what a machine calls it: a code or number before a name, one column
before several, several columns before a uuid. Constraints with a condition, with expressions or over
columns that may be NULL name nothing reliably and are left out.
"""

from __future__ import annotations

from collections.abc import Iterator

from django.core.exceptions import FieldDoesNotExist
from django.db import models

# Last words of column names that people use to name a row, the strongest first.
_STRONG_NAMES = ("number", "code", "username", "key", "slug", "key_id", "serial_number", "identifier", "name")


def unique_sets(model: type[models.Model]) -> Iterator[tuple[str, ...]]:
    """Yield the names of the fields of every unconditional unique constraint of ``model``'s own table.

    The primary key is not among them. Fields may be nullable.
    """
    for field in model._meta.local_concrete_fields:
        if field.unique and not field.primary_key:
            yield (field.name,)
    for names in model._meta.unique_together:
        yield tuple(names)
    for constraint in model._meta.constraints:
        if isinstance(constraint, models.UniqueConstraint) and not constraint.condition and constraint.fields:
            yield tuple(constraint.fields)


def _names_rows(model: type[models.Model], names: tuple[str, ...]) -> bool:
    """Return whether the columns are NULL-free, own columns that can name a row."""
    own = {field.name for field in model._meta.local_concrete_fields}
    for name in names:
        try:
            field = model._meta.get_field(name)
        except FieldDoesNotExist:
            return False
        if name not in own or field.null or isinstance(field, models.JSONField | models.FloatField):
            return False
        if field.is_relation and field.related_model is model:
            return False  # a key through its own table has no end
    return True


def _rank(model: type[models.Model], names: tuple[str, ...]) -> tuple[int, int, int]:
    """Order candidates; smaller is better."""
    fields = [model._meta.get_field(name) for name in names]
    if any(isinstance(field, models.UUIDField) for field in fields):
        return (3, len(names), 0)
    if any(isinstance(field, models.DateTimeField) for field in fields):
        return (4, len(names), 0)  # clocks are poor names: they lose precision between systems
    if len(names) > 1:
        return (2, len(names), 0)
    name = names[0]
    for position, strong in enumerate(_STRONG_NAMES):
        if name == strong or name.endswith("_" + strong):
            return (0, 1, position)
    return (1, 1, 0)


def ranked(model: type[models.Model]) -> list[tuple[str, ...]]:
    """Return the field names of every unique constraint that names every row, the best first."""
    candidates = [names for names in unique_sets(model) if _names_rows(model, names)]
    return sorted(candidates, key=lambda names: _rank(model, names))


def derive_uuid(model: type[models.Model]) -> tuple[str, ...] | None:
    """Return the unique, NULL-free uuid column of ``model``, for sites that prefer uuids to numbers."""
    for names in unique_sets(model):
        field = model._meta.get_field(names[0])
        if len(names) == 1 and isinstance(field, models.UUIDField) and not field.null:
            return names
    return None
