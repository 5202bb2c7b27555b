"""THE FORMAT: what a package is, byte by byte. No Django; ``docs/format.md`` is the specification.

Reading order: ``rows`` (one line), ``manifest`` (what is in a package), ``container`` (bytes on disk),
``growing`` and ``writer``, ``reader``, ``verify``; beneath them ``canonical`` (JSON), ``compression``
(codecs), ``files`` (the index of files) and ``records`` (dataclasses as JSON). ``unpack.py`` and
``README.txt`` are not used by the app: they travel in every package, for the day when the app is gone.
"""

from edms_backup.package.container import FORMAT_VERSION, segment_name
from edms_backup.package.files import FileEntry
from edms_backup.package.manifest import (
    DatabaseEntry,
    Exclusion,
    FieldEntry,
    FilesEntry,
    Header,
    KeyEntry,
    Manifest,
    MemberEntry,
    ModelEntry,
    SegmentEntry,
)
from edms_backup.package.reader import PackageReader
from edms_backup.package.rows import (
    RowDigest,
    canonical,
    content_digest,
    content_of,
    decode_line,
    digest_of_line,
    encode_line,
    reread_line,
)
from edms_backup.package.writer import Content, PackageWriter, Prepared, SealInfo, SegmentWriter

__all__ = [
    "FORMAT_VERSION",
    "Content",
    "DatabaseEntry",
    "Exclusion",
    "FieldEntry",
    "FileEntry",
    "FilesEntry",
    "Header",
    "KeyEntry",
    "Manifest",
    "MemberEntry",
    "ModelEntry",
    "PackageReader",
    "PackageWriter",
    "Prepared",
    "RowDigest",
    "SealInfo",
    "SegmentEntry",
    "SegmentWriter",
    "canonical",
    "content_digest",
    "content_of",
    "decode_line",
    "digest_of_line",
    "encode_line",
    "reread_line",
    "segment_name",
]
