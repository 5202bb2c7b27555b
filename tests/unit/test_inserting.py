"""Rows go in the same way by our own statement and by Django's insert compiler, which some columns need."""

import pytest
from django.core.exceptions import ValidationError

from edms_backup.engines import generic
from edms_backup.engines.values import decode, decoder
from tests.unit.conftest import Zoo
from tests.zoo import models as animals
from tests.zoo import population
from tests.zoo.portrait import portrait


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

    def answer(columns: object) -> bool:
        asked.append(columns)
        return ours

    monkeypatch.setattr(generic, "takes_plain_values", answer)
    zoo.restore()
    assert asked
    assert portrait(labels, keys=True) == before


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
