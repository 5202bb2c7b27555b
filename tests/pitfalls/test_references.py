"""Pitfalls 8 to 11 and 16 to 25: what points where, in which order rows come, and what a restore leaves."""

import random
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group, Permission

from edms_backup.create.report import CreateRequest
from edms_backup.errors import UnknownModel
from edms_backup.package import PackageReader
from edms_backup.restore.report import Mode
from tests.unit.conftest import Zoo
from tests.zoo import models as animals
from tests.zoo import population
from tests.zoo.portrait import portrait

FAMILIES = {
    "circles": (9, 10, 92),
    "tree": (11,),
    "own_identities": (14, 17),
    "to_field": (17,),
    "named_by_to_field": (17,),
    "identified_by_to_field": (17, 18),
    "related_identities": (18,),
    "inheritance": (18, 19),
    "composite_reference": (18,),
    "links": (21, 22),
    "declared": (6, 97),
    "methods": (97,),
    "generic": (1, 16),
    "fields": (43, 45, 50, 51, 52),
}


@pytest.mark.parametrize(
    "family",
    [
        pytest.param(family, marks=[pytest.mark.pitfall(number) for number in (*numbers, 25)])
        for family, numbers in FAMILIES.items()
    ],
)
def test_rows_come_back_under_other_numbers_on_every_database(zoo: Zoo, family: str) -> None:
    zoo.populate(family)
    zoo.create()
    before = portrait(zoo.labels, keys=True)
    without_keys = portrait(zoo.labels)
    zoo.reinitialise()

    merged = zoo.restore()

    assert portrait(zoo.labels) == without_keys
    assert sum(counts.inserted for counts in merged.models.values()) == 0
    # Once more changes nothing; a replace brings the numbers back as well.
    again = zoo.restore()
    assert {counts.unchanged - counts.expected for counts in again.models.values()} == {0}
    zoo.restore(Mode.REPLACE)
    assert portrait(zoo.labels, keys=True) == before
    # Where none of them is there yet, some have to refer to rows that are still to come.
    zoo.depopulate()
    zoo.restore()
    assert portrait(zoo.labels, keys=True) == before


@pytest.mark.pitfall(8)
@pytest.mark.pitfall(22)
@pytest.mark.pitfall(27)
@pytest.mark.parametrize("mode", Mode)
def test_people_keep_their_groups_and_permissions(zoo: Zoo, mode: Mode) -> None:
    people = get_user_model()
    labels = ("users.User", "auth.Group")

    def state() -> dict[str, Any]:
        return {
            user.username: (
                sorted(user.groups.values_list("name", flat=True)),
                sorted(user.user_permissions.values_list("content_type__app_label", "codename")),
                sorted(user.get_all_permissions()),
            )
            for user in people.objects.all()
        }

    def build() -> None:
        permissions = Permission.objects.filter(content_type__app_label="zoo").order_by("-codename")
        for number, name in enumerate(("editors", "readers", "strangers")):
            Group.objects.create(name=name).permissions.set(permissions[number * 2 : number * 2 + 2])
        user = people.objects.create_user("ann", email="ann@example.com")
        user.groups.set(Group.objects.exclude(name="strangers"))
        user.user_permissions.set(permissions[10:13])

    people.objects.all().delete()
    Group.objects.all().delete()
    build()
    before = state()
    assert [len(part) for part in before["ann"][:2]] == [2, 3]
    zoo.create(*labels)
    people.objects.all().delete()
    Group.objects.all().delete()
    for name in ("strangers", "editors"):
        Group.objects.create(name=name)  # other numbers, and no permissions yet

    zoo.restore(mode)

    assert state() == before


@pytest.mark.pitfall(11)
@pytest.mark.parametrize("depth", [10_000, 200])  # some hundred rows and more go another way
def test_a_chain_of_ten_thousand_in_any_order(lone_zoo: Zoo, depth: int) -> None:
    numbers = list(range(1, depth + 1))
    random.Random(1).shuffle(numbers)
    chain = [
        animals.Folder(pk=pk, code=f"{place:05}", parent_id=above)
        for place, (pk, above) in enumerate(zip(numbers, [None, *numbers], strict=False))
    ]
    animals.Folder.objects.bulk_create(sorted(chain, key=lambda row: row.pk))
    lone_zoo.create("zoo.Folder")
    population.rows(animals.Folder)._raw_delete("default")

    lone_zoo.restore()

    parents = dict(animals.Folder.objects.values_list("code", "parent__code"))
    assert parents == {f"{place:05}": f"{place - 1:05}" if place else None for place in range(depth)}


@pytest.mark.pitfall(16)
@pytest.mark.pitfall(99)
@pytest.mark.parametrize("declared", [True, False])
def test_numbers_in_columns_and_in_json(zoo: Zoo, declared: bool) -> None:
    paths = {"big": "zoo.Tag", "text": "zoo.Tag", "document.tags.*.id": "zoo.Tag"}
    zoo.configure(MODELS={"zoo.Specimen": {"references": paths if declared else {}}})
    tag = animals.Tag.objects.create(code="meant")
    animals.Specimen.objects.create(
        code="s", big=tag.pk, text=str(tag.pk), document={"tags": [{"id": tag.pk}, {"id": str(tag.pk)}]}
    )
    zoo.create("zoo.Specimen", "zoo.Tag")
    animals.Specimen.objects.all().delete()
    animals.Tag.objects.all().delete()
    if declared:  # the number is taken: the row gets another one, and what is declared follows
        animals.Tag.objects.create(pk=tag.pk, code="stranger")

    zoo.restore()

    meant, row = animals.Tag.objects.get(code="meant").pk, animals.Specimen.objects.get()
    assert (meant == tag.pk) is not declared
    assert (row.big, row.text) == (meant, str(meant))
    assert row.document == {"tags": [{"id": meant}, {"id": str(meant)}]}


@pytest.mark.pitfall(18)
def test_a_child_is_where_its_parent_is(zoo: Zoo) -> None:
    """The parents are on the site, under other numbers; the rows that have their primary keys are gone."""

    def build() -> None:
        animals.Whale.objects.create(code="moby")
        member = animals.Member.objects.create(
            code="ann", team=animals.Team.objects.get_or_create(code="crew")[0]
        )
        animals.Passport.objects.create(code="of ann", holder=member)

    labels = ("zoo.Animal", "zoo.Mammal", "zoo.Whale", "zoo.Team", "zoo.Member", "zoo.Passport")
    build()
    zoo.create(*labels)
    before = portrait(labels)
    animals.Animal.objects.all().delete()
    animals.Member.objects.all().delete()
    build()
    population.rows(animals.Whale)._raw_delete("default")
    population.rows(animals.Mammal)._raw_delete("default")
    population.rows(animals.Passport)._raw_delete("default")

    zoo.restore()

    assert portrait(labels) == before
    assert animals.Whale.objects.get().pk == animals.Animal.objects.get().pk
    assert animals.Passport.objects.get().holder.code == "ann"


@pytest.mark.pitfall(19)
def test_a_proxy_is_no_second_copy_of_its_rows(lone_zoo: Zoo) -> None:
    animals.Animal.objects.create(code="cat")
    with pytest.raises(UnknownModel, match="QuietAnimal"):
        lone_zoo.create("zoo.QuietAnimal")
    lone_zoo.create("zoo")
    with PackageReader.open(lone_zoo.settings.EDMS_BACKUP["DIRECTORY"] / lone_zoo.package) as package:
        labels = [entry.label for entry in package.manifest.models]
    assert labels.count("zoo.Animal") == 1
    assert "zoo.QuietAnimal" not in labels


@pytest.mark.pitfall(20)
@pytest.mark.pitfall(96)
def test_what_the_database_owns_does_not_travel(lone_zoo: Zoo) -> None:
    animals.Tag.objects.create(code="t")
    lone_zoo.package = lone_zoo.service.create(CreateRequest(files=False)).package
    report = lone_zoo.restore(Mode.REPLACE)
    assert "zoo.View" not in report.models
    assert report.models["zoo.Tag"].unchanged == 1


@pytest.mark.pitfall(21)
def test_a_sorted_many_to_many_keeps_its_order(lone_zoo: Zoo, monkeypatch: pytest.MonkeyPatch) -> None:
    """Such fields make their table themselves, like plain ones, and give it a column for the order."""
    ann, bob = (animals.Author.objects.create(code=code) for code in ("ann", "bob"))
    article = animals.Article.objects.create(code="a")
    for share, author in ((1, bob), (2, ann)):
        animals.Authorship.objects.create(code="c", article=article, author=author, share=share)
    monkeypatch.setattr(animals.Authorship._meta, "auto_created", animals.Article)
    apps.clear_cache()
    try:
        lone_zoo.create("zoo")
        animals.Authorship._base_manager.all()._raw_delete("default")
        lone_zoo.restore()
    finally:
        monkeypatch.undo()
        apps.clear_cache()
    assert list(animals.Authorship.objects.order_by("share").values_list("author__code", flat=True)) == [
        "bob",
        "ann",
    ]


@pytest.mark.pitfall(21)
@pytest.mark.pitfall(2)
def test_links_that_exist_twice(zoo: Zoo) -> None:
    """A table of links that is a model of its own may hold the same pair more than once."""
    zoo.configure(NATURAL_KEYS={"zoo.ManualUse": ["code"], "zoo.Manual": ["author", "code"]})
    author = animals.Author.objects.create(code="ann")
    manual = animals.Manual.objects.create(code="m", author=author)
    animals.Manual.objects.create(code="m", author=author)
    animals.ManualUse.objects.create(code="use", manual=manual)
    labels = ("zoo.Author", "zoo.Manual", "zoo.ManualUse")
    zoo.create(*labels)
    before = portrait(labels, keys=True)
    animals.Author.objects.all().delete()

    zoo.restore()

    assert portrait(labels, keys=True) == before


@pytest.mark.pitfall(23)
@pytest.mark.parametrize("mode", Mode)
def test_rows_that_swap_a_unique_value(zoo: Zoo, mode: Mode) -> None:
    for code, serial in (("a", 1), ("b", 2), ("c", 3)):
        animals.Rate.objects.create(code=code, serial=serial)
    zoo.create("zoo.Rate")
    before = portrait(("zoo.Rate",), keys=True)
    animals.Rate.objects.filter(code="a").update(serial=99)
    for code, serial in (("b", 1), ("c", 2), ("a", 3)):
        animals.Rate.objects.filter(code=code).update(serial=serial)

    zoo.restore(mode)

    assert portrait(("zoo.Rate",), keys=True) == before


@pytest.mark.pitfall(24)
@pytest.mark.parametrize("mode", Mode)
def test_rows_that_are_newer_than_the_package(zoo: Zoo, mode: Mode) -> None:
    animals.Tag.objects.create(code="old")
    animals.Reading.objects.create(code="old")
    zoo.create("zoo.Tag", "zoo.Reading")
    animals.Tag.objects.create(code="new")
    animals.Reading.objects.create(code="new")

    report = zoo.restore(mode)

    left = {"old", "new"} if mode is Mode.MERGE else {"old"}
    for model in (animals.Tag, animals.Reading):
        assert set(model.objects.values_list("code", flat=True)) == left
        counts = report.models[model._meta.label]
        assert (counts.left, counts.deleted) == ((1, 0) if mode is Mode.MERGE else (0, 1))
