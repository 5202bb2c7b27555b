"""Which indexes a look-up by natural key lacks, by what the models declare; no database."""

import pytest
from django.db import models
from django.db.models.functions import Lower
from django.test.utils import isolate_apps

from edms_backup.findings import Severity
from edms_backup.naturalkeys import KeyRegistry
from edms_backup.naturalkeys.audit import audit_index
from edms_backup.naturalkeys.indexes import declared, missing_indexes, what_to_add
from tests.zoo import models as zoo


def gap(model: type[models.Model], *fields: str) -> list[str]:
    """Return the columns that lack an index, with their tables."""
    key = KeyRegistry({model._meta.label: fields} if fields else {}).of(model)
    return [f"{column.model._meta.label}.{column.column}" for column in missing_indexes(model, key, declared)]


@pytest.mark.parametrize(
    ("model", "fields", "lacking"),
    [
        (zoo.Tag, (), []),
        (zoo.Book, (), []),
        (zoo.Appendix, (), []),
        (zoo.Manual, (), []),
        (zoo.Whale, (), []),
        (zoo.Slot, (), []),
        (zoo.Seat, (), []),
        (zoo.Passport, (), []),
        (zoo.Embassy, (), []),
        (zoo.Clocked, (), []),
        (zoo.Clocked, ("at",), ["zoo.Clocked.at"]),
        (zoo.Flag, ("reading__code", "code"), []),
        (zoo.Flag, ("reading__code",), ["zoo.Reading.code"]),
        (zoo.Rate, ("kind",), ["zoo.Rate.kind"]),
        (zoo.Rate, ("kind", "level"), ["zoo.Rate.kind"]),
        (zoo.Reading, (), []),
        (zoo.Untraceable, (), []),
    ],
)
def test_one_path_that_an_index_leads_along_is_enough(
    model: type[models.Model], fields: tuple[str, ...], lacking: list[str]
) -> None:
    assert gap(model, *fields) == lacking


@isolate_apps("tests.zoo")
def test_what_counts_as_an_index() -> None:
    class Shelf(models.Model):
        a = models.IntegerField(db_index=True)
        b = models.IntegerField(unique=True, db_column="bee")
        c = models.IntegerField()
        d = models.IntegerField()
        e = models.IntegerField()
        f = models.IntegerField()
        g = models.ForeignKey(zoo.Tag, models.CASCADE)
        h = models.ForeignKey(zoo.Tag, models.CASCADE, db_index=False, related_name="+")

        class Meta:
            app_label = "zoo"
            unique_together = [("c", "d")]
            indexes = [
                models.Index(fields=["-d", "e"], name="zoo_shelf_d"),
                models.Index(fields=["f"], name="zoo_shelf_f", condition=models.Q(a=1)),
                models.Index(Lower("e"), name="zoo_shelf_e"),
            ]

    assert declared(Shelf) == {"id", "a", "bee", "c", "d", "g_id"}
    assert declared(zoo.Slot) == {"room"}


@isolate_apps("tests.zoo")
def test_the_sentence_names_what_to_add() -> None:
    class Folio(models.Model):
        shelf = models.ForeignKey(zoo.Reading, models.CASCADE, db_index=False)
        tag = models.ForeignKey(zoo.Tag, models.CASCADE, db_index=False)
        number = models.IntegerField()

        class Meta:
            app_label = "zoo"

    def sentence(*fields: str) -> str:
        key = KeyRegistry({"zoo.Folio": fields, "zoo.Reading": ("code",)}).of(Folio)
        return what_to_add(Folio, key, missing_indexes(Folio, key, declared))

    constraint = "Add UniqueConstraint(fields={}, name=…) to Meta.constraints of zoo.Folio."
    assert sentence("number", "tag") == constraint.format(["number", "tag"])
    assert sentence("tag", "number") == constraint.format(["tag", "number"])
    assert sentence("shelf", "number") == constraint.format(["number", "shelf"])
    assert sentence("shelf") == (
        "Add Index(fields=['shelf'], name=…) to Meta.indexes of zoo.Folio. "
        "Add Index(fields=['code'], name=…) to Meta.indexes of zoo.Reading."
    )
    assert sentence("tag__code") == "Add Index(fields=['tag'], name=…) to Meta.indexes of zoo.Folio."
    key = KeyRegistry({"zoo.Folio": ("shelf",), "zoo.Reading": ("code",)}).of(Folio)
    (finding,) = audit_index(Folio, key)
    assert finding.severity is Severity.INFO
    assert finding.message == (
        "No index of zoo_folio begins with shelf_id, nor one of zoo_reading begins with code: "
        "a look-up of zoo.Folio by shelf reads the whole table."
    )
