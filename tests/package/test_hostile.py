"""Packages that were made to deceive: sealed correctly, and yet not what the format allows."""

import gzip
import hashlib
import io
import json
import random
import resource
import struct
import zipfile
import zlib

import pytest

from edms_backup.errors import (
    ChecksumMismatch,
    IntegrityError,
    MalformedPackage,
    TruncatedPackage,
    UnsupportedFormat,
)
from edms_backup.events import FindingRaised, NullReporter, StepFinished, StepStarted
from edms_backup.findings import Severity
from edms_backup.package import FileEntry, PackageReader, compression, unpack
from edms_backup.package.container import (
    GREETING,
    MAGIC,
    MANIFEST,
    README,
    UNPACK,
    central_header,
    encode_trailer,
    local_header,
)
from edms_backup.package.files import encode_entry
from edms_backup.package.verify import verify

from .builders import FILES, HEADER, LABEL, forge, make_package, members_of, reseal

ROWS_MEMBER = "rows/documents.Document.jsonl"


@pytest.fixture(scope="module")
def package():
    return make_package(codec="none")


def codes(package):
    return {finding.code for finding in verify(PackageReader(io.BytesIO(package)), NullReporter())}


def refused_at_once(package, reason):
    with pytest.raises(MalformedPackage, match=reason):
        PackageReader(io.BytesIO(package))
    return True


def refused_by_script(package):
    with pytest.raises(unpack.Damaged) as refusal:
        unpack.verify(io.BytesIO(package))
    return str(refusal.value)


def rewrite(package, **changes):
    return forge(members_of(package).items(), **changes)


# --- names and members ---

NAMES = [
    "../evil",
    "rows/../../evil.jsonl",
    "/etc/passwd",
    "C:\\evil",
    "C:evil",
    "\\\\server\\share",
    "rows/a.B.jsonl/../../x",
    "rows/",
    "files/",
    "rows/a.B.jsonl\0.txt",
    "rows/a.B.jsonl ",
    "rows/a.B.jsonl\n",
    "Rows/a.B.jsonl",
    "rows/a.B.JSONL",
    "rows/a.B.jsonl.xz",
    "rows/a.B.jsonl.gz.gz",
    "rows/a.jsonl",
    "rows/" + "a" * 300 + ".B.jsonl",
    "files/ab/" + "0" * 64,
    "files/00/" + "0" * 63,
    "files/00/" + "0" * 64 + "/x",
    "files/AA/" + "A" * 64,
    "%2e%2e/evil",
    "evil",
    "",
    ".",
    "META-INF/x",
]


@pytest.mark.parametrize("name", NAMES)
def test_a_member_of_an_unknown_name_is_refused(package, name):
    members = list(members_of(package).items())
    forged = forge([*members[:-1], (name, b"x"), members[-1]])
    assert refused_at_once(forged, "The format knows no member")
    refused_by_script(forged)


def test_a_name_that_is_not_ascii_is_refused(package):
    forged = forge(
        members_of(package).items(),
        local=lambda member: local_header(member).replace(b"files.jsonl", b"fil\xffs.jsonl"),
        central=lambda member: central_header(member).replace(b"files.jsonl", b"fil\xffs.jsonl"),
    )
    assert refused_at_once(forged, "not ASCII")
    refused_by_script(forged)


@pytest.mark.pitfall(66)
@pytest.mark.parametrize("name", [README, ROWS_MEMBER, ROWS_MEMBER + ".gz", "files.jsonl", "files.jsonl.zst"])
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_member_that_occurs_twice_is_refused(package, name):
    members = list(members_of(package).items())
    forged = forge([*members[:-1], (name, b"x"), members[-1]])
    assert refused_at_once(forged, "occurs twice")
    refused_by_script(forged)


def test_a_member_that_differs_in_case_only_is_refused(package):
    members = list(members_of(package).items())
    forged = forge([*members[:-1], (ROWS_MEMBER.replace("Document", "DOCUMENT"), b"x"), members[-1]])
    assert refused_at_once(forged, "occurs twice")


def test_a_content_in_two_codecs_is_refused(package):
    name = next(name for name in members_of(package) if name.startswith("files/"))
    assert refused_at_once(reseal(package, {name + ".gz": b"x"}), "occurs twice")


@pytest.mark.parametrize("order", [(1, 0, 2, 3, 4, 5, 6), (0, 2, 1, 3, 4, 5, 6), (0, 1, 2, 3, 4, 6, 5)])
def test_members_in_another_order_are_refused(package, order):
    members = list(members_of(package).items())
    assert refused_at_once(forge([members[index] for index in order]), "The members do not begin with")


@pytest.mark.parametrize("name", [ROWS_MEMBER, "files.jsonl"])
def test_a_missing_member_is_refused(package, name):
    members = members_of(package)
    del members[name]
    forged = forge(members.items())
    assert refused_at_once(forged, f"{name} is not as the manifest says")
    refused_by_script(forged)


def test_a_missing_content_is_refused(package):
    name = next(name for name in members_of(package) if name.startswith("files/"))
    forged = reseal(package, {name: None})
    assert refused_at_once(forged, "holds 1 contents of files, not 2")
    refused_by_script(forged)


def test_an_empty_directory_is_refused():
    with pytest.raises(MalformedPackage, match="do not begin with"):
        PackageReader(io.BytesIO(forge([])))


# --- headers that lie ---


def patched(make, fmt, offset, value):
    """Return a header function that overwrites one field of the headers of rows."""

    def header(member):
        data = bytearray(make(member))
        if member.name == ROWS_MEMBER:
            struct.pack_into(fmt, data, offset, value)
        return bytes(data)

    return header


CENTRAL_FIELDS = {
    "made by": ("<H", 4, 0),
    "version": ("<H", 6, 63),
    "encrypted": ("<H", 8, 1),
    "data descriptor": ("<H", 8, 8),
    "method": ("<H", 10, 8),
    "time": ("<H", 12, 1),
    "date": ("<H", 14, 34),
    "stored size": ("<L", 20, 5),
    "plain size": ("<L", 24, 5),
    "comment": ("<H", 32, 4),
    "disk": ("<H", 34, 1),
    "text": ("<H", 36, 1),
    "device file": ("<L", 38, 0o020600 << 16),
    "symbolic link": ("<L", 38, 0o120777 << 16),
    "offset": ("<L", 42, 0),
}


@pytest.mark.parametrize("field", CENTRAL_FIELDS)
def test_an_entry_of_the_directory_has_no_freedom(package, field):
    forged = rewrite(package, central=patched(central_header, *CENTRAL_FIELDS[field]))
    with pytest.raises(MalformedPackage):
        PackageReader(io.BytesIO(forged))


LOCAL_FIELDS = {
    "version": ("<H", 4, 63),
    "flags": ("<H", 6, 8),
    "method": ("<H", 8, 8),
    "time": ("<H", 10, 1),
    "checksum": ("<L", 14, 1),
    "size": ("<L", 18, 1),
    "name": ("<B", 30, 0x52),
}


@pytest.mark.parametrize("field", LOCAL_FIELDS)
def test_a_local_header_has_no_freedom(package, field):
    forged = rewrite(package, local=patched(local_header, *LOCAL_FIELDS[field]))
    with pytest.raises(MalformedPackage, match=f"{ROWS_MEMBER} is not what the ZIP headers say"):
        PackageReader(io.BytesIO(forged)).verify_digest()


def test_a_wrong_checksum_of_zip_is_refused(package):
    def wrong(make):
        return lambda member: make(member._replace(crc=member.crc ^ (member.name == ROWS_MEMBER)))

    forged = rewrite(package, local=wrong(local_header), central=wrong(central_header))
    with pytest.raises(MalformedPackage, match=f"{ROWS_MEMBER} is not what the ZIP headers say"):
        PackageReader(io.BytesIO(forged)).verify_digest()
    assert codes(forged) == {"package_damaged"}
    assert "cannot be read" in refused_by_script(forged)


def test_members_that_overlap_are_refused(package):
    """The quoted overlap: one kernel of data, many entries."""
    first = {}

    def overlapping(member):
        kernel = first.setdefault("rows", member)
        return central_header(member._replace(offset=kernel.offset))

    assert refused_at_once(rewrite(package, central=overlapping), "does not begin where")


def test_bytes_between_members_are_refused(package):
    forged = rewrite(package, local=lambda member: local_header(member) + b"gap")
    assert refused_at_once(forged, "does not begin where")
    forged = rewrite(package, gap=b"gap")
    assert refused_at_once(forged, "does not account for every byte")


def test_an_end_record_that_lies_is_refused(package):
    from edms_backup.package.container import directory_end

    lies = [
        lambda count, size, offset: directory_end(count + 1, size, offset),
        lambda count, size, offset: directory_end(count, size - 1, offset),
        lambda count, size, offset: directory_end(count, size, offset + 1),
        lambda count, size, offset: directory_end(count, size, 2**32 - 1),
        lambda count, size, offset: directory_end(count, 2**63, offset),
        lambda count, size, offset: directory_end(70_000, size, offset),
        lambda count, size, offset: b"junk" + directory_end(count, size, offset),
        lambda count, size, offset: directory_end(count, size, offset)[:-2] + b"\0\0",
        lambda count, size, offset: b"",
    ]
    for lie in lies:
        with pytest.raises(MalformedPackage):
            PackageReader(io.BytesIO(rewrite(package, end=lie)))


def test_a_trailer_alone_is_refused():
    data = encode_trailer(131)
    data += hashlib.sha256(data).hexdigest().encode()
    with pytest.raises(MalformedPackage, match="no ZIP directory"):
        PackageReader(io.BytesIO(data))


@pytest.mark.parametrize("error", [-1, 1])
def test_a_sealed_length_that_lies_is_refused(package, error):
    forged = rewrite(package, trailer=lambda length: encode_trailer(length + error))
    with pytest.raises(TruncatedPackage, match="but was sealed with"):
        PackageReader(io.BytesIO(forged))
    assert "but was sealed with" in refused_by_script(forged)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_member_that_is_repeated_exactly_is_refused(package):
    members = list(members_of(package).items())
    forged = forge([*members[:-1], members[2], members[-1]])
    assert refused_at_once(forged, "occurs twice")
    assert "occurs twice" in refused_by_script(forged)


@pytest.mark.parametrize("version", [b"0000", b"9999"])
def test_a_trailer_of_another_version_is_refused(package, version):
    forged = rewrite(package, trailer=lambda length: encode_trailer(length).replace(b"0001", version))
    with pytest.raises((MalformedPackage, UnsupportedFormat)):
        PackageReader(io.BytesIO(forged))
    assert MAGIC in forged


# --- members that are not what the manifest says ---


def test_members_swapped_between_two_packages_are_refused():
    one, two = make_package(), make_package([({"number": "X"}, 9), ({"number": "Y"}, 8)])
    theirs = members_of(two)
    for name in theirs:
        if name.startswith("rows/"):
            mixed = forge([*{**members_of(one), name: theirs[name]}.items()])
            with pytest.raises(MalformedPackage, match="is not as the manifest says"):
                PackageReader(io.BytesIO(mixed))
            refused_by_script(mixed)
    manifest = forge([*{**members_of(one), MANIFEST: theirs[MANIFEST]}.items()])
    with pytest.raises(MalformedPackage):
        PackageReader(io.BytesIO(manifest))


def test_a_member_of_the_right_size_and_wrong_content_is_found(package):
    members = members_of(package)
    forged = forge([*{**members, ROWS_MEMBER: members[ROWS_MEMBER].replace(b"D-1", b"D-7")}.items()])
    assert codes(forged) == {"member_damaged", "segment_damaged"}
    assert "rows/documents.Document.jsonl" in refused_by_script(forged)


def test_a_changed_script_is_found_by_the_manifest_alone(package):
    members = members_of(package)
    forged = forge([*{**members, UNPACK: members[UNPACK].replace(b"Damaged", b"damaged")}.items()])
    assert codes(forged) == {"member_damaged"}


def exchange_rows(package, data, rows=2, edit=None):
    """Return the package with other lines, described correctly but for the model's digest."""

    def describe(document):
        model = document["models"][0]
        model["rows"] = rows
        digest = hashlib.sha256(data).hexdigest()
        model["segments"] = [{"member": ROWS_MEMBER, "rows": rows, "size": len(data), "sha256": digest}]
        if edit is not None:
            edit(model)

    return reseal(package, {ROWS_MEMBER: data}, describe)


def test_other_rows_do_not_have_the_digest_of_the_model(package):
    rows = members_of(package)[ROWS_MEMBER]
    forged = exchange_rows(package, rows.replace(b"D-1", b"D-7"))
    assert codes(forged) == {"row_digest_mismatch"}
    assert "are not those that were counted" in refused_by_script(forged)


def test_other_primary_keys_do_not_change_the_digest(package):
    rows = members_of(package)[ROWS_MEMBER]
    assert codes(exchange_rows(package, rows.replace(b'"_pk":1}', b'"_pk":7}'))) == set()


def test_rows_in_another_order_have_the_same_digest(package):
    one, two = members_of(package)[ROWS_MEMBER].splitlines(keepends=True)
    assert codes(exchange_rows(package, two + one)) == set()


@pytest.mark.parametrize(
    "line",
    [
        b'{"model":"documents.other","fields":{},"_pk":1}\n',
        b'{"model":"documents.document","fields":{"a":1,"a":1},"_pk":1}\n',
        b'{"model":"documents.document","fields":{"a":NaN},"_pk":1}\n',
        b'{"model":"documents.document","fields":{},"_refs":{"t":1},"_pk":1}\n',
        b'{"model":"documents.document","fields":' + b'{"a":' * 201 + b"1" + b"}" * 201 + b',"_pk":1}\n',
        b"\n",
    ],
)
def test_a_malformed_row_is_found_and_named(package, line):
    forged = exchange_rows(package, line * 30, 30)
    findings = verify(PackageReader(io.BytesIO(forged)), NullReporter())
    assert [finding.code for finding in findings] == ["row_malformed"] * 20 + ["row_digest_mismatch"]
    assert findings[0].member == ROWS_MEMBER and findings[0].model == LABEL
    assert findings[0].message.startswith(f"{ROWS_MEMBER}, line 1: ")
    refused_by_script(forged)


@pytest.mark.parametrize("long", [None, 700])
def test_a_sample_is_of_the_first_lines_and_of_every_nth_after_them(package, long, monkeypatch):
    """Lines come in blocks of some hundred; which ones are looked at does not depend on where a block ends."""
    monkeypatch.setattr("edms_backup.package.verify._LONG", 100_000)
    wrong = b'{"model":"documents.other","fields":{"title":"%s"},"_pk":1}\n'
    lines = [wrong % b"some text that makes it long" for _ in range(3000)]
    if long is not None:
        lines[long - 1] = wrong % (b"x" * 200_000)
    forged = exchange_rows(package, b"".join(lines), 3000)
    findings = verify(PackageReader(io.BytesIO(forged)), NullReporter(), parse_every=7)
    named = [int(finding.message.split("line ")[1].split(":")[0]) for finding in findings]
    assert named == [*range(1, 8), *range(14, 14 + 13 * 7, 7)]
    findings = verify(PackageReader(io.BytesIO(forged)), NullReporter(), parse_every=350)
    assert len(findings) == 20 and {finding.code for finding in findings} == {"row_malformed"}
    monkeypatch.setattr("edms_backup.package.verify._PER_MODEL", 10**6)
    findings = verify(PackageReader(io.BytesIO(forged)), NullReporter(), parse_every=350)
    expected = [*range(1, 351), *(n for n in range(700, 3001, 350) if n != long)]
    assert [int(finding.message.split("line ")[1].split(":")[0]) for finding in findings] == expected


def test_a_content_of_the_right_size_and_other_bytes_is_found(package):
    members = members_of(package)
    name = next(name for name in members if name.startswith("files/"))
    forged = forge([*{**members, name: members[name][::-1]}.items()])
    assert codes(forged) == {"file_damaged"}
    assert f"{name} does not hold the bytes" in refused_by_script(forged)


def test_rows_of_a_model_that_do_not_add_up_are_found(package):
    rows = members_of(package)[ROWS_MEMBER]
    forged = exchange_rows(package, rows, edit=lambda model: model.update(rows=3))
    assert refused_at_once(forged, "do not hold 3 rows")
    assert "are not those that were counted" in refused_by_script(forged)


@pytest.mark.parametrize("rows", [1, 3])
def test_a_segment_with_another_number_of_lines_is_found(package, rows):
    forged = exchange_rows(package, members_of(package)[ROWS_MEMBER], rows)
    assert codes(forged) == {"segment_damaged"}
    assert "does not hold" in refused_by_script(forged)


@pytest.mark.parametrize("rows", [1, 2])
def test_a_segment_without_a_last_line_feed_is_found(package, rows):
    forged = exchange_rows(package, members_of(package)[ROWS_MEMBER][:-1], rows)
    assert codes(forged) == {"segment_damaged"}
    assert "does not hold" in refused_by_script(forged)


def test_no_more_lines_than_declared_are_given_away(package):
    reader = PackageReader(io.BytesIO(exchange_rows(package, members_of(package)[ROWS_MEMBER] * 9, 3)))
    received = []
    with pytest.raises(MalformedPackage, match="does not hold 3 lines"):
        received.extend(reader.rows(LABEL))
    assert len(received) <= 3


def test_a_line_beyond_all_measure_is_refused(package, monkeypatch):
    monkeypatch.setattr("edms_backup.package.reader.MAX_LINE", 10_000)
    monkeypatch.setattr(unpack, "MAX_LINE", 10_000)
    forged = exchange_rows(package, b"x" * 300_000, 1)
    findings = verify(PackageReader(io.BytesIO(forged)), NullReporter())
    assert "a line longer than 10000 bytes" in findings[0].message
    assert "too long" in refused_by_script(forged)


# --- the index of files ---


def exchange_index(package, lines, more=None, **sums):
    """Return the package with another index of files, described correctly."""
    data = b"".join(lines)

    def describe(document):
        entry = {"member": "files.jsonl", "rows": len(lines), "size": len(data)}
        entry["sha256"] = hashlib.sha256(data).hexdigest()
        document["files"] |= {"index": entry, "count": len(lines), **sums}

    return reseal(package, {"files.jsonl": data, **(more or {})}, describe)


def index_lines(package):
    return members_of(package)["files.jsonl"].splitlines(keepends=True)


def test_an_index_with_other_sums_is_found(package):
    assert codes(exchange_index(package, index_lines(package), bytes=1)) == {"files_index_damaged"}


def test_a_file_named_twice_is_found(package):
    one, two, lost = index_lines(package)
    size = sum(map(len, FILES.values())) + json.loads(one)["size"]
    forged = exchange_index(package, [one, two, lost, one], bytes=size)
    (finding,) = verify(PackageReader(io.BytesIO(forged)), NullReporter())
    assert finding.message == "documents/a.pdf is named twice."


def test_a_content_of_no_file_is_found(package):
    one, _, lost = index_lines(package)
    assert codes(exchange_index(package, [one, lost, lost])) == {"files_index_damaged", "member_unlisted"}
    assert "belong to no file" in refused_by_script(exchange_index(package, [one, lost, lost]))


def test_a_shared_content_of_two_sizes_is_found(package):
    one, two, _ = index_lines(package)
    other = json.loads(one) | {"name": "copy.pdf", "size": 5}
    forged = exchange_index(package, [one, two, json.dumps(other).encode() + b"\n"], missing=0)
    assert codes(forged) == {"files_index_damaged"}


@pytest.mark.parametrize(
    "change",
    [
        {"root": ""},
        {"name": ""},
        {"name": 5},
        {"size": -1},
        {"size": "1"},
        {"sha256": "x"},
        {"sha256": "0" * 64},
        {"member": "MANIFEST.json"},
        {"member": "../../etc/passwd"},
        {"member": "files/00/" + "0" * 64, "sha256": "0" * 64},
        {"missing": True},
        {"missing": 1},
    ],
)
def test_an_entry_that_is_no_entry_is_found(package, change):
    one, two, lost = index_lines(package)
    changed = json.dumps(json.loads(one) | change).encode() + b"\n"
    reader = PackageReader(io.BytesIO(exchange_index(package, [changed, two, lost])))
    with pytest.raises(MalformedPackage, match=r"^files\.jsonl, line 1: "):
        list(reader.files())
    assert {finding.code for finding in verify(reader, NullReporter())} == {"files_index_damaged"}


@pytest.mark.parametrize("more", [".xz", ".gz.gz", "/../x", "0"])
def test_an_entry_names_its_content_exactly(package, more):
    one, two, lost = index_lines(package)
    changed = one.replace(b'"}', more.encode() + b'"}')
    reader = PackageReader(io.BytesIO(exchange_index(package, [changed, two, lost])))
    with pytest.raises(MalformedPackage, match="line 1: member is not the one of that digest"):
        list(reader.files())


@pytest.mark.parametrize("size", [0, 1, 10**9])
def test_a_lying_size_is_found(package, size):
    one, two, lost = index_lines(package)
    changed = json.dumps(json.loads(one) | {"size": size}).encode() + b"\n"
    total = size + json.loads(two)["size"]
    forged = exchange_index(package, [changed, two, lost], bytes=total)
    assert codes(forged) == {"file_damaged"}
    refused_by_script(forged)


# --- compressed members ---


def with_content(package, suffix, stored, size, sha256):
    """Return the package with one more file, whose content is ``stored`` and is said to be something else."""
    member = f"files/{sha256[:2]}/{sha256}{suffix}"
    entry = FileEntry(root="media", name="bomb", size=size, sha256=sha256, member=member)
    lines = [*index_lines(package), encode_entry(entry)]
    sums = {"contents": 3, "bytes": size + sum(map(len, FILES.values()))}
    return exchange_index(package, lines, {member: stored}, **sums)


def squeezed(suffix, data):
    return gzip.compress(data, mtime=0) if suffix == ".gz" else compression._zstd().compress(data)


@pytest.mark.parametrize("suffix", [".gz", ".zst"])
@pytest.mark.parametrize(
    "spoil",
    [
        lambda stored: stored + b"x",
        lambda stored: stored + stored,
        lambda stored: stored + bytes(3 * compression.CHUNK),
        lambda stored: stored + bytes(compression.CHUNK - len(stored)) + stored,
        lambda stored: stored[:-5],
        lambda stored: b"",
        lambda stored: b"no stream at all",
        lambda stored: stored[:12] + b"\xff\xff\xff\xff" + stored[16:],
    ],
)
def test_a_compressed_content_must_be_one_whole_stream(package, suffix, spoil):
    data = random.Random(3).randbytes(5000) + bytes(5000)
    forged = with_content(
        package, suffix, spoil(squeezed(suffix, data)), len(data), hashlib.sha256(data).hexdigest()
    )
    assert codes(forged) == {"file_damaged"}


@pytest.mark.parametrize("suffix", [".gz", ".zst"])
@pytest.mark.parametrize("declared", [0, 1, 9_999, 10_001, 100_000])
def test_a_content_of_another_size_than_declared_is_found(package, suffix, declared):
    data = random.Random(4).randbytes(10_000)
    forged = with_content(package, suffix, squeezed(suffix, data), declared, hashlib.sha256(data).hexdigest())
    assert codes(forged) == {"file_damaged"}
    refused_by_script(forged)


@pytest.mark.pitfall(66)
@pytest.mark.parametrize("suffix", [".gz", ".zst"])
def test_a_bomb_is_not_inflated(package, suffix, monkeypatch):
    bomb = squeezed(suffix, bytes(400 * 1024 * 1024))
    forged = with_content(package, suffix, bomb, 1000, hashlib.sha256(bytes(1000)).hexdigest())
    inflated = []

    def counted(decoder):
        def count(chunks):
            for chunk in decoder(chunks):
                inflated.append(len(chunk))
                yield chunk

        return count

    for decoder in ("gzip_chunks", "zstd_chunks"):
        monkeypatch.setattr(unpack, decoder, counted(getattr(unpack, decoder)))
    before = resource.getrusage(resource.RUSAGE_SELF)
    assert codes(forged) == {"file_damaged"}
    refused_by_script(forged)
    assert 0 < sum(inflated) < 10_000_000
    after = resource.getrusage(resource.RUSAGE_SELF)
    assert after.ru_utime - before.ru_utime < 1
    assert after.ru_maxrss - before.ru_maxrss < 100_000


@pytest.mark.parametrize("suffix", [".gz", ".zst"])
def test_a_declared_size_that_no_codec_can_reach_is_refused_unread(package, suffix):
    forged = with_content(package, suffix, squeezed(suffix, b"x"), 10**12, "0" * 64)
    reader = PackageReader(io.BytesIO(forged))
    entry = next(entry for entry in reader.files() if entry.name == "bomb")
    with pytest.raises(MalformedPackage, match="cannot hold the 1000000000000 bytes"):
        reader.open_content(entry)


def test_a_zstd_window_beyond_the_limit_is_refused(package):
    zstd = compression._zstd()
    wide = zstd.ZstdCompressor(options={zstd.CompressionParameter.window_log: 27})
    stored = wide.compress(b"x") + wide.flush()
    forged = with_content(package, ".zst", stored, 1, hashlib.sha256(b"x").hexdigest())
    assert codes(forged) == {"file_damaged"}
    with pytest.raises(unpack.Damaged, match="too large a window"):
        list(unpack.zstd_by_hand(iter([stored])))


def test_a_content_is_checked_before_its_last_bytes_are_given_away(package):
    data = random.Random(5).randbytes(600_000)
    forged = with_content(package, "", data[:-1] + b"?", len(data), hashlib.sha256(data).hexdigest())
    reader = PackageReader(io.BytesIO(forged))
    entry = next(entry for entry in reader.files() if entry.name == "bomb")
    received = 0
    with reader.open_content(entry) as stream, pytest.raises(ChecksumMismatch):
        while received < entry.size:
            received += len(stream.read(1000))
    assert received < entry.size


# --- the manifest ---


def test_a_manifest_beyond_all_measure_is_refused(package, monkeypatch):
    monkeypatch.setattr("edms_backup.package.reader.MAX_MANIFEST", 100)
    assert refused_at_once(package, "larger than 100 bytes")


@pytest.mark.parametrize("text", [b"", b"{}", b"[]", b"[" * 100_000, b'{"format_version":1}', b"\xff"])
def test_a_manifest_that_is_none_is_refused(package, text):
    forged = forge([*{**members_of(package), MANIFEST: text}.items()])
    assert refused_at_once(forged, "MANIFEST.json: ")
    refused_by_script(forged)


def test_a_newer_manifest_in_a_sound_package_is_refused_as_newer(package):
    forged = reseal(package, {}, lambda document: document.update(format_version=2))
    with pytest.raises(UnsupportedFormat, match="format version 2"):
        PackageReader(io.BytesIO(forged))
    assert "format version" in refused_by_script(forged)


def test_unknown_members_of_the_manifest_are_ignored(package):
    assert codes(reseal(package, {}, lambda document: document.update(later=1))) == set()


# --- what verify says ---


def test_defects_of_backup_time_are_passed_on():
    recorded = [
        {
            "code": "file_missing",
            "severity": "defect",
            "message": "m",
            "model": LABEL,
            "key": "D-1",
            "count": 3,
        },
        {"code": "note", "severity": "info", "message": "m"},
    ]
    reader = PackageReader(io.BytesIO(make_package(findings=tuple(recorded))))
    (finding,) = verify(reader, NullReporter())
    assert finding.severity is Severity.DEFECT
    assert finding.to_dict() == recorded[0]


@pytest.mark.parametrize(
    "recorded",
    [
        {},
        {"code": "x", "severity": "grave", "message": "m"},
        {"code": "x", "severity": "defect"},
        {"code": 5, "severity": "defect", "message": "m"},
        {"code": "x", "severity": 30, "message": "m"},
        {"code": "x", "severity": "defect", "message": "m", "count": "3"},
    ],
)
def test_a_recorded_finding_that_is_none_is_found(recorded):
    assert codes(make_package(findings=(recorded,))) == {"finding_malformed"}


def test_verify_tells_what_it_does(package):
    events = []

    class Listener:
        def emit(self, event):
            events.append(event)

    forged = exchange_rows(package, members_of(package)[ROWS_MEMBER].replace(b"D-1", b"D-7"))
    verify(PackageReader(io.BytesIO(forged)), Listener())
    assert isinstance(events[0], StepStarted) and isinstance(events[-1], StepFinished)
    assert events[0].step == events[-1].step == "verify"
    raised = [event.finding.code for event in events if isinstance(event, FindingRaised)]
    assert raised == ["row_digest_mismatch"]


@pytest.mark.pitfall(79)
def test_random_edits_of_a_sound_package_are_refused_or_harmless(package):
    """Edit members at random and seal again: verify must find it, and nothing may crash."""
    dice = random.Random(11)
    members = members_of(package)
    names = [name for name in members if name not in (README, UNPACK)]
    for _ in range(300):
        name = dice.choice(names)
        data = bytearray(members[name])
        for _ in range(dice.randint(1, 3)):
            data[dice.randrange(len(data))] = dice.randrange(256)
        forged = forge([*{**members, name: bytes(data)}.items()])
        if data == members[name]:
            continue
        try:
            found = codes(forged)
        except IntegrityError:
            continue
        except UnsupportedFormat:
            continue
        # The manifest cannot vouch for itself: a label or a version may be another one.
        assert found or name == MANIFEST


def test_readers_of_zip_agree_with_us(package):
    ours = members_of(package)
    with zipfile.ZipFile(io.BytesIO(package)) as archive:
        theirs = {name: archive.read(name) for name in archive.namelist()}
        sums = {info.filename: info.CRC for info in archive.infolist()}
    assert theirs == ours
    assert sums == {name: zlib.crc32(data) for name, data in ours.items()}
    assert ours[README].startswith(GREETING)
    assert json.loads(ours[MANIFEST])["header"]["package_id"] == HEADER.package_id


@pytest.mark.parametrize("suffix", [".gz", ".zst"])
@pytest.mark.parametrize("step", [1, 2, 7])
def test_a_byte_that_stands_for_many_is_no_end(monkeypatch, suffix, step):
    monkeypatch.setattr(compression, "CHUNK", step)
    data = b"x" * 3000 + random.Random(9).randbytes(50)
    stored = squeezed(suffix, data)
    pieces = iter([stored[place : place + 1] for place in range(len(stored))])
    codec = compression.codec_of(suffix)
    assert b"".join(compression.decompressed(codec, pieces, len(data), "m")) == data
