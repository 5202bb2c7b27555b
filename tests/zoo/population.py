"""Rows for the zoo, in families: groups of models that refer to nothing outside of the group.

``FAMILIES`` names the models of each; ``populate(family)`` makes its rows. Called again after ``depopulate``,
it makes the same rows under other primary keys, as a re-initialised site has them.
"""

import datetime
import decimal
import itertools
import uuid
from collections.abc import Callable

from django.apps import apps
from django.contrib.contenttypes.models import ContentType
from django.db import connection, models, transaction

from tests.zoo import models as zoo

FAMILIES: dict[str, tuple[str, ...]] = {
    "fields": ("Specimen",),
    "inheritance": ("Animal", "Mammal", "Whale", "Hutch"),
    "inherited_key": ("Vehicle", "Truck"),
    "links": ("Tag", "Author", "Article", "Authorship"),
    "tree": ("Folder",),
    "circles": ("Team", "Member", "Left", "Right"),
    "generic": ("Tag", "Token", "Note", "TextNote", "UuidNote", "SoftNote"),
    "twins": ("Reading", "Flag"),
    "linked_twins": ("Reading", "Pin"),
    "named_by_twins": ("Reading", "FlagPin"),
    "watched_twins": ("Reading", "Watch"),
    "nameless_tree": ("Node",),
    "own_identities": ("Language", "Phrase", "Token", "TokenUse"),
    "related_identities": ("Team", "Member", "Passport", "Visa"),
    "to_field": ("Nation", "Town"),
    "named_by_to_field": ("Nation", "Embassy", "Detail"),
    "identified_by_to_field": ("Nation", "Treaty", "TreatyPage"),
    "composite": ("Slot",),
    "composite_reference": ("Hall", "Seat"),
    "declared": ("Author", "Writer", "Book", "Appendix", "Manual", "ManualUse"),
    "methods": (
        "Author",
        "Traced",
        "Untraceable",
        "WithId",
        "EmptyKey",
        "OnModel",
        "ByProperty",
        "ByForeignId",
    ),
    "constraints": ("Rate", "Hidden", "Clocked"),
    "trail": ("Hall", "Language", "AuditLine", "AuditDetail"),
}

Makers = dict[str, Callable[[], None]]
MAKERS: Makers = {}


def labels(family: str) -> tuple[str, ...]:
    """Return the labels of a family's models."""
    return tuple(f"zoo.{name}" for name in FAMILIES[family])


def rows(model: type[models.Model]) -> models.QuerySet:
    """Return every row of a model's table, whatever its managers say."""
    return models.QuerySet(model=model)


def populate(family: str) -> None:
    """Make the rows of a family."""
    for name in FAMILIES[family]:
        if name in MAKERS:
            MAKERS[name]()


def depopulate(family: str) -> None:
    """Delete the rows of a family; sequences go on from where they are."""
    with connection.constraint_checks_disabled(), transaction.atomic():
        for name in reversed(FAMILIES[family]):
            model = apps.get_model("zoo", name)
            for link in model._meta.local_many_to_many:
                if link.remote_field.through._meta.auto_created:
                    rows(link.remote_field.through)._raw_delete("default")
            rows(model)._raw_delete("default")


def maker(function: Callable[[], None]) -> Callable[[], None]:
    """Register what makes the rows of the model with the function's name."""
    MAKERS[function.__name__] = function
    return function


def kind_of(model: type[models.Model], *, concrete: bool = True) -> ContentType:
    """Return the content type of a model."""
    return ContentType.objects.get_for_model(model, for_concrete_model=concrete)


UTC = datetime.UTC


@maker
def Specimen() -> None:
    zoo.Specimen.objects.create(code="nothing")
    zoo.Specimen.objects.create(
        code="everything",
        text='line\nline\r\n\t"quoted" \\ \u2028 größe 漢字 \U0001f600 e\u0301 \' ; --',
        slug="größe-1",
        url="https://example.com/?a=1&b=<2>",
        email="someone@example.com",
        small=-32768,
        integer=-2147483648,
        big=-9223372036854775808,
        positive_small=32767,
        positive=2147483647,
        positive_big=2**53 + 1,  # the first that a float does not hold
        boolean=True,
        maybe=False,
        number=0.1 + 0.2,
        amount=decimal.Decimal("-12345678.0009"),
        day=datetime.date(1, 1, 2),
        hour=datetime.time(23, 59, 59, 999999),
        moment=datetime.datetime(2024, 2, 29, 23, 59, 59, 123456, tzinfo=UTC),
        span=datetime.timedelta(days=-2, microseconds=1),
        blob=bytes(range(256)),
        uuid=uuid.UUID(int=1),
        address="2001:db8::1",
        document={"zebra": [1, 2.5, None, True], "ape": {"größe": ""}, "big": 2**60},
        maybe_document=[],
        encoded={"at": datetime.date(2024, 1, 1), "amount": decimal.Decimal("1.10")},
        file="zoo/größe.bin",
        path="zoo/a.txt",
        colour=zoo.Colour(255, 0, 16),
        preset=8,
    )
    zoo.Specimen.objects.create(
        code="edges",
        text="",
        small=32766,
        big=9223372036854775807,
        positive_big=9223372036854775807,
        number=1.7976931348623157e308,
        amount=decimal.Decimal("0"),
        day=datetime.date(9999, 12, 31),
        hour=datetime.time(0),
        moment=datetime.datetime(1970, 1, 1, tzinfo=UTC),
        span=datetime.timedelta(0),
        blob=b"",
        maybe=True,
        address="192.0.2.1",
        document=models.Value(None, models.JSONField()),
        maybe_document=models.Value(None, models.JSONField()),
        file="",
    )
    # What auto_now stamps is content as well: it must come back, not be stamped again.
    long_ago = datetime.datetime(2001, 2, 3, 4, 5, 6, 7, tzinfo=UTC)
    zoo.Specimen.objects.update(made=long_ago, changed=long_ago)
    # A FileField writes "" for None when it saves; a column that was added later holds NULL.
    zoo.Specimen.objects.filter(code="nothing").update(file=None)


@maker
def Animal() -> None:
    zoo.Animal.objects.create(code="worm")


@maker
def Mammal() -> None:
    zoo.Mammal.objects.create(code="bat", legs=2)


@maker
def Whale() -> None:
    moby = zoo.Whale.objects.create(code="moby", legs=0, length=20)
    zoo.Whale.objects.create(code="willy", legs=0, length=8)
    moby.friends.set(zoo.Animal.objects.filter(code__in=["worm", "willy"]))


@maker
def Hutch() -> None:
    zoo.Hutch.objects.create(code="ocean", tenant=zoo.Whale.objects.get(code="moby"))


@maker
def Vehicle() -> None:
    zoo.Vehicle.objects.create(code="bike")


@maker
def Truck() -> None:
    zoo.Truck.objects.create(code="lorry", load=40)


@maker
def Tag() -> None:
    for code in ("red", "green", "blue"):
        zoo.Tag.objects.create(code=code)


@maker
def Author() -> None:
    for code in ("ann", "bob"):
        zoo.Author.objects.create(code=code)


@maker
def Article() -> None:
    one, two, three = (zoo.Article.objects.create(code=code) for code in ("one", "two", "three"))
    one.tags.set(zoo.Tag.objects.all())
    three.tags.set(zoo.Tag.objects.filter(code="blue"))
    one.kin.add(two)
    one.cites.add(one, three)
    three.cites.add(two)


@maker
def Authorship() -> None:
    one = zoo.Article.objects.get(code="one")
    for author, share in (("ann", 60), ("bob", 40)):
        zoo.Authorship.objects.create(
            code=author, article=one, author=zoo.Author.objects.get(code=author), share=share
        )


@maker
def Folder() -> None:
    root = zoo.Folder.objects.create(code="root")
    leaf = zoo.Folder.objects.create(code="leaf", parent=root)
    zoo.Folder.objects.create(code="tip", parent=leaf)
    # A parent that is younger than its child, and one that is its own.
    root.parent = zoo.Folder.objects.create(code="later")
    root.save()
    loop = zoo.Folder.objects.create(code="loop")
    loop.parent = loop
    loop.save()


@maker
def Team() -> None:
    zoo.Team.objects.create(code="lonely")
    zoo.Team.objects.create(code="crew")


@maker
def Member() -> None:
    crew = zoo.Team.objects.get(code="crew")
    zoo.Member.objects.create(code="mate", team=crew)
    crew.leader = zoo.Member.objects.create(code="captain", team=crew)
    crew.save()


@maker
def Left() -> None:
    """Make both sides: neither can be there before the other."""
    last = max((row.pk for model in (zoo.Left, zoo.Right) for row in rows(model)), default=0) + next(_steps)
    with connection.constraint_checks_disabled(), transaction.atomic():
        zoo.Left.objects.create(pk=last + 1, code="l1", right_id=last + 2)
        zoo.Right.objects.create(pk=last + 2, code="r1", left_id=last + 1)


_steps = itertools.count(100, 100)


@maker
def Note() -> None:
    tag = zoo.Tag.objects.get(code="green")
    zoo.Note.objects.create(code="about green", subject=tag)
    zoo.Note.objects.create(code="about nothing")
    zoo.Note.objects.create(code="about what is gone", content_type=kind_of(zoo.Tag), object_id=2**40)


@maker
def TextNote() -> None:
    tag = zoo.Tag.objects.get(code="red")
    zoo.TextNote.objects.create(code="about red", content_type=kind_of(zoo.Tag), object_id=str(tag.pk))
    token = zoo.Token.objects.get(code="t1")
    zoo.TextNote.objects.create(code="about t1", content_type=kind_of(zoo.Token), object_id=str(token.pk))
    zoo.TextNote.objects.create(code="about rubbish", content_type=kind_of(zoo.Tag), object_id="rubbish")


@maker
def UuidNote() -> None:
    token = zoo.Token.objects.get(code="t2")
    zoo.UuidNote.objects.create(code="about t2", kind=kind_of(zoo.Token), ident=token.pk)


@maker
def SoftNote() -> None:
    tag = zoo.Tag.objects.get(code="blue")
    zoo.SoftNote.objects.create(code="about blue", content_type=kind_of(zoo.Tag), object_id=str(tag.pk))
    zoo.SoftNote.objects.create(code="about nobody")


@maker
def Reading() -> None:
    for code, value in (("a", 1), ("a", 1), ("a", 2), ("b", 1)):
        zoo.Reading.objects.create(code=code, value=value)


@maker
def Flag() -> None:
    first, second, *_, last = zoo.Reading.objects.order_by("pk")
    for code, reading in (("f1", first), ("f2", second), ("f3", last), ("f4", None)):
        zoo.Flag.objects.create(code=code, reading=reading)


@maker
def Pin() -> None:
    first, *_, last = zoo.Reading.objects.order_by("pk")
    zoo.Pin.objects.create(code="p1").readings.set([first, last])
    zoo.Pin.objects.create(code="p2").readings.set([last])


@maker
def FlagPin() -> None:
    first, *_, last = zoo.Reading.objects.order_by("pk")
    zoo.FlagPin.objects.create(code="fp1", reading=first)
    zoo.FlagPin.objects.create(code="fp2", reading=last)


@maker
def Watch() -> None:
    *_, last = zoo.Reading.objects.order_by("pk")
    zoo.Watch.objects.create(code="w1", target=last)


@maker
def Node() -> None:
    root = zoo.Node.objects.create(code="root")
    for code in ("leaf", "twig"):
        zoo.Node.objects.create(code=code, parent=root)


@maker
def Language() -> None:
    for code, name in (("de", "Deutsch"), ("en", "English"), ("x 'y\"", "odd")):
        zoo.Language.objects.create(code=code, name=name)


@maker
def Phrase() -> None:
    phrase = zoo.Phrase.objects.create(code="hello", language_id="en")
    phrase.others.set(zoo.Language.objects.exclude(code="en"))


@maker
def Token() -> None:
    for number in (1, 2, 3):
        zoo.Token.objects.create(uuid=uuid.UUID(int=number << 64), code=f"t{number}")


@maker
def TokenUse() -> None:
    one, two, three = zoo.Token.objects.order_by("code")
    zoo.TokenUse.objects.create(code="u1", token=one).others.set([two, three])
    zoo.TokenUse.objects.create(code="u2", token=two).others.set([one])


@maker
def Passport() -> None:
    for member in zoo.Member.objects.order_by("code"):
        zoo.Passport.objects.create(holder=member, code=f"p {member.code}")


@maker
def Visa() -> None:
    zoo.Visa.objects.create(code="v1", passport=zoo.Passport.objects.get(code="p captain"))


@maker
def Nation() -> None:
    zoo.Nation.objects.create(code="utopia", number=7, sign="ut")
    zoo.Nation.objects.create(code="eldorado", number=9, sign="el")


@maker
def Town() -> None:
    zoo.Town.objects.create(code="amaurot", nation_id="ut")


@maker
def Embassy() -> None:
    zoo.Embassy.objects.create(code="e1", nation_id="ut")


@maker
def Detail() -> None:
    zoo.Detail.objects.create(code="d1", embassy=zoo.Embassy.objects.get(code="e1"))


@maker
def Treaty() -> None:
    zoo.Treaty.objects.create(code="peace", nation_id="el")


@maker
def TreatyPage() -> None:
    zoo.TreatyPage.objects.create(code="page", treaty_id="el")


@maker
def Slot() -> None:
    for room, number in (("blue", 1), ("blue", 2), ("red", 1)):
        zoo.Slot.objects.create(room=room, number=number, code=f"{room}{number}")


@maker
def Hall() -> None:
    for code in ("north", "south"):
        zoo.Hall.objects.create(code=code)


@maker
def Seat() -> None:
    for hall in zoo.Hall.objects.order_by("code"):
        zoo.Seat.objects.create(hall=hall, number=1, code=f"{hall.code} 1")


@maker
def Writer() -> None:
    for code in ("homer", "sappho"):
        zoo.Writer.objects.create(code=code)


@maker
def Book() -> None:
    for writer in zoo.Writer.objects.order_by("code"):
        zoo.Book.objects.create(code="verses", writer=writer)


@maker
def Appendix() -> None:
    book = zoo.Book.objects.get(writer__code="homer")
    second = zoo.Appendix.objects.create(code="2", book=book)
    zoo.Appendix.objects.create(code="1", book=book, next=second)


@maker
def Manual() -> None:
    for author in zoo.Author.objects.order_by("code"):
        zoo.Manual.objects.create(code="how to", author=author)


@maker
def ManualUse() -> None:
    zoo.ManualUse.objects.create(code="use", manual=zoo.Manual.objects.get(author__code="bob"))


@maker
def Traced() -> None:
    zoo.Traced.objects.create(code="t", author=zoo.Author.objects.get(code="ann"))


@maker
def Untraceable() -> None:
    zoo.Untraceable.objects.create(code="u", note="n")
    zoo.Untraceable.objects.create(code="v", note="n")


@maker
def WithId() -> None:
    zoo.WithId.objects.create(code="w")


@maker
def EmptyKey() -> None:
    zoo.EmptyKey.objects.create(code="e")


@maker
def OnModel() -> None:
    zoo.OnModel.objects.create(code="o")


@maker
def ByProperty() -> None:
    zoo.ByProperty.objects.create(code="p")


@maker
def ByForeignId() -> None:
    for author in zoo.Author.objects.order_by("code"):
        zoo.ByForeignId.objects.create(code="same", author=author)


@maker
def Rate() -> None:
    zoo.Rate.objects.create(code="r1", kind="a", is_default=True, level=1, serial=1, rank=9)
    zoo.Rate.objects.create(code="r2", kind="a", level=1, serial=2)
    zoo.Rate.objects.create(code="r3", kind="b", is_default=True)


@maker
def Hidden() -> None:
    zoo.Hidden.objects.create(code="seen")
    zoo.Hidden.objects.create(code="unseen", deleted=True)


@maker
def Clocked() -> None:
    at = datetime.datetime(2024, 5, 6, 7, 8, 9, 1, tzinfo=UTC)
    for step in (0, 1):
        zoo.Clocked.objects.create(code="tick", at=at + datetime.timedelta(microseconds=step))


@maker
def AuditLine() -> None:
    north = zoo.Hall.objects.get(code="north")
    line = zoo.AuditLine.objects.create(code="opened", hall=north, language_id="en")
    line.halls.set([north])


@maker
def AuditDetail() -> None:
    zoo.AuditDetail.objects.create(line=zoo.AuditLine.objects.get(code="opened"), code="detail")
