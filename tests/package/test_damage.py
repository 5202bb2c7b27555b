"""Every changed, missing, added or reordered byte is refused, by our reader and by ``unpack.py``.

Exhaustive on a small package (each bit, each length); the texts at the beginning of a real one are sampled.
"""

import contextlib
import io
import random
import threading
import time

import pytest

from edms_backup.errors import (
    ChecksumMismatch,
    IntegrityError,
    NotAPackage,
    TruncatedPackage,
    UnsupportedFormat,
)
from edms_backup.events import NullReporter, Progress
from edms_backup.package import PackageReader, unpack
from edms_backup.package.container import TRAILER_LENGTH
from edms_backup.package.verify import verify

from .builders import make_package, members_of, small_package

pytestmark = pytest.mark.fault

REFUSALS = (IntegrityError, UnsupportedFormat)


def accepted(package):
    """Return whether our reader would believe these bytes."""
    try:
        PackageReader(io.BytesIO(package)).verify_digest()
    except REFUSALS:
        return False
    return True


def accepted_by_script(package):
    """Return whether ``unpack.py`` would believe these bytes."""
    try:
        unpack.verify(io.BytesIO(package))
    except unpack.Damaged:
        return False
    return True


@pytest.fixture(scope="module")
def small():
    package = small_package()
    assert accepted(package) and accepted_by_script(package)
    assert verify(PackageReader(io.BytesIO(package)), NullReporter()) == []
    return package


def bit_flips(package, positions):
    """Yield the package with one bit changed, for each bit at these positions."""
    changed = bytearray(package)
    for position in positions:
        for bit in range(8):
            changed[position] ^= 1 << bit
            yield position, bit, changed
            changed[position] ^= 1 << bit


@pytest.mark.slow
def test_every_flipped_bit_is_seen(small, record_property):
    flips = 0
    for position, bit, changed in bit_flips(small, range(len(small))):
        assert not accepted(changed), f"bit {bit} of byte {position} may be flipped"
        assert not accepted_by_script(changed), f"unpack.py: bit {bit} of byte {position} may be flipped"
        flips += 1
    assert flips == 8 * len(small)
    record_property("flipped bits", flips)


def test_flipped_bits_of_a_whole_package_are_seen():
    package = make_package()
    positions = [
        *range(0, 100),
        *range(100, len(package) - 400, 97),
        *range(len(package) - 400, len(package)),
    ]
    for position, bit, changed in bit_flips(package, positions):
        assert not accepted(changed), f"bit {bit} of byte {position} may be flipped"
        assert not accepted_by_script(changed), f"unpack.py: bit {bit} of byte {position} may be flipped"


@pytest.mark.pitfall(77)
def test_every_truncation_is_seen(small):
    for length in range(len(small)):
        assert not accepted(small[:length]), f"{length} bytes are enough"
        assert not accepted_by_script(small[:length]), f"unpack.py: {length} bytes are enough"


def test_every_missing_beginning_is_seen(small):
    for start in range(1, len(small)):
        assert not accepted(small[start:])
        assert not accepted_by_script(small[start:])


@pytest.mark.parametrize("junk", [b"\0", b"\n", b"PK\5\6", bytes(22), bytes(TRAILER_LENGTH), b"x" * 70_000])
def test_added_bytes_are_seen(small, junk):
    places = range(0, len(small) + 1, 1 if len(junk) == 1 else 211)
    for place in {*places, 0, len(small)}:
        assert not accepted(small[:place] + junk + small[place:])
        assert not accepted_by_script(small[:place] + junk + small[place:])


def test_a_package_after_a_package_is_seen(small):
    for both in (small + small, small[:-1] + small):
        with pytest.raises(TruncatedPackage):
            PackageReader(io.BytesIO(both))
        assert not accepted_by_script(both)


def test_removed_and_exchanged_bytes_are_seen(small):
    dice = random.Random(7)
    for _ in range(500):
        one, two = sorted(dice.sample(range(len(small)), 2))
        without = small[:one] + small[two:]
        turned = small[:one] + small[one:two][::-1] + small[two:]
        for changed in (without, turned):
            if changed != small:
                assert not accepted(changed)
                assert not accepted_by_script(changed)


def test_upper_case_in_the_digest_is_seen(small):
    shouting = small[:-64] + small[-64:].upper()
    assert shouting != small
    assert not accepted(shouting) and not accepted_by_script(shouting)


# --- which refusal, and what it says ---


@pytest.mark.parametrize("member", members_of(small_package()))
def test_the_damaged_member_is_named(small, member):
    where = PackageReader(io.BytesIO(small)).members[member]
    for position in (where.offset + 1, where.data_offset, where.end - 1):
        changed = bytearray(small)
        changed[position] ^= 0x20
        with pytest.raises(ChecksumMismatch) as refusal:
            PackageReader(io.BytesIO(changed), "monday.edms").verify_digest()
        assert refusal.value.message == f"monday.edms is damaged; the damage lies in {member}."
        assert refusal.value.hint


def test_damage_of_the_directory_is_told_apart(small):
    start = PackageReader(io.BytesIO(small)).members["MANIFEST.json"].end
    changed = bytearray(small)
    changed[start + 60] ^= 1
    with pytest.raises(ChecksumMismatch, match="its ZIP directory"):
        PackageReader(io.BytesIO(changed))


def test_verify_names_what_is_damaged_and_goes_on():
    package = bytearray(make_package(codec="none"))
    reader = PackageReader(io.BytesIO(package))
    for member in reader.members.values():
        if member.name.startswith(("rows/", "files/")):
            package[member.data_offset + 30 if member.size > 30 else member.data_offset] ^= 1
    findings = verify(PackageReader(io.BytesIO(package)), NullReporter())
    assert sorted({finding.code for finding in findings}) == [
        "file_damaged",
        "member_damaged",
        "package_damaged",
        "segment_damaged",
    ]
    damaged = [finding.member for finding in findings if finding.code == "file_damaged"]
    assert damaged == ["media/documents/a.pdf", "media/documents/b.txt"]


def test_who_gives_up_waits_for_no_content(monkeypatch):
    """The files are checked in a thread, which must end with the run that was cancelled."""

    class Impatient(NullReporter):
        def emit(self, event):
            if isinstance(event, Progress):
                raise InterruptedError

    checked = []
    content = PackageReader.content

    def slowly(reader, member, size, sha256):
        if not member.startswith("files/"):
            yield from content(reader, member, size, sha256)
            return
        for _ in range(500):
            checked.append(member)
            time.sleep(0.01)
            yield b"x"

    monkeypatch.setattr(PackageReader, "content", slowly)
    with pytest.raises(InterruptedError):
        verify(PackageReader(io.BytesIO(make_package())), Impatient())
    assert len(checked) < 100
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("edms-verify")]


def test_verify_waits_for_the_last_content_and_tells_how_far_it_is(monkeypatch):
    events = []

    class Listening(NullReporter):
        def emit(self, event):
            events.append(event)

    package = bytearray(make_package(codec="none"))
    last = [m for m in PackageReader(io.BytesIO(package)).members.values() if m.name.startswith("files/")][-1]
    package[last.data_offset] ^= 1
    content = PackageReader.content

    def slowly(reader, member, size, sha256, read=None):
        if member.startswith("files/"):
            time.sleep(0.3)
        yield from content(reader, member, size, sha256, read)

    monkeypatch.setattr(PackageReader, "content", slowly)
    findings = verify(PackageReader(io.BytesIO(package)), Listening())
    assert [finding.code for finding in findings] == ["package_damaged", "file_damaged"]
    done = [event.done for event in events if isinstance(event, Progress) and event.step == "verify"]
    assert done == sorted(done) and done[-1] == last.end


@pytest.mark.parametrize("other", [b"", b"x", b"PK\3\4", bytes(500), b"%PDF-1.7" * 100])
def test_garbage_is_no_package(other):
    with pytest.raises(NotAPackage, match=r"is no package of edms_backup\.$"):
        PackageReader(io.BytesIO(other))


def test_an_ordinary_zip_is_no_package():
    import zipfile

    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("README.txt", "Hello, this is my project. " * 9)
        archive.comment = b"c" * 500
    with pytest.raises(NotAPackage):
        PackageReader(file)


def test_a_package_without_its_end_was_one(small):
    with pytest.raises(TruncatedPackage, match="its end is missing or something follows it"):
        PackageReader(io.BytesIO(small[:-1]))


def test_bytes_in_front_change_the_length(small):
    with pytest.raises(
        TruncatedPackage, match=f"has {len(small) + 1} bytes, but was sealed with {len(small)}"
    ):
        PackageReader(io.BytesIO(b"\0" + small))


@pytest.mark.pitfall(73)
def test_a_newer_format_is_not_called_damaged(small):
    newer = small.replace(b"format=0001", b"format=0002")
    with pytest.raises(UnsupportedFormat, match="format version 2"):
        PackageReader(io.BytesIO(newer))
    with pytest.raises(unpack.Damaged, match="Format version 2 is unknown"):
        unpack.verify(io.BytesIO(newer))


def test_a_file_that_shrinks_while_it_is_read_is_seen(small):
    class Shrinking(io.BytesIO):
        def read(self, size=-1):
            return b"" if self.gone else super().read(size)

        gone = False

    file = Shrinking(small)
    reader = PackageReader(file)
    file.gone = True
    with pytest.raises(ChecksumMismatch, match="has become shorter"):
        reader.verify_digest()
    with contextlib.suppress(StopIteration), pytest.raises(ChecksumMismatch, match="has become shorter"):
        next(reader.files())
