"""What the drawn datasets brought to light, each as small as it goes."""

import datetime
import uuid
from typing import Any

import pytest

from edms_backup.errors import PlanBlocked
from tests.conftest import skip_unless_present
from tests.differential.datasets import Dataset, Reference
from tests.differential.picture import picture
from tests.differential.writing import clear, write
from tests.pitfalls.conftest import Travel
from tests.unit.conftest import Zoo
from tests.zoo import models as animals

AMBIGUOUS = uuid.UUID("00000000-0000-8000-8000-000000000000")


def refused_before_the_first_write(
    zoo: Zoo, travel: Travel, target: str, label: str, key: str, field: str
) -> None:
    """Restore the package into an empty database of another vendor, which has no place for one value."""
    zoo.create(label)
    skip_unless_present(target)
    travel(target)
    with pytest.raises(PlanBlocked) as refused:
        zoo.restore()
    assert [(f.model, f.key, f.field) for f in refused.value.findings if f.code == "value_does_not_fit"] == [
        (label, key, field)
    ]


@pytest.mark.parametrize(
    ("source", "target", "column", "value"),
    [
        ("sqlite", "mariadb", "uuid", AMBIGUOUS),
        ("postgresql", "sqlite", "span", datetime.timedelta.max),
        ("postgresql", "mariadb", "span", datetime.timedelta.max),
        ("sqlite", "postgresql", "address", "rubbish"),
        ("sqlite", "mariadb", "document", ["\ud800"]),
    ],
)
def test_a_value_that_the_target_has_no_place_for(
    lone_zoo: Zoo, travel: Travel, source: str, target: str, column: str, value: Any
) -> None:
    skip_unless_present(source)
    travel(source)
    animals.Specimen.objects.create(code="a", **{column: value})
    refused_before_the_first_write(lone_zoo, travel, target, "zoo.Specimen", "a", column)


def test_a_primary_key_that_the_target_has_no_place_for(lone_zoo: Zoo, travel: Travel) -> None:
    travel("sqlite")
    animals.Token.objects.create(uuid=AMBIGUOUS, code="a")
    refused_before_the_first_write(lone_zoo, travel, "mariadb", "zoo.Token", str(AMBIGUOUS), "uuid")


@pytest.mark.parametrize("holder", ["Flag", "Pin", "Watch"])
def test_a_reference_to_a_nameless_row_whose_number_another_one_has(lone_zoo: Zoo, holder: str) -> None:
    """A merge: package and site have a row of one name, and what it refers to is another row of one number."""
    group, columns, links = {
        "Flag": ("twins", {"reading": 0}, {}),
        "Pin": ("twins", {}, {("Pin", "readings"): {(0, 0)}}),
        "Watch": ("twins", {"object_id": Reference("Reading", 0)}, {}),
    }[holder]

    def holding(code: str) -> Dataset:
        rows = {"Reading": [{"code": code, "value": 0}], holder: [{"code": "a", **columns}]}
        return Dataset(group, rows, links)

    write(holding("of the package"))
    (wanted,) = picture(group)[holder]
    lone_zoo.create("zoo.Reading", f"zoo.{holder}")
    clear(group)
    write(holding("of the site"))

    lone_zoo.restore()

    (restored,) = picture(group)[holder]
    assert restored == wanted


def test_twins_keep_their_order_when_some_of_their_numbers_are_taken(lone_zoo: Zoo) -> None:
    """Else the next restore would take one for the other, and find work to do."""
    labels = ("zoo.Nickname", "zoo.NicknameUse")
    twins = [{"code": "b", "name": None}] * 3
    uses = [{"code": letter, "nickname": number} for number, letter in enumerate("abc")]
    write(Dataset("twins", {"Nickname": twins, "NicknameUse": uses}, {}))
    wanted = picture("twins")["NicknameUse"]
    lone_zoo.create(*labels)
    clear("twins")
    write(Dataset("twins", {"Nickname": [{"code": "a", "name": None}]}, {}))

    lone_zoo.restore()

    assert picture("twins")["NicknameUse"] == wanted
    assert lone_zoo.plan().models["zoo.NicknameUse"].updated == 0
    assert {count.inserted + count.updated for count in lone_zoo.plan().models.values()} == {0}
