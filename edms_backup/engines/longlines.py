"""Lines with long texts or bytes, which never stand in memory as a whole.

The row is read without them, composed with marks in their places, and cut there. What stands between the cuts comes
from the database a piece at a time, when the line is written or its digest is taken. The lines are those of
``RowComposer``, byte for byte.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from edms_backup.engines.lines import Line, RowComposer
from edms_backup.engines.reading import Row
from edms_backup.package.canonical import compact
from edms_backup.package.longtexts import ESCAPED_SURROGATE

_MARK = "4ec8aab9 long value"

Pieces = Callable[[], Iterator[bytes]]
"""Gives what stands between the quotation marks of a value in JSON, from its beginning."""


class Uncuttable(ValueError):
    """The line of a row cannot be cut at its long values."""


class LongLine:
    """A row with long values, as ``Line`` without holding them; ``frame`` is the row with marks in their places."""

    row = None
    """As in ``Line``: no row is at hand that holds all its values."""

    def __init__(self, compose: RowComposer, frame: Row, values: Mapping[str, Pieces]) -> None:
        """Compose the line; raises ``Uncuttable`` where that cannot be done in pieces.

        ``values`` are in the order of the fields.
        """
        self.frame = frame
        self._values = values
        for number, name in enumerate(values):
            frame.fields[name] = f"{_MARK} {number}"
        frame_line = compose.line(frame)
        self.key, self.pk = frame_line.key, frame_line.pk
        if ESCAPED_SURROGATE in frame_line.line:  # then the whole line would be written in ASCII
            raise Uncuttable
        cuts = (_cut(frame_line.line, len(values)), _cut(frame_line.content, len(values)))
        self._fixed = list(zip(*cuts, strict=True))

    @property
    def name(self) -> str:
        """Return the natural key of the row for people, or its primary key when it has none."""
        return Line(b"", b"", self.key, self.pk).name

    @property
    def fields(self) -> Mapping[str, Any]:
        """Return the values of the fields as JSON; a long one is read when it is asked for."""
        return _Fields(self.frame.fields, self._values)

    @property
    def line(self) -> bytes:
        """Return the whole line, which takes as much memory as it is long."""
        return b"".join(self.parts())

    @property
    def content(self) -> bytes:
        """Return the whole content, as ``line`` does."""
        return b"".join(content for _, content in self._pairs())

    def whole(self) -> Line:
        """Return the same as a line that is held."""
        return Line(self.line, self.content, self.key, self.pk)

    def composed(self, compose: RowComposer) -> LongLine:
        """Return the line of ``frame`` after something in it has changed."""
        return LongLine(compose, self.frame, self._values)

    def parts(self, digest: Any = None) -> Iterator[bytes]:
        """Yield the line in parts; the content is fed to ``digest``, an object of ``hashlib``, on the way."""
        for line, content in self._pairs():
            if digest is not None:
                digest.update(content)
            yield line

    def content_digest(self) -> int:
        """Return the digest of the content as ``package.content_digest`` does."""
        digest = hashlib.sha256()
        for _ in self.parts(digest):
            pass
        return int.from_bytes(digest.digest())

    def _pairs(self) -> Iterator[tuple[bytes, bytes]]:
        """Yield what comes next in the line and in the content."""
        first, *rest = self._fixed
        yield first
        for pieces, fixed in zip(self._values.values(), rest, strict=True):
            for piece in pieces():
                yield piece, piece
            yield fixed


class _Fields(Mapping[str, Any]):
    """The fields of a row, long values read when they are asked for."""

    def __init__(self, fields: Mapping[str, Any], values: Mapping[str, Pieces]) -> None:
        self._short = fields
        self._long = values

    def __getitem__(self, name: str) -> Any:
        if name in self._long:
            return json.loads(b'"%b"' % b"".join(self._long[name]()))
        return self._short[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._short)

    def __len__(self) -> int:
        return len(self._short)


def _cut(written: bytes, number: int) -> list[bytes]:
    """Return what stands before, between and after the marks, quotation marks of the values included."""
    parts: list[bytes] = []
    for mark in (compact(f"{_MARK} {place}").encode() for place in range(number)):
        if written.count(mark) != 1:  # somebody has a value that looks like it, or it is not in the line
            raise Uncuttable
        before, _, written = written.partition(mark)
        parts.append((b'"' if parts else b"") + before + b'"')
    return [*parts, (b'"' if parts else b"") + written]
