"""Whole ways through the service, family by family: the same site, an empty one, a re-initialised one."""

import datetime

import pytest
from django.apps import apps

from edms_backup.restore.report import Mode, Outcome
from edms_backup.service import BackupService
from tests.unit.conftest import Zoo
from tests.zoo import population
from tests.zoo.portrait import portrait

families = pytest.mark.parametrize("family", population.FAMILIES)


@families
def test_a_restore_into_the_same_site_finds_nothing_to_do(zoo: Zoo, family: str) -> None:
    zoo.populate(family)
    zoo.create()
    before = portrait(zoo.labels, keys=True)

    plan = zoo.plan()

    assert plan.changes == 0, plan.models
    report = zoo.restore()
    assert report.outcome is Outcome.COMMITTED
    assert sum(counts.unchanged for counts in report.models.values()) == sum(map(len, before.values()))
    assert portrait(zoo.labels, keys=True) == before


@families
@pytest.mark.parametrize("mode", Mode)
def test_an_empty_site_gets_every_row_under_its_old_key(zoo: Zoo, family: str, mode: Mode) -> None:
    zoo.populate(family)
    zoo.create()
    before = portrait(zoo.labels, keys=True)
    zoo.depopulate()

    report = zoo.restore(mode)

    assert portrait(zoo.labels, keys=True) == before
    assert {label: counts.inserted for label, counts in report.models.items()} == {
        label: len(rows) for label, rows in before.items()
    }


@pytest.mark.parametrize("family", [family for family in population.FAMILIES if family != "nameless_tree"])
def test_a_merge_matches_rows_that_have_other_keys_by_now(zoo: Zoo, family: str) -> None:
    zoo.populate(family)
    zoo.create()
    before = portrait(zoo.labels)
    zoo.reinitialise()
    keys = _keys(zoo)

    report = zoo.restore()

    assert portrait(zoo.labels) == before
    assert _keys(zoo) == keys, "a merge never moves a row of the site"
    assert all(counts.inserted == 0 for counts in report.models.values()), report.models


def test_a_merge_does_not_recognise_rows_without_a_name_that_refer_to_each_other(zoo: Zoo) -> None:
    """A limit, and what it means: such rows are known by what they hold, and that is each other's numbers.

    Under other numbers they are other rows. None is lost and none is changed; those that were there stay
    beside those of the package. A natural key, or ``--mode replace``, avoids it.
    """
    zoo.populate("nameless_tree")
    zoo.create()
    before = portrait(zoo.labels)["zoo.Node"]
    zoo.reinitialise()
    keys = _keys(zoo)["zoo.Node"]

    counts = zoo.restore().models["zoo.Node"]

    (root,) = [row for row in before if row["parent"] is None]
    referring = [row for row in before if row["parent"] is not None]
    assert portrait(zoo.labels)["zoo.Node"] == sorted([root, *referring, *referring], key=repr)
    assert set(keys) < set(_keys(zoo)["zoo.Node"])
    assert (counts.unchanged, counts.inserted, counts.left) == (1, len(referring), len(referring))


@families
def test_a_replace_gives_rows_their_old_keys_back(zoo: Zoo, family: str) -> None:
    zoo.populate(family)
    zoo.create()
    before = portrait(zoo.labels, keys=True)
    zoo.reinitialise()

    zoo.restore(Mode.REPLACE)

    assert portrait(zoo.labels, keys=True) == before


@families
def test_a_merge_finds_new_keys_for_rows_whose_keys_are_taken(zoo: Zoo, family: str) -> None:
    """The hard case: the site has other rows under the very primary keys of the package."""
    zoo.populate(family)
    zoo.create()
    before = portrait(zoo.labels)
    taken = {label: set(_keys(zoo)[label]) for label in zoo.labels}
    zoo.depopulate()
    strangers = _occupy(zoo, taken)

    report = zoo.restore()

    assert portrait(zoo.labels) == {
        label: sorted([*rows, *strangers[label]], key=repr) for label, rows in before.items()
    }
    assert report.outcome is Outcome.COMMITTED


def test_everything_at_once(zoo: Zoo, settings: object) -> None:
    """The whole site, framework tables included, in one package."""
    for family in population.FAMILIES:
        for name in population.FAMILIES[family]:
            model = apps.get_model("zoo", name)
            if name in population.MAKERS and not population.rows(model).exists():
                population.MAKERS[name]()
    names = sorted({f"zoo.{name}" for family in population.FAMILIES.values() for name in family})
    before = portrait(tuple(names), keys=True)
    zoo.package = zoo.service.create(_everything()).package
    for family in reversed(population.FAMILIES):
        population.depopulate(family)

    report = BackupService.from_settings().restore(zoo.request(Mode.REPLACE))

    assert portrait(tuple(names), keys=True) == before
    assert report.verdict.startswith(f"{sum(c.expected for c in report.models.values())}/")


def _everything() -> object:
    from edms_backup.create.report import CreateRequest

    return CreateRequest(files=False)


def _keys(zoo: Zoo) -> dict[str, list[object]]:
    return {
        label: sorted(population.rows(apps.get_model(label)).values_list("pk", flat=True), key=repr)
        for label in zoo.labels
    }


def _occupy(zoo: Zoo, taken: dict[str, set[object]]) -> dict[str, list[dict[str, object]]]:
    """Put rows that the package does not know under its integer primary keys, where a model is simple."""
    for label in zoo.labels:
        model = apps.get_model(label)
        needed = [
            column for column in model._meta.local_concrete_fields if column.is_relation and not column.null
        ]
        if needed or not isinstance(next(iter(taken[label])), int):
            continue
        for key in taken[label]:
            values: dict[str, object] = {"code": f"stranger {key}"}
            if label == "zoo.Clocked":
                values["at"] = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
            if label == "zoo.Nation":
                values |= {"number": -int(str(key)), "sign": chr(64 + int(str(key)) % 26) + "?"}
            population.rows(model).create(pk=key, **values)
    return portrait(zoo.labels)
