"""What the tables of a group say, without ids: a row's name and its content, told apart to the type and the last bit.

Written with the ORM alone and without a line of the app under test. ``tests.zoo.portrait`` says the same of a
few rows with a query for each cell; here it is a query for each table, and rows are named in full.
"""

from collections.abc import Iterable
from typing import Any

from django.apps import apps
from django.contrib.contenttypes.models import ContentType
from django.db import models

from tests.differential.datasets import GENERIC, GROUPS
from tests.zoo.models import Colour

NAMED_BY: dict[str, tuple[str, ...]] = {
    "Animal": ("code",),
    "Appendix": ("book", "code"),
    "AuditDetail": ("line",),
    "Authorship": ("article", "author"),
    "Book": ("writer", "code"),
    "ByForeignId": ("author", "code"),
    "Clocked": ("code", "at"),
    "Embassy": ("nation",),
    "FlagPin": ("reading",),
    "Mammal": ("animal_ptr",),
    "Manual": ("author", "code"),
    "Nation": ("number",),
    "Passport": ("holder",),
    "Seat": ("hall", "number"),
    "Slot": ("room", "number"),
    "Token": ("uuid",),
    "Treaty": ("nation",),
    "Truck": ("vehicle_ptr",),
    "Whale": ("mammal_ptr",),
}
NAMELESS = frozenset({"Reading", "Nickname", "Node", "Untraceable"})

Picture = dict[str, list[dict[str, Any]]]
Tables = dict[str, dict[Any, dict[str, Any]]]


def picture(group: str) -> Picture:
    """Return the rows of a group's models in an order of their own, with their primary keys under ``pk``."""
    tables = {name: _table(name) for name in GROUPS[group]}
    painter = _Painter(tables)
    return {name: sorted(painter.model(name), key=repr) for name in tables}


def without_ids(seen: Picture) -> Picture:
    """Return a picture without primary keys."""
    return {
        name: sorted(({k: v for k, v in row.items() if k != "pk"} for row in rows), key=repr)
        for name, rows in seen.items()
    }


def merged(package: Picture, site: Picture) -> Picture:
    """Return what a merge makes of a site: the package's rows, and those that it does not know."""
    result = {}
    for name, rows in without_ids(package).items():
        strangers = list(without_ids(site)[name])
        for row in rows:
            same = [other for other in strangers if other["named"] == row["named"]]
            if same:
                strangers.remove(same[0])
        result[name] = sorted([*rows, *strangers], key=repr)
    return result


def differences(seen: Picture, wanted: Picture) -> dict[str, Any]:
    """Return, by model, the rows that one has and the other has not, with the columns in which they differ."""
    found: dict[str, Any] = {}
    for name, rows in wanted.items():
        surplus = [row for row in seen[name] if row not in rows or seen[name].count(row) != rows.count(row)]
        absent = [row for row in rows if row not in seen[name] or seen[name].count(row) != rows.count(row)]
        if surplus or absent:
            same = len(surplus) == len(absent) == 1
            columns = [k for k in absent[0] if surplus[0][k] != absent[0][k]] if same else None
            found[name] = [
                [{k: row[k] for k in columns or row} for row in side] for side in (surplus, absent)
            ]
    return found


def exact(value: Any) -> Any:
    """Return a value so that only the very same one is equal: 1 is neither 1.0 nor true, NaN is NaN."""
    if isinstance(value, dict):  # a database may reorder members: their order is no content
        return ("dict", tuple((name, exact(value[name])) for name in sorted(value)))
    if isinstance(value, list | tuple):
        return (type(value).__name__, *map(exact, value))
    if isinstance(value, memoryview | bytes | bytearray):
        return ("bytes", bytes(value))
    return (type(value).__name__, str(value) if isinstance(value, str | Colour) else repr(value))


def _table(name: str) -> dict[Any, dict[str, Any]]:
    """Read a table: primary key to columns and, of a JSON column, whether it holds anything."""
    model = apps.get_model("zoo", name)
    columns = [column for column in model._meta.local_concrete_fields]
    found = {}
    for row in models.QuerySet(model).values_list("pk", *(column.attname for column in columns)):
        found[row[0]] = dict(zip((column.name for column in columns), row[1:], strict=True))
    for column in columns:
        if isinstance(column, models.JSONField):
            absent = set(
                models.QuerySet(model).filter(**{f"{column.name}__isnull": True}).values_list("pk", flat=True)
            )
            for pk, row in found.items():
                row[column.name] = (pk in absent, row[column.name])
    return found


class _Painter:
    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self._links = {name: _links(name) for name in tables}

    def model(self, name: str) -> Iterable[dict[str, Any]]:
        numbered = isinstance(apps.get_model("zoo", name)._meta.pk, models.AutoField)
        for pk, row in self._tables[name].items():
            content = self._content(name, row, (name, pk))
            links = {
                field: sorted((self._name(related, other) for other in pairs.get(pk, ())), key=repr)
                for field, related, pairs in self._links[name]
            }
            yield {
                "named": self._name(name, pk),
                **content,
                **links,
                "pk": exact(pk) if numbered else None,
            }

    def _content(self, name: str, row: dict[str, Any], *way: tuple[str, Any]) -> dict[str, Any]:
        """Return what the columns say; ``way``: the rows that are being named, so that a circle ends."""
        model = apps.get_model("zoo", name)
        said = {}
        kind, ident = GENERIC.get(name, ("", ""))[:2]
        for column in model._meta.local_concrete_fields:
            if isinstance(column, models.AutoField):
                continue
            value = row[column.name]
            if column.name == ident:
                said[column.name] = self._generic(row[kind], value)
            elif column.is_relation and column.related_model is ContentType:
                said[column.name] = _kind(value)
            elif column.is_relation and value is not None:
                target = column.related_model.__name__
                pk = self._found(target, column.target_field, value)
                said[column.name] = (
                    ("nothing", exact(value)) if pk is None else self._name(target, pk[0], *way)
                )
            else:
                said[column.name] = exact(value)
        return said

    def _found(self, target: str, column: Any, value: Any) -> tuple[Any] | None:
        """Return the primary key of the row that holds a value."""
        if column.primary_key:
            return (value,) if value in self._tables[target] else None
        return next(((pk,) for pk, row in self._tables[target].items() if row[column.name] == value), None)

    def _name(self, name: str, pk: Any, *way: tuple[str, Any]) -> Any:
        """Return what a row is called, in full."""
        if (name, pk) in way:
            return (name, "on the way")
        row = self._tables[name][pk]
        content = self._content(name, row, *way, (name, pk)) if name in NAMED_BY or name in NAMELESS else None
        if content is None:
            return (name, exact(row["code"]))
        return (name, *(content[part] for part in NAMED_BY.get(name, tuple(content))))

    def _generic(self, kind: int | None, ident: Any) -> Any:
        model = None if kind is None or ident is None else ContentType.objects.get_for_id(kind).model_class()
        if model is None or model.__name__ not in self._tables:
            return exact(ident)
        table = self._tables[model.__name__]
        found = next((pk for pk in table if pk == ident or str(pk) == str(ident)), None)
        return ("nothing", exact(ident)) if found is None else self._name(model.__name__, found)


def _kind(value: int | None) -> Any:
    return None if value is None else ContentType.objects.get_for_id(value).natural_key()


def _links(name: str) -> list[tuple[str, str, dict[Any, list[Any]]]]:
    """Read the links of a model: field, model meant, primary key to primary keys."""
    found = []
    for field in apps.get_model("zoo", name)._meta.local_many_to_many:
        through = field.remote_field.through
        if not through._meta.auto_created:
            continue
        pairs: dict[Any, list[Any]] = {}
        for one, other in models.QuerySet(through).values_list(
            f"{field.m2m_field_name()}_id", f"{field.m2m_reverse_field_name()}_id"
        ):
            pairs.setdefault(one, []).append(other)
        found.append((field.name, field.related_model.__name__, pairs))
    return found
