"""One thing that is wrong hides no other, and every way to be wrong has its words."""

import io

import pytest

from edms_backup.errors import MalformedPackage
from edms_backup.events import NullReporter
from edms_backup.package import FileEntry, PackageReader, PackageWriter, unpack
from edms_backup.package.container import directory_end
from edms_backup.package.content import compose, content_of_line
from edms_backup.package.manifest import Manifest
from edms_backup.package.verify import recorded_findings, verify

from .builders import HEADER, forge, make_package, members_of, reseal


def with_files(names: list[str]) -> bytes:
    """Return a package without rows; a name that ends with ``?`` is that of a file that was missing."""
    sink = io.BytesIO()
    with PackageWriter(sink, codec="none") as package:
        entries = [
            FileEntry(root="media", name=name[:-1], missing=True)
            if name.endswith("?")
            else FileEntry(
                root="media", name=name, **package.add_content(io.BytesIO(name[:1].encode()))._asdict()
            )
            for name in names
        ]
        index = package.add_files_index(entries)
        package.finish(Manifest(header=HEADER, models=(), files=index))
    return sink.getvalue()


def test_a_recorded_finding_that_is_none_hides_no_other() -> None:
    def recorded(code: str) -> dict[str, object]:
        return {"code": code, "severity": "defect", "message": "m"}

    findings = (
        recorded("first"),
        {},
        {"code": "quiet", "severity": "info", "message": "m"},
        recorded("last"),
    )
    reader = PackageReader(io.BytesIO(make_package(findings=findings)))

    said = [finding.code for finding in recorded_findings(reader.manifest)]
    assert said == ["first", "finding_malformed", "last"]
    assert [finding.code for finding in verify(reader, NullReporter())] == said


@pytest.mark.parametrize(
    "names",
    [["a", "b?", "c"], ["a?", "b", "c"], ["a", "b", "c?"], ["a", "a2", "c"], ["a?", "b?"], ["a", "a2", "b?"]],
)
def test_the_script_checks_every_content_whatever_stands_before_it(names: list[str]) -> None:
    package = with_files(names)
    unpack.verify(io.BytesIO(package))
    contents = [name for name in members_of(package) if name.startswith("files/")]
    assert len(contents) == len({name[0] for name in names if not name.endswith("?")})

    for content in contents:
        with pytest.raises(unpack.Damaged):
            unpack.verify(io.BytesIO(reseal(package, {content: b"?"})))


@pytest.mark.parametrize("length", [1, 20, 45])
def test_a_directory_that_ends_within_an_entry_is_refused(length: int) -> None:
    """Its last bytes are too few to be an entry, and the end record counts them in."""

    def end(count: int, size: int, offset: int) -> bytes:
        return bytes(length) + directory_end(count, size + length, offset)

    with pytest.raises(MalformedPackage, match="ends within an entry"):
        PackageReader(io.BytesIO(forge(members_of(make_package()).items(), end=end)))


@pytest.mark.parametrize(
    ("value", "ordered"),
    [
        ({"x": {"b": 1, "a": 2}}, b'{"x":{"a":2,"b":1}}'),
        ({"x": [{"b": 1, "a": 2}]}, b'{"x":[{"a":2,"b":1}]}'),
        ([[{"b": {"d": 1, "c": 2}}]], b'[[{"b":{"c":2,"d":1}}]]'),
        ({"a": {"b": 1}, "x": {"b": 1, "a": 2}}, b'{"a":{"b":1},"x":{"a":2,"b":1}}'),
        ({"x": {"b": 1, "a": 2}, "a": {"b": 1}}, b'{"a":{"b":1},"x":{"a":2,"b":1}}'),
        ([{"a": 1}, {"b": 1, "a": 2}], b'[{"a":1},{"a":2,"b":1}]'),
    ],
)
def test_the_order_of_members_is_no_content_however_deep_they_stand(value: object, ordered: bytes) -> None:
    line, content = compose("a.b", {"document": value}, 1)

    assert content == b'{"model":"a.b","fields":{"document":' + ordered + b"}"
    assert content_of_line(line) == content


def test_a_segment_belongs_to_one_model() -> None:
    def twice(document: dict[str, list[dict[str, object]]]) -> None:
        document["models"].append({**document["models"][0], "label": "documents.Other"})

    with pytest.raises(MalformedPackage, match=r"segment 'rows/documents\.Document.*' is named twice"):
        PackageReader(io.BytesIO(reseal(make_package(), {}, twice)))
