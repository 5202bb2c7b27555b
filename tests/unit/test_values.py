"""Values to JSON and back: the JSON is strict, nothing is lost, and Django's own fields understand it."""

import datetime
import decimal
import json
import math
import uuid
from typing import Any

import pytest
from django.db import models
from hypothesis import given
from hypothesis import strategies as st

from edms_backup.engines.values import decode, encode_plain, encoder, json_value, speaks_for_itself
from edms_backup.package.canonical import canonical, strict_loads
from tests.zoo.models import Colour, Specimen

UTC = datetime.UTC
TEXT = st.text(st.characters(exclude_categories=["Cs"]))
INT64 = st.integers(-(2**63), 2**63 - 1)
JSON = st.recursive(
    st.none() | st.booleans() | INT64 | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)
COLUMNS: dict[str, st.SearchStrategy[Any]] = {
    "text": TEXT,
    "slug": TEXT,
    "integer": st.integers(-(2**31), 2**31 - 1),
    "big": INT64,
    "boolean": st.booleans(),
    "number": st.floats(),
    "amount": st.decimals(
        allow_nan=False, allow_infinity=False, places=4, min_value=-(10**7), max_value=10**7
    ),
    "day": st.dates(),
    "hour": st.times(),
    "moment": st.datetimes(timezones=st.just(UTC)),
    "span": st.timedeltas(),
    "blob": st.binary(),
    "uuid": st.uuids(),
    # Python and Django write mapped addresses in different ways; what a site holds has gone through Django.
    "address": st.ip_addresses().map(lambda address: column("address").to_python(str(address))),
    "document": JSON,
    "encoded": JSON,
    "file": TEXT,
    "path": TEXT,
    "colour": st.builds(Colour, *[st.integers(0, 255)] * 3),
    "preset": st.integers(-(2**31), 2**31 - 1),
}


def column(name: str) -> Any:
    return Specimen._meta.get_field(name)


def travelled(name: str, value: Any) -> Any:
    """Return what comes out of a package where ``value`` went in."""
    encode = encoder(column(name))
    written = value if encode is None else encode(value)
    return decode(column(name), strict_loads(canonical(written)))


@pytest.mark.pitfall(43)
@pytest.mark.pitfall(50)
@pytest.mark.parametrize("name", sorted(COLUMNS))
@given(data=st.data())
def test_every_value_comes_back(name: str, data: st.DataObject) -> None:
    value = data.draw(COLUMNS[name])
    back = travelled(name, value)
    if isinstance(value, float) and math.isnan(value):
        assert math.isnan(back)
    else:
        assert (bytes(back) if name == "blob" else back) == value
        assert type(back) is type(value) or name == "blob"


def test_every_column_of_the_zoo_takes_part() -> None:
    told = {field.name for field in Specimen._meta.concrete_fields}
    others = {
        "id",
        "code",
        "url",
        "email",
        "small",
        "positive_small",
        "positive",
        "positive_big",
        "maybe",
        "made",
        "changed",
        "maybe_document",
        "following",
    }
    assert told - others == set(COLUMNS)


@pytest.mark.pitfall(44)
@given(st.datetimes(timezones=st.timezones()))
def test_the_same_moment_is_written_in_one_way(moment: datetime.datetime) -> None:
    encode = encoder(column("moment"))
    assert encode is not None
    try:
        same = moment.astimezone(UTC)
    except OverflowError:
        return  # beyond the years that there are
    assert encode(moment) == encode(same)
    assert decode(column("moment"), encode(moment)) == same


@given(st.datetimes())
def test_a_time_without_a_zone_gets_none(moment: datetime.datetime) -> None:
    encode = encoder(column("moment"))
    assert encode is not None
    assert encode(moment) == moment.isoformat()


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (None, None),
        (True, True),
        (7, 7),
        ("x", "x"),
        (1.5, 1.5),
        (math.inf, "Infinity"),
        (-math.inf, "-Infinity"),
        (math.nan, "NaN"),
        (datetime.datetime(2024, 1, 2, 3, 4, 5, 6, tzinfo=UTC), "2024-01-02T03:04:05.000006Z"),
        (datetime.date(2024, 1, 2), "2024-01-02"),
        (datetime.time(3, 4, 5, 6), "03:04:05.000006"),
        (datetime.timedelta(days=1, microseconds=1), "1 00:00:00.000001"),
        (decimal.Decimal("1.10"), "1.10"),
        (uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (b"\x00\xff", "AP8="),
        (memoryview(b"\x00"), "AA=="),
        (("a", 1), ["a", 1]),
        ([("a",)], [["a"]]),
    ],
)
def test_values_of_no_known_column(value: Any, written: Any) -> None:
    assert encode_plain(value) == written


@pytest.mark.parametrize("value", [object(), {"a": 1}, {1}])
def test_what_has_no_exact_shape_is_refused(value: Any) -> None:
    with pytest.raises(TypeError, match=type(value).__name__):
        encode_plain(value)


class Shouting(models.TextField):
    """A class outside Django that decides how its values are written."""

    def value_to_string(self, obj: Any) -> str:
        return str(self.value_from_object(obj)).upper()


class Whispering(models.TextField):
    """A class outside Django that changes nothing."""


class Points(models.Field):
    """A class outside Django of a type of its own."""

    def get_internal_type(self) -> str:
        return "Points"


@pytest.mark.pitfall(52)
def test_classes_outside_django_speak_for_themselves() -> None:
    shouting, whispering, points = Shouting(name="s"), Whispering(name="w"), Points(name="p")
    for field in (shouting, whispering, points):
        field.set_attributes_from_name(field.name)
    assert speaks_for_itself(shouting)
    assert not speaks_for_itself(whispering)
    assert encoder(whispering) is None
    shout, point = encoder(shouting), encoder(points)
    assert shout is not None
    assert point is not None
    assert shout(["a"]) == "['A']"
    assert shout(5) == 5, "what JSON knows needs no field"
    assert point(7.5) == 7.5
    assert decode(points, None) is None


@given(JSON)
def test_json_columns_keep_the_order_of_members(value: Any) -> None:
    text = json.dumps(value)
    assert json.dumps(json_value(text)) == text
    assert decode(column("document"), value) is value


def test_json_with_an_encoder_of_its_own_is_written_with_it() -> None:
    encode = encoder(column("encoded"))
    assert encode is not None
    assert encode({"at": datetime.date(2024, 1, 1)}) == {"at": "2024-01-01"}


def test_a_reference_is_written_like_what_it_points_at() -> None:
    from tests.zoo.models import TokenUse

    encode = encoder(TokenUse._meta.get_field("token"))
    assert encode is not None
    assert encode(uuid.UUID(int=1)).endswith("0001")
