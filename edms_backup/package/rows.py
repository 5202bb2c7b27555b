"""The canonical row: one line of a Django ``jsonl`` fixture, made exact (``docs/format.md``, *Rows*).

::

    {"model":"documents.document","fields":{"number":"D-1"},"_pk":17}

``_pk`` is always the last member. What stands before it, without ids that depend on the site, is the row's
*content*: two sites that hold the same row under different primary keys have the same content, and so the
same digest.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from typing import Any

from edms_backup.errors import MalformedPackage
from edms_backup.package.canonical import MAX_DEPTH, canonical, loads_again, strict_loads
from edms_backup.package.content import content_of_line as content_of
from edms_backup.package.longtexts import framed

__all__ = [
    "MAX_LINE",
    "RowDigest",
    "canonical",
    "content_digest",
    "content_of",
    "decode_line",
    "digest_of_line",
    "encode_line",
    "reread_line",
]

MAX_LINE = 256 * 1024 * 1024
"""Longest line that is read: a text column may hold a book, but a line must fit into memory."""

_PK = b',"_pk":'
_START = b'{"model":'
_MEMBERS = {"model", "pk", "fields", "_json_null", "_refs", "_key", "_pk"}
_MODULUS = 1 << 256


def encode_line(model: str, body: dict[str, Any], pk: Any) -> bytes:
    """Return the line of one row, line feed included.

    ``model`` is the label as fixtures write it (``documents.document``); ``body`` holds the members
    between ``model`` and ``_pk`` in their order, ``fields`` among them; ``pk`` is a JSON scalar or, for
    a composite key, a list of scalars. Raises ``ValueError`` for values that JSON cannot hold.
    """
    parts = pk if isinstance(pk, list | tuple) else (pk,)
    if any(isinstance(part, dict | list | tuple) for part in parts):
        raise ValueError(f"the primary key of a {model} is neither a scalar nor a list of scalars")
    # Content and key are encoded apart, so that nothing in the key can change the content's bytes.
    return canonical({"model": model, **body})[:-1] + _PK + canonical(pk) + b"}\n"


def content_digest(content: bytes | memoryview) -> int:
    """Return the SHA-256 of a row's content as an integer, ready for ``RowDigest.add``."""
    return int.from_bytes(hashlib.sha256(content).digest())


def digest_of_line(line: bytes, row: dict[str, Any] | None = None) -> int:
    """Return ``content_digest(content_of(line, row))``; a line with long texts is not written anew for that.

    ``line`` is one that ``decode_line`` has accepted. Raises ``ValueError`` as ``content_of`` does.
    """
    frame = framed(line)
    parts = None if frame is None else frame.filled(bytes(content_of(frame.rest)))
    if parts is None:
        return content_digest(content_of(line, row))
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    return int.from_bytes(digest.digest())


class RowDigest:
    """Digest of a set of rows that does not depend on their order.

    The digests of the rows are added modulo 2**256. So partial digests made by several workers can be
    merged, and a row can be taken out again. ``count`` belongs to the digest: compare both.
    """

    __slots__ = ("_sum", "count")

    def __init__(self) -> None:
        self._sum = 0
        self.count = 0

    def add(self, digest: int) -> None:
        """Take one row in."""
        self._sum += digest
        self.count += 1

    def add_all(self, digests: Collection[int]) -> None:
        """Take several rows in."""
        self._sum += sum(digests)
        self.count += len(digests)

    def remove(self, digest: int) -> None:
        """Take one row out."""
        self._sum -= digest
        self.count -= 1

    def merge(self, other: RowDigest) -> None:
        """Take in all rows of ``other``."""
        self._sum += other._sum
        self.count += other.count

    def hexdigest(self) -> str:
        """Return the digest as 64 lower-case hexadecimal digits."""
        return f"{self._sum % _MODULUS:064x}"

    def __eq__(self, other: object) -> bool:
        """Return whether both stand for the same rows."""
        if not isinstance(other, RowDigest):
            return NotImplemented
        return (self.hexdigest(), self.count) == (other.hexdigest(), other.count)

    __hash__ = None  # type: ignore[assignment]


def decode_line(
    line: bytes, member: str, number: int, *, max_line: int = MAX_LINE, max_depth: int = MAX_DEPTH
) -> dict[str, Any]:
    """Return the members of one row; raise ``MalformedPackage`` naming ``member`` and line ``number``.

    The line must be strict JSON in the canonical shape: ``model`` first, ``_pk`` last, ``fields`` an
    object, and beside them only ``pk`` and members whose names start with ``_``.
    """
    try:
        return _decode(line, max_line, max_depth)
    except ValueError as error:
        raise MalformedPackage(f"{member}, line {number}: {error}.") from error


def reread_line(line: bytes) -> dict[str, Any]:
    """Return the members of a line that ``decode_line`` has accepted before, without asking all of it again."""
    row: dict[str, Any] = loads_again(line)
    return row


def _decode(line: bytes, max_line: int, max_depth: int) -> dict[str, Any]:
    if len(line) > max_line:
        raise ValueError(f"longer than {max_line} bytes")
    if not line.endswith(b"}\n") or line.find(b"\n") != len(line) - 1:
        raise ValueError("not one object on one line")
    if not line.startswith(_START):
        raise ValueError("does not start with its model")
    row = strict_loads(line, max_depth=max_depth)
    if not isinstance(row, dict) or not isinstance(row["model"], str):
        raise ValueError("the model is no text")
    if not isinstance(row.get("fields"), dict):
        raise ValueError("fields is no object")
    if next(reversed(row)) != "_pk" or _contains_object(row["_pk"]):
        raise ValueError("_pk is not the last member, or no key")
    if row.get("pk", row["_pk"]) != row["_pk"]:
        raise ValueError("pk and _pk differ")
    strangers = [name for name in row.keys() - _MEMBERS if name[:1] != "_"]
    if strangers:
        raise ValueError(f"unknown member {min(strangers)[:80]!r}")
    # Only then is what content_of() cuts off the key, the whole key and nothing but the key.
    pk = row["_pk"]
    if not line.endswith(_PK + (b"%d" % pk if type(pk) is int else canonical(pk)) + b"}\n"):
        raise ValueError("_pk is not written canonically")
    return row


def _contains_object(pk: Any) -> bool:
    if type(pk) is int or type(pk) is str:
        return False
    parts = pk if isinstance(pk, list) else [pk]
    return any(isinstance(part, dict | list) for part in parts)
