"""Our lines beside stock Django's: the same fields with the same values, but for what stands in one table."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.models import Group, Permission
from django.core import serializers
from django.core.management import call_command
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models

from edms_backup.engines.lines import RowComposer
from edms_backup.engines.reading import RowReader, Tally
from edms_backup.naturalkeys import KeyRegistry
from edms_backup.schema import Inventory, ModelSpec, build_inventory
from tests.unit.conftest import Zoo
from tests.zoo import models as zoo_models
from tests.zoo import population
from tests.zoo.portrait import portrait

Fields = dict[str, Any]
Excuse = Callable[[models.Field, Any, Any], bool]


def _names_rows_for_itself(column: models.Field) -> bool:
    target = column.related_model
    return (
        isinstance(target, type)
        and hasattr(target, "natural_key")
        and hasattr(target._default_manager, "get_by_natural_key")
    )


DIFFERENCES: dict[str, tuple[str, Excuse]] = {
    "microseconds": (
        "Django's JSON cuts moments and times to milliseconds; they are content, and may be part of a key",
        lambda column, ours, theirs: (
            isinstance(column, models.DateTimeField | models.TimeField)
            and column.to_python(ours).replace(microsecond=0)
            == column.to_python(theirs).replace(microsecond=0)
        ),
    ),
    "names of our own": (
        "a row is named by the key that counts here; stock writes a primary key where a model has no natural"
        " key of Django's",
        lambda column, ours, theirs: (
            column.is_relation
            and not _names_rows_for_itself(column)
            and isinstance(ours, list)
            and theirs is not None
        ),
    ),
    "names that mean the same elsewhere": (
        "a natural_key() that holds a primary key, or is empty, names nothing on another site",
        lambda column, ours, theirs: (
            column.is_relation
            and _names_rows_for_itself(column)
            and KeyRegistry().of(column.related_model).source.value != "method"
            and KeyRegistry().of(column.related_model).source.value != "declared"
        ),
    ),
    "database types": (
        "stock asks value_to_string for what its JSON does not know; floats beyond JSON are text with us",
        lambda column, ours, theirs: (
            isinstance(column, models.FloatField) and isinstance(ours, str) and isinstance(theirs, float)
        ),
    ),
    "an empty file": (
        "stock writes an empty text for a file column that holds NULL; NULL is content",
        lambda column, ours, theirs: isinstance(column, models.FileField) and ours is None and theirs == "",
    ),
    "two of one kind": (
        "stock lists the rows behind a many-to-many field in the order of its query, we in that of their names",
        lambda column, ours, theirs: (
            column.many_to_many and sorted(map(repr, ours)) == sorted(map(repr, theirs))
        ),
    ),
    "ids behind links": (
        "the same for many-to-many fields: names where stock has none",
        lambda column, ours, theirs: (
            column.many_to_many and not _names_rows_for_itself(column) and len(ours) == len(theirs)
        ),
    ),
}


def our_fields(spec: ModelSpec, inventory: Inventory, registry: KeyRegistry) -> dict[str, Fields]:
    """Return the fields of our lines by primary key."""
    reader, compose = RowReader(spec, registry, inventory, Tally()), RowComposer(spec)
    lines = [json.loads(compose(row)[0]) for row in reader.rows()]
    return {json.dumps(line["_pk"]): line["fields"] for line in lines}


def stock_fields(model: type[models.Model]) -> dict[str, Fields]:
    """Return the fields of stock Django's records by primary key, as its JSON holds them."""
    found = {}
    for row in population.rows(model).order_by("pk"):
        (record,) = serializers.serialize(
            "python", [row], use_natural_foreign_keys=True, use_natural_primary_keys=True
        )
        found[json.dumps(row.pk, cls=DjangoJSONEncoder)] = json.loads(
            json.dumps(record["fields"], cls=DjangoJSONEncoder)
        )
    return found


def unexcused(model: type[models.Model], ours: Fields, theirs: Fields) -> dict[str, tuple[Any, Any]]:
    """Return what differs and stands in no table."""
    wrong: dict[str, tuple[Any, Any]] = {}
    for name in ours.keys() | theirs.keys():
        one, other = ours.get(name, "<absent>"), theirs.get(name, "<absent>")
        column: Any = model._meta.get_field(name)
        if one == other:
            continue
        if name not in ours and (getattr(column, "generated", False) or column.primary_key):
            continue  # the database computes the one; the other is the identity, which our lines hold apart
        if name in ours and name not in theirs and column.primary_key:
            continue  # a relation as primary key: stock has it beside the fields
        if not any(excuse(column, one, other) for _, excuse in DIFFERENCES.values()):
            wrong[name] = (one, other)
    return wrong


def compare(labels: list[str]) -> int:
    """Compare every row of models; return how many there were."""
    registry = KeyRegistry()
    inventory = build_inventory(registry)
    compared = 0
    for label in labels:
        model = apps.get_model(label)
        ours, theirs = our_fields(inventory[label], inventory, registry), stock_fields(model)
        assert ours.keys() == theirs.keys(), label
        for pk, fields in ours.items():
            assert unexcused(model, fields, theirs[pk]) == {}, (label, pk)
            compared += 1
    return compared


@pytest.mark.parametrize("family", population.FAMILIES)
def test_the_zoo(zoo: Zoo, family: str) -> None:
    zoo.populate(family)
    assert compare(list(dict.fromkeys(zoo.labels))) >= len(zoo.labels)


def test_the_example_site(zoo: Zoo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("apps.demo.coverage.row_counts", dict)  # it would miss rows in the zoo
    call_command("seed_demo", verbosity=0)
    labels = [
        spec.label for spec in build_inventory(KeyRegistry()).included() if not spec.label.startswith("zoo.")
    ]
    assert compare(labels) > 500


# -- stock loaddata reads our lines ----------------------------------------------------------------


@pytest.mark.parametrize(
    "labels",
    [
        ("zoo.Specimen",),
        ("zoo.Author", "zoo.Writer", "zoo.Book", "zoo.Appendix", "zoo.Manual", "zoo.ManualUse"),
        ("zoo.Reading", "zoo.Flag"),
        ("zoo.Reading", "zoo.Pin"),
        ("zoo.Slot",),
        ("zoo.Rate", "zoo.Hidden", "zoo.Clocked"),
        ("zoo.Language",),
        ("zoo.Token",),
    ],
    ids=lambda labels: "+".join(label.split(".")[1] for label in labels),
)
def test_stock_loaddata_restores_what_it_can_represent(
    zoo: Zoo, labels: tuple[str, ...], tmp_path: Path
) -> None:
    for label in labels:
        population.MAKERS[label.removeprefix("zoo.")]()
    # JSON null in a column that takes no NULL is beyond stock fixtures: they have one null for both.
    zoo_models.Specimen.objects.filter(code="edges").delete()
    zoo_models.Specimen.objects.filter(file=None).update(file="")  # as it makes of NULL in a file column
    before = portrait(labels)
    path = written(tmp_path, labels)
    zoo_models.Appendix.objects.update(next=None)
    for label in reversed(labels):
        model = apps.get_model(label)
        for link in model._meta.local_many_to_many:
            population.rows(link.remote_field.through)._raw_delete("default")
        population.rows(model)._raw_delete("default")

    call_command("loaddata", path, verbosity=0)

    assert portrait(labels) == before


def test_stock_loaddata_finds_permissions_by_our_names(zoo: Zoo, tmp_path: Path) -> None:
    chosen = list(Permission.objects.order_by("pk")[:3])
    Group.objects.create(name="g").permissions.set(chosen)
    path = written(tmp_path, ("auth.Group",))
    Group.objects.all().delete()

    call_command("loaddata", path, verbosity=0)

    assert list(Group.objects.get(name="g").permissions.order_by("pk")) == chosen


def written(directory: Path, labels: tuple[str, ...]) -> Path:
    """Write our lines of some models to a file that loaddata takes."""
    registry = KeyRegistry()
    inventory = build_inventory(registry)
    path = directory / "rows.jsonl"
    with path.open("wb") as sink:
        for spec in inventory:
            if spec.label in labels:
                compose = RowComposer(spec)
                rows = RowReader(spec, registry, inventory, Tally()).rows()
                sink.writelines(compose(row)[0] for row in rows)
    return path
