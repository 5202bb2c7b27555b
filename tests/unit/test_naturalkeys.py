"""Declaring, tracing and choosing natural keys, case by case; no database."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import models
from django.test.utils import isolate_apps

from edms_backup.errors import NaturalKeyError
from edms_backup.naturalkeys import (
    KeyRegistry,
    KeySource,
    NaturalKey,
    NaturalKeyModel,
    register,
    registered,
    unregister,
)
from edms_backup.naturalkeys.declare import declared_paths
from edms_backup.naturalkeys.resolve import holds_number_of
from edms_backup.naturalkeys.trace import Untraceable, holds_number, read_path, trace
from tests.zoo import models as zoo


def test_a_key_names_each_field_once_and_at_least_one() -> None:
    assert NaturalKey("a", "b").fields == ("a", "b")
    with pytest.raises(NaturalKeyError, match="at least one"):
        NaturalKey()
    with pytest.raises(NaturalKeyError, match="a, b, a"):
        NaturalKey("a", "b", "a")


def test_registering_a_model_of_somebody_else() -> None:
    register("zoo.READING", "code")
    try:
        assert registered()["zoo.reading"] == NaturalKey("code")
        assert KeyRegistry().of(zoo.Reading).source is KeySource.REGISTERED
        assert KeyRegistry({"zoo.Reading": ("value",)}).of(zoo.Reading).source is KeySource.SETTINGS
        register("zoo.reading", "value")
        assert KeyRegistry().of(zoo.Reading).components == ("value",)
    finally:
        unregister("zoo.Reading")
    assert "zoo.reading" not in registered()
    with pytest.raises(KeyError):
        unregister("zoo.Reading")


@pytest.mark.parametrize(
    ("model", "source", "components", "paths"),
    [
        (zoo.Tag, KeySource.CONSTRAINT, ("code",), ("code",)),
        (zoo.Author, KeySource.METHOD, ("code",), ("code",)),
        (zoo.Traced, KeySource.METHOD, ("author", "code"), ("author__code", "code")),
        (zoo.Book, KeySource.DECLARED, ("writer", "code"), ("writer__code", "code")),
        (zoo.Appendix, KeySource.DECLARED, ("book", "code"), ("book__writer__code", "book__code", "code")),
        (zoo.Language, KeySource.PRIMARY_KEY, ("pk",), ("pk",)),
        (zoo.Slot, KeySource.PRIMARY_KEY, ("pk",), ("pk",)),
        (zoo.Seat, KeySource.PRIMARY_KEY, ("hall", "number"), ("hall__code", "number")),
        (zoo.Passport, KeySource.PRIMARY_KEY, ("holder",), ("holder__code",)),
        (zoo.Embassy, KeySource.CONSTRAINT, ("nation",), ("nation__sign",)),
        (zoo.Reading, KeySource.CONTENT, (), ()),
        (zoo.FlagPin, KeySource.CONTENT, (), ()),
        (zoo.QuietAnimal, KeySource.CONSTRAINT, ("code",), ("code",)),
        (zoo.Whale, KeySource.PRIMARY_KEY, ("mammal_ptr",), ("mammal_ptr__animal_ptr__code",)),
    ],
)
def test_which_key_counts(
    model: type[models.Model], source: KeySource, components: tuple[str, ...], paths: tuple[str, ...]
) -> None:
    key = KeyRegistry().of(model)
    assert (key.source, key.components, key.paths) == (source, components, paths)
    assert key.keyless is (source is KeySource.CONTENT)
    assert key.by_primary_key is ("pk" in components)


@pytest.mark.parametrize(
    ("label", "fields", "problem"),
    [
        ("zoo.Tag", ("colour",), "does not have"),
        ("zoo.Article", ("tags",), "no column"),
        ("zoo.Tag", ("article",), "no column"),
        ("zoo.Tag", ("code__upper",), "is no relation"),
        ("zoo.Flag", ("reading",), "no key that fields tell"),
        ("zoo.Flag", ("reading__nothing",), "does not have"),
    ],
)
def test_declarations_that_lead_nowhere_are_refused(
    label: str, fields: tuple[str, ...], problem: str
) -> None:
    from django.apps import apps

    with pytest.raises(NaturalKeyError, match=problem) as refused:
        KeyRegistry({label: fields}).of(apps.get_model(label))
    assert label in refused.value.message


def test_declarations_may_follow_relations_and_name_the_primary_key() -> None:
    registry = KeyRegistry({"zoo.Phrase": ("language__name", "id"), "zoo.Flag": ("reading__code", "code")})
    assert registry.of(zoo.Phrase).components == ("language__name", "pk")
    assert registry.of(zoo.Phrase).unique
    assert registry.of(zoo.Flag).unique, "a unique column is among them"
    assert not KeyRegistry({"zoo.Flag": ("reading__code",)}).of(zoo.Flag).unique
    assert not KeyRegistry({"zoo.Folder": ("parent__code",)}).of(zoo.Folder).unique


def test_a_registry_without_the_keys_of_some_models() -> None:
    registry = KeyRegistry().without(["zoo.Tag"])
    assert registry.of(zoo.Tag).keyless
    assert not registry.of(zoo.Author).keyless
    assert registry.without(["zoo.Author"]).of(zoo.Tag).keyless


@isolate_apps("tests.zoo")
def test_what_names_a_row_best() -> None:
    class Case(models.Model):
        uuid = models.UUIDField(unique=True)
        title = models.CharField(max_length=9, unique=True)
        case_number = models.CharField(max_length=9, unique=True)
        opened = models.DateTimeField(unique=True)
        year = models.IntegerField()
        serial = models.IntegerField()
        weight = models.FloatField(unique=True)
        previous = models.OneToOneField("self", models.CASCADE, unique=True)
        maybe = models.CharField(max_length=9, unique=True, null=True)

        class Meta:
            app_label = "zoo"
            unique_together = [("year", "serial")]

    from edms_backup.naturalkeys.derive import derive_uuid, ranked, unique_sets

    assert ranked(Case) == [("case_number",), ("title",), ("year", "serial"), ("uuid",), ("opened",)]
    assert ("maybe",) in set(unique_sets(Case))
    assert derive_uuid(Case) == ("uuid",)
    assert KeyRegistry().of(Case).components == ("case_number",)
    assert KeyRegistry(prefer_uuid=True).of(Case).components == ("uuid",)
    assert derive_uuid(zoo.Tag) is None
    assert KeyRegistry(prefer_uuid=True).of(zoo.Tag).components == ("code",)


@isolate_apps("tests.zoo")
def test_a_constraint_over_a_column_of_a_parent_names_nothing() -> None:
    class Base(models.Model):
        code = models.CharField(max_length=9)

        class Meta:
            app_label = "zoo"

    class Child(Base):
        number = models.IntegerField()

        class Meta:
            app_label = "zoo"
            unique_together = [("number",)]

    from edms_backup.naturalkeys.derive import _names_rows

    assert not _names_rows(Child, ("code",))
    assert not _names_rows(Child, ("nothing",))
    assert _names_rows(Child, ("number",))


# -- tracing ---------------------------------------------------------------------------------------

Method = Callable[[Any], Any]


def traced(method: Method) -> tuple[str, ...]:
    """Trace a method as if the model of authorships had it."""

    class Probe(zoo.Authorship):
        natural_key = method

        class Meta:
            app_label = "zoo"
            proxy = True

    return trace(Probe)


READ: list[tuple[Method, tuple[str, ...]]] = [
    (lambda self: (self.code,), ("code",)),
    (lambda self: [self.code, self.share], ("code", "share")),
    (lambda self: self.author.natural_key() + (self.code,), ("author__code", "code")),
    (lambda self: (self.pk,), ("pk",)),
    (lambda self: (self.id,), ("pk",)),
    (lambda self: (self.author_id,), ("author__pk",)),
    (lambda self: (self.author.pk, self.article.code), ("author__pk", "article__code")),
    (lambda self: (getattr(self, self._meta.get_field("code").name),), ("code",)),
    (lambda self: (), ()),
]


@pytest.mark.parametrize(("method", "paths"), READ)
@isolate_apps("tests.zoo")
def test_methods_that_only_read(method: Method, paths: tuple[str, ...]) -> None:
    assert traced(method) == paths


GAVE_UP: list[tuple[Method, str]] = [
    (lambda self: (str(self.code),), "text of code"),
    (lambda self: (f"{self.code:>5}",), "text of code"),
    (lambda self: (self.code or "x",), "condition on the value of code"),
    (lambda self: (self.code == "x",), "comparison of code"),
    (lambda self: ({self.code: 1},), "hash of code"),
    (lambda self: (self.code.lower(),), r"lower\(\) of code"),
    (lambda self: (self.code[:3],), "a part of code"),
    (lambda self: (self.code + "x",), "addition of code"),
    (lambda self: ("x" + self.code,), "addition of code"),
    (lambda self: (self.code % 1,), "addition of code"),
    (lambda self: ((self.author and 1),), "condition on a related row"),
    (lambda self: (str(self.author),), "text of a row"),
    (lambda self: setattr(self, "code", 1), "assignment to code"),
    (lambda self: (self.nothing,), "nothing is no field"),
    (lambda self: (self.article.tags,), "tags is no column"),
    (lambda self: (self.article.authorship_set,), "is no field"),
    (lambda self: self.article.natural_key(), r"zoo\.Article has no natural_key"),
    (lambda self: self.code, "instead of a tuple"),
    (lambda self: ("constant",), "a value that is no field"),
    (lambda self: (self.author,), "a value that is no field"),
    (lambda self: (1 / self.pk.denominator,), r"denominator\(\) of pk"),
    (lambda self: int("x"), "it raised ValueError on a probe"),
]


@pytest.mark.parametrize(("method", "reason"), GAVE_UP)
@isolate_apps("tests.zoo")
def test_methods_that_do_more(method: Method, reason: str) -> None:
    with pytest.raises(Untraceable, match=reason):
        traced(method)


@isolate_apps("tests.zoo")
def test_methods_may_use_the_models_own_members() -> None:
    class Person(models.Model):
        USERNAME_FIELD = "login"
        login = models.CharField(max_length=9, unique=True)
        parent = models.ForeignKey("self", models.CASCADE)

        class Meta:
            app_label = "zoo"

        def get_username(self) -> str:
            found: str = getattr(self, self.USERNAME_FIELD)
            return found

        @property
        def shown(self) -> str:
            return self.login

        def natural_key(self) -> tuple[str, str]:
            return (self.get_username(), self.shown)

    assert trace(Person) == ("login", "login")
    Person.natural_key = lambda self: self.parent.natural_key()  # type: ignore[assignment]
    with pytest.raises(Untraceable, match="leads back to its own model"):
        trace(Person)
    del Person.natural_key
    with pytest.raises(Untraceable, match="there is no natural_key"):
        trace(Person)


def test_which_paths_end_at_a_number() -> None:
    assert holds_number(zoo.Authorship, "pk")
    assert holds_number(zoo.Authorship, "author__pk")
    assert holds_number(zoo.Authorship, "author__id")
    assert not holds_number(zoo.Authorship, "author__code")
    assert not holds_number(zoo.Phrase, "language__pk"), "a text is a name"
    assert holds_number_of(zoo.Authorship, "text of author__pk")
    assert not holds_number_of(zoo.Authorship, "text of code")


def test_reading_a_path_from_a_row() -> None:
    writer = zoo.Writer(code="homer")
    assert read_path(zoo.Book(writer=writer, code="b"), "writer__code") == "homer"
    assert read_path(zoo.Folder(code="f"), "parent__code") is None


# -- the base class --------------------------------------------------------------------------------


def test_the_paths_of_a_declaration() -> None:
    assert declared_paths(zoo.Appendix) == ("book__writer__code", "book__code", "code")
    assert declared_paths(zoo.Manual) == ("author__code", "code")


@isolate_apps("tests.zoo")
def test_declarations_of_every_shape() -> None:
    class Sheet(NaturalKeyModel):
        number = models.IntegerField()
        previous = models.ForeignKey("self", models.CASCADE)
        reading = models.ForeignKey(zoo.Reading, models.CASCADE)
        book = models.ForeignKey(zoo.Book, models.CASCADE)

        natural_key_fields = NaturalKey("pk", "reading", "book__code")

        class Meta:
            app_label = "zoo"

    assert declared_paths(Sheet) == ("pk", "reading__pk", "book__code")
    assert list(Sheet.natural_key.dependencies) == ["zoo.reading", "zoo.book"]  # type: ignore[attr-defined]
    assert bool(Sheet.natural_key.dependencies)  # type: ignore[attr-defined]
    book = zoo.Book(code="b", writer=zoo.Writer(code="w"))
    assert Sheet(pk=3, reading=zoo.Reading(pk=5), book=book).natural_key() == (3, 5, "b")
    assert not bool(zoo.Writer.natural_key.dependencies)  # type: ignore[attr-defined]


@isolate_apps("tests.zoo")
def test_a_subclass_without_a_declaration_of_its_own_uses_its_parents() -> None:
    class Novel(zoo.Writer):
        class Meta:
            app_label = "zoo"
            proxy = True

    assert Novel(code="n").natural_key() == ("n",)


def test_the_manager_asks_for_as_many_values_as_there_are() -> None:
    with pytest.raises(zoo.Book.DoesNotExist, match="named by 2 values"):
        zoo.Book.objects.get_by_natural_key("one")
