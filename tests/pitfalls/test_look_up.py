"""Many rows by natural key and many keys by row, on each database: few statements, nothing remembered."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connection, models, transaction
from django.test.utils import CaptureQueriesContext

from edms_backup.errors import NaturalKeyError
from edms_backup.naturalkeys import KeyLookup, KeyRegistry, audit, lookup
from edms_backup.naturalkeys.audit import audit_index
from edms_backup.naturalkeys.indexes import TableIndexes
from tests.unit.conftest import Zoo
from tests.zoo import models as animals
from tests.zoo import population


def looked_up(model: type[models.Model], *fields: str) -> KeyLookup:
    """Return the look-up of a model by declared fields, or by the key that it has."""
    declared = {model._meta.label: fields} if fields else {}
    return KeyRegistry(declared).lookup(model)


NAMED: list[tuple[str, type[models.Model], tuple[str, ...]]] = [
    ("links", animals.Tag, ()),
    ("links", animals.Authorship, ()),
    ("tree", animals.Folder, ("parent__code", "code")),
    ("declared", animals.Book, ()),
    ("declared", animals.Appendix, ()),
    ("declared", animals.Manual, ()),
    ("methods", animals.Traced, ()),
    ("methods", animals.Untraceable, ()),
    ("own_identities", animals.Language, ()),
    ("own_identities", animals.Token, ()),
    ("related_identities", animals.Passport, ()),
    ("named_by_to_field", animals.Embassy, ()),
    ("composite", animals.Slot, ()),
    ("composite_reference", animals.Seat, ()),
    ("constraints", animals.Clocked, ()),
    ("constraints", animals.Rate, ("kind", "level", "code")),
    ("inheritance", animals.Whale, ()),
    ("fields", animals.Specimen, ("code", "moment", "amount", "uuid", "boolean")),
]


@pytest.mark.parametrize(("family", "model", "fields"), NAMED)
def test_a_key_and_its_row_find_each_other(
    zoo: Zoo, family: str, model: type[models.Model], fields: tuple[str, ...]
) -> None:
    population.populate(family)
    rows = {row.pk: row for row in model._base_manager.all()}
    names = looked_up(model, *fields)

    keys = names.keys(rows)

    assert keys.keys() == rows.keys() != set()
    assert names.pks(keys.values()) == {key: pk for pk, key in keys.items()}
    found = names.rows(keys.values())
    assert {key: row.pk for key, row in found.items()} == {key: pk for pk, key in keys.items()}
    for row in found.values():
        assert type(row) is model
        assert row._state.db == "default" and not row._state.adding
        for column in model._meta.concrete_fields:
            assert getattr(row, column.attname) == getattr(rows[row.pk], column.attname)
    if hasattr(model, "natural_key") and not fields:
        assert keys == {pk: tuple(row.natural_key()) for pk, row in rows.items()}


def test_the_statements_are_few(zoo: Zoo) -> None:
    writers = animals.Writer.objects.bulk_create(animals.Writer(code=f"w{n}") for n in range(700))
    books = animals.Book.objects.bulk_create(
        animals.Book(code=f"b{n % 3}", writer=writers[n // 3]) for n in range(2100)
    )
    names = looked_up(animals.Book)
    wanted = {(f"w{n // 3}", f"b{n % 3}"): books[n].pk for n in range(2100)}
    with CaptureQueriesContext(connection) as pks:
        assert names.pks(wanted) == wanted
    with CaptureQueriesContext(connection) as rows:
        assert {key: row.pk for key, row in names.rows(wanted).items()} == wanted
    with CaptureQueriesContext(connection) as keys:
        assert names.keys(wanted.values()) == {pk: key for key, pk in wanted.items()}
    with CaptureQueriesContext(connection) as by_manager:
        assert animals.Book.objects.in_bulk_by_natural_key(wanted).keys() == wanted.keys()
        assert animals.Book.objects.natural_keys(wanted.values()).keys() == set(wanted.values())
    with CaptureQueriesContext(connection) as of_one_part:
        assert len(looked_up(animals.Writer).pks((f"w{n}",) for n in range(700))) == 700
    assert len(of_one_part) == 1
    assert len(pks) == len(rows) <= 10
    assert len(keys) <= 3
    assert len(by_manager) == len(rows) + len(keys)


@pytest.mark.parametrize("limit", [1, 2, 7])
def test_no_statement_takes_more_values_than_the_database_allows(
    zoo: Zoo, monkeypatch: pytest.MonkeyPatch, limit: int
) -> None:
    population.populate("declared")
    population.populate("composite")
    monkeypatch.setattr(connection.features, "max_query_params", limit)
    for model, width in ((animals.Appendix, 3), (animals.Writer, 1), (animals.Slot, 2)):
        names = looked_up(model)
        wanted = {row.pk for row in model._base_manager.all()}
        with parameters() as sent:
            keys = names.keys(wanted)
            assert names.pks(keys.values()) == {key: pk for pk, key in keys.items()}
        assert keys.keys() == wanted != set()
        assert max(sent) <= max(limit, width)


@contextmanager
def parameters() -> Iterator[list[int]]:
    """Note how many parameters each statement has."""
    counts: list[int] = []

    def note(execute: Any, sql: Any, params: Any, *rest: Any) -> Any:
        counts.append(len(params or ()))
        return execute(sql, params, *rest)

    with connection.execute_wrapper(note):
        yield counts


def test_null_is_a_part_like_any_other(zoo: Zoo) -> None:
    rows = {
        key: animals.Nickname.objects.create(code=key[0] or "", name=key[1]).pk
        for key in [("a", "n"), ("a", None), ("b", None)]
    }
    names = looked_up(animals.Nickname, "code", "name")
    assert names.pks([*rows, ("b", "n"), ("c", None)]) == rows
    assert names.keys(rows.values()) == {pk: key for key, pk in rows.items()}

    top = animals.Folder.objects.create(code="f")
    inner = animals.Folder.objects.create(code="g", parent=top)
    tree = looked_up(animals.Folder, "parent__code", "code")
    assert tree.pks([(None, "f"), ("f", "g"), (None, "g"), ("f", "f")]) == {
        (None, "f"): top.pk,
        ("f", "g"): inner.pk,
    }


def test_a_key_that_is_null_as_a_whole_names_no_row(zoo: Zoo) -> None:
    row = animals.Nickname.objects.create(code="a", name=None)
    names = looked_up(animals.Nickname, "name")
    assert names.keys([row.pk]) == {row.pk: (None,)}
    assert names.pks([(None,)]) == {}


def test_a_row_whose_reference_leads_nowhere_is_found_too(zoo: Zoo) -> None:
    lost = animals.Orphan.objects.create(code="o", tag_id=999_999)
    names = looked_up(animals.Orphan, "tag", "code")
    assert names.keys([lost.pk]) == {lost.pk: (None, "o")}
    assert names.pks([(None, "o")]) == {(None, "o"): lost.pk}
    assert names.rows([(None, "o")])[None, "o"].tag_id == 999_999


@pytest.mark.pitfall(4)
def test_spellings_are_told_apart_where_the_collation_does_not(zoo: Zoo) -> None:
    tag = animals.Tag.objects.create(code="Größe")
    animals.Language.objects.create(code="de")
    names = looked_up(animals.Tag)
    assert names.pks([("größe",), ("Grösse",), ("Größe ",), ("Größe",)]) == {("Größe",): tag.pk}
    assert looked_up(animals.Language).keys(["DE", "de ", "de"]) == {"de": ("de",)}


@pytest.mark.parametrize("inside", [False, True], ids=["autocommit", "one transaction"])
def test_a_row_that_was_renamed_is_not_found_by_its_old_name(zoo: Zoo, inside: bool) -> None:
    writer = animals.Writer.objects.create(code="before")
    book = animals.Book.objects.create(code="b", writer=writer)
    writers, books = looked_up(animals.Writer), looked_up(animals.Book)
    manager = animals.Book.objects

    def answers() -> list[Any]:
        asked = [("before", "b"), ("after", "b")]
        return [
            list(writers.pks([("before",), ("after",)])),
            list(books.pks(asked)),
            list(books.rows(asked)),
            list(books.keys([book.pk]).values()),
            list(manager.in_bulk_by_natural_key(asked)),
            list(manager.natural_keys([book.pk]).values()),
        ]

    def go_through() -> None:
        assert answers() == [[("before",)], *[[("before", "b")]] * 5]
        animals.Writer.objects.filter(pk=writer.pk).update(code="after")
        assert answers() == [[("after",)], *[[("after", "b")]] * 5]
        animals.Book.objects.filter(pk=book.pk).delete()
        assert answers() == [[("after",)], *[[]] * 5]

    if inside:
        with transaction.atomic():
            go_through()
    else:
        go_through()


def test_a_method_is_asked_anew_as_well(zoo: Zoo) -> None:
    row = animals.Untraceable.objects.create(code="before")
    names = looked_up(animals.Untraceable)
    assert names.by_method
    assert names.pks([("no. before",), ("no. after",)]) == {("no. before",): row.pk}
    animals.Untraceable.objects.filter(pk=row.pk).update(code="after")
    assert names.pks([("no. before",), ("no. after",)]) == {("no. after",): row.pk}
    assert names.keys([row.pk]) == {row.pk: ("no. after",)}


def test_two_rows_of_one_name_are_refused(zoo: Zoo) -> None:
    for _ in range(2):
        animals.Reading.objects.create(code="twin")
    animals.Reading.objects.create(code="lone")
    names = looked_up(animals.Reading, "code")
    for ask in (names.pks, names.rows):
        with pytest.raises(animals.Reading.MultipleObjectsReturned, match=r"zoo\.Reading twin names more"):
            ask([("lone",), ("twin",)])
        assert len(ask([("lone",)])) == 1


def test_what_no_column_holds_names_nothing(zoo: Zoo) -> None:
    population.populate("own_identities")
    population.populate("composite")
    token = animals.Token.objects.all()[0]
    names = looked_up(animals.Token)
    assert names.pks([("nonsense",), (str(token.pk),)]) == {(str(token.pk),): token.pk}
    assert names.keys(["nonsense", uuid.uuid4(), str(token.pk)]) == {str(token.pk): (token.pk,)}
    tags = looked_up(animals.Tag)
    assert tags.keys([2**70, "x", -1]) == {}
    slots = looked_up(animals.Slot)
    assert slots.pks([(("room", 2**70),), (("room",),), ("room",)]) == {}
    assert tags.pks([]) == {} == tags.keys([])
    animals.Specimen.objects.create(code="a", uuid=None)
    specimens = looked_up(animals.Specimen, "code", "uuid")
    assert specimens.pks([("a", "nonsense"), ("a", None)]).keys() == {("a", None)}


def test_keys_of_another_shape_are_refused(zoo: Zoo) -> None:
    names = looked_up(animals.Book)
    with pytest.raises(NaturalKeyError, match=r"named by 2 values \(writer__code, code\), got 1"):
        names.pks([("one",)])
    with pytest.raises(NaturalKeyError, match="cannot be compared: dict"):
        looked_up(animals.Specimen, "document").pks([({"a": 1},)])
    with pytest.raises(NaturalKeyError, match="cannot be compared: list"):
        looked_up(animals.Slot).pks([(["room", 1],)])
    with pytest.raises(NaturalKeyError, match=r"zoo\.Reading has no natural key"):
        looked_up(animals.Reading)


def test_parts_that_mix_freely_are_not_read_over_and_over(zoo: Zoo, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every author has a share in every article: most combinations of what was asked for are rows, too."""
    monkeypatch.setattr(lookup, "_FIRST", 16)
    numbers = range(40)
    authors = animals.Author.objects.bulk_create(animals.Author(code=f"w{n:02}") for n in numbers)
    articles = animals.Article.objects.bulk_create(animals.Article(code=f"a{n:02}") for n in numbers)
    animals.Authorship.objects.bulk_create(
        animals.Authorship(code="s", article=article, author=author)
        for article in articles
        for author in authors
    )
    read = []
    names = looked_up(animals.Authorship)
    select = names._select

    def noted(*args: Any) -> list[Any]:
        read.append(list(select(*args)))
        return read[-1]

    monkeypatch.setattr(names, "_select", noted)
    found = names.pks((f"a{n:02}", f"w{n:02}") for n in numbers)
    assert found.keys() == {(f"a{n:02}", f"w{n:02}") for n in numbers}
    assert len(read[0]) == 16 * 16
    assert sum(map(len, read[1:])) < 10 * len(numbers)


# -- which index a look-up lacks -------------------------------------------------------------------


@contextmanager
def without_index(model: type[models.Model], name: str) -> Iterator[None]:
    """Take the unique constraint of a column out of the table, behind the model's back."""
    old = model._meta.get_field(name)
    plain = old.clone()
    plain._unique = False
    plain.set_attributes_from_name(name)
    plain.model = model
    with connection.schema_editor() as editor:
        editor.alter_field(model, old, plain, strict=False)
    try:
        yield
    finally:
        with connection.schema_editor() as editor:
            editor.alter_field(model, plain, old, strict=False)


def said_of(model: type[models.Model], *fields: str) -> list[Any]:
    key = KeyRegistry({model._meta.label: fields} if fields else {}).of(model)
    return list(audit_index(model, key, TableIndexes("default")))


def test_an_index_that_the_table_lacks_is_named(zoo: Zoo, monkeypatch: pytest.MonkeyPatch) -> None:
    animals.Tag.objects.bulk_create(animals.Tag(code=f"t{n}") for n in range(3))
    assert said_of(animals.Tag) == []
    with without_index(animals.Tag, "code"):
        (small,) = said_of(animals.Tag)
        monkeypatch.setattr(audit, "LARGE", 3)
        (large,) = said_of(animals.Tag)
    assert said_of(animals.Tag) == []
    assert (small.code, small.severity.name) == ("key_without_index", "INFO")
    assert (large.code, large.severity.name) == ("key_without_index", "WARNING")
    assert "No index of zoo_tag begins with code" in large.message and "3 rows" in large.message
    assert "sqlmigrate" in large.hint


def test_an_index_on_the_way_through_a_reference_is_enough(zoo: Zoo) -> None:
    assert said_of(animals.Manual) == []
    assert said_of(animals.Appendix) == []
    with without_index(animals.Author, "code"):
        (finding,) = said_of(animals.Manual)
    assert (
        "No index of zoo_author begins with code: a look-up of zoo.Manual by author, code" in finding.message
    )
    assert "sqlmigrate" in finding.hint


def test_an_index_of_some_rows_leads_to_none(zoo: Zoo) -> None:
    (kind,) = said_of(animals.Rate, "kind")
    assert "zoo_rate begins with kind" in kind.message
    assert kind.hint == "Add UniqueConstraint(fields=['kind'], name=…) to Meta.constraints of zoo.Rate."
    (deep,) = said_of(animals.Flag, "reading__code")
    assert "zoo_reading begins with code" in deep.message
    assert deep.hint == "Add Index(fields=['code'], name=…) to Meta.indexes of zoo.Reading."


def test_of_tables_that_are_not_there_nothing_is_said(zoo: Zoo, monkeypatch: pytest.MonkeyPatch) -> None:
    live = TableIndexes("default")
    monkeypatch.setattr(live, "_tables", set())
    key = KeyRegistry({"zoo.Rate": ("kind",)}).of(animals.Rate)
    assert list(audit_index(animals.Rate, key, live)) == []
    assert list(audit_index(animals.View, KeyRegistry({"zoo.View": ("code",)}).of(animals.View), live)) == []
