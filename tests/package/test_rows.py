"""The canonical row: lines, contents, digests."""

import hashlib
import json
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edms_backup.errors import MalformedPackage
from edms_backup.package import RowDigest, content_digest, content_of, decode_line, encode_line

from .test_canonical import scalars, values

keys = scalars | st.lists(scalars, min_size=1, max_size=3)
fields = st.dictionaries(st.text(), values, max_size=4)
LINE = b'{"model":"a.b","fields":{"x":1},"_pk":7}\n'


@given(fields, keys)
def test_a_row_survives(values, pk):
    line = encode_line("documents.document", {"fields": values, "_json_null": ["x"]}, pk)
    row = decode_line(line, "m", 1)
    assert row == {"model": "documents.document", "fields": values, "_json_null": ["x"], "_pk": pk}
    assert line.count(b"\n") == 1


@given(fields, keys, keys)
def test_the_primary_key_never_changes_the_content(values, one, other):
    lines = [encode_line("a.b", {"fields": values}, pk) for pk in (one, other)]
    assert content_of(lines[0]) == content_of(lines[1])


def test_a_primary_key_that_must_be_escaped_leaves_the_content_alone():
    lines = [encode_line("a.b", {"fields": {"x": "ü"}}, pk) for pk in ("\ud800", "plain")]
    assert content_of(lines[0]) == content_of(lines[1])
    assert decode_line(lines[0], "m", 1)["_pk"] == "\ud800"


@given(st.text())
def test_a_text_cannot_fake_the_end_of_the_content(text):
    trap = f'{text},"_pk":{text}'
    line = encode_line("a.b", {"fields": {"x": trap, 'y,"_pk":': trap}}, trap)
    assert json.loads(content_of(line) + b"}") == {"model": "a.b", "fields": {"x": trap, 'y,"_pk":': trap}}


def test_the_line_is_what_the_format_says():
    assert encode_line("a.b", {"fields": {"x": 1}}, 7) == LINE
    assert content_of(LINE) == b'{"model":"a.b","fields":{"x":1}'
    assert content_digest(b"x") == int(hashlib.sha256(b"x").hexdigest(), 16)


def test_a_pk_beside_pk_is_no_content():
    line = b'{"model":"a.b","fields":{"x":1},"pk":7,"_pk":7}\n'
    assert decode_line(line, "m", 1)["pk"] == 7
    assert content_of(line) == b'{"model":"a.b","fields":{"x":1}'


def test_a_pk_in_front_is_content():
    line = b'{"model":"a.b","pk":7,"fields":{"x":1},"_pk":7}\n'
    assert content_of(line) == b'{"model":"a.b","pk":7,"fields":{"x":1}'


def test_an_id_that_refs_resolve_is_no_content():
    refs = {"target": {"field": "object_id", "model": "c.d", "key": ["K"]}}
    lines = [encode_line("a.b", {"fields": {"object_id": pk, "z": 1.5}, "_refs": refs}, 1) for pk in (3, 4)]
    assert content_of(lines[0]) == content_of(lines[1])
    assert b'{"object_id":null,"z":1.5}' in content_of(lines[0])


def test_text_that_looks_like_refs_stays_content():
    line = encode_line("a.b", {"fields": {"j": {"_refs": {"t": {"field": "j"}}}}}, 1)
    assert content_of(line) == line[: line.rfind(b',"_pk"')]


@pytest.mark.parametrize("pk", [{"a": 1}, [[1]], [{"a": 1}]])
def test_a_primary_key_is_flat(pk):
    with pytest.raises(ValueError, match="primary key of a a.b"):
        encode_line("a.b", {"fields": {}}, pk)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (LINE[:-1], "not one object on one line"),
        (LINE + LINE, "not one object on one line"),
        (LINE.replace(b'"x"', b'\n"x"'), "not one object on one line"),
        (b" " + LINE, "does not start with its model"),
        (b'{"fields":{},"model":"a.b","_pk":7}\n', "does not start with its model"),
        (b'{"model":3,"fields":{},"_pk":7}\n', "model is no text"),
        (b'{"model":"a.b","fields":[],"_pk":7}\n', "fields is no object"),
        (b'{"model":"a.b","_pk":7}\n', "fields is no object"),
        (b'{"model":"a.b","fields":{}}\n', "_pk is not the last member"),
        (b'{"model":"a.b","_pk":7,"fields":{}}\n', "_pk is not the last member"),
        (b'{"model":"a.b","fields":{},"_pk":{"a":1}}\n', "_pk is not the last member"),
        (b'{"model":"a.b","fields":{},"_pk": 7}\n', "not written canonically"),
        (b'{"model":"a.b","fields":{}, "_pk":7}\n', "not written canonically"),
        (b'{"model":"a.b","fields":{},"_\\u0070k":7}\n', "not written canonically"),
        (b'{"model":"a.b","fields":{"x":1,"x":2},"_pk":7}\n', "named twice"),
        (b'{"model":"a.b","fields":{},"fields":{},"_pk":7}\n', "named twice"),
        (b'{"model":"a.b","fields":{"x":NaN},"_pk":7}\n', "no JSON number"),
        (b'{"model":"a.b","fields":{},"extra":1,"_pk":7}\n', "unknown member 'extra'"),
        (b'{"model":"a.b","pk":8,"fields":{},"_pk":7}\n', "pk and _pk differ"),
        (b'{"model":"a.b","fields":' + b'{"a":' * 201 + b"1" + b"}" * 201 + b',"_pk":7}\n', "nested deeper"),
        (b'{"model":"a.b","fields":{"x":' + b"1" * 5000 + b'},"_pk":7}\n', "4300 digits"),
        (b'{"model":"a.b","fields":{"x":"\xff"},"_pk":7}\n', "not UTF-8"),
    ],
)
def test_a_line_that_is_no_row_is_refused_with_its_place(line, reason):
    with pytest.raises(MalformedPackage, match=f"^rows/a.b.jsonl, line 12: .*{reason}"):
        decode_line(line, "rows/a.b.jsonl", 12)


def test_the_length_of_a_line_is_limited():
    with pytest.raises(MalformedPackage, match="longer than 20 bytes"):
        decode_line(LINE, "m", 1, max_line=20)


@pytest.mark.parametrize("line", [b"", b"{}\n", b'{"model":"a.b","fields":{}}\n'])
def test_there_is_no_content_without_a_key(line):
    with pytest.raises(ValueError, match="no _pk"):
        content_of(line)


@pytest.mark.parametrize("refs", [b'{"t":1}', b'{"t":{}}', b'{"t":{"field":[]}}'])
def test_refs_without_fields_are_refused(refs):
    with pytest.raises(ValueError, match="_refs does not name fields"):
        content_of(b'{"model":"a.b","fields":{},"_refs":' + refs + b',"_pk":1}\n')


@given(st.lists(st.integers(0, 2**256 - 1)), st.randoms(use_true_random=False))
def test_the_digest_knows_no_order(digests, order):
    shuffled = random.Random(order.random()).sample(digests, len(digests))
    totals = [RowDigest(), RowDigest()]
    for total, numbers in zip(totals, (digests, shuffled), strict=True):
        for number in numbers:
            total.add(number)
    assert totals[0] == totals[1]
    assert len(totals[0].hexdigest()) == 64


def test_the_digest_counts_equal_rows():
    one, two = RowDigest(), RowDigest()
    one.add(5)
    two.add(5)
    two.add(0)
    assert one.hexdigest() == two.hexdigest()
    assert one != two
    assert one != 5


def test_digests_can_be_merged_and_rows_taken_out():
    whole, part, rest = RowDigest(), RowDigest(), RowDigest()
    for number in (3, 2**256 - 1, 9):
        whole.add(number)
    part.add(3)
    rest.add(9)
    rest.add(2**256 - 1)
    part.merge(rest)
    assert part == whole
    part.remove(9)
    part.remove(3)
    assert (part.count, part.hexdigest()) == (1, "f" * 64)
