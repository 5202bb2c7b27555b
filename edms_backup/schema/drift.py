"""Whether the tables are what the models say: found before anything is dumped, and named."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from django.apps import apps
from django.db import connections
from django.db.migrations.recorder import MigrationRecorder

from edms_backup.findings import Finding, Severity
from edms_backup.schema.inventory import Inventory
from edms_backup.schema.spec import ModelSpec

# Tables that belong to a framework and hold no data of the site.
_KNOWN_TABLES = {"django_migrations", "sqlite_sequence"}


def find_drift(specs: Iterable[ModelSpec]) -> Iterator[Finding]:
    """Yield a finding for every missing table, missing column and column that no field knows.

    A missing table or column is an error: the rows cannot be read. A surplus column is a warning: its
    data does not travel.
    """
    by_alias: dict[str, list[ModelSpec]] = defaultdict(list)
    for spec in specs:
        by_alias[spec.using].append(spec)
    for alias, group in by_alias.items():
        connection = connections[alias]
        with connection.cursor() as cursor:
            present = {table.name for table in connection.introspection.get_table_list(cursor)}
            for spec in group:
                yield from _drift_of_model(spec, present, connection, cursor)


def _drift_of_model(spec: ModelSpec, present: set[str], connection: Any, cursor: Any) -> Iterator[Finding]:
    models = [spec.model, *(link.through for link in spec.many_to_many)]
    for model in models:
        table = model._meta.db_table
        if table not in present and table.lower() not in {name.lower() for name in present}:
            yield Finding(
                code="missing_table",
                severity=Severity.ERROR,
                message=f"{spec.label} has no table: {table} does not exist in database {spec.using}.",
                model=spec.label,
                hint="Run `manage.py migrate`, or leave the model out with --exclude.",
            )
            continue
        # Django's introspection would ask for much more, and on SQLite take every table's SQL apart.
        cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)} WHERE 1 = 0")
        columns = {column[0] for column in cursor.description}
        wanted = {column.column: column for column in model._meta.local_concrete_fields if column.column}
        for name in sorted(wanted.keys() - columns):
            yield Finding(
                code="missing_column",
                severity=Severity.ERROR,
                message=f"Table {table} of {spec.label} has no column {name}.",
                model=spec.label,
                field=wanted[name].name,
                hint="Run `manage.py migrate`: the model knows a column that no migration has made.",
            )
        for name in sorted(columns - wanted.keys()):
            yield Finding(
                code="unknown_column",
                severity=Severity.WARNING,
                message=f"Table {table} has a column {name} that {spec.label} does not know; its data does not travel.",
                model=spec.label,
                field=name,
            )


def models_without_table(inventory: Inventory, aliases: Sequence[str]) -> set[str]:
    """Return the labels of models that have no table in the databases ``aliases``.

    Most often ``Meta`` asks for a database or a feature that is not there, or the tables of an unmanaged model
    live elsewhere: there is nothing to read, and nothing that could follow.
    """
    present: dict[str, set[str]] = {}
    for alias in aliases:
        connection = connections[alias]
        with connection.cursor() as cursor:
            tables = connection.introspection.get_table_list(cursor)
        present[alias] = {table.name.lower() for table in tables}
    return {
        spec.label
        for spec in inventory
        if spec.using in present and not {table.lower() for table in spec.tables} <= present[spec.using]
    }


def tables_without_model(inventory: Inventory, aliases: Sequence[str]) -> Iterator[Finding]:
    """Yield a warning for every table that belongs to no installed model: nobody backs it up."""
    known = _KNOWN_TABLES | {model._meta.db_table for model in apps.get_models(include_auto_created=True)}
    for alias in aliases:
        connection = connections[alias]
        with connection.cursor() as cursor:
            tables = [table for table in connection.introspection.get_table_list(cursor) if table.type == "t"]
        for table in sorted(table.name for table in tables if table.name not in known):
            yield Finding(
                code="table_without_model",
                severity=Severity.WARNING,
                message=f"Table {table} in database {alias} belongs to no model; its rows do not travel.",
                hint="Give it a model, or back it up by other means.",
            )


def migration_state(alias: str) -> dict[str, list[str]]:
    """Return the applied migrations by app, sorted; empty when there is no migration table."""
    recorder = MigrationRecorder(connections[alias])
    applied: dict[str, list[str]] = defaultdict(list)
    for app, name in sorted(recorder.applied_migrations()):
        applied[app].append(name)
    return dict(applied)
