"""Column values to JSON and back, exactly.

The JSON shapes are those of Django's own serializers, so that stock ``loaddata`` understands them, with
the losses taken out: microseconds stay, NaN and the infinities become text, JSON ``null`` is told apart
from SQL NULL (by the row reader), numbers of any size stay numbers. A field class that this module does
not know is asked the way Django asks it: ``value_to_string`` out, ``to_python`` in.
"""

from __future__ import annotations

import base64
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
    for name in ("value_to_string", "from_db_value"):
        owner = next((cls for cls in type(column).__mro__ if name in cls.__dict__), None)
        if owner is not None and not owner.__module__.startswith("django.db.models.fields"):
            return True
    return False


def _by_value_to_string(column: models.Field[Any, Any]) -> Encoder:
    attname = column.attname

    def encode(value: Any) -> Any:
        if is_protected_type(value):
            return encode_plain(value)
        holder = _Holder()
        setattr(holder, attname, value)
        return column.value_to_string(holder)  # type: ignore[arg-type]

    return encode


def decode(column: models.Field[Any, Any], value: Any) -> Any:
    """Return the Python value of ``column`` for a JSON value of a package (``None`` stays ``None``).

    Raises ``django.core.exceptions.ValidationError``, ``ValueError`` or ``TypeError`` when it does not fit.
    """
    if value is None or isinstance(column, models.JSONField):
        return value
    return column.to_python(value)
