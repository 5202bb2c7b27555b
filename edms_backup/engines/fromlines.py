"""Rows into a table from the values of lines as they are written, past Python's objects.

A form says what the database gets for the value of a column: the source of an expression of ``v``, the value as it
stands in the line (JSON, as text, never ``null``). The short forms are tried out when they are made: a form is taken
where it gives what Django gives for samples of its type, and the long way, over Django's own methods, is there for
every column. ``RowInsert`` stays the measure.
"""

from __future__ import annotations

import datetime
import decimal
import json
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import models

from edms_backup.engines.values import (
    behind_references,
    decoder,
    is_djangos_own,
    speaks_for_itself,
    writer_of,
)
from edms_backup.engines.writing import RowInsert, takes_plain_values

TEXTS = ("CharField", "TextField", "SlugField", "FileField", "FilePathField")


def unescaped(written: str) -> str:
    """Return a text from its JSON."""
    found: str = json.decoder.scanstring(written, 1)[0]  # type: ignore[attr-defined]
    return found


@dataclass(frozen=True, slots=True)
class Form:
    """How a value gets from a line to the database."""

    source: str
    """Expression of ``v``. It raises ``ValueError`` for what is no value of the type after all."""
    names: Mapping[str, Any] = field(default_factory=dict)
    """What the expression's own names stand for; they are the same in all forms of one model."""


@dataclass(frozen=True, slots=True)
class _Candidate:
    source: str
    samples: Sequence[str]


_NAMES: Mapping[str, Any] = {
    "unescaped": unescaped,
    "moment": datetime.datetime.fromisoformat,
    "day": datetime.date.fromisoformat,
    "time": datetime.time.fromisoformat,
    "uuid": uuid.UUID,
    "decimal": decimal.Decimal,
    "loads": json.loads,
    "dumps": json.dumps,
}
_MOMENTS = ('"2024-02-29T01:02:03Z"', '"2024-02-29T01:02:03.000045Z"')
_TIMES = ('"01:02:03"', '"01:02:03.000045"')
_UUIDS = ('"00010203-0405-4607-8809-0a0b0c0d0e0f"',)
_DOCUMENTS = ("{}", "[]", r'{"a":[1,2.5,null,true,{"é":"\n\"€"}]}', '"a"', "17")
_CANDIDATES: Mapping[str, Sequence[_Candidate]] = {
    **dict.fromkeys(
        TEXTS, [_Candidate(r"(v[1:-1] if '\\' not in v else unescaped(v))", ('"abc"', r'"a\"\\\n"', '""'))]
    ),
    "BooleanField": [_Candidate("(v == 'true')", ("true", "false"))],
    "FloatField": [_Candidate("float(v)", ("1.5", "-0.0"))],
    # What is no day or moment makes these raise.
    "DateField": [
        _Candidate("day(v[1:-1])", ('"2024-02-29"',)),
        _Candidate("(day(v[1:-1]) and v[1:-1])", ('"2024-02-29"',)),
    ],
    "TimeField": [
        _Candidate("time(v[1:-1])", _TIMES),
        _Candidate("str(time(v[1:-1]))", _TIMES),
    ],
    "DateTimeField": [
        _Candidate("moment(v[1:-1])", _MOMENTS),
        _Candidate("(moment(v[1:-1]) and f'{v[1:11]} {v[12:-2]}')", _MOMENTS),
    ],
    "UUIDField": [
        _Candidate("uuid(v[1:-1])", _UUIDS),
        _Candidate("f'{v[1:9]}{v[10:14]}{v[15:19]}{v[20:24]}{v[25:-1]}'", _UUIDS),
        _Candidate("v[1:-1]", _UUIDS),
    ],
    "DecimalField": [_Candidate("decimal(v[1:-1])", ('"1.5"',))],
    "JSONField": [_Candidate("('{}' if v == '{}' else dumps(loads(v)))", _DOCUMENTS)],
}
"""By internal type: forms, the first of which is taken that is what Django does."""
_INTEGER = _Candidate("int(v)", ("17", "-3", "0"))


def parameter_form(column: Any, connection: Any) -> Form:
    """Return the form whose values a driver takes as parameters for ``column``, or for what it refers to."""
    column = behind_references(column)
    slowly = long_way(column, connection)
    if is_told(column):
        kind = column.get_internal_type()
        is_number = kind.endswith(("AutoField", "IntegerField"))
        for candidate in [_INTEGER] if is_number else _CANDIDATES.get(kind, ()):
            if _is_right(candidate, slowly):
                return Form(candidate.source, _NAMES)
    name = f"slowly_{column.model._meta.label_lower}_{column.name}".replace(".", "_")
    return Form(f"{name}(v)", {name: slowly})


def is_told(column: Any) -> bool:
    """Return whether Django itself says what values of ``column`` are, in JSON and for the database."""
    return is_djangos_own(column) and not speaks_for_itself(column)


def takes_moments(column: Any, connection: Any) -> bool:
    """Return whether Django takes a time stamp in UTC for ``column``: without ``USE_TZ`` it does not."""
    try:
        return isinstance(long_way(column, connection)(_MOMENTS[0]), datetime.datetime | str)
    except ValueError:
        return False


def long_way(column: Any, connection: Any) -> Callable[[str], Any]:
    """Return Django's own way from JSON to a parameter."""
    decode, prepare = decoder(column), writer_of(column).get_db_prep_save
    return lambda written: prepare(decode(json.loads(written)), connection=connection)


def _is_right(candidate: _Candidate, slowly: Callable[[str], Any]) -> bool:
    """Return whether a form makes of its samples what Django makes of them, to the type."""
    for sample in candidate.samples:
        try:
            expected = slowly(sample)
        except ValueError:  # without USE_TZ a time stamp must not know its zone
            return False
        made = eval(candidate.source, dict(_NAMES), {"v": sample})
        if type(made) is not type(expected) or made != expected:
            return False
    return True


class LineInsert:
    """Inserts rows of ``model``, made of the values that ``form`` gives for its ``columns``; by parameters."""

    null = "None"
    """Source of what stands for a missing value."""

    def __init__(self, model: type[models.Model], columns: Sequence[Any], connection: Any) -> None:
        self.model = model
        self.connection = connection
        self.statement = RowInsert(model, columns, connection)

    def form(self, column: Any) -> Form:
        """Return how a value of ``column`` gets into a row."""
        return parameter_form(column, self.connection)

    def row(self, values: Sequence[str]) -> str:
        """Return the source of a row with these sources of values."""
        return f"({', '.join(values)},)"

    def send(self, rows: list[Any]) -> None:
        """Insert rows; raises what the driver raises."""
        with self.connection.cursor() as cursor:
            cursor.executemany(self.statement.sql, rows)


def line_insert(
    kind: type[LineInsert], model: type[models.Model], columns: Sequence[Any], connection: Any
) -> LineInsert | None:
    """Return what inserts rows from lines, ``None`` where a column wraps its value in SQL of its own."""
    return kind(model, columns, connection) if takes_plain_values(columns, connection) else None
