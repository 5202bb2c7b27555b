"""Whole datasets, drawn by Hypothesis: rows of a group of models, and how they refer to each other.

A dataset is data and nothing else: for each model a list of rows, where a reference is the place of a row in
the list of its model. ``writing`` makes database rows of it, under whichever primary keys are asked for.
"""

import dataclasses
import datetime
import functools
import uuid
from collections.abc import Callable
from typing import Any

from django.apps import apps
from django.db import models
from hypothesis import strategies as st

from tests.differential.values import CODES, EPOCH, LETTERS, Draw, specimens, texts
from tests.zoo.population import FAMILIES

GROUPS: dict[str, tuple[str, ...]] = {
    "fields": ("Specimen",),
    "inheritance": ("Animal", "Mammal", "Whale", "Hutch", "Vehicle", "Truck"),
    "links": ("Tag", "Author", "Article", "Authorship"),
    "circles": ("Folder", "Team", "Member", "Passport", "Visa", "Left", "Right"),
    "generic": ("Tag", "Token", "Language", "Note", "TextNote", "UuidNote", "SoftNote", "Orphan"),
    "twins": ("Reading", "Flag", "Pin", "Watch", "Nickname", "NicknameUse"),
    "named_by_twins": ("Reading", "FlagPin"),
    "nameless_tree": ("Node",),
    "identities": ("Language", "Phrase", "Token", "TokenUse"),
    "to_field": ("Nation", "Town", "Embassy", "Detail", "Treaty", "TreatyPage"),
    "composite": ("Slot", "Hall", "Seat"),
    **{name: FAMILIES[name] for name in ("trail", "declared", "methods", "constraints")},
}
MOST_ROWS = 5
UUIDS = tuple(uuid.UUID(int=number) for number in (0, 1, 1 << 64, (1 << 127) + 1, (1 << 128) - 1))
GONE = 2**40  # a primary key that no row has

Row = dict[str, Any]


@dataclasses.dataclass(frozen=True)
class Reference:
    """What a generic reference means: a row, by the place in the list of its model, or an id that is nobody's."""

    model: str
    place: int | None
    ident: Any = None


@dataclasses.dataclass
class Dataset:
    """Rows by model, and links by model and many-to-many field as pairs of places."""

    group: str
    rows: dict[str, list[Row]]
    links: dict[tuple[str, str], set[tuple[int, int]]] = dataclasses.field(default_factory=dict)

    @property
    def labels(self) -> tuple[str, ...]:
        return tuple(f"zoo.{name}" for name in self.rows)


def nothing(group: str) -> Dataset:
    """Return the dataset without rows."""
    return Dataset(group, {name: [] for name in GROUPS[group]})


# What a row's columns hold beside references. Plain columns that stand nowhere here follow their type.
_SMALL = st.integers(-1, 2)
PLAIN: dict[str, dict[str, st.SearchStrategy[Any]]] = {
    "Token": {"uuid": st.sampled_from(UUIDS), "code": st.sampled_from(CODES)},
    "Nickname": {"code": st.sampled_from(LETTERS), "name": st.none() | st.sampled_from(LETTERS)},
    "Rate": {
        "kind": st.sampled_from(LETTERS),
        "level": st.none() | _SMALL,
        "serial": st.none() | _SMALL,
        "rank": st.sampled_from([0, 9]),
    },
    "Clocked": {"at": st.integers(0, 2).map(lambda step: EPOCH + datetime.timedelta(microseconds=step))},
    "Slot": {"room": st.sampled_from(CODES), "number": _SMALL},
    "Seat": {"number": _SMALL},
}
# Columns that name a row together: no two rows of a dataset agree in all of one tuple.
UNIQUE: dict[str, tuple[Callable[[Row], Any], ...]] = {
    "Token": (lambda row: row["uuid"],),
    "Authorship": (lambda row: (row["article"], row["author"]),),
    "Book": (lambda row: (row["writer"], row["code"]),),
    "Appendix": (lambda row: (row["book"], row["code"]),),
    "Manual": (lambda row: (row["author"], row["code"]),),
    "ByForeignId": (lambda row: (row["author"], row["code"]),),
    "Slot": (lambda row: (row["room"], row["number"]),),
    "Seat": (lambda row: (row["hall"], row["number"]),),
    "Clocked": (lambda row: (row["code"], row["at"]),),
    "Rate": (
        lambda row: row["kind"] if row["is_default"] else None,
        lambda row: row["level"] if row["rank"] > 5 else None,
        lambda row: row["serial"],
    ),
}
GENERIC: dict[str, tuple[str, str, tuple[str, ...], tuple[Any, ...]]] = {
    # model: (column of the type, column of the id, models meant, ids of no row)
    "Note": ("content_type", "object_id", ("Tag",), (GONE, None)),
    "TextNote": ("content_type", "object_id", ("Tag", "Token", "Language"), (str(GONE), "rubbish", "")),
    "UuidNote": ("kind", "ident", ("Token",), (uuid.UUID(int=GONE),)),
    "SoftNote": ("content_type", "object_id", ("Tag", "Token"), (str(GONE), "rubbish", None)),
    "Watch": ("content_type", "object_id", ("Reading",), (GONE,)),
}


def named_by_code(name: str) -> bool:
    """Return whether the column ``code`` tells a model's rows apart in a dataset."""
    column: Any = apps.get_model("zoo", name)._meta.get_field("code")
    return column.unique or name == "Nation"


@functools.cache
def columns_of(name: str) -> list[Any]:
    """Return the columns of a model's own table that a row has to give."""
    options = apps.get_model("zoo", name)._meta
    generated = (models.AutoField, models.GeneratedField)
    return [
        column
        for column in options.local_concrete_fields
        if not isinstance(column, generated) and not hasattr(column, "field_names")
    ]


def is_forward(group: str, name: str, target: str) -> bool:
    """Return whether a reference leads to a model whose rows are drawn later, or to its own."""
    order = GROUPS[group]
    return order.index(target) >= order.index(name)


@st.composite
def datasets(draw: Draw, vendor: str, group: str) -> Dataset:
    """Draw the rows of a group as a database of the vendor can hold them."""
    names = GROUPS[group]
    sizes = _sizes(draw, names)
    dataset = Dataset(group, {})
    for name in names:
        dataset.rows[name] = _distinct(name, _rows(draw, vendor, dataset, name, sizes[name]))
    for name in names:
        _late_references(draw, dataset, name)
        _links(draw, dataset, name)
    return dataset


def _sizes(draw: Draw, names: tuple[str, ...]) -> dict[str, int]:
    """Draw how many rows there are; a model that requires another has none without it."""
    sizes = {name: draw(st.integers(0, MOST_ROWS)) for name in names}
    for _ in names:
        for name in names:
            for column in columns_of(name):
                if column.is_relation and not column.null and column.related_model._meta.app_label == "zoo":
                    available = sizes[column.related_model.__name__]
                    limit = available if column.one_to_one else MOST_ROWS * bool(available)
                    sizes[name] = min(sizes[name], limit)
    return sizes


def _rows(draw: Draw, vendor: str, dataset: Dataset, name: str, size: int) -> list[Row]:
    columns = {column.name: column for column in columns_of(name) if column.name != "code"}
    drawn: list[Row] = [{} for _ in range(size)]
    if "code" in {column.name for column in columns_of(name)}:
        codes = (
            st.sampled_from(CODES)
            if named_by_code(name)
            else PLAIN.get(name, {}).get("code", st.sampled_from(LETTERS))
        )
        found = draw(st.lists(codes, min_size=size, max_size=size, unique=named_by_code(name)))
        drawn = [{"code": code} for code in found]
    if name in GENERIC:
        for column in GENERIC[name][:2]:
            del columns[column]
    for column in columns.values():
        if column.is_relation:
            if not is_forward(dataset.group, name, column.related_model.__name__):
                _refer(draw, drawn, column, len(dataset.rows[column.related_model.__name__]))
        else:
            values = plain_values(vendor, name, column)
            for row in drawn:
                row[column.name] = _fixed(name, column.name, row) or draw(values)
    return drawn


def _fixed(name: str, column: str, row: Row) -> Any:
    """Return what follows from the code where two columns both name a row."""
    if name == "Nation":
        place = CODES.index(row["code"]) + 1
        return place if column == "number" else f"{place}\u00e4"
    return None


def _refer(draw: Draw, rows: list[Row], column: Any, available: int) -> None:
    """Let rows refer to some of the rows that there are."""
    places = st.integers(0, max(available - 1, 0))
    if column.one_to_one:
        del rows[available:]
        for row, place in zip(rows, draw(st.permutations(range(available))), strict=False):
            row[column.name] = place
        return
    if not available:
        places = st.none()
    elif column.null:
        places = st.none() | places
    if not available and not column.null:
        rows.clear()
    for row in rows:
        row[column.name] = draw(places)


@functools.cache
def plain_values(vendor: str, name: str, column: Any) -> st.SearchStrategy[Any]:
    """Return what a column that is no reference may hold."""
    if name == "Specimen":
        return specimens(vendor)[column.name]
    if column.name in PLAIN.get(name, {}):
        return PLAIN[name][column.name]
    kind = column.get_internal_type()
    if kind == "BooleanField":
        return st.booleans()
    return _SMALL if kind == "IntegerField" else texts("postgresql", 10)


def _distinct(name: str, rows: list[Row]) -> list[Row]:
    """Leave out rows that a constraint would refuse beside those before them."""
    kept: list[Row] = []
    for row in rows:
        keys = [(key(row), key) for key in UNIQUE.get(name, ())]
        if not any(value is not None and value == key(other) for value, key in keys for other in kept):
            kept.append(row)
    return kept


def _late_references(draw: Draw, dataset: Dataset, name: str) -> None:
    for column in columns_of(name):
        related = column.related_model
        if (
            column.is_relation
            and related.__name__ in dataset.rows
            and column.name not in GENERIC.get(name, ())
        ) and is_forward(dataset.group, name, related.__name__):
            _refer(draw, dataset.rows[name], column, len(dataset.rows[related.__name__]))
    if name in GENERIC:
        _, ident, targets, nobody = GENERIC[name]
        for row in dataset.rows[name]:
            row[ident] = draw(_generic(dataset, targets, nobody))


def _generic(dataset: Dataset, targets: tuple[str, ...], nobody: tuple[Any, ...]) -> st.SearchStrategy[Any]:
    choices = st.builds(Reference, st.sampled_from(targets), st.none(), st.sampled_from(nobody))
    for target in targets:
        if dataset.rows[target]:
            choices |= st.builds(Reference, st.just(target), st.integers(0, len(dataset.rows[target]) - 1))
    return choices


def _links(draw: Draw, dataset: Dataset, name: str) -> None:
    for link in apps.get_model("zoo", name)._meta.local_many_to_many:
        if not link.remote_field.through._meta.auto_created:
            continue
        here, there = len(dataset.rows[name]), len(dataset.rows[link.related_model.__name__])
        pairs: set[tuple[int, int]] = set()
        if here and there:
            pair = st.tuples(st.integers(0, here - 1), st.integers(0, there - 1))
            pairs = draw(st.sets(pair, max_size=6))
        if link.remote_field.symmetrical:
            pairs |= {(other, one) for one, other in pairs}
        dataset.links[name, link.name] = pairs
