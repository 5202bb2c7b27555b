"""How keys are written in the key map, and what one of its rows tells."""

from __future__ import annotations

from collections.abc import Iterable
from json.encoder import encode_basestring as quoted
from typing import Any, NamedTuple

from edms_backup.package.canonical import canonical, strict_loads

ORDINAL = 4
"""Bytes of the number that a keyless row has among rows of one content."""


class Duplicate(Exception):
    """Two rows of one side have the same natural key; ``args`` are model label and key."""


class PlannedRow(NamedTuple):
    """One row of the map."""

    key: bytes
    src: Any
    live: Any
    target: Any
    same: bool
    """Whether the contents of both sides are equal."""
    refused: bool = False
    """Whether the row of the package is left out, because a row of the site has its place."""


def pack(value: Any) -> bytes:
    """Return a primary key or natural key as it is stored: canonical JSON."""
    # Texts, numbers and lists of both are written right here: it is done several times for each row.
    kind = type(value)
    if kind is int:
        return b"%d" % value
    if kind is list:
        parts = [
            quoted(part) if type(part) is str else str(part) if type(part) is int else None for part in value
        ]
        text = None if None in parts else f"[{','.join(parts)}]"  # type: ignore[arg-type]
    else:
        text = quoted(value) if kind is str else None
    if text is None:
        return canonical(value)
    try:
        return text.encode()
    except UnicodeEncodeError:
        return canonical(value)


def unpack(value: bytes | None) -> Any:
    """Return what ``pack`` stored; ``None`` for SQL NULL."""
    if value is None:
        return None
    return int(value) if value.isdigit() else strict_loads(value)


def content_key(digest: bytes, ordinal: int = 0) -> bytes:
    """Return what stands for a natural key of a keyless row: its content and its number among equals.

    Natural keys begin with a bracket, these with a hash sign: the two are never mistaken for each other.
    """
    return b"#" + digest + ordinal.to_bytes(ORDINAL, "big")


def shown_keys(keys: Iterable[bytes]) -> list[str]:
    """Return natural keys for people."""
    return [shown(key) for key in keys]


def shown(key: bytes) -> str:
    """Return a natural key, or what stands for it, as people read it."""
    if key[:1] == b"[":
        key = key[: key.rindex(b"]") + 1]  # what follows tells surplus rows of one key apart
    else:
        return f"(content {key[1:7].hex()})"
    return ", ".join("NULL" if value is None else str(value) for value in unpack(key))
