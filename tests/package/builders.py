"""Packages for tests: well made ones, and ones that were tampered with and sealed again."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import json
import zlib
from collections.abc import Callable, Iterable
from typing import Any

from edms_backup.package import (
    FieldEntry,
    FileEntry,
    Header,
    KeyEntry,
    Manifest,
    ModelEntry,
    PackageReader,
    PackageWriter,
    RowDigest,
    content_digest,
    content_of,
    encode_line,
    segment_name,
)
from edms_backup.package.container import (
    GREETING,
    MANIFEST,
    README,
    TRAILER_LENGTH,
    UNPACK,
    Member,
    central_header,
    directory_end,
    encode_trailer,
    local_header,
)

HEADER = Header(
    package_id="6f1c0b5e-0000-4000-8000-000000000001",
    created_at="2025-01-31T23:59:59.000001Z",
    label="nightly",
)
LABEL = "documents.Document"
ID = FieldEntry(name="id", column="id", type="BigAutoField")
NUMBER = FieldEntry(name="number", column="number", type="CharField")
ROWS = [({"number": "D-1", "title": "Prüfplan"}, 1), ({"number": "D-2", "title": "Plan"}, 2)]
FILES = {"documents/a.pdf": b"%PDF \x00\xff" * 3, "documents/b.txt": b"all work and no play " * 20}


class Sink:
    """Something that can be written to and nothing else, like a socket."""

    def __init__(self) -> None:
        self.written = bytearray()

    def write(self, data: Any) -> int:
        """Take only a part, as an unbuffered file may."""
        part = bytes(data[: 64 * 1024])
        self.written += part
        return len(part)


def model_entry(segments: Iterable[Any], digest: RowDigest, label: str = LABEL) -> ModelEntry:
    """Return the manifest's entry of a model with two fields."""
    return ModelEntry(
        label=label,
        database="default",
        table=label.lower().replace(".", "_"),
        pk=ID,
        fields=(NUMBER,),
        key=KeyEntry(source="method", paths=("number",)),
        fate="included",
        tier="critical",
        rows=digest.count,
        digest=digest.hexdigest(),
        segments=tuple(segments),
        sequence=17,
    )


def make_package(
    rows: Iterable[tuple[dict[str, Any], Any]] = ROWS,
    files: dict[str, bytes] | None = None,
    *,
    header: Header = HEADER,
    codec: str = "auto",
    missing: Iterable[str] = ("documents/lost.pdf",),
    **manifest: Any,
) -> bytes:
    """Return a package with one model and some files, written to a sink that cannot seek."""
    sink: Any = Sink()
    with PackageWriter(sink, codec=codec) as package:
        digest = RowDigest()
        with package.segment(segment_name(LABEL)) as segment:
            for fields, pk in rows:
                line = encode_line(LABEL.lower(), {"fields": fields}, pk)
                digest.add(content_digest(content_of(line)))
                segment.write(line)
        entries = []
        for name, data in (FILES if files is None else files).items():
            content = package.add_content(io.BytesIO(data))
            entries.append(FileEntry(root="media", name=name, **content._asdict()))
        entries += [FileEntry(root="media", name=name, missing=True) for name in missing]
        index = package.add_files_index(entries)
        models = (model_entry([segment.entry], digest),)
        package.finish(Manifest(header=header, models=models, files=index, **manifest))
    return bytes(sink.written)


def members_of(package: bytes) -> dict[str, bytes]:
    """Return the stored bytes of every member."""
    reader = PackageReader(io.BytesIO(package))
    return {name: b"".join(reader.stored(member)) for name, member in reader.members.items()}


def forge(members: Iterable[tuple[str, bytes]], **changes: Any) -> bytes:
    """Return a sealed container with just these members, however little they make sense.

    ``changes`` replace functions of the container: ``local``, ``central``, ``end``, ``trailer``; ``gap``
    is what stands between the last member and the directory.
    """
    local: Callable[[Member], bytes] = changes.get("local", local_header)
    central: Callable[[Member], bytes] = changes.get("central", central_header)
    end: Callable[[int, int, int], bytes] = changes.get("end", directory_end)
    trailer: Callable[[int], bytes] = changes.get("trailer", encode_trailer)
    body, directory, count = b"", b"", 0
    for name, data in members:
        member = Member(name, len(body), len(data), zlib.crc32(data))
        body += local(member) + data
        directory += central(member)
        count += 1
    body += changes.get("gap", b"")
    body += directory + end(count, len(directory), len(body))
    body += trailer(len(body) + TRAILER_LENGTH)
    return body + hashlib.sha256(body).hexdigest().encode()


def reseal(
    package: bytes, changed: dict[str, bytes | None], edit: Callable[[Any], None] | None = None
) -> bytes:
    """Return ``package`` with members replaced, added or (``None``) removed, and everything recomputed.

    The manifest's ``members`` are brought up to date; ``edit`` may then change its document in place.
    """
    members = members_of(package)
    document = json.loads(members.pop(MANIFEST))
    for name, data in changed.items():
        if data is None:
            del members[name]
        else:
            members[name] = data
    document["members"] = [
        {"name": name, "size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
        for name, data in members.items()
        if not name.startswith("files/")
    ]
    if edit is not None:
        edit(document)
    return forge([*members.items(), (MANIFEST, json.dumps(document).encode())])


def small_package() -> bytes:
    """Return a package without the long texts that every package begins with."""
    return reseal(make_package(codec="gzip"), {README: GREETING, UNPACK: b"pass"})


def with_header(**changes: str) -> Header:
    """Return the usual header with changes."""
    return dataclasses.replace(HEADER, **changes)
