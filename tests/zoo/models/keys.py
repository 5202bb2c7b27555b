"""Natural keys: good ones, wrong ones, and constraints that name nothing."""

from django.db import models

from edms_backup.naturalkeys import NaturalKey, NaturalKeyModel
from tests.zoo.models.relations import Author


class ByLastPart(models.Manager):
    def get_by_natural_key(self, *parts: str) -> models.Model:
        return self.get(code=parts[-1].removeprefix("no. "))


class Writer(NaturalKeyModel):
    code = models.CharField(max_length=40, unique=True)

    natural_key_fields = NaturalKey("code")


class Book(NaturalKeyModel):
    """Named by a row that is declared in the same way."""

    code = models.CharField(max_length=40)
    writer = models.ForeignKey(Writer, on_delete=models.CASCADE)

    natural_key_fields = NaturalKey("writer", "code")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["writer", "code"], name="zoo_book_name")]


class Appendix(NaturalKeyModel):
    """Named by a row that is named by a row."""

    code = models.CharField(max_length=40)
    book = models.ForeignKey(Book, on_delete=models.CASCADE)
    next = models.ForeignKey("self", on_delete=models.SET_NULL, null=True)

    natural_key_fields = NaturalKey("book", "code")


class Manual(NaturalKeyModel):
    """Named by a row whose model knows nothing of ``NaturalKeyModel``."""

    code = models.CharField(max_length=40)
    author = models.ForeignKey(Author, on_delete=models.CASCADE)

    natural_key_fields = NaturalKey("author", "code")


class ManualUse(models.Model):
    """Refers to such a row."""

    code = models.CharField(max_length=40, unique=True)
    manual = models.ForeignKey(Manual, on_delete=models.CASCADE)


class Nickname(models.Model):
    """Declared (in the settings of a test) to be named by a column that may be NULL."""

    code = models.CharField(max_length=40)
    name = models.CharField(max_length=40, null=True)


class NicknameUse(models.Model):
    code = models.CharField(max_length=40, unique=True)
    nickname = models.ForeignKey(Nickname, on_delete=models.CASCADE)


class Traced(models.Model):
    """A method that does nothing but collect values."""

    code = models.CharField(max_length=40, unique=True)
    author = models.ForeignKey(Author, on_delete=models.CASCADE)

    objects = ByLastPart()

    def natural_key(self) -> tuple[str, ...]:
        return (*self.author.natural_key(), self.code)

    natural_key.dependencies = ["zoo.author"]  # type: ignore[attr-defined]


class Untraceable(models.Model):
    """A method that makes a text out of a value; no constraint helps."""

    code = models.CharField(max_length=40)
    note = models.CharField(max_length=40, default="")

    objects = ByLastPart()

    def natural_key(self) -> tuple[str]:
        return (f"no. {self.code}",)


class WithId(models.Model):
    """A method that hands out the primary key."""

    code = models.CharField(max_length=40, unique=True)

    def natural_key(self) -> tuple[str, str]:
        return (self.code, str(self.id))


class EmptyKey(models.Model):
    """A method that names nothing."""

    code = models.CharField(max_length=40, unique=True)

    def natural_key(self) -> tuple[()]:
        return ()


class OnModel(models.Model):
    """The other half of the key in the wrong place."""

    code = models.CharField(max_length=40, unique=True)

    def natural_key(self) -> tuple[str]:
        return (self.code,)

    @classmethod
    def get_by_natural_key(cls, code: str) -> "OnModel":
        return cls.objects.get(code=code)


class ByProperty(models.Model):
    """A method that reads a property."""

    code = models.CharField(max_length=40, unique=True)

    @property
    def label(self) -> str:
        return self.code

    def natural_key(self) -> tuple[str]:
        return (self.label,)


class ByForeignId(models.Model):
    """A method that hands out the primary key of another row."""

    code = models.CharField(max_length=40)
    author = models.ForeignKey(Author, on_delete=models.CASCADE)

    def natural_key(self) -> tuple[int, str]:
        return (self.author_id, self.code)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["author", "code"], name="zoo_by_foreign_id")]


class Rate(models.Model):
    """Constraints with a condition, over NULL, over an expression."""

    code = models.CharField(max_length=40, unique=True)
    kind = models.CharField(max_length=10, default="a")
    is_default = models.BooleanField(default=False)
    level = models.IntegerField(null=True)
    serial = models.IntegerField(unique=True, null=True)
    rank = models.IntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["kind"], condition=models.Q(is_default=True), name="zoo_one_default"
            ),
            models.UniqueConstraint(
                fields=["level"], condition=models.Q(rank__gt=5), name="zoo_level_of_high_rank"
            ),
            models.UniqueConstraint(models.functions.Lower("code"), "kind", name="zoo_code_in_any_case"),
        ]


class Visible(models.Manager):
    def get_queryset(self) -> models.QuerySet:
        return super().get_queryset().filter(deleted=False)


class Hidden(models.Model):
    """The default manager does not show every row."""

    code = models.CharField(max_length=40, unique=True)
    deleted = models.BooleanField(default=False)

    objects = Visible()


class Clocked(models.Model):
    """A time stamp is part of the name."""

    code = models.CharField(max_length=40)
    at = models.DateTimeField()

    class Meta:
        unique_together = [("code", "at")]
