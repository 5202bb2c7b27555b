"""Reading is one query per table and kind of reference, however many rows there are."""

from collections.abc import Callable

import pytest
from django.contrib.contenttypes.models import ContentType
from django.db import connection, models
from django.test.utils import CaptureQueriesContext

from edms_backup.engines import get_engine
from edms_backup.engines.naming import stream_names
from edms_backup.engines.reading import Row, RowReader, Tally
from edms_backup.errors import ConfigurationError, DumpFailed
from edms_backup.naturalkeys import KeyRegistry
from edms_backup.schema import ModelOptions, build_inventory
from edms_backup.schema.spec import SoftRef
from tests.unit.conftest import Zoo
from tests.zoo import models as zoo_models

SOFT = {"zoo.Specimen": ModelOptions(soft=(SoftRef("document", ("*",), "zoo.Tag"),))}


def read(label: str) -> tuple[list[Row], int]:
    """Return the rows of a model and how many queries it took."""
    registry = KeyRegistry()
    inventory = build_inventory(registry, SOFT)
    ContentType.objects.clear_cache()
    with CaptureQueriesContext(
        connection,
    ) as queries:
        rows = list(RowReader(inventory[label], registry, inventory, Tally()).rows())
    return rows, len(queries)


def tags(count: int) -> list[zoo_models.Tag]:
    start = zoo_models.Tag.objects.count()
    return zoo_models.Tag.objects.bulk_create(zoo_models.Tag(code=f"t{start + n}") for n in range(count))


def articles(count: int) -> None:
    start = zoo_models.Article.objects.count()
    made = zoo_models.Article.objects.bulk_create(
        zoo_models.Article(code=f"a{start + n}") for n in range(count)
    )
    through = zoo_models.Article.tags.through
    through.objects.bulk_create(
        through(article_id=article.pk, tag_id=tag.pk) for article in made for tag in tags(2)
    )
    kin = zoo_models.Article.kin.through
    kin.objects.bulk_create(kin(from_article_id=a.pk, to_article_id=made[0].pk) for a in made)


def notes(count: int) -> None:
    kinds = [ContentType.objects.get_for_model(model) for model in (zoo_models.Tag, zoo_models.Token)]
    start = zoo_models.TextNote.objects.count()
    for number, tag in enumerate(tags(count)):
        token = zoo_models.Token.objects.create(code="x")
        target = (tag, token)[number % 2]
        zoo_models.TextNote.objects.create(
            code=f"n{start + number}", content_type=kinds[number % 2], object_id=str(target.pk)
        )


def specimens(count: int) -> None:
    start = zoo_models.Specimen.objects.count()
    for number, tag in enumerate(tags(count)):
        zoo_models.Specimen.objects.create(code=f"s{start + number}", document=[tag.pk, tag.pk])


def called(count: int) -> None:
    for number in range(count):
        zoo_models.Untraceable.objects.create(code=f"{number}")


def books(count: int) -> None:
    start = zoo_models.Book.objects.count()
    for number in range(count):
        writer = zoo_models.Writer.objects.create(code=f"w{start + number}")
        zoo_models.Appendix.objects.create(
            code="x", book=zoo_models.Book.objects.create(code="b", writer=writer)
        )


@pytest.mark.pitfall(78)
@pytest.mark.pitfall("F6")
@pytest.mark.parametrize(
    ("label", "make", "queries"),
    [
        ("zoo.Article", articles, 7),  # the rows; of each of three link tables its links and its strays
        ("zoo.TextNote", notes, 3),  # the rows; the targets of each of two types
        ("zoo.Specimen", specimens, 2),
        ("zoo.Untraceable", called, 2),
        ("zoo.Appendix", books, 1),
    ],
)
def test_the_number_of_queries_does_not_grow(
    zoo: Zoo, label: str, make: Callable[[int], None], queries: int
) -> None:
    make(10)
    few, count = read(label)
    make(290)
    many, more = read(label)
    assert (len(few), len(many)) == (10, 300)
    assert count == more == queries


def test_rows_come_in_the_order_of_their_keys_with_their_links(zoo: Zoo) -> None:
    articles(5)
    rows, _ = read("zoo.Article")
    assert [row.pk for row in rows] == sorted(row.pk for row in rows)
    assert rows[0].fields["tags"] == [["t0"], ["t1"]]
    assert rows[0].fields["kin"] == [["a0"]]


def test_links_that_do_not_find_their_owner_stop_the_dump(zoo: Zoo, monkeypatch: pytest.MonkeyPatch) -> None:
    articles(3)
    monkeypatch.setattr(Row, "__init__", backwards(Row.__init__))
    with pytest.raises(DumpFailed, match="in the order of their owners"):
        read("zoo.Article")


def backwards(init: Callable[..., None]) -> Callable[..., None]:
    """Give rows another primary key than the database says."""

    def wrong(self: Row, pk: int, *rest: object) -> None:
        init(self, -pk, *rest)

    return wrong


def test_a_method_that_fails_is_named(zoo: Zoo, monkeypatch: pytest.MonkeyPatch) -> None:
    called(1)

    def broken(self: models.Model) -> tuple[str]:
        raise RuntimeError(f"no name for {self.code}")

    monkeypatch.setattr(zoo_models.Untraceable, "natural_key", broken)
    for call in (lambda: read("zoo.Untraceable"), lambda: zoo.create("zoo.Untraceable")):
        with pytest.raises(DumpFailed, match=r"zoo\.Untraceable\.natural_key\(\) .* RuntimeError") as failed:
            call()
        assert "NATURAL_KEYS" in failed.value.hint


def test_names_of_every_kind_of_row(zoo: Zoo) -> None:
    zoo.populate("linked_twins")
    called(1)
    inventory, registry = build_inventory(KeyRegistry()), KeyRegistry()
    names = dict(stream_names(inventory["zoo.Pin"], registry))
    assert sorted(names.values()) == [["p1"], ["p2"]]
    assert all(key == [pk] for pk, key in stream_names(inventory["zoo.Reading"], registry))
    assert [key for _, key in stream_names(inventory["zoo.Untraceable"], registry)] == [["no. 0"]]


def test_rows_that_vanish_between_counting_and_reading_stop_the_dump(
    zoo: Zoo, monkeypatch: pytest.MonkeyPatch
) -> None:
    tags(2)
    from edms_backup.engines.generic import GenericEngine

    monkeypatch.setattr(GenericEngine, "count", lambda self, spec: 3)
    with pytest.raises(DumpFailed, match=r"zoo\.Tag has 3 rows, but 2 could be read"):
        zoo.create("zoo.Tag")
    assert zoo.service.list() == []


def test_engines_are_chosen_by_alias_then_vendor() -> None:
    generic = "edms_backup.engines.generic.GenericEngine"
    assert get_engine("default", {"default": generic}).name == "generic"
    assert get_engine("default", {connection.vendor: generic}).name == "generic"
    with pytest.raises(ConfigurationError, match="cannot be imported"):
        get_engine("default", {"default": "nowhere.Engine"})


@pytest.mark.parametrize("family", ["links", "generic", "twins", "composite_reference", "declared", "trail"])
def test_the_generic_engine_does_what_the_others_do(zoo: Zoo, family: str) -> None:
    from edms_backup.restore.report import Mode
    from tests.zoo.portrait import portrait

    zoo.configure(ENGINES={"default": "edms_backup.engines.generic.GenericEngine"})
    zoo.populate(family)
    report = zoo.create()
    assert "no_snapshot" in {finding.code for finding in report.findings}
    before = portrait(zoo.labels, keys=True)
    zoo.reinitialise()
    zoo.restore(Mode.REPLACE)
    assert portrait(zoo.labels, keys=True) == before
