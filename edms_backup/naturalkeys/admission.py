"""Whether a key that somebody else chose is one that this site would take for a name of its rows.

Names of rows are shown, in plans, findings and errors. Which columns are names is therefore a choice of the site:
of its settings, its declarations, its methods and its unique constraints. A package only says which of them it used.
"""

from __future__ import annotations

from typing import Any

from django.db import models

from edms_backup.naturalkeys.paths import concrete
from edms_backup.naturalkeys.resolve import KeyRegistry


def admits(registry: KeyRegistry, model: type[models.Model], paths: tuple[str, ...]) -> bool:
    """Return whether ``paths`` are a key of ``model`` on this site; relations may be named by any key of their target.

    Raises ``NaturalKeyError`` like ``KeyRegistry.of``.
    """
    model = concrete(model)
    return any(_stands_for(registry, model, names, paths) for names in registry.offers(model))


def _stands_for(
    registry: KeyRegistry, model: type[models.Model], components: tuple[str, ...], paths: tuple[str, ...]
) -> bool:
    """Return whether ``paths`` are ``components``, each relation among them expanded to a key of its target."""
    left = list(paths)
    for component in components:
        column = _column(model, component)
        name = "pk" if column is model._meta.pk and not column.is_relation else component
        if name in left:
            left.remove(name)
            continue
        behind = [path for path in left if path.startswith(f"{name}__")]
        leaves = tuple(path.removeprefix(f"{name}__") for path in behind)
        if not behind or not _leads_on(registry, model, column, leaves):
            return False
        left = [path for path in left if path not in behind]
    return bool(components) and not left


def _column(model: type[models.Model], component: str) -> Any:
    *steps, last = component.split("__")
    for step in steps:
        related: Any = model._meta.get_field(step)
        model = concrete(related.related_model)
    return model._meta.pk if last == "pk" else model._meta.get_field(last)


def _leads_on(registry: KeyRegistry, model: type[models.Model], column: Any, leaves: tuple[str, ...]) -> bool:
    """Return whether ``leaves``, behind a relation, are a key of the rows that it leads to."""
    if not column.is_relation:
        return False
    if not column.target_field.primary_key:
        return leaves == (column.target_field.name,)  # to_field: the column holds content
    target = concrete(column.related_model)
    return target is not model and admits(registry, target, leaves)
