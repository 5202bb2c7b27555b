"""What a value of a column looks like in a line when nobody has to look at it twice.

``PlainValue`` says it for one column and one database: a pattern for ``LineScanner``, and a condition under which
the value fits into the column for certain (``fitness``). What has another look, or does not meet the condition, is
no mistake: its line is decoded and asked about, value by value.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

from django.db import connections, models

from edms_backup.engines.base import EngineFeatures
from edms_backup.engines.fitness import Check, checks
from edms_backup.engines.values import behind_references, is_djangos_own, speaks_for_itself
from edms_backup.package.canonical import canonical, strict_loads
from edms_backup.package.content import normal_value
from edms_backup.package.flatjson import normal_flat
from edms_backup.package.scanning import BOOLEAN, FLOAT, INTEGER, JSON, NULL, SCALAR, STRING

_DAY = "[0-9]{4}-[01][0-9]-[0-3][0-9]"
_TIME = r"[0-2][0-9]:[0-5][0-9]:[0-5][0-9](?:\.(?!000000)[0-9]{6})?"
_PATTERNS = {
    "BooleanField": BOOLEAN,
    "FloatField": FLOAT,
    "DateField": f'"{_DAY}"',
    "TimeField": f'"{_TIME}"',
    "DateTimeField": f'"{_DAY}T{_TIME}Z"',
    "UUIDField": '"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"',
    "BinaryField": '"[A-Za-z0-9+/]*+={0,2}"',
}
"""By internal type; all of them say enough of a value that is held as such."""
_TEXTS = ("CharField", "TextField", "SlugField", "FileField", "FilePathField")
_EMPTY = ("null", "{}", "[]")
_SHORT = 200  # characters of JSON that are worth remembering

Holds = Callable[[str], bool]
Normal = Callable[[str], str | None]


class PlainValue(NamedTuple):
    """How the plain values of a column are written."""

    pattern: str
    """Of the value, without ``null``."""
    easily: str = ""
    """An expression of the value ``v`` as it is written, true where it fits; empty: it always does."""
    fits: Holds | None = None
    """What is asked where ``easily`` is not true; ``None``: nothing, and it may not fit."""
    normal: Normal | None = None
    """Returns a value as it stands in the content of a row, ``None`` if it may not fit; else it stands as written."""
    is_canonical: bool = True
    """Whether a value is always written in the one way in which a natural key holds it."""

    def condition(self, value: str, name: str) -> str:
        """Return the source of the condition that ``value``, an expression, fits; ``name`` is bound to ``fits``."""
        asked = "" if self.fits is None else f"{name}(v)"
        parts = [part for part in (self.easily, asked) if part]
        return f"((v := {value}) == 'null' or {' or '.join(parts)})" if parts else ""


def plain_value(column: Any, using: str, features: EngineFeatures) -> PlainValue:
    """Return how plain values of ``column`` are written for the database ``using``; those behind it, if it refers."""
    column = behind_references(column)
    kind, asked = column.get_internal_type(), list(checks(column, using, features))
    if isinstance(column, models.JSONField):
        return PlainValue(JSON, normal=_normal(asked), is_canonical=False)
    if speaks_for_itself(column) or not is_djangos_own(column):
        return PlainValue(SCALAR, fits=_fits(asked))
    if kind in _TEXTS:
        limit = column.max_length if features.enforces_length else None
        # Without an escape for them there is neither NUL nor half of a surrogate pair in a text.
        return (
            PlainValue(STRING)
            if limit is None
            else PlainValue(STRING, f"len(v) <= {limit + 2}", _fits(asked))
        )
    if kind.endswith(("AutoField", "IntegerField")):
        return _integer(kind, using)
    if kind == "DecimalField":
        return _decimal(column, features)
    return PlainValue(_PATTERNS.get(kind, SCALAR), fits=_fits(asked), is_canonical=kind != "FloatField")


def _integer(kind: str, using: str) -> PlainValue:
    low, high = connections[using].ops.integer_field_range(kind)
    pattern = "(?:0|[1-9][0-9]{0,17})" if low == 0 else INTEGER
    if high is None or high >= 10**18:
        return PlainValue(pattern)
    lowest = -high - 1 if low is None else low
    return PlainValue(pattern, f"len(v) < {len(str(high))} or {lowest} <= int(v) <= {high}")


def _decimal(column: Any, features: EngineFeatures) -> PlainValue:
    digits, places = column.max_digits, column.decimal_places
    if not features.exact_decimals or digits is None or places is None:
        digits, places = 60, 30
    whole = f"(?:0|[1-9][0-9]{{0,{digits - places - 1}}})" if digits > places else "0"
    part = rf"(?:\.[0-9]{{1,{places}}})?" if places else ""
    return PlainValue(f'"-?{whole}{part}"')


def _fits(asked: list[Check]) -> Holds | None:
    if not asked:
        return None
    return lambda value: not any(check(strict_loads(value.encode())) for check in asked)


def _normal(asked: list[Check]) -> Normal:
    """Return the function from JSON to how it stands in the content, ``None`` where it is not strict or may not fit."""

    @functools.lru_cache(maxsize=4096)
    def read(written: str) -> str | None:
        if "\\u" in written:
            return None
        try:
            value = strict_loads(written.encode())
        except ValueError:
            return None
        if any(check(value) for check in asked):
            return None
        normal = normal_value(value)
        return written if normal is value else canonical(normal).decode()

    def normal(written: str) -> str | None:
        if written in _EMPTY:
            return written
        # What is flat has no character, number or depth that a database could not hold.
        flat = normal_flat(written)
        if flat is not None:
            return flat
        return (read if len(written) <= _SHORT else read.__wrapped__)(written)

    return normal


def nullable(pattern: str) -> str:
    """Return the pattern of a value that may be missing."""
    return f"(?:{pattern}|{NULL})"
