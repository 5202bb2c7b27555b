"""The index of files: which file of the site has which content (``docs/format.md``, *Files*)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from edms_backup.errors import MalformedPackage
from edms_backup.package.canonical import canonical, strict_loads
from edms_backup.package.container import is_content
from edms_backup.package.records import from_json

__all__ = ["FileEntry", "content_base", "decode_entry", "encode_entry"]

_HEX = re.compile("[0-9a-f]{64}")
_USUAL = re.compile(
    r'\{"root":"([^"\\\x00-\x1f]+)","name":"([^"\\\x00-\x1f]+)","size":(0|[1-9][0-9]{0,17}),'
    r'"sha256":"(([0-9a-f]{2})[0-9a-f]{62})","member":"(files/\5/\4(?:\.zst|\.gz)?)"'
    r'(?:,"modified":(0|[1-9][0-9]{0,18}))?\}\n?',
    re.ASCII,
)
"""The lines that ``encode_entry`` writes for nearly every file: whatever it fits is an entry as it should be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileEntry:
    """One file that rows name."""

    root: str
    """Which storage or base directory the name belongs to, for example ``media``."""
    name: str
    """Name within the root, as the row holds it."""
    size: int = 0
    sha256: str = ""
    member: str = ""
    """Member with the content; several files may share it."""
    modified: int | None = None
    """When the content was last changed, in nanoseconds since 1970 UTC, where that can be told."""
    missing: bool = False
    """The row names the file, but it was not there: neither size nor digest nor member are known."""


def content_base(sha256: str) -> str:
    """Return the member name, without a codec's suffix, of the content with that digest."""
    return f"files/{sha256[:2]}/{sha256}"


def encode_entry(entry: FileEntry) -> bytes:
    """Return the entry's line in the index, line feed included."""
    document: dict[str, object] = {"root": entry.root, "name": entry.name}
    if entry.missing:
        document["missing"] = True
    else:
        document |= {"size": entry.size, "sha256": entry.sha256, "member": entry.member}
        if entry.modified is not None:
            document["modified"] = entry.modified
    return canonical(document) + b"\n"


def decode_entry(line: bytes, member: str, number: int) -> FileEntry:
    """Return the entry that ``line`` holds; raise ``MalformedPackage`` naming ``member`` and ``number``."""
    return _usual(line) or _decoded(line, member, number)


def _usual(line: bytes) -> FileEntry | None:
    """Return the entry of a line that need not be decoded; ``None``: it has to be looked at closely."""
    try:
        found = _USUAL.fullmatch(line.decode())
    except UnicodeDecodeError:
        return None
    if found is None:
        return None
    root, name, size, sha256, _, member, modified = found.groups()
    return FileEntry(
        root=root,
        name=name,
        size=int(size),
        sha256=sha256,
        member=member,
        modified=None if modified is None else int(modified),
    )


def _decoded(line: bytes, member: str, number: int) -> FileEntry:
    """Return the entry of any line; raise ``MalformedPackage`` naming ``member`` and ``number``."""
    try:
        entry = from_json(FileEntry, strict_loads(line), "the entry")
        _check(entry)
    except ValueError as error:
        raise MalformedPackage(f"{member}, line {number}: {error}.") from error
    return entry


def _check(entry: FileEntry) -> None:
    if not entry.root or not entry.name:
        raise ValueError("root or name is empty")
    if entry.missing:
        if entry.size or entry.sha256 or entry.member:
            raise ValueError("a missing file has neither size nor digest nor member")
        return
    if not _HEX.fullmatch(entry.sha256):
        raise ValueError("sha256 is no digest")
    if not is_content(entry.member) or not entry.member.startswith(content_base(entry.sha256)):
        raise ValueError("member is not the one of that digest")
