"""What is written is read back, by us and by ordinary tools; the same state gives the same bytes."""

import dataclasses
import gzip
import hashlib
import io
import random
import shutil
import subprocess
import threading
import zipfile

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edms_backup.errors import MalformedPackage, PackageNotFound, UnknownModel, UnsupportedFormat, UsageError
from edms_backup.events import NullReporter
from edms_backup.package import (
    FileEntry,
    FilesEntry,
    Manifest,
    PackageReader,
    PackageWriter,
    RowDigest,
    compression,
    container,
    content_digest,
    content_of,
    decode_line,
    encode_line,
    segment_name,
)
from edms_backup.package.container import MANIFEST, README, TRAILER_LENGTH, UNPACK
from edms_backup.package.growing import BLOCK
from edms_backup.package.verify import verify

from .builders import FILES, HEADER, LABEL, ROWS, Sink, make_package, members_of, model_entry, with_header
from .test_rows import fields, keys

CODECS = ["none", "gzip", "zstd"]


def opened(package):
    return PackageReader(io.BytesIO(package), "test.edms")


def contents(reader):
    found = {}
    for entry in reader.files():
        if entry.missing:
            found[entry.name] = None
            continue
        with reader.open_content(entry) as stream:
            found[entry.name] = stream.read()
    return found


def is_intact(package):
    return verify(opened(package), NullReporter()) == []


@pytest.mark.parametrize("codec", CODECS)
def test_everything_comes_back(codec):
    reader = opened(make_package(codec=codec))
    rows = [decode_line(line, "m", 1) for line in reader.rows(LABEL)]
    assert [(row["fields"], row["_pk"]) for row in rows] == ROWS
    assert contents(reader) == {**FILES, "documents/lost.pdf": None}
    assert reader.manifest.files.missing == 1
    assert verify(reader, NullReporter()) == []


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(st.tuples(fields, keys), max_size=8),
    st.dictionaries(st.text(min_size=1), st.binary(max_size=300), max_size=5),
    st.sampled_from(CODECS),
)
def test_any_rows_and_files_survive(rows, files, codec):
    package = make_package(rows, files, codec=codec, missing=())
    reader = opened(package)
    found = [decode_line(line, "m", 1) for line in reader.rows(LABEL)]
    assert [(row["fields"], row["_pk"]) for row in found] == rows
    assert contents(reader) == files
    assert is_intact(package)


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("size", [0, 1, 65_535, 65_536, 262_143, 262_144, 262_145, 9_000_000])
def test_contents_of_every_size_survive(codec, size):
    noise = random.Random(size).randbytes(size)
    text = (b"the same again and again " * (size // 25 + 1))[:size]
    package = make_package([], {"noise": noise, "text": text}, codec=codec, missing=())
    assert contents(opened(package)) == {"noise": noise, "text": text}
    assert is_intact(package)


def test_only_what_shrinks_is_compressed():
    noise = random.Random(1).randbytes(100_000)
    package = make_package([], {"noise": noise, "text": b"x" * 100_000, "tiny": b"a"}, codec="zstd")
    names = {entry.name: entry.member for entry in opened(package).files() if not entry.missing}
    assert names["text"].endswith(".zst")
    assert not names["noise"].endswith(".zst") and not names["tiny"].endswith(".zst")


@pytest.mark.pitfall(68)
def test_a_content_is_stored_once():
    package = make_package([], {"a": b"same" * 999, "b": b"same" * 999, "c": b"", "d": b""})
    reader = opened(package)
    assert len({entry.member for entry in reader.files() if entry.member}) == 2
    files = reader.manifest.files
    assert (files.count, files.contents, files.bytes) == (5, 2, 2 * 4 * 999)


def test_ordinary_tools_open_a_package(tmp_path):
    path = tmp_path / "package.zip"
    path.write_bytes(make_package(codec="gzip"))
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        assert archive.namelist()[:2] == [README, UNPACK] and archive.namelist()[-1] == MANIFEST
        assert {info.compress_type for info in archive.infolist()} == {zipfile.ZIP_STORED}
        assert archive.comment.startswith(b"edms_backup package format=0001")
        index = gzip.decompress(archive.read("files.jsonl.gz"))
    assert index.count(b"\n") == 3


@pytest.mark.skipif(shutil.which("unzip") is None, reason="unzip is not installed")
def test_unzip_finds_no_error(tmp_path):
    path = tmp_path / "package.zip"
    path.write_bytes(make_package())
    done = subprocess.run(["unzip", "-t", path], capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "No errors detected" in done.stdout and not done.stderr


def test_the_seal_can_be_checked_with_ordinary_tools():
    package = make_package()
    assert hashlib.sha256(package[:-64]).hexdigest().encode() == package[-64:]
    assert opened(package).sha256 == package[-64:].decode()
    assert opened(package).length == len(package)


@pytest.mark.pitfall(90)
def test_the_same_state_gives_the_same_bytes():
    assert make_package() == make_package()


def test_another_header_changes_manifest_and_trailer_alone():
    one, two = make_package(), make_package(header=with_header(label="weekly!", package_id=HEADER.package_id))
    first, second = members_of(one), members_of(two)
    assert {name for name in first if first[name] != second[name]} == {MANIFEST}
    reader = opened(one)
    start = reader.members[MANIFEST].offset
    assert one[:start] == two[:start]
    assert opened(two).manifest.header.label == "weekly!"


def test_a_sink_that_can_seek_gets_the_same_bytes(tmp_path):
    path = tmp_path / "package.edms"
    with path.open("wb", buffering=0) as sink, PackageWriter(sink) as package:
        seal = package.finish(Manifest(header=HEADER))
    sink = Sink()
    with PackageWriter(sink) as package:
        assert package.finish(Manifest(header=HEADER)) == seal
    assert path.read_bytes() == sink.written
    with PackageReader.open(path) as reader:
        assert (reader.length, reader.sha256) == seal
        assert list(reader.files()) == []
        assert reader.name == "package.edms"
        with pytest.raises(UnknownModel):
            next(reader.rows(LABEL))


def test_a_sink_that_returns_nothing_is_taken_at_its_word():
    class Quiet(Sink):
        def write(self, data):
            self.written += data

    sink = Quiet()
    with PackageWriter(sink) as package:
        package.finish(Manifest(header=HEADER))
    assert is_intact(bytes(sink.written))


def test_segments_may_be_written_at_once_in_threads():
    sink = Sink()
    entries = {}

    def write(package, label):
        digest = RowDigest()
        with package.segment(segment_name(label, 1)) as segment:
            for number in range(20_000):
                line = encode_line(label.lower(), {"fields": {"n": number}}, number)
                digest.add(content_digest(content_of(line)))
                segment.write(line)
        entries[label] = model_entry([segment.entry], digest, label)

    with PackageWriter(sink) as package:
        threads = [threading.Thread(target=write, args=(package, f"a.M{index}")) for index in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        package.finish(Manifest(header=HEADER, models=tuple(entries[label] for label in sorted(entries))))
    assert is_intact(bytes(sink.written))


def test_several_segments_make_one_model():
    sink = Sink()
    digest = RowDigest()
    entries = []
    with PackageWriter(sink) as package:
        for part in range(3):
            with package.segment(segment_name(LABEL, part)) as segment:
                lines = [encode_line(LABEL.lower(), {"fields": {"n": n}}, n) for n in range(part, 9, 3)]
                segment.write_block(b"".join(lines), len(lines))
                for line in lines:
                    digest.add(content_digest(content_of(line)))
            entries.append(segment.entry)
        package.finish(Manifest(header=HEADER, models=(model_entry(entries, digest),)))
    reader = opened(bytes(sink.written))
    assert [decode_line(line, "m", 1)["_pk"] for line in reader.rows(LABEL)] == [0, 3, 6, 1, 4, 7, 2, 5, 8]
    assert is_intact(bytes(sink.written))


def test_a_line_longer_than_many_chunks_survives():
    text = "ä" * 1_500_000
    package = make_package([({"text": text}, 1), ({"text": "short"}, 2)], {})
    lines = [decode_line(line, "m", 1) for line in opened(package).rows(LABEL)]
    assert [row["fields"]["text"] for row in lines] == [text, "short"]


def test_streams_of_one_reader_do_not_disturb_each_other():
    files = {name: random.Random(name).randbytes(700_000) for name in "ab"}
    reader = opened(make_package([], files, missing=()))
    one, two = (reader.open_content(entry) for entry in reader.files())
    with one, two:
        halves = [one.read(300_000), two.read(500_000), one.read(), two.read()]
    assert halves[0] + halves[2] == files["a"]
    assert halves[1] + halves[3] == files["b"]


def test_a_missing_file_has_no_content():
    reader = opened(make_package())
    lost = [entry for entry in reader.files() if entry.missing]
    with pytest.raises(MalformedPackage, match="was missing when"):
        reader.open_content(lost[0])


# --- refusals of the writer ---


def test_leaving_without_finish_is_an_error():
    sink = Sink()
    with pytest.raises(RuntimeError, match="without finish"), PackageWriter(sink):
        pass


def test_an_exception_leaves_what_no_reader_accepts():
    sink = Sink()
    with pytest.raises(KeyError), PackageWriter(sink) as package:
        package.add_content(io.BytesIO(b"x"))
        raise KeyError
    with pytest.raises(container.TruncatedPackage):
        opened(bytes(sink.written))


def test_an_exception_drops_the_segment():
    with PackageWriter(Sink()) as package:
        with pytest.raises(KeyError), package.segment(segment_name(LABEL)) as segment:
            segment.write(b"{}\n")
            raise KeyError
        with pytest.raises(ValueError, match="is not finished"):
            _ = segment.entry
        package.finish(Manifest(header=HEADER))


def test_a_sink_that_fails_within_a_member_ends_the_package():
    class Full(Sink):
        room = 10**9

        def write(self, data):
            if len(self.written) > self.room:
                raise OSError(28, "No space left on device")
            return super().write(data)

    sink = Full()
    with pytest.raises(ValueError, match="not written to its end"), PackageWriter(sink) as package:
        sink.room = len(sink.written)
        with pytest.raises(OSError, match="No space"):
            package.add_content(io.BytesIO(random.Random(1).randbytes(BLOCK)))
        sink.room = 10**9
        package.finish(Manifest(header=HEADER))


@pytest.mark.parametrize(
    "name", ["rows/a.B", "a.B.jsonl", "rows/../x.jsonl", "README.txt", "rows/a b.C.jsonl"]
)
def test_a_segment_needs_a_name_of_the_format(name):
    with pytest.raises(ValueError, match="no name for a segment"), PackageWriter(Sink()) as package:
        package.segment(name)


def test_a_member_is_written_once():
    with pytest.raises(ValueError, match="already"), PackageWriter(Sink()) as package:
        for label in ("a.Model", "a.MODEL"):
            with package.segment(segment_name(label)):
                pass


def test_the_manifest_must_name_what_was_written():
    with pytest.raises(ValueError, match="belongs to no model"), PackageWriter(Sink()) as package:
        with package.segment(segment_name(LABEL)):
            pass
        package.finish(Manifest(header=HEADER))


def test_the_manifest_must_describe_segments_as_they_were_written():
    with pytest.raises(ValueError, match="does not name the segments"), PackageWriter(Sink()) as package:
        with package.segment(segment_name(LABEL)) as segment:
            pass
        other = dataclasses.replace(segment.entry, sha256="0" * 64)
        package.finish(Manifest(header=HEADER, models=(model_entry([other], RowDigest()),)))


def test_a_content_without_a_file_is_refused():
    with pytest.raises(ValueError, match="contents that no file has"), PackageWriter(Sink()) as package:
        package.add_content(io.BytesIO(b"x"))
        package.finish(Manifest(header=HEADER, files=FilesEntry()))


def test_a_file_without_its_content_is_refused():
    entry = FileEntry(root="media", name="a", size=1, sha256="0" * 64, member="files/00/" + "0" * 64)
    with pytest.raises(ValueError, match="is not in the package"), PackageWriter(Sink()) as package:
        package.add_files_index([entry])


def test_a_package_is_sealed_once():
    with PackageWriter(Sink()) as package:
        package.finish(Manifest(header=HEADER))
        with pytest.raises(ValueError, match="sealed already"):
            package.finish(Manifest(header=HEADER))


def test_an_unknown_codec_is_refused():
    with pytest.raises(UsageError, match="no codec 'lzma'"):
        PackageWriter(Sink(), codec="lzma")


def test_without_zstd_packages_are_written_with_gzip_and_say_what_is_missing(monkeypatch):
    compressed = make_package(codec="zstd")
    monkeypatch.setattr(compression, "_zstd", lambda: None)
    assert any(name.endswith(".gz") for name in members_of(make_package()))
    assert is_intact(make_package())
    with pytest.raises(UnsupportedFormat, match="zstd"):
        PackageWriter(Sink(), codec="zstd")
    reader = opened(compressed)
    reader.verify_digest()
    with pytest.raises(UnsupportedFormat, match="zstd"):
        contents(reader)
    with pytest.raises(UnsupportedFormat, match="zstd"):
        verify(reader, NullReporter())


def test_there_must_be_a_file(tmp_path):
    with pytest.raises(PackageNotFound, match="There is no package"):
        PackageReader.open(tmp_path / "none.edms")


def test_names_of_segments():
    assert segment_name("documents.Document") == "rows/documents.Document.jsonl"
    assert segment_name("documents.Document", 12) == "rows/documents.Document.0012.jsonl"
    assert container.is_member_name(segment_name("документы.Письмо", 3))


# --- ZIP64 ---


def test_zip64_is_used_where_it_must_be(monkeypatch, tmp_path):
    monkeypatch.setattr(container, "ZIP32_LIMIT", 5000)
    monkeypatch.setattr(container, "ZIP32_COUNT", 4)
    files = {"large": random.Random(1).randbytes(20_000), "small": b"s"}
    package = make_package(ROWS, files, missing=())
    assert package.count(b"PK\6\6") == 1
    assert contents(opened(package)) == files
    assert is_intact(package)
    with zipfile.ZipFile(io.BytesIO(package)) as archive:
        assert archive.testzip() is None
        assert any(info.file_size == 20_000 for info in archive.infolist())
    path = tmp_path / "package.zip"
    path.write_bytes(package)
    if shutil.which("unzip"):
        assert subprocess.run(["unzip", "-tq", path], capture_output=True, check=False).returncode == 0


def test_zip64_where_it_need_not_be_is_refused(monkeypatch):
    with monkeypatch.context() as lower:
        lower.setattr(container, "ZIP32_LIMIT", 5000)
        package = make_package()
    with pytest.raises(MalformedPackage, match="not as the format asks"):
        opened(package)


@pytest.mark.pitfall(66)
@pytest.mark.slow
def test_more_members_than_zip_without_zip64_can_hold():
    files = {f"f{number}": b"%d" % number for number in range(66_000)}
    package = make_package([], files, missing=())
    reader = opened(package)
    assert len(reader.members) == 66_005 and package.count(b"PK\6\7") == 1
    assert verify(reader, NullReporter()) == []
    with zipfile.ZipFile(io.BytesIO(package)) as archive:
        assert len(archive.namelist()) == len(reader.members)


def test_trailer_length_is_what_the_format_says():
    assert len(container.encode_trailer(1)) + 64 == TRAILER_LENGTH


def ending(order, *, size=3):
    """Return a package whose segments a, b and c, to stand in this order, end in another one."""
    sink, entries = io.BytesIO(), {}
    with PackageWriter(sink, codec="none") as package:
        package.in_order(segment_name(f"zoo.{name}") for name in "abc")
        for name in order:
            line, digest = encode_line(f"zoo.{name}", {"fields": {"name": name * size}}, 1), RowDigest()
            digest.add(content_digest(content_of(line)))
            with package.segment(segment_name(f"zoo.{name}")) as segment:
                segment.write(line)
            entries[name] = model_entry([segment.entry], digest, f"zoo.{name}")
        package.finish(Manifest(header=HEADER, models=tuple(entries[name] for name in sorted(entries))))
    return sink.getvalue()


@pytest.mark.parametrize("size", [3, 70_000])
def test_segments_stand_in_the_order_that_was_said(size):
    packages = {order: ending(order, size=size) for order in ("abc", "cba", "bca", "cab")}
    assert set(packages.values()) == {packages["abc"]}
    assert is_intact(packages["abc"])


def test_what_waits_for_a_segment_that_never_ends_is_no_package():
    with pytest.raises(ValueError, match=r"rows/zoo\.a\.jsonl was to stand before others"):
        ending("cb")
