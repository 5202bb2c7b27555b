"""The container: a ZIP file in which no bit is left to chance (``docs/format.md``, *Container*).

Ordinary tools read it. Our own reader accepts nothing but what this module writes: every header is
rebuilt from what it says and compared byte by byte, members follow each other without gaps, and the
archive comment, the *trailer*, holds the file's length and a digest of every byte before it.
"""

from __future__ import annotations

import re
import struct
from typing import BinaryIO, NamedTuple

from edms_backup.errors import MalformedPackage, NotAPackage, TruncatedPackage, UnsupportedFormat

__all__ = [
    "FORMAT_VERSION",
    "GREETING",
    "MANIFEST",
    "README",
    "UNPACK",
    "Member",
    "SealInfo",
    "central_header",
    "directory_end",
    "encode_trailer",
    "is_content",
    "is_member_name",
    "local_header",
    "member_key",
    "read_directory",
    "read_trailer",
    "segment_name",
]

FORMAT_VERSION = 1
README = "README.txt"
UNPACK = "unpack.py"
MANIFEST = "MANIFEST.json"
GREETING = b"This file is a package of edms_backup"
"""How the content of README.txt, the first member, begins."""

MAGIC = b"edms_backup package "
TRAILER_LENGTH = 131
DIGEST_LENGTH = 64
"""The digest is the end of the trailer, and the only part of the file that it does not cover."""
_TRAILER = re.compile(rb"edms_backup package format=([0-9]{4}) length=([0-9]{20}) sha256=(.{64})", re.DOTALL)
_HEX = re.compile(rb"[0-9a-f]{64}")

ZIP32_LIMIT = 0xFFFFFFFF
"""From this size or offset on the ZIP64 extension is used."""
ZIP32_COUNT = 0xFFFF
"""From this number of members on the ZIP64 extension is used."""
_FILL32 = 0xFFFFFFFF
_FILL16 = 0xFFFF
_LOCAL = struct.Struct("<4s5H3L2H")
_EXTRA64 = struct.Struct("<2H2Q")
_CENTRAL = struct.Struct("<4s6H3L5H2L")
_END = struct.Struct("<4s4H2LH")
_END64 = struct.Struct("<4sQ2H2L4Q")
_LOCATOR64 = struct.Struct("<4sLQL")
_DATE = 33  # 1980-01-01, the first day that ZIP knows
_UNIX = 3 << 8
_REGULAR_FILE = 0o100644 << 16

_CONTENT_NAME = re.compile(r"files/([0-9a-f]{2})/\1[0-9a-f]{62}(\.zst|\.gz)?", re.ASCII)
_ROWS_NAME = re.compile(r"rows/[A-Za-z_]\w*\.[A-Za-z_]\w*(\.[0-9]{4,9})?\.jsonl(\.zst|\.gz)?", re.ASCII)
_INDEX_NAME = re.compile(r"files\.jsonl(\.zst|\.gz)?")
_MAX_NAME = 240


class Member(NamedTuple):
    """Where one member lies, and what the ZIP directory says about it."""

    name: str
    offset: int
    """Where its local header begins."""
    size: int
    """Stored bytes."""
    crc: int

    @property
    def data_offset(self) -> int:
        """Return where its stored bytes begin."""
        return self.offset + _LOCAL.size + len(self.name) + (_EXTRA64.size if self.size >= ZIP32_LIMIT else 0)

    @property
    def end(self) -> int:
        """Return where its stored bytes end."""
        return self.data_offset + self.size


class SealInfo(NamedTuple):
    """What the trailer says: the seal of the package."""

    length: int
    """Bytes of the whole file."""
    sha256: str
    """Digest of every byte of the file before the digest itself."""


def segment_name(label: str, number: int | None = None) -> str:
    """Return the member name, without a codec's suffix, for rows of the model ``label``.

    Letters outside ASCII, which Python allows in class names, are written as ``_u`` and their code.
    """
    plain = "".join(letter if letter.isascii() else f"_u{ord(letter):04x}" for letter in label)
    part = "" if number is None else f".{number:04d}"
    return f"rows/{plain}{part}.jsonl"


def is_content(name: str) -> bool:
    """Return whether ``name`` is that of a member with the content of a file."""
    return _CONTENT_NAME.fullmatch(name) is not None


def is_member_name(name: str) -> bool:
    """Return whether the format knows members of that name."""
    if name in (README, UNPACK, MANIFEST):
        return True
    if len(name) > _MAX_NAME:
        return False
    return any(shape.fullmatch(name) for shape in (_CONTENT_NAME, _ROWS_NAME, _INDEX_NAME))


def member_key(name: str) -> str:
    """Return what must be unique about a member's name: neither case nor codec make a difference."""
    return name.removesuffix(".zst").removesuffix(".gz").lower()


def local_header(member: Member) -> bytes:
    """Return the header that stands before the member's bytes."""
    name = member.name.encode("ascii")
    large = member.size >= ZIP32_LIMIT
    extra = _EXTRA64.pack(1, 16, member.size, member.size) if large else b""
    size = _FILL32 if large else member.size
    version = 45 if large else 20
    fixed = _LOCAL.pack(b"PK\3\4", version, 0, 0, 0, _DATE, member.crc, size, size, len(name), len(extra))
    return fixed + name + extra


def central_header(member: Member) -> bytes:
    """Return the member's entry in the ZIP directory."""
    name = member.name.encode("ascii")
    large, far = member.size >= ZIP32_LIMIT, member.offset >= ZIP32_LIMIT
    values = [member.size, member.size] * large + [member.offset] * far
    extra = struct.pack(f"<2H{len(values)}Q", 1, 8 * len(values), *values) if values else b""
    size = _FILL32 if large else member.size
    offset = _FILL32 if far else member.offset
    version = 45 if values else 20
    fixed = _CENTRAL.pack(
        b"PK\1\2",
        _UNIX | version,
        version,
        0,
        0,
        0,
        _DATE,
        member.crc,
        size,
        size,
        len(name),
        len(extra),
        0,
        0,
        0,
        _REGULAR_FILE,
        offset,
    )
    return fixed + name + extra


def directory_end(count: int, size: int, offset: int) -> bytes:
    """Return the records between the ZIP directory and the trailer."""
    end64 = b""
    if count >= ZIP32_COUNT or size >= ZIP32_LIMIT or offset >= ZIP32_LIMIT:
        end64 = _END64.pack(b"PK\6\6", _END64.size - 12, _UNIX | 45, 45, 0, 0, count, count, size, offset)
        end64 += _LOCATOR64.pack(b"PK\6\7", 0, offset + size, 1)
    count16 = _FILL16 if count >= ZIP32_COUNT else count
    size32 = _FILL32 if size >= ZIP32_LIMIT else size
    offset32 = _FILL32 if offset >= ZIP32_LIMIT else offset
    return end64 + _END.pack(b"PK\5\6", 0, 0, count16, count16, size32, offset32, TRAILER_LENGTH)


def encode_trailer(length: int) -> bytes:
    """Return the trailer of a file of ``length`` bytes, but for its digest."""
    return MAGIC + f"format={FORMAT_VERSION:04d} length={length:020d} sha256=".encode("ascii")


def read_trailer(file: BinaryIO, name: str) -> SealInfo:
    """Return the trailer of ``file`` after comparing its length with that of the file.

    Raises ``NotAPackage``, ``TruncatedPackage``, ``UnsupportedFormat`` or ``MalformedPackage``.
    """
    length = file.seek(0, 2)
    file.seek(max(0, length - TRAILER_LENGTH))
    found = _TRAILER.fullmatch(file.read(TRAILER_LENGTH))
    if found is None:
        raise _no_trailer(file, name)
    version, sealed_length, digest = int(found[1]), int(found[2]), found[3]
    if version > FORMAT_VERSION:
        raise UnsupportedFormat(
            f"{name} is of format version {version}; this release reads up to {FORMAT_VERSION}.",
            hint="Update edms_backup, or unpack the package with the unpack.py that it holds.",
        )
    if version < 1 or not _HEX.fullmatch(digest):
        raise MalformedPackage(f"The trailer of {name} is damaged.", hint=_FETCH_AGAIN)
    if sealed_length != length:
        raise TruncatedPackage(
            f"{name} has {length} bytes, but was sealed with {sealed_length}.", hint=_FETCH_AGAIN
        )
    return SealInfo(length, digest.decode("ascii"))


_FETCH_AGAIN = "Fetch the file again, or take another package."


def _no_trailer(file: BinaryIO, name: str) -> NotAPackage | TruncatedPackage:
    """Return the error for a file without a trailer: was it a package once, or never?"""
    file.seek(0)
    start = file.read(_LOCAL.size + len(README) + len(GREETING))
    expected = README.encode("ascii") + GREETING
    if start[:4] == b"PK\3\4"[: len(start)] and start[_LOCAL.size :] == expected:
        return TruncatedPackage(
            f"{name} is a package, but its end is missing or something follows it.", hint=_FETCH_AGAIN
        )
    return NotAPackage(f"{name} is no package of edms_backup.")


def read_directory(file: BinaryIO, length: int) -> dict[str, Member]:
    """Return the members of ``file`` by name, in the order in which they lie in it.

    Raises ``MalformedPackage`` for everything that this release would not have written.
    """
    count, size, offset = _read_directory_end(file, length)
    file.seek(offset)
    directory = file.read(size)
    members: dict[str, Member] = {}
    keys = set()
    position = expected_offset = 0
    while position < len(directory):
        member, width = _read_entry(directory, position)
        if member.offset != expected_offset:
            raise MalformedPackage(f"{member.name} does not begin where the member before it ends.")
        key = member_key(member.name)
        if key in keys:
            raise MalformedPackage(f"{member.name} occurs twice.")
        keys.add(key)
        members[member.name] = member
        expected_offset = member.end
        position += width
    if len(members) != count or expected_offset != offset:
        raise MalformedPackage("The ZIP directory does not account for every byte of the file.")
    _check_order(list(members))
    return members


def _check_order(names: list[str]) -> None:
    if names[:2] != [README, UNPACK] or names[-1:] != [MANIFEST]:
        raise MalformedPackage(f"The members do not begin with {README}, {UNPACK} and end with {MANIFEST}.")


def _read_directory_end(file: BinaryIO, length: int) -> tuple[int, int, int]:
    """Return number of members, size and offset of the ZIP directory."""
    longest = _END64.size + _LOCATOR64.size + _END.size
    stop = length - TRAILER_LENGTH
    file.seek(max(0, stop - longest))
    tail = file.read(min(longest, stop))
    if len(tail) < _END.size:
        raise MalformedPackage("There is no ZIP directory.")
    _, _, _, _, count, size, offset, _ = _END.unpack(tail[-_END.size :])
    if len(tail) == longest and tail[_END64.size :].startswith(b"PK\6\7"):
        count, size, offset = _END64.unpack(tail[: _END64.size])[-3:]
    end = directory_end(count, size, offset)
    if not tail.endswith(end) or offset + size + len(end) != stop:
        raise MalformedPackage("The end of the ZIP directory is not as the format asks.")
    return count, size, offset


def _read_entry(directory: bytes, position: int) -> tuple[Member, int]:
    """Return the member whose entry begins at ``position``, and how long that is; it can be written in one way only."""
    if len(directory) - position < _CENTRAL.size:
        raise MalformedPackage("The ZIP directory ends within an entry.")
    fields = _CENTRAL.unpack_from(directory, position)
    crc, size, name_length, extra_length, offset = fields[7], fields[8], fields[10], fields[11], fields[16]
    start = position + _CENTRAL.size
    try:
        name = directory[start : start + name_length].decode("ascii")
    except UnicodeDecodeError as error:
        raise MalformedPackage("A member's name is not ASCII.") from error
    if not is_member_name(name):
        raise MalformedPackage(f"The format knows no member {name[:_MAX_NAME]!r}.")
    extra = directory[start + name_length : start + name_length + extra_length]
    values = [value for (value,) in struct.iter_unpack("<Q", extra[4 : 4 + (len(extra) - 4) // 8 * 8])]
    if size == _FILL32 and len(values) >= 2:
        size = values[0]
    if offset == _FILL32 and values:
        offset = values[-1]
    member = Member(name, offset, size, crc)
    entry = central_header(member)
    if directory[position : position + len(entry)] != entry:
        raise MalformedPackage(f"The ZIP directory's entry of {name} is not as the format asks.")
    return member, len(entry)
