"""Every kind of column."""

from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models import F


class Colour:
    """A value that only its own field can write down."""

    def __init__(self, red: int, green: int, blue: int) -> None:
        self.parts = (red, green, blue)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Colour) and self.parts == other.parts

    __hash__ = None  # type: ignore[assignment]

    @classmethod
    def parse(cls, text: str) -> "Colour":
        return cls(*(int(text[start : start + 2], 16) for start in (1, 3, 5)))

    def __str__(self) -> str:
        return "#{:02x}{:02x}{:02x}".format(*self.parts)


class ColourField(models.CharField):
    """A column with a Python class of its own, as third-party fields have."""

    def from_db_value(self, value: str | None, expression: Any, connection: Any) -> Colour | None:
        return None if value is None else Colour.parse(value)

    def to_python(self, value: Any) -> Colour | None:
        return value if value is None or isinstance(value, Colour) else Colour.parse(value)

    def get_prep_value(self, value: Any) -> str | None:
        return None if value is None else str(value)

    def value_to_string(self, obj: Any) -> str:
        return str(self.value_from_object(obj))


class Specimen(models.Model):
    """One column of every type that Django has, with and without NULL where the two differ."""

    code = models.CharField(max_length=40, unique=True)
    text = models.TextField(null=True)
    slug = models.SlugField(default="", allow_unicode=True)
    url = models.URLField(null=True)
    email = models.EmailField(null=True)
    small = models.SmallIntegerField(default=0)
    integer = models.IntegerField(null=True)
    big = models.BigIntegerField(null=True)
    positive_small = models.PositiveSmallIntegerField(null=True)
    positive = models.PositiveIntegerField(null=True)
    positive_big = models.PositiveBigIntegerField(null=True)
    boolean = models.BooleanField(default=False)
    maybe = models.BooleanField(null=True)
    number = models.FloatField(null=True)
    amount = models.DecimalField(max_digits=12, decimal_places=4, null=True)
    day = models.DateField(null=True)
    hour = models.TimeField(null=True)
    moment = models.DateTimeField(null=True)
    made = models.DateTimeField(auto_now_add=True)
    changed = models.DateTimeField(auto_now=True)
    span = models.DurationField(null=True)
    blob = models.BinaryField(null=True)
    uuid = models.UUIDField(null=True)
    address = models.GenericIPAddressField(null=True)
    document = models.JSONField(default=dict)
    maybe_document = models.JSONField(null=True)
    encoded = models.JSONField(null=True, encoder=DjangoJSONEncoder)
    file = models.FileField(null=True, upload_to="zoo")
    path = models.FilePathField(null=True, path="zoo")
    colour = ColourField(max_length=7, null=True)
    preset = models.IntegerField(db_default=7)
    following = models.GeneratedField(
        expression=F("small") + 1, output_field=models.IntegerField(), db_persist=True
    )
