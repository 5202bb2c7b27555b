"""``compose`` and ``content_of`` agree on what the content of a row is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edms_backup.package import content_of, decode_line
from edms_backup.package.canonical import canonical
from edms_backup.package.content import compose

from .test_rows import fields, keys

references = st.dictionaries(
    st.text(min_size=1),
    st.fixed_dictionaries({"field": st.sampled_from(["a", "b", "ö"]), "key": st.lists(keys)}),
)


@given(
    values=fields,
    pk=keys,
    pk_in_key=st.booleans(),
    keyless=st.booleans(),
    members=st.fixed_dictionaries(
        {"refs": st.none() | references, "json_null": st.lists(st.text()), "key": st.none() | st.lists(keys)}
    ),
)
def test_the_content_that_was_digested_is_the_one_that_is_read(values, pk, pk_in_key, keyless, members):
    keyless = keyless and not pk_in_key
    line, content = compose("a.b", values, pk, pk_in_key=pk_in_key, keyless=keyless, **members)
    assert content_of(line) == content
    assert decode_line(line, "m", 1)["fields"] == values


@given(fields, st.integers(), st.integers(), st.booleans(), references)
def test_ids_of_the_site_are_no_content(values, one, other, keyless, refs):
    """The primary key, and the columns that generic references resolve, may differ."""
    ids = {reference["field"] for reference in refs.values()}
    contents = set()
    for pk in (one, other):
        row = {**values, **dict.fromkeys(sorted(ids), pk)}
        contents.add(compose("a.b", row, pk, keyless=keyless, refs=refs)[1])
    assert len(contents) == 1


@given(fields, references, st.integers() | st.text(), st.text(st.sampled_from('ab":\\,0'), max_size=9))
def test_an_id_is_taken_out_of_the_line_where_it_stands(values, refs, value, text):
    """As if the whole row had been written anew with ``null`` in the place of the ids."""
    ids = {reference["field"] for reference in refs.values()}
    row = {"t": text, **values, **dict.fromkeys(sorted(ids), value), "u": text}
    _, content = compose("a.b", row, 1, refs=refs)
    expected = {name: None if name in ids else _ordered(value) for name, value in row.items()}
    members = {"_refs": refs} if refs else {}
    assert content == canonical({"model": "a.b", "fields": expected, **members})[:-1]


def _ordered(value):
    if isinstance(value, dict):
        return {name: _ordered(value[name]) for name in sorted(value)}
    return [_ordered(item) for item in value] if isinstance(value, list) else value


def test_the_order_of_members():
    refs = {"target": {"field": "object_id", "model": "c.d", "key": ["K"]}}
    line, content = compose(
        "a.b", {"object_id": 5}, 7, keyless=True, refs=refs, json_null=["j"], key=["natural"]
    )
    assert line == (
        b'{"model":"a.b","fields":{"object_id":5},"_json_null":["j"],'
        b'"_refs":{"target":{"field":"object_id","model":"c.d","key":["K"]}},"_key":["natural"],"pk":7,"_pk":7}\n'
    )
    assert content == line[: line.rindex(b',"pk"')].replace(b'"object_id":5', b'"object_id":null')


@pytest.mark.parametrize("pk", ["text", 1.5, None, [1, "a"]])
def test_a_key_that_belongs_to_the_natural_key_is_content(pk):
    line, content = compose("a.b", {}, pk, pk_in_key=True)
    assert line.startswith(content) and b'"pk":' in content
