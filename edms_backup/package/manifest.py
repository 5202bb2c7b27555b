"""The manifest: what is in a package, as data (``docs/format.md``, *Manifest*).

It is enough to read the rows when the code that wrote them is gone. Two packages of the same state
differ in ``header`` alone.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from edms_backup.errors import MalformedPackage, UnknownModel, UnsupportedFormat
from edms_backup.package.canonical import pretty, strict_loads
from edms_backup.package.container import FORMAT_VERSION, MANIFEST, is_content, is_member_name
from edms_backup.package.records import from_json, to_json

__all__ = [
    "DatabaseEntry",
    "Exclusion",
    "FieldEntry",
    "FilesEntry",
    "Header",
    "KeyEntry",
    "Manifest",
    "MemberEntry",
    "ModelEntry",
    "SegmentEntry",
    "decode_manifest",
    "encode_manifest",
]

_HEX = re.compile("[0-9a-f]{64}")
_INSTANT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z")
_UUID = re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_KINDS = ("backup", "safety")


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """What tells this package from another one of the same state."""

    package_id: str
    """UUID in its canonical form."""
    created_at: str
    """RFC 3339 in UTC with microseconds: ``2025-01-31T23:59:59.000000Z``."""
    label: str = ""
    """What the operator called it."""
    kind: str = "backup"
    """``backup``, or ``safety`` for the one that a restore makes before it writes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseEntry:
    """A database that rows came from."""

    alias: str
    vendor: str
    version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldEntry:
    """One field of a model."""

    name: str
    column: str
    type: str
    """Django's internal type, for example ``DecimalField``."""
    null: bool = False
    kind: str = "value"
    """``value``, ``fk``, ``m2m``, ``file``, ``json`` …: how its values are written."""
    to: str = ""
    """Label of the model that it refers to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyEntry:
    """The natural key of a model."""

    source: str
    """Where it comes from, for example ``declared``, ``method``, ``constraint`` or ``pk``."""
    paths: tuple[str, ...]
    """Field paths from the model, for example ``folder__number``."""
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentEntry:
    """A member that holds lines."""

    member: str
    rows: int
    size: int
    """Bytes before compression."""
    sha256: str
    """Digest of these bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelEntry:
    """A model whose rows are in the package."""

    label: str
    database: str
    table: str
    pk: FieldEntry
    fields: tuple[FieldEntry, ...]
    key: KeyEntry
    fate: str
    tier: str
    rows: int
    digest: str
    """Digest of all rows' contents, independent of their order (``rows.RowDigest``)."""
    segments: tuple[SegmentEntry, ...]
    sequence: int | None = None
    """Where the primary key's sequence stood."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FilesEntry:
    """The files that rows name."""

    count: int = 0
    """How many files rows name, missing ones included."""
    bytes: int = 0
    """Sum of their sizes; a content that several share counts for each."""
    contents: int = 0
    """How many different contents are stored."""
    missing: int = 0
    index: SegmentEntry | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Exclusion:
    """A model that is left out, and why."""

    label: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberEntry:
    """A member other than contents of files and the manifest itself."""

    name: str
    size: int
    """Stored bytes."""
    sha256: str
    """Digest of the stored bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """The table of contents of a package."""

    header: Header
    format_version: int = FORMAT_VERSION
    software: dict[str, str] = field(default_factory=dict)
    """Versions of ``edms_backup``, ``django`` and ``python``."""
    databases: tuple[DatabaseEntry, ...] = ()
    models: tuple[ModelEntry, ...] = ()
    migrations: dict[str, list[str]] = field(default_factory=dict)
    """Applied migrations per app."""
    files: FilesEntry = field(default_factory=FilesEntry)
    exclusions: tuple[Exclusion, ...] = ()
    references: dict[str, list[str]] = field(default_factory=dict)
    """Natural keys (field paths) of models that stay at home but that rows of the package refer to."""
    findings: tuple[dict[str, Any], ...] = ()
    """What ``Finding.to_dict`` said at backup time."""
    fingerprints: dict[str, str] = field(default_factory=dict)
    configuration: dict[str, Any] = field(default_factory=dict)
    members: tuple[MemberEntry, ...] = ()

    def model(self, label: str) -> ModelEntry:
        """Return the entry of the model ``label``; raise ``UnknownModel`` when the package has none."""
        for model in self.models:
            if model.label == label:
                return model
        raise UnknownModel(f"The package has no rows of {label}.")

    def segments(self) -> list[SegmentEntry]:
        """Return every segment that the manifest names, the index of files included."""
        segments = [segment for model in self.models for segment in model.segments]
        return segments if self.files.index is None else [*segments, self.files.index]


def encode_manifest(manifest: Manifest) -> bytes:
    """Return the manifest as JSON: indented, with sorted members, the same bytes for the same content."""
    return pretty(to_json(manifest))


def decode_manifest(data: bytes) -> Manifest:
    """Return the manifest that ``data`` holds.

    Raises ``UnsupportedFormat`` for a newer format version, and ``MalformedPackage`` for anything that
    is not as the format asks. Members that this release does not know are ignored.
    """
    try:
        document = strict_loads(data)
        version = document.get("format_version") if isinstance(document, dict) else None
        if type(version) is int and version > FORMAT_VERSION:
            raise UnsupportedFormat(
                f"The manifest is of format version {version}; this release reads up to {FORMAT_VERSION}.",
                hint="Update edms_backup, or unpack the package with the unpack.py that it holds.",
            )
        if version != FORMAT_VERSION or isinstance(version, bool):
            raise ValueError("format_version is none that ever was")
        manifest = from_json(Manifest, document, "manifest")
        check_manifest(manifest)
    except ValueError as error:
        raise MalformedPackage(f"{MANIFEST}: {error}.") from error
    return manifest


def check_manifest(manifest: Manifest) -> None:
    """Raise ``ValueError`` when the manifest contradicts itself."""
    _check_header(manifest.header)
    _unique("model", [model.label.lower() for model in manifest.models])
    _unique("database", [database.alias for database in manifest.databases])
    for model in manifest.models:
        _check_model(model)
    names = [member.name for member in manifest.members]
    _unique("member", names)
    for member in manifest.members:
        if not is_member_name(member.name) or is_content(member.name) or member.name == MANIFEST:
            raise ValueError(f"{member.name[:80]!r} has no place among the members")
        _check_digest(member.sha256, member.name)
    _check_files(manifest.files)
    segments = manifest.segments()
    _unique("segment", [segment.member for segment in segments])
    _check_segments(segments, set(names))


def _check_header(header: Header) -> None:
    if not _UUID.fullmatch(header.package_id):
        raise ValueError("header.package_id is no UUID")
    if not _INSTANT.fullmatch(header.created_at):
        raise ValueError("header.created_at is no instant in UTC with microseconds")
    if header.kind not in _KINDS:
        raise ValueError(f"header.kind is none of {', '.join(_KINDS)}")


def _check_model(model: ModelEntry) -> None:
    _check_digest(model.digest, model.label)
    if sum(segment.rows for segment in model.segments) != model.rows:
        raise ValueError(f"the segments of {model.label} do not hold {model.rows} rows")
    if any(not segment.member.startswith("rows/") for segment in model.segments):
        raise ValueError(f"a segment of {model.label} is no member for rows")


def _check_segments(segments: list[SegmentEntry], names: set[str]) -> None:
    for segment in segments:
        _check_digest(segment.sha256, segment.member)
        if segment.member not in names:
            raise ValueError(f"segment {segment.member[:80]!r} is not among the members")
        if segment.rows > segment.size:
            raise ValueError(f"segment {segment.member} holds more rows than bytes")
    strangers = {name for name in names if name.startswith(("rows/", "files.jsonl"))} - {
        segment.member for segment in segments
    }
    if strangers:
        raise ValueError(f"member {min(strangers)} belongs to no model")


def _check_files(files: FilesEntry) -> None:
    index = files.index
    if index is None:
        if files != FilesEntry():
            raise ValueError("there are files, but no index of them")
        return
    if not index.member.startswith("files.jsonl"):
        raise ValueError("the index of files is no member for it")
    if index.rows != files.count or files.missing > files.count or files.contents > files.count:
        raise ValueError("the counts of files contradict each other")


def _check_digest(digest: str, place: str) -> None:
    if not _HEX.fullmatch(digest):
        raise ValueError(f"the digest of {place[:80]} is not 64 hexadecimal digits")


def _unique(what: str, names: list[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise ValueError(f"{what} {name[:80]!r} is named twice")
        seen.add(name)
