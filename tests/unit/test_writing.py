"""Rows go in the same way by our own statement and by Django's insert compiler, which some columns need."""

from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import DatabaseError, connection, models
from django.db.models import Value

from edms_backup.engines import generic
from edms_backup.engines.base import TargetRow
from edms_backup.engines.values import decode, decoder
from edms_backup.engines.writing import takes_plain_values
from edms_backup.errors import LoadFailed
from edms_backup.schema.spec import ModelSpec
from tests.unit.conftest import Zoo
from tests.zoo import models as animals
from tests.zoo import population
from tests.zoo.portrait import portrait


def test_bytes_are_a_plain_value_but_on_mysql() -> None:
    """Django asks its backends in one way up to 6.0, and in another since."""
    bytes_of = animals.Specimen._meta.get_field("blob")

    assert takes_plain_values([bytes_of], connection) == (connection.vendor != "mysql")


@pytest.mark.parametrize("ours", [True, False])
@pytest.mark.parametrize("family", ["fields", "constraints"])
def test_both_ways_put_the_same_rows_in(
    zoo: Zoo, monkeypatch: pytest.MonkeyPatch, family: str, ours: bool
) -> None:
    labels = population.labels(family)
    population.populate(family)
    zoo.create(*labels)
    before = portrait(labels, keys=True)
    population.depopulate(family)
    asked = []

    def answer(columns: object, connection: object) -> bool:
        asked.append(columns)
        return ours

    monkeypatch.setattr(generic, "takes_plain_values", answer)
    zoo.restore()
    assert asked
    assert portrait(labels, keys=True) == before


@pytest.mark.parametrize("together", [True, False])
def test_both_ways_write_the_same_changes(zoo: Zoo, monkeypatch: pytest.MonkeyPatch, together: bool) -> None:
    """Rows that are there take all columns of the package's rows, by one statement or one by one."""
    zoo.populate("fields")
    zoo.create()
    before = portrait(zoo.labels, keys=True)
    changed = animals.Specimen.objects.update(text="spoilt", maybe_document=None, maybe=None, moment=None)
    one_by_one: list[str] = []
    update_row = generic.GenericEngine._update_row

    def note(self: generic.GenericEngine, spec: ModelSpec, row: TargetRow) -> None:
        one_by_one.append(spec.label)
        update_row(self, spec, row)

    monkeypatch.setattr(generic.GenericEngine, "_update_row", note)
    monkeypatch.setattr(generic, "takes_plain_values", lambda columns, connection: together)
    report = zoo.restore()
    assert sum(count.updated for count in report.models.values()) == changed > 1
    assert portrait(zoo.labels, keys=True) == before
    assert len(one_by_one) == (0 if together else changed)


def test_a_change_that_the_database_refuses_is_named(zoo: Zoo, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of many rows that are written with one statement."""
    monkeypatch.setattr(generic, "takes_plain_values", lambda columns, connection: True)
    zoo.populate("fields")
    zoo.create()
    animals.Specimen.objects.update(text="spoilt")
    last = animals.Specimen.objects.order_by("-pk")[0]

    def refuse(execute: Any, sql: Any, params: Any, many: bool, context: Any) -> Any:
        if "UPDATE" in sql and (many or params[-1] == last.pk):
            raise DatabaseError("no such luck")
        return execute(sql, params, many, context)

    said = rf"zoo\.Specimen {last.code}: no such luck"
    with connection.execute_wrapper(refuse), pytest.raises(LoadFailed, match=said):
        zoo.restore()
    assert animals.Specimen.objects.filter(text="spoilt").count() > 1


def test_a_column_is_decoded_alike_once_and_many_times(zoo: Zoo) -> None:
    values = [
        "2025-01-02T03:04:05.000006Z",
        "2025-01-02T03:04:05Z",
        "2025-01-02T03:04:05+02:00",
        "2025-01-02",
    ]
    values += ["1", 1, 1.5, True, None, "", "00000000-0000-0000-0000-00000000000a", [1], {"a": "Z"}, "Z"]
    for column in animals.Specimen._meta.local_concrete_fields:
        for value in values:
            assert outcome(decoder(column), value) == outcome(lambda v, c=column: decode(c, v), value)


def outcome(function: object, value: object) -> object:
    """Return what a function makes of a value with its type, or the type of its error."""
    try:
        made = function(value)  # type: ignore[operator]
    except (ValidationError, ValueError, TypeError, ArithmeticError, AttributeError) as error:
        return type(error)
    return type(made), made


class AddressedField(models.JSONField):
    """Puts a value into an envelope on its way to the database, and takes it out of none."""

    def get_prep_value(self, value: Any) -> Any:
        return {"envelope": value}


@pytest.mark.pitfall(52)
@pytest.mark.parametrize("ours", [True, False])
def test_json_that_is_read_past_its_class_is_written_past_it(
    zoo: Zoo, monkeypatch: pytest.MonkeyPatch, ours: bool
) -> None:
    """As in Django's own ``model_fields``: whoever reads what a class has written must not have it write again."""
    monkeypatch.setattr(animals.Specimen._meta.get_field("maybe_document"), "__class__", AddressedField)
    for number, document in enumerate([{"n": 1}, "text", Value(None, models.JSONField()), None]):
        animals.Specimen.objects.create(code=f"s{number}", maybe_document=document)
    there = list(animals.Specimen.objects.order_by("code").values_list("maybe_document", flat=True))
    assert there[0] == {"envelope": {"n": 1}}
    monkeypatch.setattr(generic, "takes_plain_values", lambda columns, connection: ours)
    zoo.create("zoo.Specimen")
    animals.Specimen.objects.filter(code__in=["s0", "s2"]).delete()  # to be inserted
    animals.Specimen.objects.update(text="spoilt")  # to be updated
    zoo.restore()
    assert list(animals.Specimen.objects.order_by("code").values_list("maybe_document", flat=True)) == there
