"""Which tables of the site hold rows, and which don't."""

from django.apps import apps
from django.db import DEFAULT_DB_ALIAS, connections, models

NOT_SEEDED = {"edms_backup"}
"""App labels whose tables the demo content leaves alone: the backup app keeps its own history."""


def seeded_models(using: str = DEFAULT_DB_ALIAS) -> list[type[models.Model]]:
    """Return every model with a table that the demo content is to fill, many-to-many tables included."""
    present = set(connections[using].introspection.table_names())
    return [
        model
        for model in apps.get_models(include_auto_created=True)
        if model._meta.managed
        and not model._meta.proxy
        and model._meta.app_label not in NOT_SEEDED
        and model._meta.db_table in present
    ]


def row_counts(using: str = DEFAULT_DB_ALIAS) -> dict[str, int]:
    """Return how many rows each of those models' tables holds, by model label."""
    return {model._meta.label: model._base_manager.using(using).count() for model in seeded_models(using)}


def empty_tables(using: str = DEFAULT_DB_ALIAS) -> list[str]:
    """Return the labels of the models whose tables are empty."""
    return [label for label, count in row_counts(using).items() if not count]
