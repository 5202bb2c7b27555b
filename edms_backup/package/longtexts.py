"""Reading JSON that holds a text of a megabyte or more: the text is decoded alone, and the rest without it.

``json`` wants the whole of a line as a text first, so that line, text and value would stand in memory beside each
other. What is read so is what ``json`` reads; whatever is in any way unusual is left to it.
"""

from __future__ import annotations

import io
import json
import re
import secrets
from collections.abc import Iterator
from typing import Any, NamedTuple

LONG = 1_000_000
"""Bytes of a text that is decoded alone."""
_MANY = 10_000
"""Texts of a line that are looked at; one with more of them is no row with a long value."""
_PIECE = 1 << 20
_AROUND = 12  # bytes of two escapes, which may be the halves of one character

_SURROGATE = b"\\ud"

_end_of_text = re.compile(rb'(?<!\\)(?:\\\\)*"')
_control = re.compile(rb"[\x00-\x1f]")
_scanstring: Any = json.decoder.scanstring  # type: ignore[attr-defined]


class Apart(NamedTuple):
    """JSON without its long texts."""

    rest: bytes
    """The same JSON with a mark in the place of each long text."""
    texts: dict[str, str]
    """The long texts by their marks."""

    def together(self, value: Any) -> bool:
        """Put the texts into ``value``, which is ``rest`` decoded; ``False`` where a mark is not in it as a value."""
        left = len(self.texts)
        for holder in _holders(value):
            for place, held in list(holder.items() if isinstance(holder, dict) else enumerate(holder)):
                if isinstance(held, str) and held in self.texts:
                    holder[place] = self.texts[held]
                    left -= 1
        return left == 0


def set_apart(data: bytes) -> Apart | None:
    """Return ``data`` without its long texts; ``None`` where there are none, or ``json`` has to judge."""
    if len(data) <= LONG:
        return None
    token = secrets.token_hex(16)  # nobody who writes a package can guess it
    rest, done = bytearray(), 0
    texts: dict[str, str] = {}
    for start, end in _long_texts(data):
        text = _decoded(data, start, end)
        if text is None:
            return None
        mark = f"{token}-{len(texts)}"
        texts[mark] = text
        rest += memoryview(data)[done:start]
        rest += mark.encode()
        done = end
    if not texts:
        return None
    rest += memoryview(data)[done:]
    return Apart(bytes(rest), texts)


class Frame(NamedTuple):
    """JSON with a mark in the place of each long text, and the texts as they are written."""

    rest: bytes
    token: bytes
    """What every mark begins with."""
    texts: list[memoryview]

    def filled(self, rest: bytes) -> Iterator[bytes | memoryview] | None:
        """Return ``rest`` in parts, with the texts in the places of their marks, whatever has become of the others.

        ``None`` where a text has lost its place, or has got two.
        """
        parts: list[bytes] = re.split(b"%b-([0-9]+)" % self.token, rest)
        numbers = [int(number) for number in parts[1::2]]
        if sorted(numbers) != list(range(len(self.texts))):
            return None
        return (self.texts[int(part)] if place % 2 else part for place, part in enumerate(parts))


def framed(data: bytes) -> Frame | None:
    """Return ``data``, which was read before, as a frame around its long texts.

    ``None`` where there are none, and where writing the rest anew could change how they are written: one is the
    name of a member, or holds a surrogate that may stand alone (``canonical`` then escapes the whole line).
    """
    if len(data) <= LONG:
        return None
    token, whole = secrets.token_hex(16).encode(), memoryview(data)
    rest, done = bytearray(), 0
    texts: list[memoryview] = []
    for start, end in _long_texts(data):
        if data[end + 1 : end + 2] == b":" or data.find(_SURROGATE, start, end) >= 0:
            return None
        rest += whole[done:start]
        rest += b"%b-%d" % (token, len(texts))
        texts.append(whole[start:end])
        done = end
    if not texts:
        return None
    rest += whole[done:]
    return Frame(bytes(rest), token, texts)


def _long_texts(data: bytes) -> Iterator[tuple[int, int]]:
    """Yield where the insides of long texts begin and end."""
    end = 0
    for _ in range(_MANY):
        start = data.find(b'"', end) + 1
        closed = _end_of_text.search(data, start) if start else None
        if closed is None:
            return
        end = closed.end()
        if end - start > LONG:
            yield start, end - 1


def _decoded(data: bytes, start: int, end: int) -> str | None:
    """Return a text by its place; ``None`` where it is no strict JSON."""
    whole = memoryview(data)
    if _control.search(data, start, end):
        return None
    try:
        if data.find(b"\\", start, end) < 0:
            return str(whole[start:end], "utf-8")
        text = io.StringIO()  # grows in one place, where a list would stand beside what is made of it
        while start < end:
            cut = _cut(data, start, end)
            text.write(_scanstring(str(whole[start:cut], "utf-8") + '"', 0, True)[0])
            start = cut
    except ValueError:
        return None
    return text.getvalue()


def _cut(data: bytes, start: int, end: int) -> int:
    """Return where a piece may end: between two characters, and not in the middle of an escape, or of two."""
    for cut in range(start + _PIECE, min(end, start + 2 * _PIECE)):
        if data[cut] & 0xC0 != 0x80 and data.rfind(b"\\", cut - _AROUND, cut) < 0:
            return cut
    return end


def _holders(value: Any) -> Iterator[Any]:
    """Yield every object and list in ``value``, itself included."""
    open_holders = [value]
    while open_holders:
        holder = open_holders.pop()
        if isinstance(holder, dict | list):
            yield holder
            inside = holder.values() if isinstance(holder, dict) else holder
            open_holders.extend(item for item in inside if isinstance(item, dict | list))
