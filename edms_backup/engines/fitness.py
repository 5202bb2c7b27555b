"""Whether a value fits the column that it is meant for, asked before the first write.

Vendors differ in what they hold, and some change silently what they cannot hold: SQLite turns NaN into
NULL, MariaDB rounds decimals. What does not fit is refused with model, key and field; nothing is cut.
"""

from __future__ import annotations

import datetime
import decimal
import ipaddress
import math
import uuid
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from django.db import connections, models
from django.utils.dateparse import parse_duration

from edms_backup.engines.base import EngineFeatures
from edms_backup.package.canonical import nested_deeper
from edms_backup.schema.spec import ModelSpec

Check = Callable[[Any], str]
"""Takes a JSON value that is not ``None``; returns what is wrong with it, or an empty text."""

_ALWAYS = "always"
_STRANGE = (TypeError, ValueError, ArithmeticError, AttributeError, LookupError)
"""What Python makes of a text where a number should be, of a list where a text should be."""

_TEXTUAL = ("CharField", "TextField", "SlugField", "FileField", "FilePathField")


class _Quick:
    """A check with a shorter way to tell that a value ``v`` fits: what to put behind ``v is None``."""

    def __init__(self, check: Check, easily: str) -> None:
        self._check = check
        self.easily = easily

    def __call__(self, value: Any) -> str:
        return self._check(value)


class Fitness:
    """The checks of one model's columns in the target."""

    def __init__(self, spec: ModelSpec, features: EngineFeatures) -> None:
        self._checks = [
            (column.name, check)
            for column in spec.columns
            if not column.is_relation
            for check in checks(column, spec.using, features)
        ]
        primary_key: Any = spec.model._meta.pk
        own = not primary_key.is_relation and not hasattr(primary_key, "field_names")
        self._key = primary_key.name
        self._key_checks = list(checks(primary_key, spec.using, features)) if own else []
        self._fits = self._compile()

    def fits(self, fields: Mapping[str, Any], pk: Any, line: bytes) -> bool:
        """Return whether a row finds its place for certain; ``False`` when ``problems`` has to be asked.

        ``line`` is the row as it was read: what stands in it without an escape is neither NUL nor half of a
        surrogate pair.
        """
        try:
            return b"\\u" not in line and self._fits(fields, pk)
        except _STRANGE:
            return False

    def _compile(self) -> Callable[[Mapping[str, Any], Any], bool]:
        """Return the checks as one function of the fields and the primary key, characters of texts left aside."""
        names: dict[str, Any] = {}
        conditions = []
        checks = [(f"F[{name!r}]", check) for name, check in self._checks]
        for number, (value, check) in enumerate([*checks, *(("P", check) for check in self._key_checks)]):
            names[f"x{number}"] = check
            easily = check.easily if isinstance(check, _Quick) else ""
            if easily != _ALWAYS:
                conditions.append(f"((v := {value}) is None{easily} or not x{number}(v))")
        exec(
            f"def fits(F, P):\n    return {' and '.join(conditions) or True}", names
        )  # names of fields, quoted
        function: Callable[[Mapping[str, Any], Any], bool] = names["fits"]
        return function

    def problems(self, fields: dict[str, Any], pk: Any) -> Iterator[tuple[str, str]]:
        """Yield (field, what is wrong) for every value of a row, its primary key too, that finds no place."""
        for check in self._key_checks:
            problem = _asked(check, pk)
            if problem:
                yield self._key, problem
        for name, check in self._checks:
            value = fields[name]
            if value is not None:
                problem = _asked(check, value)
                if problem:
                    yield name, problem


def _asked(check: Check, value: Any) -> str:
    """Return what is wrong with a value, also with one that is not even of the kind that a check knows."""
    try:
        return check(value)
    except _STRANGE:
        return "is no value of this column"


def checks(column: models.Field[Any, Any], using: str, features: EngineFeatures) -> Iterator[Check]:
    """Yield what has to be asked of every value of ``column``, references to other rows left aside."""
    kind, connection = column.get_internal_type(), connections[using]
    if kind in _TEXTUAL:
        limit = column.max_length if features.enforces_length else None
        short = _ALWAYS if limit is None else f" or (type(v) is str and len(v) <= {limit})"
        yield _Quick(_text(limit, features.stores_nul), short)
    elif kind == "JSONField":
        yield _Quick(_json(features), " or not v and type(v) in (dict, list)")
    elif kind == "FloatField":
        yield _float(features)
    elif kind == "DecimalField" and features.exact_decimals:
        yield _decimal(column)
    elif kind == "UUIDField" and not features.stores_every_uuid and column.db_type(connection) == "uuid":
        yield _orderly_uuid
    elif kind == "DurationField" and not connection.features.has_native_duration_field:
        yield _short_duration
    elif kind == "GenericIPAddressField" and column.db_type(connection) == "inet":
        yield _address
    else:
        low, high = connection.ops.integer_field_range(kind) if _is_integer(kind) else (None, None)
        if low is not None or high is not None:
            limits = f"{'' if low is None else f'{low} <= '}v{'' if high is None else f' <= {high}'}"
            yield _Quick(_integer(low, high), f" or (type(v) is int and {limits})")


def _orderly_uuid(value: Any) -> str:
    """MariaDB keeps uuids in another order of bytes, and refuses those of which it cannot tell the order."""
    try:
        data = uuid.UUID(str(value)).bytes
    except ValueError:
        return ""  # no uuid at all: the load says so
    if data[6] >= 0x80 and 0x01 <= data[8] <= 0x80:
        return "is a uuid of a kind that this database refuses"
    return ""


def _short_duration(value: Any) -> str:
    """Without a type for it, a duration is held as 64 bits of microseconds."""
    duration = parse_duration(value) if isinstance(value, str) else None
    if duration is not None and not -(2**63) <= duration // datetime.timedelta(microseconds=1) < 2**63:
        return "is a duration that is too long for this database"
    return ""


def _address(value: Any) -> str:
    try:
        ipaddress.ip_interface(str(value))  # a number would be one, and is none here
    except ValueError:
        return "is no address, and this database stores nothing else there"
    return ""


def _is_integer(kind: str) -> bool:
    return kind.endswith(("IntegerField", "AutoField"))


def _text(limit: int | None, stores_nul: bool) -> Check:
    def check(value: Any) -> str:
        if not isinstance(value, str):
            return ""
        if limit is not None and len(value) > limit:
            return f"is {len(value)} characters long, the column takes {limit}"
        if not stores_nul and "\x00" in value:
            return "holds a NUL character, which this database cannot store"
        return (
            ""
            if value.isascii() or _is_unicode(value)
            else "holds half of a surrogate pair, which is no text"
        )

    return check


def _is_unicode(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _json(features: EngineFeatures) -> Check:
    """PostgreSQL's jsonb stores neither NUL nor half a surrogate pair, and rewrites numbers; MariaDB counts levels."""
    limit = features.json_depth

    def check(value: Any) -> str:
        if limit is not None and nested_deeper(value, limit):
            return f"nests deeper than {limit} levels, which this database cannot store"
        for item in _leaves(value):
            if isinstance(item, str):
                nul = "\x00" in item and not features.stores_nul
                if nul or not (features.stores_lone_surrogates or item.isascii() or _is_unicode(item)):
                    return "holds a character inside its JSON that this database cannot store"
            elif isinstance(item, float) and not features.json_numbers_as_written and _is_rewritten(item):
                return f"holds the number {item!r} inside its JSON, which this database stores as another one"
        return ""

    return check


def _leaves(value: Any) -> Iterator[Any]:
    """Yield every scalar in a JSON value, and every name of a member."""
    open_values: list[Any] = [value]
    while open_values:
        item = open_values.pop()
        if isinstance(item, dict):
            yield from item
            open_values.extend(item.values())
        elif isinstance(item, list):
            open_values.extend(item)
        else:
            yield item


def _is_rewritten(number: float) -> bool:
    """Tell floats that jsonb, which holds decimals, gives back as an integer or without their sign."""
    if number == 0:
        return math.copysign(1, number) < 0
    return number.is_integer() and "e" in repr(number)


def _float(features: EngineFeatures) -> Check:
    def check(value: Any) -> str:
        if not isinstance(value, str):
            return ""
        number = float(value)
        if math.isnan(number) and not features.stores_nan:
            return "is NaN, which this database cannot store"
        if math.isinf(number) and not features.stores_infinity:
            return "is infinite, which this database cannot store"
        return ""

    return check


def _decimal(column: Any) -> Check:
    places, digits = column.decimal_places, column.max_digits

    def check(value: Any) -> str:
        try:
            number = decimal.Decimal(value)
        except (decimal.InvalidOperation, TypeError, ValueError):
            return "is no decimal number"
        if not number.is_finite():
            return "is no finite number"
        exponent = number.normalize().as_tuple().exponent
        if places is not None and isinstance(exponent, int) and -exponent > places:
            return f"has more than {places} decimal places"
        if digits is not None and places is not None and number.adjusted() >= digits - places:
            return f"has more than {digits - places} digits before the point"
        return ""

    return check


def _integer(low: int | None, high: int | None) -> Check:
    def check(value: Any) -> str:
        if isinstance(value, int) and (
            (low is not None and value < low) or (high is not None and value > high)
        ):
            return f"is outside of {low} … {high}"
        return ""

    return check
