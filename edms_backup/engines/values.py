"""Column values to JSON and back, exactly.

The JSON shapes are those of Django's own serializers, so that stock ``loaddata`` understands them, with
the losses taken out: microseconds stay, NaN and the infinities become text, JSON ``null`` is told apart
from SQL NULL (by the row reader), numbers of any size stay numbers. A field class that this module does
not know is asked the way Django asks it: ``value_to_string`` out, ``to_python`` in.
"""

from __future__ import annotations

import base64
import binascii
import datetime
import decimal
import functools
import json
import math
import uuid
from collections.abc import Callable
from typing import Any

from django.db import models
from django.utils.duration import duration_string
from django.utils.encoding import is_protected_type

from edms_backup.naturalkeys.paths import behind_references

__all__ = [
    "WITHOUT_OBJECTS",
    "Encoder",
    "as_written",
    "behind_references",
    "date_of_text",
    "decode",
    "decoder",
    "encode_plain",
    "encoder",
    "exact_type",
    "is_plain",
    "json_value",
    "moment_in_utc",
    "moment_of_text",
    "speaks_for_itself",
    "unchanged",
    "uuid_of_digits",
    "writer_of",
]

_SHORT = 200  # characters of JSON that are worth remembering

Encoder = Callable[[Any], Any]


def _moment(value: datetime.datetime) -> str:
    if value.tzinfo is None:
        return value.isoformat()
    if value.tzinfo is not datetime.UTC:
        value = value.astimezone(datetime.UTC)
    return value.isoformat()[:-6] + "Z"


def _float(value: float) -> float | str:
    if math.isfinite(value):
        return float(value)
    if math.isnan(value):
        return "NaN"
    return "Infinity" if value > 0 else "-Infinity"


def _binary(value: Any) -> str:
    return base64.b64encode(bytes(value)).decode("ascii")


def encode_plain(value: Any) -> Any:
    """Return a value whose field is not known as JSON, chosen by its Python type.

    Raises ``TypeError`` for a type that has no exact shape.
    """
    if value is None or isinstance(value, bool | int | str):
        return value
    for kind, encode in _BY_TYPE:
        if isinstance(value, kind):
            return encode(value)
    raise TypeError(f"{type(value).__name__} has no exact JSON shape")


_BY_TYPE: tuple[tuple[type | tuple[type, ...], Encoder], ...] = (
    (float, _float),
    (datetime.datetime, _moment),
    ((datetime.date, datetime.time), lambda value: value.isoformat()),
    (datetime.timedelta, duration_string),
    ((decimal.Decimal, uuid.UUID), str),
    ((bytes, bytearray, memoryview), _binary),
    ((list, tuple), lambda value: [encode_plain(item) for item in value]),
)

# By Django's internal type; None means that the value is already its own JSON.
_BY_INTERNAL_TYPE: dict[str, Encoder | None] = {
    "AutoField": None,
    "BigAutoField": None,
    "SmallAutoField": None,
    "BigIntegerField": None,
    "IntegerField": None,
    "SmallIntegerField": None,
    "PositiveBigIntegerField": None,
    "PositiveIntegerField": None,
    "PositiveSmallIntegerField": None,
    "BooleanField": bool,
    "CharField": None,
    "SlugField": None,
    "TextField": None,
    "FileField": None,
    "FilePathField": None,
    "IPAddressField": None,
    "GenericIPAddressField": None,
    "FloatField": _float,
    "DateTimeField": _moment,
    "DateField": lambda value: value.isoformat(),
    "TimeField": lambda value: value.isoformat(),
    "DurationField": duration_string,
    "DecimalField": str,
    "UUIDField": str,
    "BinaryField": _binary,
}


# By internal type: the Python type of JSON values that are the database's values as they are.
_OWN_JSON: dict[str, type] = {
    **dict.fromkeys(("CharField", "SlugField", "TextField"), str),
    **dict.fromkeys(
        (kind for kind in _BY_INTERNAL_TYPE if kind.endswith(("AutoField", "IntegerField"))), int
    ),
    "BooleanField": bool,
    "FloatField": float,
}


@functools.lru_cache(maxsize=4096)
def _short_json(text: str) -> Any:
    return json.loads(text)


def json_value(text: str) -> Any:
    """Return the value of a JSON column that was selected as text.

    Most JSON columns hold the same few short texts over and over (``{}``, ``[]``): those are parsed once. The
    result is shared: it must not be changed. Raises ``ValueError`` when a database let through what is no JSON.
    """
    return _short_json(text) if len(text) <= _SHORT else json.loads(text)


def moment_in_utc(value: Any) -> str:
    """Return a time stamp without a zone, which means UTC, in JSON; raises ``TypeError`` for anything else."""
    if type(value) is not datetime.datetime or value.tzinfo is not None:
        raise TypeError("no time stamp without a zone")
    return value.isoformat() + "Z"


def moment_of_text(value: Any) -> str:
    """Return a time stamp without a zone, which means UTC, in JSON, where the driver gives it as text or made of it.

    Raises ``TypeError`` or ``ValueError`` for anything else.
    """
    return moment_in_utc(datetime.datetime.fromisoformat(value) if type(value) is str else value)


def date_of_text(value: Any) -> str:
    """Return a date in JSON, which the driver gives as text or made of it; raises as ``moment_of_text`` does."""
    found = value if type(value) is datetime.date else datetime.date.fromisoformat(value)
    return found.isoformat()


def uuid_of_digits(text: str) -> str:
    """Return a uuid that is held as 32 hexadecimal digits in JSON; raises ``ValueError`` for another text."""
    digits = f"{int(text, 16):032x}"
    if digits != text:
        raise ValueError(f"{text!r} is no uuid of 32 digits")
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


WITHOUT_OBJECTS: dict[str, Encoder] = {
    "BooleanField": bool,
    "DateTimeField": moment_in_utc,
    "UUIDField": uuid_of_digits,
}
"""By internal type: encoders for drivers that hold these as numbers, times without zone, and digits."""


class _Holder:
    """Carries one value to ``Field.value_to_string``, which wants an instance."""


def unchanged(value: Any) -> Any:
    """Return ``value``: the encoder of what is its own JSON."""
    return value


def encoder(column: models.Field[Any, Any]) -> Encoder | None:
    """Return the function that turns a database value of ``column`` (never ``None``) into JSON.

    ``None`` means that the value needs no change.
    """
    if isinstance(column, models.JSONField):
        return _json_encoder(column)
    if column.is_relation:
        return encoder(column.target_field)  # type: ignore[attr-defined]
    if not speaks_for_itself(column):
        kind = column.get_internal_type()
        if kind in _BY_INTERNAL_TYPE:
            return _BY_INTERNAL_TYPE[kind]
    return _by_value_to_string(column)


def is_plain(column: models.Field[Any, Any]) -> bool:
    """Return whether the values of ``column`` are scalars in JSON, by what Django itself says of its type."""
    return not speaks_for_itself(column) and column.get_internal_type() in _BY_INTERNAL_TYPE


def _json_encoder(column: models.JSONField[Any, Any]) -> Encoder | None:
    custom = column.encoder
    if custom is None:
        return None
    return lambda value: json.loads(json.dumps(value, cls=custom))


def speaks_for_itself(column: models.Field[Any, Any]) -> bool:
    """Return whether a class outside Django decides what a value is in Python or how it is written."""
    return not (_is_djangos(column, "value_to_string") and _is_djangos(column, "from_db_value"))


def exact_type(column: models.Field[Any, Any]) -> type | None:
    """Return the Python type of values that are what the database holds for ``column`` without any change."""
    return _OWN_JSON.get(column.get_internal_type()) if is_djangos_own(column) else None


def is_djangos_own(column: models.Field[Any, Any]) -> bool:
    """Return whether Django itself decides what the database gets for a value of ``column``."""
    methods = ("get_prep_value", "get_db_prep_value", "get_db_prep_save", "to_python")
    return all(_is_djangos(column, name) for name in methods)


def writer_of(column: models.Field[Any, Any]) -> models.Field[Any, Any]:
    """Return the column that says what the database gets for a value of ``column``.

    JSON is read past a class that has no say in reading. Such a class would write what it has written once more.
    """
    if isinstance(column, models.JSONField) and not speaks_for_itself(column) and not is_djangos_own(column):
        return models.JSONField(encoder=column.encoder)
    return column


def as_written(column: models.Field[Any, Any], value: Any) -> Any:
    """Return what the ORM has to be given for ``column``, so that the database gets ``value`` by ``writer_of``."""
    writer = writer_of(column)
    if writer is column or value is None or isinstance(value, models.Value):
        return value
    return models.Value(value, writer)


def _is_djangos(column: models.Field[Any, Any], method: str) -> bool:
    """Return whether a method is Django's own, or is not there."""
    owner = next((cls for cls in type(column).__mro__ if method in cls.__dict__), None)
    return owner is None or owner.__module__.startswith("django.db.models.fields")


def _by_value_to_string(column: models.Field[Any, Any]) -> Encoder:
    attname = column.attname

    def encode(value: Any) -> Any:
        if is_protected_type(value):
            return encode_plain(value)
        holder = _Holder()
        setattr(holder, attname, value)
        return column.value_to_string(holder)  # type: ignore[arg-type]

    return encode


def decoder(column: models.Field[Any, Any]) -> Callable[[Any], Any]:
    """Return ``decode`` for one column and many values: what is exact already is not asked about."""
    to_python = column.to_python
    if isinstance(column, models.JSONField):
        return unchanged
    if not _is_djangos(column, "to_python"):
        return lambda value: None if value is None else to_python(value)
    kind = column.get_internal_type()
    exact: Any = _OWN_JSON.get(kind)
    if exact is not None:
        return lambda value: value if value is None or type(value) is exact else to_python(value)
    if kind == "BinaryField":
        return lambda value: None if value is None else _bytes_of(value) or to_python(_text(value))
    if kind == "DateTimeField":
        return lambda value: None if value is None else _moment_of(value) or to_python(value)
    return lambda value: None if value is None else to_python(value)


def _bytes_of(value: Any) -> memoryview | None:
    """Return the bytes in a text of base64, which Django would copy first; ``None`` for anything else."""
    return memoryview(binascii.a2b_base64(value)) if type(value) is str and value.isascii() else None


def _text(value: Any) -> str:
    """Return a text; raises ``TypeError`` for anything else, which Django would hand to the driver as it is."""
    if type(value) is not str:
        raise TypeError("bytes are written as a text of base64")
    return value


def _moment_of(value: Any) -> datetime.datetime | None:
    """Return a time stamp that ends as we write those in UTC; ``None`` for anything else."""
    if type(value) is not str or value[-1:] != "Z":
        return None
    try:
        return datetime.datetime.fromisoformat(value)
    except ValueError:
        return None


def decode(column: models.Field[Any, Any], value: Any) -> Any:
    """Return the Python value of ``column`` for a JSON value of a package (``None`` stays ``None``).

    Raises ``django.core.exceptions.ValidationError``, ``ValueError`` or ``TypeError`` when it does not fit.
    """
    if value is None or isinstance(column, models.JSONField):
        return value
    if isinstance(column, models.BinaryField) and _is_djangos(column, "to_python"):
        return column.to_python(_text(value))
    return column.to_python(value)
