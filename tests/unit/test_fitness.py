"""What does not fit a column is named before the first write; what fits is left alone."""

from collections.abc import Iterator
from typing import Any

import pytest

from edms_backup.create.report import CreateRequest
from edms_backup.engines.base import EngineFeatures
from edms_backup.engines.fitness import Fitness
from edms_backup.engines.sqlite import SQLiteEngine
from edms_backup.errors import PlanBlocked
from edms_backup.restore.report import Mode
from edms_backup.schema import Inventory
from tests.unit.conftest import Zoo
from tests.zoo import models as zoo_models
from tests.zoo.portrait import portrait

CAREFUL = EngineFeatures()
"""What an engine says that knows nothing of its database."""
EVERYTHING = EngineFeatures(
    enforces_length=False,
    stores_nul=True,
    stores_nan=True,
    stores_infinity=True,
    exact_decimals=False,
    json_numbers_as_written=True,
    stores_lone_surrogates=True,
)
BAD: list[tuple[str, Any, str]] = [
    ("code", "x" * 41, "41 characters long, the column takes 40"),
    ("text", "a\x00b", "NUL"),
    ("slug", "\ud800", "surrogate"),
    ("file", "f" * 101, "101 characters"),
    ("path", "p" * 101, "101 characters"),
    ("number", "NaN", "NaN"),
    ("number", "Infinity", "infinite"),
    ("number", "-Infinity", "infinite"),
    ("amount", "1.00001", "more than 4 decimal places"),
    ("amount", "123456789", "more than 8 digits before the point"),
    ("amount", "1e20", "more than 8 digits"),
    ("amount", "NaN", "no finite number"),
    ("amount", "Infinity", "no finite number"),
    ("amount", "ten", "no decimal number"),
    ("amount", [1], "no decimal number"),
    ("document", {"a": ["\x00"]}, "inside its JSON"),
    ("document", {"\x00": 1}, "inside its JSON"),
    ("document", "\udfff", "inside its JSON"),
    ("document", {"a": [-0.0]}, "-0.0 inside its JSON"),
    ("document", [1e22], "1e+22 inside its JSON"),
    ("big", 2**63, "outside of"),
    ("big", -(2**63) - 1, "outside of"),
]
GOOD: list[tuple[str, Any]] = [
    ("code", "x" * 40),
    ("text", "größe 漢字 \U0001f600"),
    ("text", 5),
    ("text", None),
    ("number", 1.5),
    ("number", "1.5"),
    ("amount", "-12345678.0009"),
    ("amount", "1.00000"),
    ("amount", 7),
    ("amount", None),
    ("document", {"a": [1, None, "größe", {"b": {}}]}),
    ("document", [0.0, 1e15, 2.5e-300, 1.5, 10**22]),
    ("document", None),
    ("big", -(2**63)),
    ("big", "text"),
    ("boolean", True),
    ("uuid", "whatever"),
]


def problems(inventory: Inventory, features: EngineFeatures, name: str, value: Any) -> list[tuple[str, str]]:
    """Return what is wrong with a specimen that has one value."""
    spec = inventory["zoo.Specimen"]
    fields = {column.name: None for column in spec.columns}
    return list(Fitness(spec, features).problems({**fields, name: value}, 1))


@pytest.mark.pitfall(48)
@pytest.mark.parametrize(("name", "value", "problem"), BAD)
def test_what_does_not_fit(inventory: Inventory, name: str, value: Any, problem: str) -> None:
    ((found, text),) = problems(inventory, CAREFUL, name, value)
    assert found == name
    assert problem in text


def test_json_may_nest_as_deep_as_the_database_says(inventory: Inventory) -> None:
    three = EngineFeatures(json_depth=3)
    assert problems(inventory, three, "document", [[{"a": 1}]]) == []
    ((_, text),) = problems(inventory, three, "document", [[{"a": []}]])
    assert "deeper than 3 levels" in text


@pytest.mark.parametrize(("name", "value"), GOOD)
def test_what_fits(inventory: Inventory, name: str, value: Any) -> None:
    assert problems(inventory, CAREFUL, name, value) == []


@pytest.mark.parametrize(("name", "value", "problem"), BAD)
def test_an_engine_that_takes_it_is_not_asked_to_refuse(
    inventory: Inventory, name: str, value: Any, problem: str
) -> None:
    refused = problems(inventory, EVERYTHING, name, value)
    impossible = name == "big" or "surrogate" in problem
    assert bool(refused) is impossible


@pytest.fixture
def strict(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let SQLite be as narrow as an engine that promises nothing."""
    narrow = EngineFeatures(consistent_snapshot=True, locks_out_writers=True)
    with monkeypatch.context() as patch:
        patch.setattr(SQLiteEngine, "features", narrow)
        yield


@pytest.mark.parametrize("mode", Mode)
def test_a_restore_is_refused_before_the_first_write(zoo: Zoo, strict: None, mode: Mode) -> None:
    zoo_models.Specimen.objects.create(code="long", slug="x" * 60, number=float("inf"))
    zoo_models.Specimen.objects.create(code="longer", slug="x" * 60)
    zoo_models.Tag.objects.create(code="t")
    zoo.package = zoo.service.create(CreateRequest(models=("zoo.Specimen", "zoo.Tag"), files=False)).package
    zoo_models.Tag.objects.all().delete()
    before = portrait(("zoo.Specimen", "zoo.Tag"), keys=True)

    with pytest.raises(PlanBlocked) as refused:
        zoo.restore(mode)

    found = [f for f in refused.value.findings if f.code == "value_does_not_fit"]
    assert [(f.model, f.key, f.field, f.count) for f in found] == [
        ("zoo.Specimen", "long", "number", 1),
        ("zoo.Specimen", "long", "slug", 2),
    ]
    assert "60 characters" in found[1].message
    assert portrait(("zoo.Specimen", "zoo.Tag"), keys=True) == before
