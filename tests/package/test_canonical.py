"""JSON: exact when written, strict when read."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edms_backup.package.canonical import MAX_DEPTH, MAX_DIGITS, canonical, pretty, strict_loads

scalars = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
)
surrogates = st.text(st.characters(codec=None))
values = st.recursive(scalars | surrogates, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner))


@given(values)
def test_what_is_written_is_read_back(value):
    assert strict_loads(canonical(value)) == value
    assert strict_loads(pretty(value)) == value


@given(values)
def test_canonical_is_a_fixed_point(value):
    assert canonical(strict_loads(canonical(value))) == canonical(value)


def test_canonical_is_compact_utf8_in_the_given_order():
    assert canonical({"b": "ü", "a": [1, 2.5, None]}) == '{"b":"ü","a":[1,2.5,null]}'.encode()


def test_lone_surrogates_are_escaped():
    assert canonical(["ü", "\ud800"]) == b'["\\u00fc","\\ud800"]'


@pytest.mark.pitfall(46)
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_numbers_that_json_lacks_are_not_written(value):
    with pytest.raises(ValueError, match="NaN and infinities"):
        canonical([value])


def test_integers_beyond_the_limit_are_not_written():
    with pytest.raises(ValueError, match="more than 4300 digits"):
        canonical(10**MAX_DIGITS)


def test_the_longest_integer_passes():
    assert strict_loads(canonical(10 ** (MAX_DIGITS - 1))) == 10 ** (MAX_DIGITS - 1)


def test_a_long_run_of_digits_in_a_text_passes():
    text = "7" * 10_000
    assert strict_loads(canonical({"n": 1, "t": text})) == {"n": 1, "t": text}


def test_a_cycle_is_no_value():
    cycle = []
    cycle.append(cycle)
    with pytest.raises((ValueError, RecursionError)):
        canonical(cycle)


@pytest.mark.pitfall(79)
@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b'{"a":1,"a":1}', "'a' is named twice"),
        (b'[{"b":{"x":1,"y":2,"x":3}}]', "'x' is named twice"),
        (b"NaN", "NaN is no JSON number"),
        (b"[-Infinity]", "-Infinity is no JSON number"),
        (b"1e999", "too great"),
        (b"-1e999", "too great"),
        (b'"\xff"', "not UTF-8 at byte 1"),
        (b"\xef\xbb\xbf1", "not JSON"),
        (b"1 2", "not JSON"),
        (b"'a'", "not JSON"),
        (b"", "not JSON"),
        (b"9" * (MAX_DIGITS + 1), "more than 4300 digits"),
        (b"-" + b"9" * (MAX_DIGITS + 1), "more than 4300 digits"),
        (b"9" * 1_000_000, "more than 4300 digits"),
        (b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1), f"nested deeper than {MAX_DEPTH}"),
        (b'{"a":' * 201 + b"1" + b"}" * 201, "nested deeper than 200"),
        (b"[" * 100_000, "nested deeper than 200"),
        (b"[" * 100_000 + b"]" * 100_000, "nested deeper than 200"),
    ],
)
def test_loose_json_is_refused(text, reason):
    with pytest.raises(ValueError, match=reason):
        strict_loads(text)


@pytest.mark.pitfall(79)
def test_the_deepest_nesting_passes():
    text = b"[" * MAX_DEPTH + b"]" * MAX_DEPTH
    assert canonical(strict_loads(text)) == text
    # More brackets than levels: they have to be counted by going down.
    twins = b"[" * (MAX_DEPTH - 1) + b"[],[]" + b"]" * (MAX_DEPTH - 1)
    assert canonical(strict_loads(twins)) == twins


def test_many_shallow_values_are_not_deep():
    value = [[index] for index in range(1000)]
    assert strict_loads(json.dumps(value).encode()) == value


members = st.text(st.sampled_from('a":\\ {\u00fc'), max_size=4)


@given(st.dictionaries(members, members, min_size=1), st.data())
def test_a_member_named_twice_is_found_however_it_is_written(value, data):
    name = data.draw(st.sampled_from(sorted(value)))
    blank = data.draw(st.sampled_from(["", " ", "\t", "\n ", "  \r"]))
    again = data.draw(st.sampled_from([json.dumps(name), json.dumps(name, ensure_ascii=False)]))
    inner = canonical(value)[:-1].decode()
    for text in (f"{inner},{again}{blank}:1}}", f"{{{again}{blank}:[],{inner[1:]}}}"):
        for whole in (text, f"[{text}]", f'{{"x":[1,{text}]}}'):
            with pytest.raises(ValueError, match="named twice"):
                strict_loads(whole.encode())


@given(values, st.sampled_from(["", " ", "\n"]))
def test_blanks_and_marks_in_texts_change_nothing(value, blank):
    loose = json.dumps({"a": value, 'b":': 'x : "y":'}, separators=(",", f"{blank}:"))
    assert strict_loads(loose.encode()) == json.loads(loose)
