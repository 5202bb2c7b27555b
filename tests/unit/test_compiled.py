"""The compiled reader gives what the plain one gives, for every field and relation of the zoo."""

import datetime
import uuid
from typing import Any

import pytest
from django.db import connection, models

from edms_backup.engines import get_engine
from edms_backup.engines.compiled import CompiledReader
from edms_backup.engines.reading import RowReader, Tally
from edms_backup.engines.values import moment_in_utc, uuid_of_digits
from edms_backup.naturalkeys import KeyRegistry
from edms_backup.schema import build_inventory
from tests.unit.conftest import Zoo
from tests.zoo import models as animals
from tests.zoo import population


@pytest.mark.parametrize("family", population.FAMILIES)
def test_both_readers_give_the_same(zoo: Zoo, family: str) -> None:
    population.populate(family)
    registry = KeyRegistry()
    inventory = build_inventory(registry)
    engine = get_engine("default", {})
    count = 0
    for label in population.labels(family):
        plain, fast = Tally(), Tally()
        expected = list(RowReader(inventory[label], registry, inventory, plain).rows())
        found = list(engine.rows(inventory[label], registry, inventory, fast))
        assert (found, repr(found), fast) == (expected, repr(expected), plain)
        count += len(expected)
    assert count


def test_a_shortcut_that_does_not_fit_a_value_is_left_for_the_plain_way(zoo: Zoo) -> None:
    animals.Specimen.objects.create(code="s", uuid=uuid.UUID(int=5))
    registry = KeyRegistry()
    inventory = build_inventory(registry)
    asked: list[Any] = []

    def refuses(value: Any) -> Any:
        asked.append(value)
        raise ValueError

    def shortcuts(column: models.Field) -> Any:
        return refuses if column.get_internal_type() == "UUIDField" else None

    spec = inventory["zoo.Specimen"]
    (row,) = CompiledReader(spec, registry, inventory, Tally(), shortcuts).rows()
    assert asked
    assert row.fields["uuid"] == "00000000-0000-0000-0000-000000000005"


def test_what_shortcuts_refuse() -> None:
    moment = datetime.datetime(2025, 1, 2, 3, 4, 5, 6)
    assert moment_in_utc(moment) == "2025-01-02T03:04:05.000006Z"
    for other in (moment.replace(tzinfo=datetime.UTC), moment.isoformat(), moment.date()):
        with pytest.raises(TypeError):
            moment_in_utc(other)
    assert uuid_of_digits("0" * 31 + "a") == str(uuid.UUID(int=10))
    for text in ("0" * 31 + "A", "0" * 31, "0x" + "0" * 30, "z" * 32, " " + "1" * 31, "1_" + "1" * 30):
        with pytest.raises(ValueError):
            uuid_of_digits(text)


def test_without_utc_a_time_stamp_takes_the_plain_way(zoo: Zoo, settings: Any) -> None:
    engine: Any = get_engine("default", {})
    column = animals.Specimen._meta.get_field("moment")
    assert (engine._shortcut(column) is not None) == (connection.vendor != "postgresql")
    settings.USE_TZ = False
    assert engine._shortcut(column) is None
