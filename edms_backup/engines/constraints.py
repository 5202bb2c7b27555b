"""Foreign keys while rows come in: checks that wait, and the look at what points at nothing."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from django.db import Error, models

from edms_backup.engines.base import BrokenReference
from edms_backup.engines.errors import mapped
from edms_backup.engines.naming import base_queryset
from edms_backup.schema.spec import ModelSpec

if TYPE_CHECKING:
    from edms_backup.engines.generic import GenericEngine

logger = logging.getLogger(__name__)

_NAMED = 20  # enough to name; the count is not the point


@contextmanager
def checks_held_back(engine: GenericEngine) -> Iterator[None]:
    """Switch the session's checks off where the database cannot let them wait for the commit.

    Whoever does so has to look for broken references before the commit.
    """
    connection = engine.connection
    if connection.features.can_defer_constraint_checks:
        yield
        return
    with mapped(engine.alias):
        connection.ensure_connection()
        connection.disable_constraint_checking()
    try:
        yield
    finally:
        _check_again(engine)


def _check_again(engine: GenericEngine) -> None:
    """Switch the checks on, or let go of a session that does not answer: a new one begins with them."""
    try:
        if engine.is_usable():
            engine.connection.enable_constraint_checking()
            return
    except Error as error:
        # The transaction has ended, perhaps with a commit: nothing here may say that it failed.
        logger.info("the session on %s ended: %s", engine.alias, type(error).__name__)
    engine.disconnect()


def broken_references(specs: Sequence[ModelSpec], alias: str) -> Iterator[BrokenReference]:
    """Yield foreign keys of the tables of ``specs`` that point at nothing, a few of each."""
    for spec in specs:
        for relation in spec.relations:
            if relation.constrained:
                yield from _broken(alias, spec.label, spec.model, relation.name, relation.attname)
        for link in spec.many_to_many:
            through = link.through
            for column in through._meta.local_concrete_fields:
                if column.is_relation and getattr(column, "db_constraint", True):
                    yield from _broken(alias, through._meta.label, through, column.name, column.attname)


def _broken(
    alias: str, label: str, model: type[models.Model], name: str, attname: str
) -> Iterator[BrokenReference]:
    column: Any = model._meta.get_field(name)
    targets = base_queryset(column.related_model, alias).filter(
        **{column.target_field.attname: models.OuterRef(attname)}
    )
    dangling = base_queryset(model, alias).filter(~models.Exists(targets), **{f"{attname}__isnull": False})
    for pk, value in dangling.values_list("pk", attname)[:_NAMED]:
        yield BrokenReference(label=label, field=name, pk=pk, value=value)
