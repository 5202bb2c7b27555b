"""The public suite for engines: our own engines pass it, and a broken one does not."""

from collections.abc import Iterator
from typing import Any

import pytest

from edms_backup.engines import GENERIC, get_engine
from edms_backup.engines.base import TargetRow
from edms_backup.engines.generic import GenericEngine
from edms_backup.engines.lines import Line
from edms_backup.engines.reading import Row
from edms_backup.naturalkeys import KeyRegistry
from edms_backup.schema import Inventory, build_inventory
from edms_backup.schema.spec import ModelSpec
from edms_backup.testing.engine_suite import EngineSuite
from tests.unit.conftest import Zoo
from tests.zoo import population


def suite_of(engine: Any, *labels: str) -> EngineSuite:
    registry = KeyRegistry()
    inventory = build_inventory(registry)
    suite = EngineSuite(engine, registry, inventory)
    if labels:
        suite.specs = [inventory[label] for label in labels]
    return suite


@pytest.mark.parametrize("family", population.FAMILIES)
@pytest.mark.parametrize("overrides", [{}, {"default": GENERIC}])
def test_our_engines_keep_every_promise(zoo: Zoo, overrides: dict[str, str], family: str) -> None:
    population.populate(family)
    suite_of(get_engine("default", overrides), *population.labels(family)).run()


class Forgetful(GenericEngine):
    """Forgets the last row of everything that it is given or asked for."""

    forgets = ""

    def rows(self, spec: ModelSpec, registry: KeyRegistry, inventory: Inventory, tally: Any) -> Iterator[Row]:
        rows = list(super().rows(spec, registry, inventory, tally))
        yield from rows[:-1] if self.forgets == "rows" else rows

    def lines(
        self, spec: ModelSpec, registry: KeyRegistry, inventory: Inventory, tally: Any
    ) -> Iterator[Line]:
        lines = list(super().lines(spec, registry, inventory, tally))
        yield from lines[:-1] if self.forgets == "lines" else lines

    def count(self, spec: ModelSpec) -> int:
        return super().count(spec) - (self.forgets == "count")

    def insert(self, spec: ModelSpec, rows: list[TargetRow]) -> None:
        super().insert(spec, rows[:-1] if self.forgets == "insert" else rows)

    def update(self, spec: ModelSpec, rows: list[TargetRow]) -> None:
        super().update(spec, rows[:0] if self.forgets == "update" else rows)

    def delete(self, spec: ModelSpec, pks: Any) -> None:
        super().delete(spec, [] if self.forgets == "delete" else pks)

    def broken_references(self, specs: Any) -> list[Any]:
        return [] if self.forgets == "broken_references" else super().broken_references(specs)

    def try_lock(self, name: str) -> bool:
        return self.forgets != "try_lock"


@pytest.mark.parametrize(
    "forgets", ["rows", "lines", "count", "insert", "update", "delete", "broken_references", "try_lock"]
)
def test_a_forgetful_engine_is_found_out(zoo: Zoo, forgets: str) -> None:
    population.populate("links")
    engine = Forgetful("default")
    suite = suite_of(engine, *population.labels("links"))
    suite.run()
    engine.forgets = forgets
    with pytest.raises(AssertionError, match="generic: "):
        suite.run()


def test_an_update_that_changes_nothing_is_found_out_without_links_too(zoo: Zoo) -> None:
    population.populate("fields")
    engine = Forgetful("default")
    engine.forgets = "update"
    with pytest.raises(AssertionError, match=r"zoo\.Specimen does not take the values"):
        suite_of(engine, "zoo.Specimen").run()
