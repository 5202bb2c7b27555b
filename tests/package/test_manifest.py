"""The manifest: JSON both ways, strictly."""

import dataclasses
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edms_backup.errors import MalformedPackage, UnknownModel, UnsupportedFormat
from edms_backup.package import (
    DatabaseEntry,
    Exclusion,
    FilesEntry,
    Manifest,
    MemberEntry,
    RowDigest,
    SegmentEntry,
)
from edms_backup.package.manifest import decode_manifest, encode_manifest

from .builders import HEADER, LABEL, model_entry, with_header
from .test_canonical import values

SEGMENT = SegmentEntry(member="rows/documents.Document.jsonl.gz", rows=0, size=0, sha256="0" * 64)
INDEX = SegmentEntry(member="files.jsonl", rows=2, size=90, sha256="1" * 64)
FULL = Manifest(
    header=HEADER,
    software={"edms_backup": "0.1.0", "django": "5.2.19", "python": "3.11.7"},
    databases=(DatabaseEntry(alias="default", vendor="sqlite", version="3.45"),),
    models=(model_entry([SEGMENT], RowDigest()),),
    migrations={"documents": ["0001_initial"]},
    files=FilesEntry(count=2, bytes=9, contents=1, missing=1, index=INDEX),
    exclusions=(Exclusion(label="sessions.Session", reason="not worth keeping"),),
    findings=({"code": "x", "severity": "info", "message": "m"},),
    fingerprints={"SECRET_KEY": "ab"},
    configuration={"LANGUAGE_CODE": "de", "nested": {"deep": [1, None, True]}},
    members=tuple(MemberEntry(name=entry.member, size=1, sha256="2" * 64) for entry in (SEGMENT, INDEX)),
)


def document(**changes):
    return {**json.loads(encode_manifest(FULL)), **changes}


def decode(value):
    return decode_manifest(json.dumps(value).encode())


def test_a_full_manifest_survives():
    assert decode_manifest(encode_manifest(FULL)) == FULL


@given(st.dictionaries(st.text(), values), st.text())
def test_configuration_and_label_survive(configuration, label):
    manifest = Manifest(header=with_header(label=label), configuration=configuration)
    assert decode_manifest(encode_manifest(manifest)) == manifest


def test_the_encoding_is_sorted_and_readable():
    text = encode_manifest(FULL).decode()
    assert text.startswith('{\n "configuration"') and text.endswith("}\n")
    assert list(json.loads(text)) == sorted(json.loads(text))


def test_what_may_be_left_out_has_a_default():
    assert decode({"format_version": 1, "header": document()["header"]}) == Manifest(header=HEADER)


def test_members_of_later_releases_are_ignored():
    later = document(later={"a": 1})
    later["models"][0]["later"] = True
    assert decode(later) == FULL


def test_a_newer_format_is_refused_before_anything_else_is_looked_at():
    with pytest.raises(UnsupportedFormat, match="format version 2"):
        decode({"format_version": 2, "header": "quite different"})


@pytest.mark.parametrize("version", [0, True, "1", None, 1.0, -1])
def test_a_format_version_that_never_was_is_refused(version):
    with pytest.raises(MalformedPackage, match="format_version"):
        decode(document(format_version=version))


@pytest.mark.parametrize("text", [b"", b"[]", b"null", b'{"format_version":1,"format_version":1}', b"\xff"])
def test_what_is_no_manifest_is_refused(text):
    with pytest.raises(MalformedPackage, match=r"MANIFEST\.json: "):
        decode_manifest(text)


def change(path, value):
    """Return the document with one place changed; ``path`` is dotted."""
    changed = document()
    *parents, last = path.split(".")
    place = changed
    for name in parents:
        place = place[int(name) if name.isdigit() else name]
    place[int(last) if last.isdigit() else last] = value
    return changed


@pytest.mark.parametrize(
    ("path", "value", "reason"),
    [
        ("header", [], "manifest.header is no object"),
        ("header", {"created_at": "x"}, "manifest.header lacks package_id"),
        ("header.label", None, "manifest.header.label is no str"),
        ("header.package_id", "6F1C0B5E-0000-4000-8000-000000000001", "no UUID"),
        ("header.created_at", "2025-01-31T23:59:59Z", "no instant"),
        ("header.created_at", "2025-01-31T23:59:59.000000Z\n", "no instant"),
        ("header.kind", "incremental", "header.kind"),
        ("software", [], "manifest.software is no object"),
        ("software.django", 5, "manifest.software.django is no str"),
        ("migrations.documents", "0001", "manifest.migrations.documents is no array"),
        ("models", {}, "manifest.models is no array"),
        ("models.0.rows", True, r"manifest.models\[0\].rows is no int"),
        ("models.0.rows", 1.0, r"manifest.models\[0\].rows is no int"),
        ("models.0.rows", -1, r"manifest.models\[0\].rows is negative"),
        ("models.0.rows", 3, "do not hold 3 rows"),
        ("models.0.sequence", "1", r"manifest.models\[0\].sequence is no int"),
        ("models.0.digest", "0" * 63, "digest of documents.Document"),
        ("models.0.digest", "G" * 64, "digest of documents.Document"),
        ("models.0.pk", None, r"manifest.models\[0\].pk is no object"),
        ("models.0.key.paths.0", 1, r"manifest.models\[0\].key.paths\[0\] is no str"),
        ("models.0.segments.0.member", "files.jsonl", "no member for rows"),
        ("models.0.segments.0.member", "rows/documents.Other.jsonl", "not among the members"),
        ("models.0.segments.0.sha256", "", "digest of rows/documents.Document"),
        ("models.0.segments", [], "belongs to no model"),
        ("files.count", 5, "contradict each other"),
        ("files.missing", 3, "contradict each other"),
        ("files.contents", 3, "contradict each other"),
        ("files.index", None, "no index"),
        ("files.index.member", "rows/documents.Document.jsonl.gz", "no member for it"),
        ("findings", ["x"], r"manifest.findings\[0\] is no object"),
        ("members.0.name", "../evil", "no place among the members"),
        ("members.0.name", "MANIFEST.json", "no place among the members"),
        ("members.0.name", "files/00/" + "0" * 64, "no place among the members"),
        ("members.0.name", "files.jsonl", "'files.jsonl' is named twice"),
        ("members.1.sha256", "x", "the digest of files.jsonl"),
    ],
)
def test_a_manifest_that_contradicts_the_format_is_refused(path, value, reason):
    with pytest.raises(MalformedPackage, match=reason):
        decode(change(path, value))


@pytest.mark.parametrize("label", [LABEL, "documents.DOCUMENT"])
def test_a_model_occurs_once(label):
    twice = document()
    twice["models"].append({**twice["models"][0], "label": label, "segments": []})
    with pytest.raises(MalformedPackage, match="'documents.document' is named twice"):
        decode(twice)


def test_a_segment_cannot_hold_more_rows_than_bytes():
    lying = change("models.0.rows", 10**9)
    lying["models"][0]["segments"][0]["rows"] = 10**9
    with pytest.raises(MalformedPackage, match="more rows than bytes"):
        decode(lying)


def test_the_index_is_where_it_belongs():
    other = change("files.index.member", "rows/documents.Other.jsonl")
    other["members"][1]["name"] = "rows/documents.Other.jsonl"
    with pytest.raises(MalformedPackage, match="no member for it"):
        decode(other)


def test_a_model_is_found_by_its_label():
    assert FULL.model(LABEL) is FULL.models[0]
    with pytest.raises(UnknownModel, match=r"no rows of a\.B"):
        FULL.model("a.B")


def test_manifests_are_values():
    with pytest.raises(dataclasses.FrozenInstanceError):
        FULL.header.label = "other"
