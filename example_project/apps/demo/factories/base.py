"""What all factories of the demo app share: raw insertion and values from the current source."""

from datetime import datetime, timedelta
from typing import Any

import factory
from django.contrib.contenttypes.models import ContentType
from django.db import models
from factory.declarations import BaseDeclaration

from apps.demo.rows import insert, overwrite
from apps.demo.source import current, later, made_odd

DAY = timedelta(days=1)


class RawFactory(factory.django.DjangoModelFactory):
    """A factory whose create() inserts the row as it is: no save(), no auto_now, no receivers.

    A factory with `django_get_or_create` overwrites the row that already has those values and keeps its
    primary key, so that a site with default rows can be seeded.
    """

    class Meta:
        abstract = True

    @classmethod
    def _create(cls, model_class: type[models.Model], *args: Any, **kwargs: Any) -> models.Model:
        row = model_class(*args, **kwargs)
        key = {name: kwargs[name] for name in cls._meta.django_get_or_create}
        if key:
            present = model_class._base_manager.filter(**key).values_list("pk", flat=True).first()
            if present is not None:
                row.pk = present
                row._state.adding = False
                overwrite(row)
                return row
        insert([row])
        return row

    @classmethod
    def store(cls, *rows: models.Model) -> None:
        """Insert rows that build() made and that may have been changed since."""
        insert(rows)


def restart_sequences() -> None:
    """Let the sequences of all factories begin anew, whatever the process has made before."""
    waiting = RawFactory.__subclasses__()
    while waiting:
        factory_class = waiting.pop()
        factory_class.reset_sequence(0, force=True)
        waiting += factory_class.__subclasses__()


class Uuid(BaseDeclaration):
    """The next uuid from the current source for the factory's model."""

    def evaluate(self, instance: Any, step: Any, extra: Any) -> Any:
        """Return the uuid."""
        return current().uuid(step.builder.factory_meta.model._meta.label_lower)


class Moment(BaseDeclaration):
    """The next moment from the current source for the factory's model."""

    def evaluate(self, instance: Any, step: Any, extra: Any) -> Any:
        """Return the moment."""
        return current().moment(step.builder.factory_meta.model._meta.label_lower)


class Choice(BaseDeclaration):
    """One of some values, chosen by the current source."""

    def __init__(self, *options: Any) -> None:
        super().__init__()
        self.options = options

    def evaluate(self, instance: Any, step: Any, extra: Any) -> Any:
        """Return the chosen value."""
        return current().choice(step.builder.factory_meta.model._meta.label_lower, self.options)


def after(moment: str, **passed: float) -> factory.LazyAttribute:
    """Return a declaration of the moment that lies this much time after the field `moment`."""
    return factory.LazyAttribute(lambda row: later(getattr(row, moment), **passed))


def end(start: str, duration: str) -> factory.LazyAttribute:
    """Return a declaration of the moment at which what began at `start` ended, None without a `duration`."""

    def reckon(row: Any) -> datetime | None:
        passed = getattr(row, duration)
        return None if passed is None else made_odd(getattr(row, start) + passed)

    return factory.LazyAttribute(reckon)


def content_type_of(row: models.Model) -> ContentType:
    """Return the content type of `row`."""
    return ContentType.objects.get_for_model(type(row))
