"""Declaring a natural key: on a model of one's own, or for a third-party model.

A declaration is a tuple of field names. A foreign key stands for the whole natural key of the row it
points at; ``"pk"`` stands for the primary key, for rows whose primary key *is* their name (singletons,
text codes); ``"parent__code"`` follows relations.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from django.db import models

from edms_backup.errors import NaturalKeyError
from edms_backup.naturalkeys.lookup import Key, KeyLookup
from edms_backup.naturalkeys.paths import base_queryset
from edms_backup.naturalkeys.trace import Untraceable, read_path, trace


@dataclass(frozen=True, slots=True)
class NaturalKey:
    """The fields that name a row.

    ``fields``: field names or ``__`` paths, at least one. Raises ``NaturalKeyError`` when empty or repeated.
    """

    fields: tuple[str, ...]

    def __init__(self, *fields: str) -> None:
        if not fields:
            raise NaturalKeyError(
                "A natural key needs at least one field.", hint="Name the fields that identify a row."
            )
        if len(set(fields)) != len(fields):
            raise NaturalKeyError(f"A natural key names a field twice: {', '.join(fields)}.")
        object.__setattr__(self, "fields", tuple(fields))


_registered: dict[str, NaturalKey] = {}


def register(label: str, *fields: str) -> None:
    """Declare the natural key of a model that one does not own.

    ``label`` is ``"app_label.ModelName"`` in any case. The declaration goes before the model's own
    ``natural_key()`` and before anything derived; only ``EDMS_BACKUP["NATURAL_KEYS"]`` goes before it.
    A second call for the same model replaces the first.
    """
    _registered[label.lower()] = NaturalKey(*fields)


def unregister(label: str) -> None:
    """Forget a registration; unknown labels raise ``KeyError``."""
    del _registered[label.lower()]


def registered() -> dict[str, NaturalKey]:
    """Return a copy of all registrations by lower-case label."""
    return dict(_registered)


# Django and django-celery-beat leave these models without a usable natural key; their rows are named
# by what an administrator would say they are.
register("auth.permission", "codename", "content_type")  # the order of Permission.natural_key()
register("contenttypes.contenttype", "app_label", "model")
register("auth.group", "name")
register("sites.site", "domain")
register("django_celery_beat.intervalschedule", "every", "period")
register("django_celery_beat.clockedschedule", "clocked_time")
register("django_celery_beat.solarschedule", "event", "latitude", "longitude")
register(
    "django_celery_beat.crontabschedule",
    "minute",
    "hour",
    "day_of_week",
    "day_of_month",
    "month_of_year",
    "timezone",
)
register("django_celery_beat.periodictask", "name")


class NaturalKeyManager(models.Manager[Any]):
    """A manager that finds rows by the key which the model declares.

    ``get_by_natural_key`` has to live on the manager: Django never calls it on the model.
    """

    use_in_migrations = True

    def get_by_natural_key(self, *values: Any) -> models.Model:
        """Return the row that ``values`` name, in the declared order with foreign keys flattened.

        Raises ``DoesNotExist`` or ``MultipleObjectsReturned`` like ``get()``.
        """
        paths = declared_paths(self.model)
        if len(paths) != len(values):
            raise self.model.DoesNotExist(
                f"{self.model._meta.label} is named by {len(paths)} values ({', '.join(paths)}), got {len(values)}."
            )
        # The base queryset, not the default one: a soft-deleted row has a name as well.
        queryset = base_queryset(self.model, self.db)
        found: models.Model = queryset.get(**dict(zip(paths, values, strict=True)))
        return found

    def in_bulk_by_natural_key(self, keys: Iterable[Sequence[Any]]) -> dict[Key, Any]:
        """Return the row that each of ``keys`` names, in few queries; keys that name none are left out.

        Each key holds what ``get_by_natural_key`` takes. Raises ``MultipleObjectsReturned`` like ``get()``.
        """
        return self._lookup().rows(keys)

    def natural_keys(self, pks: Iterable[Any]) -> dict[Any, Key]:
        """Return the natural key of the row with each primary key, in few queries."""
        return self._lookup().keys(pks)

    def _lookup(self) -> KeyLookup:
        return KeyLookup(self.model, declared_paths(self.model), self.db)


class NaturalKeyModel(models.Model):
    """Base class that gives a model ``natural_key()``, its manager and ``dependencies``.

    Subclasses set ``natural_key_fields = NaturalKey("number")``.
    """

    natural_key_fields: ClassVar[NaturalKey]

    objects = NaturalKeyManager()

    class Meta:
        abstract = True

    def natural_key(self) -> tuple[Any, ...]:
        """Return the values that name this row, foreign keys flattened."""
        return tuple(read_path(self, path) for path in declared_paths(type(self)))

    natural_key.dependencies = []  # type: ignore[attr-defined]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        declaration = cls.__dict__.get("natural_key_fields")
        if declaration is not None:
            cls.natural_key = _own_natural_key(cls)  # type: ignore[method-assign]


class _Dependencies:
    """Computes ``natural_key.dependencies`` when Django asks, once all models are loaded."""

    def __init__(self, model: type[models.Model]) -> None:
        self.model = model

    def __iter__(self) -> Any:
        targets = []
        for name in self.model.natural_key_fields.fields:  # type: ignore[attr-defined]
            field = self.model._meta.get_field(name.split("__")[0]) if name != "pk" else self.model._meta.pk
            target = field.related_model if field is not None and field.is_relation else None
            if target is not None and target is not self.model:
                targets.append(target._meta.label_lower)
        return iter(targets)

    def __bool__(self) -> bool:
        return any(True for _ in self)


def _own_natural_key(cls: type[models.Model]) -> Any:
    def natural_key(self: models.Model) -> tuple[Any, ...]:
        """Return the values that name this row, foreign keys flattened."""
        return tuple(read_path(self, path) for path in declared_paths(type(self)))

    natural_key.dependencies = _Dependencies(cls)  # type: ignore[attr-defined]
    return natural_key


def declared_paths(model: type[models.Model]) -> tuple[str, ...]:
    """Return the flat ORM paths of a ``NaturalKeyModel``'s declaration.

    A foreign key expands to the paths of its target's own declaration, else to its primary key.
    """
    return tuple(path for name in model.natural_key_fields.fields for path in _expand(model, name))  # type: ignore[attr-defined]


def _expand(model: type[models.Model], name: str) -> list[str]:
    if name == "pk" or "__" in name:
        return [name]
    field = model._meta.get_field(name)
    target = field.related_model
    if not field.is_relation or not isinstance(target, type):
        return [name]
    if hasattr(target, "natural_key_fields"):
        return [f"{name}__{path}" for path in declared_paths(target)]
    try:
        return [f"{name}__{path}" for path in trace(target)]
    except Untraceable:
        return [f"{name}__pk"]  # a row without a name that could be told: what stock Django writes as well
