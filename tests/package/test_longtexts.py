"""Long texts are decoded alone: with the value, and the refusal, that the whole line would have."""

import json
import tracemalloc
from typing import Any
from unittest import mock

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from edms_backup.package import content_digest, digest_of_line, longtexts
from edms_backup.package.canonical import canonical, loads_again, strict_loads
from edms_backup.package.content import compose

ODD = st.text(st.sampled_from('ab"\\/\n\t\x00\u20ac\U0001f600\ud83d\ude00\ud800:{}[]n u'), max_size=60)
VALUES = st.recursive(
    st.none() | st.integers() | ODD | st.text(max_size=60),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ODD, inner, max_size=3),
    max_leaves=8,
)


def small(long: int = 5, piece: int = 3) -> Any:
    return mock.patch.multiple(longtexts, LONG=long, _PIECE=piece)


@given(VALUES, st.booleans(), st.integers(1, 40))
@example({"a" * 50: "b" * 50}, False, 5)
@example(["\U00010000"], True, 6)
@example(["\\" * 40, '"' * 40, "\U0001f600" * 20], True, 5)
def test_a_value_is_the_same(value: Any, escaped: bool, piece: int) -> None:
    data = json.dumps(value).encode() if escaped else canonical(value)
    expected = json.loads(data)
    with small(piece=piece):
        assert strict_loads(data) == expected
        assert loads_again(data) == expected


@given(st.binary(max_size=40), st.integers(1, 40))
@example(b'"\x01 a control character', 5)
@example(b"\\", 5)
@example(b"\\u12", 5)
@example(b"\xff\xfe", 5)
def test_what_is_no_json_is_refused_with_the_same_words(inside: bytes, piece: int) -> None:
    data = b'{"a":"' + inside + b'","b":"and something after it"}'
    plain, apart = _outcome(data), None
    with small(piece=piece):
        apart = _outcome(data)
    assert apart == plain


def _outcome(data: bytes) -> tuple[str, Any]:
    try:
        return "read", strict_loads(data)
    except ValueError as error:
        return "refused", str(error)


def test_a_long_name_twice_is_found() -> None:
    name = '"' + "n" * 50 + '"'
    with small(), pytest.raises(ValueError, match="twice"):
        strict_loads(f"{{{name}:1,{name}:2}}".encode())


@pytest.mark.parametrize("text", ["x" * 100, "line\n" * 30, '\U0001f600\\"' * 30])
def test_long_texts_are_really_set_apart(text: str) -> None:
    data = canonical({"model": "a.b", "fields": {"text": text, "short": "s"}})
    with small(long=50):
        apart = longtexts.set_apart(data)
    assert apart is not None
    assert list(apart.texts.values()) == [text]
    assert len(apart.rest) < 120


NAMES = st.sampled_from(["b", "a", "name", "a long name of a field"])


@given(
    st.dictionaries(NAMES, VALUES, max_size=4),
    st.integers() | ODD,
    st.booleans(),
    st.none() | NAMES,
    st.integers(1, 30),
)
@example({"a": {"z": "x" * 50, "b": "y" * 50}}, 1, False, None, 10)
@example({"a": {"z" * 50: 1, "b" * 50: 2}}, 1, False, None, 10)
@example({"a": "\ud800" * 9, "b": {"z": "\u20ac", "a": 1}}, 1, True, None, 10)
@example({"a": "x" * 50, "name": "y" * 50}, "k" * 50, True, "name", 10)
def test_the_digest_of_a_line_is_the_same(
    fields: dict[str, Any], pk: Any, keyless: bool, reference: str | None, long: int
) -> None:
    refs = {"r": {"field": reference, "model": "a.b", "key": ["k"]}} if reference in fields else None
    line, content = compose("a.model", fields, pk, keyless=keyless, refs=refs)
    with small(long=long):
        assert digest_of_line(line) == content_digest(content)
        assert digest_of_line(line, json.loads(line)) == content_digest(content)


def test_a_line_is_not_written_anew_around_a_long_text() -> None:
    text = "line\n" * 400_000
    line, content = compose("a.b", {"body": text, "settings": {"b": 1, "a": 2}}, 7)
    row = json.loads(line)
    tracemalloc.start()
    digest = digest_of_line(line, row)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert digest == content_digest(content)
    assert peak < 100_000


def test_a_line_of_very_many_texts_is_left_to_json() -> None:
    data = canonical(["short"] * 20_000 + ["long" * 1000])
    with small(long=1000):
        assert longtexts.set_apart(data) is None
        assert strict_loads(data)[-1] == "long" * 1000
