"""Whether natural keys hold: what the models tell, and what the rows tell.

Nothing is changed and no method of the host is called here except through ``trace``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from django.core.exceptions import FieldDoesNotExist
from django.db import models
from django.db.models import Count, Q

from edms_backup.findings import Finding, Severity
from edms_backup.naturalkeys.indexes import TableIndexes, declared, missing_indexes, what_to_add
from edms_backup.naturalkeys.paths import base_queryset, columns_along
from edms_backup.naturalkeys.resolve import KeyRegistry, KeySpec, holds_number_of
from edms_backup.naturalkeys.trace import Untraceable, holds_number, trace

LARGE = 10_000
"""Rows from which on reading a whole table for each look-up is worth a warning."""


def audit_model(model: type[models.Model], key: KeySpec) -> Iterator[Finding]:
    """Yield what the class of a model tells about its natural key."""
    yield from _method(model, key)
    yield from _half_declared(model, key)
    if key.keyless:
        yield _finding(
            "keyless_model",
            Severity.INFO,
            model,
            f"{key.label} has no natural key ({key.why}); its rows are known by their whole content.",
            "Declare one in EDMS_BACKUP['NATURAL_KEYS'] if something identifies a row.",
        )
        return
    if not key.unique and not key.by_method:
        yield _finding(
            "key_not_unique",
            Severity.WARNING,
            model,
            f"No unique constraint backs the natural key of {key.label} ({', '.join(key.components)}).",
            "Add a UniqueConstraint; until then every backup looks whether the rows are distinct.",
        )
    for path, column in _columns(model, key):
        if isinstance(column, models.DateTimeField):
            yield _finding(
                "key_holds_clock",
                Severity.INFO,
                model,
                f"The natural key of {key.label} holds the time stamp {path}; its microseconds must survive.",
                "Prefer a number, a code or a uuid.",
            )
        if column.null:
            yield _finding(
                "key_nullable",
                Severity.WARNING,
                model,
                f"The natural key of {key.label} holds {path}, which may be NULL.",
                "Rows that have NULL there are told apart by the rest of the key only.",
            )


def _method(model: type[models.Model], key: KeySpec) -> Iterator[Finding]:
    """Yield what is wrong with a hand-written ``natural_key()``."""
    if not hasattr(model, "natural_key") or hasattr(model, "natural_key_fields"):
        return
    try:
        paths = trace(model)
    except Untraceable as why:
        holds_pk = holds_number_of(model, str(why))
        what = "contains the primary key" if holds_pk else f"cannot be followed: {why}"
        used = "it is called row by row" if key.by_method else f"{_instead(key)} is used instead"
        code = "key_method_unusable" if holds_pk or not key.by_method else "key_by_method"
        yield _finding(code, Severity.WARNING, model, f"{key.label}.natural_key() {what}; {used}.", _MEND)
        return
    if not paths:
        text = f"{key.label}.natural_key() is empty; {_instead(key)} is used instead."
        yield _finding("key_method_unusable", Severity.WARNING, model, text, _MEND)
    elif any(holds_number(model, path) for path in paths):
        text = f"{key.label}.natural_key() contains the primary key; {_instead(key)} is used instead."
        yield _finding("key_method_unusable", Severity.WARNING, model, text, _MEND)


_MEND = "Return fields that name the row and mean the same on every site."


def _instead(key: KeySpec) -> str:
    if key.keyless:
        return "the content of the row"
    return f"{', '.join(key.components)} ({key.source.value})"


def _half_declared(model: type[models.Model], key: KeySpec) -> Iterator[Finding]:
    """Yield the halves that Django never puts together: ``loaddata`` asks the default manager."""
    on_manager = hasattr(model._default_manager, "get_by_natural_key")
    if hasattr(model, "natural_key") and not on_manager:
        where = "a method of the model, where Django never calls it" if _on_model(model) else "missing"
        yield _finding(
            "key_not_on_manager",
            Severity.WARNING,
            model,
            f"{key.label} has natural_key(), but get_by_natural_key() is {where}: stock loaddata cannot load its rows.",
            "Move it to the default manager, or inherit from NaturalKeyModel.",
        )


def _on_model(model: type[models.Model]) -> bool:
    return any("get_by_natural_key" in cls.__dict__ for cls in model.__mro__)


def _columns(model: type[models.Model], key: KeySpec) -> Iterator[tuple[str, Any]]:
    """Yield the column that every path of a key ends at."""
    for path in key.paths:
        try:
            column = columns_along(model, path)[-1]
        except FieldDoesNotExist:
            continue  # a declaration that names no field is refused when the key is resolved
        last = path.rpartition("__")[-1]
        if last != "pk" or isinstance(column, models.DateTimeField):
            yield path, column


def audit_rows(model: type[models.Model], using: str, key: KeySpec) -> Iterator[Finding]:
    """Yield what the rows tell: keys that name several rows or hold NULL."""
    if key.keyless or key.by_method:
        return
    rows = base_queryset(model, using)
    if not key.unique:
        groups = rows.values(*key.paths).annotate(edms_rows=Count("pk")).filter(edms_rows__gt=1)
        surplus = sum(group["edms_rows"] - 1 for group in groups.iterator(chunk_size=2000))
        if surplus:
            yield _finding(
                "ambiguous_key",
                Severity.DEFECT,
                model,
                f"The natural key of {key.label} ({', '.join(key.components)}) names more than one row.",
                "Make the rows distinct or declare another key; until then they are known by content.",
                surplus,
            )
    nullable = [path for path, column in _columns(model, key) if column.null]
    if nullable:
        condition = Q()
        for path in nullable:
            condition |= Q(**{f"{path}__isnull": True})
        count = rows.filter(condition).count()
        if count:
            text = f"{count} rows of {key.label} have NULL in their natural key ({', '.join(nullable)})."
            yield _finding("key_is_null", Severity.WARNING, model, text, "Fill the column.", count)


def audit_index(
    model: type[models.Model], key: KeySpec, live: TableIndexes | None = None
) -> Iterator[Finding]:
    """Yield which index a look-up by natural key lacks: in the tables, or (without ``live``) in the models."""
    gap = missing_indexes(model, key, live or declared)
    if not gap:
        return
    places = ", nor one of ".join(f"{c.model._meta.db_table} begins with {c.column}" for c in gap)
    by = ", ".join(key.components)
    if live is None:
        severity = Severity.INFO
        text = f"No index of {places}: a look-up of {key.label} by {by} reads the whole table."
    else:
        count = base_queryset(model, live.using).count()
        severity = Severity.WARNING if count >= LARGE else Severity.INFO
        text = f"No index of {places}: a look-up of {key.label} by {by} reads the whole table, {count} rows."
    if live is not None and not missing_indexes(model, key, declared):
        hint = "The model declares one; `manage.py sqlmigrate` shows the statement that makes it."
    else:
        hint = what_to_add(model, key, gap)
    yield _finding("key_without_index", severity, model, text, hint)


def hides_rows(model: type[models.Model], using: str) -> Finding | None:
    """Return a finding when the default manager does not show every row; backups see all of them."""
    shown = model._default_manager.using(using).count()
    hidden = base_queryset(model, using).count() - shown
    if hidden <= 0:
        return None
    return _finding(
        "default_manager_hides",
        Severity.INFO,
        model,
        f"The default manager of {model._meta.label} hides {hidden} rows; packages hold them all.",
        "",
        hidden,
    )


def audit_all(
    found: Iterable[tuple[type[models.Model], str]], registry: KeyRegistry, *, rows: bool
) -> Iterator[Finding]:
    """Audit models, given with their database; ``rows``: look at live data as well."""
    tables: dict[str, TableIndexes] = {}
    for model, using in found:
        key = registry.of(model)
        yield from audit_model(model, key)
        if not rows:
            yield from audit_index(model, key)
        else:
            yield from audit_rows(model, using, key)
            if using not in tables:
                tables[using] = TableIndexes(using)
            yield from audit_index(model, key, tables[using])
            hidden = hides_rows(model, using)
            if hidden is not None:
                yield hidden


def _finding(
    code: str, severity: Severity, model: type[models.Model], message: str, hint: str, count: int = 1
) -> Finding:
    return Finding(
        code=code, severity=severity, message=message, model=model._meta.label, hint=hint, count=count
    )
