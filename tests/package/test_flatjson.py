"""The normal form of flat objects is what decoding, sorting and encoding them gives."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edms_backup.package.canonical import canonical, strict_loads
from edms_backup.package.content import normal_value
from edms_backup.package.flatjson import flat_pair, normal_flat

NAMES = st.text(st.sampled_from('aAb_-.9 !"\\é'), max_size=4)
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**20), 10**20),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(st.sampled_from('ab":,{}[]\\\n\x00é😀'), max_size=6),
)


@given(st.dictionaries(NAMES, SCALARS | st.lists(SCALARS, max_size=2), max_size=4))
def test_the_normal_form_is_the_slow_one_or_none(value: dict[str, Any]) -> None:
    written = canonical(value).decode()
    found = normal_flat(written)
    assert found in (None, canonical(normal_value(strict_loads(written.encode()))).decode())
    if found is not None and list(value) == sorted(value):
        assert found is written


@given(
    st.dictionaries(st.sampled_from(["a", "B", "_c", "d-e", "f.g", "a1"]), st.integers(-5, 5) | st.booleans())
)
def test_plain_objects_are_told_at_once(value: dict[str, Any]) -> None:
    expected = canonical(normal_value(value)).decode() if value else None
    assert normal_flat(canonical(value).decode()) == expected


@given(
    st.dictionaries(NAMES, SCALARS | st.lists(SCALARS, max_size=2), max_size=4), st.booleans(), st.booleans()
)
def test_what_a_database_holds_is_read_as_decoding_it_would(
    value: dict[str, Any], ascii: bool, blanks: bool
) -> None:
    stored = json.dumps(value, ensure_ascii=ascii, separators=None if blanks else (",", ":"))
    found = flat_pair(stored)
    assert found in (None, (canonical(value).decode(), canonical(normal_value(value)).decode()))


@pytest.mark.parametrize("ascii", [True, False])
@given(
    st.dictionaries(
        st.sampled_from(["b", "a", "c"]),
        st.text(st.characters(min_codepoint=0x7E, max_codepoint=0xFFFF, exclude_categories=["Cs"])),
    )
)
def test_letters_of_all_languages_are_no_reason_to_decode(ascii: bool, value: dict[str, str]) -> None:
    found = flat_pair(json.dumps(value, ensure_ascii=ascii))
    assert found == ((canonical(value).decode(), canonical(normal_value(value)).decode()) if value else None)


@pytest.mark.parametrize(
    "stored",
    [
        '{"a": "\\ud83d\\ude00"}',
        '{"a": "\\ud800"}',
        '{"a": "\\u0041"}',
        '{"a": "\\u001f"}',
        '{"a": "\\n"}',
        '{"a": "\\u00FC"}',
        '{"a": "é \\u00fc"}',
        '{"a":  1}',
        '{"a": 1 }',
        '{ "a": 1}',
        '{"a": 1, "a": 2}',
        '{"a": 1.5}',
        '{"\\u00fc": 1}',
        "null",
    ],
)
def test_what_is_held_in_another_way_is_left_to_others(stored: str) -> None:
    assert flat_pair(stored) is None


@pytest.mark.parametrize(
    "written",
    [
        "{}",
        "[]",
        '{"a":1,"a":2}',
        '{"b":1,"a":2,"b":1}',
        '{"a" :1}',
        '{"a": 1}',
        '{"a":01}',
        '{"a":-0}',
        '{"a":1.0}',
        '{"a":1e5}',
        '{"a":1234567890123456789}',
        '{"a":"\\u0041"}',
        '{"a":"\n"}',
        '{"a":"x","a b":1}',
        '{"a":{"b":1}}',
        '{"a":NaN}',
        '{"a":1,}',
        '{"a":1}\n',
        '{"é":1}',
        '{"a":tru}',
        '{"a":"b"',
    ],
)
def test_everything_else_is_left_to_others(written: str) -> None:
    assert normal_flat(written) is None


def test_members_are_sorted_by_their_names_and_not_by_what_follows() -> None:
    written = json.dumps({"ab": 1, "a": 2, "a.b": 3, "a-b": 4, "A": 5}, separators=(",", ":"))
    assert normal_flat(written) == '{"A":5,"a":2,"a-b":4,"a.b":3,"ab":1}'
