"""Lines that are made in one go, by the database or by Python, are those of the plain way, byte for byte."""

from dataclasses import replace
from typing import Any

import pytest
from django.db import connection, models

from edms_backup.engines import GENERIC, get_engine
from edms_backup.engines.linereader import LineReader
from edms_backup.engines.lines import Line, RowComposer
from edms_backup.engines.reading import RowReader, Tally
from edms_backup.engines.serverside import ServerJson
from edms_backup.naturalkeys import KeyRegistry
from edms_backup.schema import build_inventory
from edms_backup.schema.spec import ModelSpec, SoftRef
from tests.unit.conftest import Zoo
from tests.zoo import models as animals
from tests.zoo import population


class Both:
    """Reads the rows of a model in both ways."""

    def __init__(self, engine: str | None = None) -> None:
        self.registry = KeyRegistry()
        self.inventory = build_inventory(self.registry)
        self.engine: Any = get_engine("default", {} if engine is None else {"default": engine})

    def reader(self, spec: ModelSpec, tally: Tally) -> LineReader:
        return LineReader(
            spec, self.registry, self.inventory, tally, self.engine._shortcut, self.engine.server_json
        )

    def same(self, label: str) -> list[Line]:
        """Assert that both ways give the same; return the lines."""
        spec, plain, fast = self.inventory[label], Tally(), Tally()
        compose = RowComposer(spec)
        expected = [compose.line(row) for row in RowReader(spec, self.registry, self.inventory, plain).rows()]
        found = list(self.engine.lines(spec, self.registry, self.inventory, fast))
        assert [line.whole()[:4] for line in found] == [line[:4] for line in expected], label
        assert fast == plain, label
        return found


@pytest.mark.parametrize("engine", [None, GENERIC], ids=["own", "generic"])
@pytest.mark.parametrize("family", population.FAMILIES)
def test_both_ways_give_the_same_lines(zoo: Zoo, family: str, engine: str | None) -> None:
    population.populate(family)
    both = Both(engine)
    assert sum(len(both.same(label)) for label in population.labels(family))


def test_text_is_escaped_as_python_escapes_it(zoo: Zoo) -> None:
    """Every character up to U+2FF, the ends of each range beyond, and what JSON has marks for."""
    points = [*range(0x300), 0x2028, 0x2029, 0xD7FF, 0xE000, 0xFEFF, 0xFFFD, 0xFFFF, 0x10000, 0x10FFFF]
    if connection.vendor == "postgresql":
        points.remove(0)
    for number, point in enumerate(points):
        animals.Specimen.objects.create(code=f"s{number}", text=f'a{chr(point)}{chr(point)}b\\"/')
    both = Both()
    lines = both.same("zoo.Specimen")
    assert sum(line.row is None for line in lines) > 0.9 * len(lines)


def test_values_that_the_sql_was_not_made_for_are_read_plainly(zoo: Zoo) -> None:
    """JSON null, half a surrogate pair, what a column holds against its type: the other rows are not slowed by it."""
    population.populate("fields")
    both = Both()
    animals.Specimen.objects.create(code="null")
    population.rows(animals.Specimen).filter(code="null").update(
        maybe_document=models.Value(None, models.JSONField())
    )
    if connection.vendor == "sqlite":
        animals.Specimen.objects.create(code="half", maybe_document={"a": "\ud800"})
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE zoo_specimen SET moment = '2024-02-29 01:02:03.000000' WHERE code = 'null'"
            )
    lines = both.same("zoo.Specimen")
    assert 0 < sum(line.row is not None for line in lines) < len(lines)


def test_a_model_that_takes_the_slower_way_says_why(zoo: Zoo) -> None:
    both = Both()
    spec = both.inventory["zoo.Specimen"]
    assert both.reader(spec, Tally()).reason == ""
    soft = replace(spec, soft=(SoftRef("positive", (), "zoo.Tag"),))
    assert both.reader(soft, Tally()).reason == "ids inside of its values have to be followed"
    unknown = LineReader(spec, both.registry, both.inventory, Tally(), both.engine._shortcut, ServerJson())
    assert unknown.reason == "its natural key holds code, which only Python writes"


def test_the_plan_says_which_models_are_slower_and_what_is_locked(zoo: Zoo) -> None:
    zoo.configure(MODELS={"zoo.Specimen": {"references": {"positive": "zoo.Tag"}}})
    tag = animals.Tag.objects.create(code="a")
    animals.Specimen.objects.create(code="s", positive=tag.pk)
    zoo.create("zoo.Tag", "zoo.Specimen")
    plan = zoo.plan()
    assert plan.slower == {"zoo.Specimen": "ids inside of its values have to be followed"}
    assert "writers wait" in plan.locks["default"]
    zoo.configure(ENGINES={"default": GENERIC})
    plan = zoo.plan()
    assert (plan.slower, plan.locks) == ({}, {"default": "what the database itself locks: stop writers"})


@pytest.mark.parametrize("family", population.FAMILIES)
def test_pages_give_the_same_rows_and_links(zoo: Zoo, family: str) -> None:
    """As for drivers that hold the whole of an answer in memory: two rows at a time."""
    population.populate(family)
    both = Both()
    both.engine.page = 2
    for label in population.labels(family):
        both.same(label)
        spec = both.inventory[label]
        plain = list(RowReader(spec, both.registry, both.inventory, Tally()).rows())
        assert list(both.engine.rows(spec, both.registry, both.inventory, Tally())) == plain
