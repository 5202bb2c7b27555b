"""Values for every type of column, with those at the edges first, and which of them a database cannot hold.

What a database holds is said here from the manuals of the databases, without a line of the app under test.
"""

import datetime
import decimal
import functools
import math
import string
import uuid
from collections.abc import Callable, Iterator
from typing import Any

from hypothesis import strategies as st

from tests.zoo.models import Colour

UTC = datetime.UTC
EPOCH = datetime.datetime(2001, 2, 3, 4, 5, 6, 7, tzinfo=UTC)
Values = st.SearchStrategy[Any]


class JsonNull:
    """The value ``null`` of a JSON column, which is not the absence of a value."""

    def __repr__(self) -> str:
        return "json null"


JSON_NULL = JsonNull()

LENGTHS = {"slug": 50, "url": 200, "email": 254, "file": 100, "path": 100}
MARIADB_JSON_DEPTH = 31
INTEGERS = {
    "small": (-(2**15), 2**15 - 1),
    "integer": (-(2**31), 2**31 - 1),
    "big": (-(2**63), 2**63 - 1),
    "positive_small": (0, 2**15 - 1),
    "positive": (0, 2**31 - 1),
    "positive_big": (0, 2**63 - 1),
    "preset": (-(2**31), 2**31 - 1),
}
# MariaDB has unsigned numbers, and SQLite has one size for all.
WIDER = {
    "mariadb": {"positive_small": (0, 2**16 - 1), "positive": (0, 2**32 - 1), "positive_big": (0, 2**64 - 1)},
    "sqlite": {
        name: (0 if low == 0 else -(2**63), 2**63 - 1)
        for name, (low, _) in INTEGERS.items()
        if name != "small"
    },
}
SPECIAL_TEXTS = (
    "",
    " ",
    " both ends ",
    "null",
    "NaN",
    "0",
    "e\u0301 \u00e9",
    "\U0001f600\U0010ffff",
    "\u2028\ufeff\ufffe",
    "line\r\nline\n\t",
    "'; -- \" \\ \\u0000 %s %% {0} `",
    "\x01\x7f\x85",
)
_ANY_CHARACTER = st.characters(exclude_categories=["Cs"], exclude_characters="\x00")
TEXTS = st.sampled_from(SPECIAL_TEXTS) | st.text(_ANY_CHARACTER, max_size=12)
WITH_NUL = st.sampled_from(["\x00", "a\x00b"])


def texts(vendor: str, limit: int | None = None) -> Values:
    """Return texts that a column of the vendor takes; SQLite looks at no limit, PostgreSQL stores no NUL."""
    usual = TEXTS if limit is None else TEXTS.map(lambda text: text[:limit])
    if limit is not None:
        usual |= st.just("\u00e4" * limit)
        if vendor == "sqlite":
            usual |= st.just("x" * (limit + 1))
    return usual if vendor == "postgresql" else usual | WITH_NUL


def integers(vendor: str, name: str) -> Values:
    """Return numbers from end to end of a column's range."""
    low, high = WIDER.get(vendor, {}).get(name, INTEGERS[name])
    usual_low, usual_high = INTEGERS[name]
    edges = {low, high, usual_low, usual_high, 0}
    return st.sampled_from(sorted(edges)) | st.integers(usual_low, usual_high)


def floats(vendor: str) -> Values:
    """Return floats: NaN where the column holds it, infinities but on MariaDB."""
    edges = [0.0, -0.0, 0.1 + 0.2, 5e-324, 2.2250738585072014e-308, 1.7976931348623157e308, -1e22, 2.0**53]
    if vendor != "mariadb":
        edges += [math.inf, -math.inf]
    if vendor == "postgresql":
        edges.append(math.nan)
    return st.sampled_from(edges) | st.floats(allow_nan=False, allow_infinity=False)


def spans(vendor: str) -> Values:
    """Return durations: numbers of microseconds in 64 bits, but for PostgreSQL, which has a type for them."""
    longest = datetime.timedelta(microseconds=2**63 - 1)
    shortest = datetime.timedelta(microseconds=-(2**63))
    if vendor == "postgresql":
        longest, shortest = datetime.timedelta.max, datetime.timedelta.min
    edges = [datetime.timedelta(0), datetime.timedelta(days=-1, microseconds=1), longest, shortest]
    return st.sampled_from(edges) | st.timedeltas(shortest, longest)


def uuids(vendor: str) -> Values:
    """Return uuids; MariaDB's own type does not take all of them."""
    return st.uuids().filter(lambda value: not (vendor == "mariadb" and is_ambiguous(value)))


def moments() -> Values:
    """Return moments with microseconds, from the first to the last."""
    first, last = datetime.datetime.min.replace(tzinfo=UTC), datetime.datetime.max.replace(tzinfo=UTC)
    edges = [first, last, EPOCH, datetime.datetime(1969, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)]
    return st.sampled_from(edges) | st.datetimes(timezones=st.just(UTC))


def documents(vendor: str) -> Values:
    """Return JSON of every shape; numbers that jsonb would write anew are not for PostgreSQL."""
    numbers = st.sampled_from([0, 1, -1, 2**53 + 1, 2**63, -(2**200), 0.1, 1.0, 5e-324, 1e-7]) | st.integers()
    words = texts(vendor)
    shapes: list[Any] = [JSON_NULL, [], {}, [None], [[]], {"": ""}, {"b": 1, "a": 2}, [True, 1, 1.0, "1"]]
    if vendor != "postgresql":
        numbers |= st.sampled_from([1e22, -0.0, 1.7976931348623157e308]) | st.floats(
            allow_nan=False, allow_infinity=False
        )
    else:
        numbers |= st.floats(allow_nan=False, allow_infinity=False).filter(lambda n: not rewritten(n))
    shapes.append(nested(MARIADB_JSON_DEPTH))
    if vendor != "mariadb":
        shapes.append(nested(MARIADB_JSON_DEPTH + 1))
    if vendor == "sqlite":
        shapes += ["\ud800", {"\udfff": 1}]
    leaves = st.none() | st.booleans() | numbers | words
    deep = st.recursive(
        leaves,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
        max_leaves=6,
    )
    return (st.sampled_from(shapes) | deep).map(lambda value: JSON_NULL if value is None else value)


def nested(levels: int) -> Any:
    """Return a text inside of so many arrays."""
    document: Any = "inside"
    for _ in range(levels):
        document = [document]
    return document


@functools.cache
def specimens(vendor: str) -> dict[str, Values]:
    """Return a strategy for each column of the specimen that is no key; ``None`` is added where it is allowed."""
    json = documents(vendor)
    encoded = st.dictionaries(
        st.sampled_from(["at", "sum"]), st.dates().map(str) | st.decimals(-9, 9, places=2).map(str)
    )
    nullable = {
        "text": texts(vendor),
        **{name: texts(vendor, LENGTHS[name]) for name in ("url", "email", "file", "path")},
        **{name: integers(vendor, name) for name in INTEGERS if name not in ("small", "preset")},
        "maybe": st.booleans(),
        "number": floats(vendor),
        "amount": st.sampled_from([decimal.Decimal(text) for text in ("0", "-99999999.9999", "0.0001")])
        | st.decimals(-99999999, 99999999, places=4, allow_nan=False),
        "day": st.sampled_from([datetime.date.min, datetime.date.max]) | st.dates(),
        "hour": st.sampled_from([datetime.time.min, datetime.time.max]) | st.times(),
        "moment": moments(),
        "span": spans(vendor),
        "blob": st.sampled_from([b"", b"\x00", b"\xff\x80'\\", bytes(range(256))]) | st.binary(max_size=20),
        "uuid": uuids(vendor),
        "address": st.sampled_from(["192.0.2.1", "2001:db8::1", "::", "::ffff:10.0.0.1"])
        | st.ip_addresses().map(str),
        "maybe_document": json,
        "encoded": encoded,
        "colour": st.builds(Colour, *[st.integers(0, 255)] * 3),
    }
    return {
        **{name: st.none() | values for name, values in nullable.items()},
        "slug": texts(vendor, LENGTHS["slug"]),
        "small": integers(vendor, "small"),
        "preset": integers(vendor, "preset"),
        "boolean": st.booleans(),
        "document": json,
        "made": moments(),
        "changed": moments(),
    }


# -- what a database cannot hold ---------------------------------------------------------------------


def rewritten(number: float) -> bool:
    """Tell floats that jsonb, which holds decimals, gives back as whole numbers or without their sign."""
    if number == 0:
        return math.copysign(1, number) < 0
    return "e+" in repr(number) and number == math.floor(number)


def misfits(vendor: str, row: dict[str, Any]) -> set[str]:
    """Return the columns of a specimen whose values the vendor's column has no place for."""
    return {name for name, value in row.items() if value is not None and _misfit(vendor, name, value)}


def _misfit(vendor: str, name: str, value: Any) -> bool:
    if name in ("document", "maybe_document"):
        return _json_misfit(vendor, value)
    if isinstance(value, str):
        too_long = vendor != "sqlite" and len(value) > LENGTHS.get(name, len(value))
        return too_long or (vendor == "postgresql" and "\x00" in value)
    if name in INTEGERS:
        low, high = WIDER.get(vendor, {}).get(name, INTEGERS[name])
        return not low <= value <= high
    if name == "number":
        return (math.isnan(value) and vendor != "postgresql") or (math.isinf(value) and vendor == "mariadb")
    if name == "uuid":
        return vendor == "mariadb" and is_ambiguous(value)
    if name == "span" and vendor != "postgresql":
        return not -(2**63) <= value // datetime.timedelta(microseconds=1) < 2**63
    return False


def is_ambiguous(value: uuid.UUID) -> bool:
    """Tell uuids that MariaDB's type refuses: stored, they would look like others with their halves swapped."""
    return value.bytes[6] >= 0x80 and 0 < value.bytes[8] <= 0x80


def _json_misfit(vendor: str, value: Any) -> bool:
    texts_in = [leaf for leaf in leaves_of(value) if isinstance(leaf, str)]
    if vendor == "mariadb":
        return depth(value) > MARIADB_JSON_DEPTH or any(map(_half_a_pair, texts_in))
    if vendor == "postgresql":
        return any("\x00" in text or _half_a_pair(text) for text in texts_in) or any(
            isinstance(leaf, float) and rewritten(leaf) for leaf in leaves_of(value)
        )
    return False


def _half_a_pair(text: str) -> bool:
    return any("\ud800" <= character <= "\udfff" for character in text)


def leaves_of(value: Any) -> Iterator[Any]:
    """Yield every scalar of a document, and every name of a member."""
    if isinstance(value, dict):
        for name, item in value.items():
            yield name
            yield from leaves_of(item)
    elif isinstance(value, list):
        for item in value:
            yield from leaves_of(item)
    else:
        yield value


def depth(value: Any) -> int:
    """Return how many arrays and objects stand inside of each other."""
    if isinstance(value, dict):
        return 1 + max(map(depth, value.values()), default=0)
    if isinstance(value, list):
        return 1 + max(map(depth, value), default=0)
    return 0


CODES = ("a", "b", "größe", "漢字", "x 'y\"", "\U0001f600 z")
LETTERS = string.ascii_lowercase[:3]
Draw = Callable[[Values], Any]
