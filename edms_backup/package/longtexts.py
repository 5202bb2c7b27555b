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

ESCAPED_SURROGATE = b"\\ud"
"""How half of a surrogate pair begins; it may stand alone, and a line with such a text is escaped as a whole."""

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
    token, places = _token(), list(_long_texts(data))
    texts: dict[str, str] = {}
    for number, (start, end) in enumerate(places):
        text = _decoded(data, start, end)
        if text is None:
            return None
        texts[f"{token}-{number}"] = text
    return Apart(_marked(data, places, token), texts) if texts else None


class Frame(NamedTuple):
    """JSON with a mark in the place of each long text, and the texts as they are written."""

    rest: bytes
    token: str
    """What every mark begins with."""
    texts: list[memoryview]

    def filled(self, rest: bytes) -> Iterator[bytes | memoryview] | None:
        """Return ``rest`` in parts, with the texts in the places of their marks, whatever has become of the others.

        ``None`` where a text has lost its place, or has got two.
        """
        parts: list[bytes] = re.split(b"%b-([0-9]+)" % self.token.encode(), rest)
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
    places = list(_long_texts(data))
    for start, end in places:
        if data[end + 1 : end + 2] == b":" or data.find(ESCAPED_SURROGATE, start, end) >= 0:
            return None
    if not places:
        return None
    token, whole = _token(), memoryview(data)
    return Frame(_marked(data, places, token), token, [whole[start:end] for start, end in places])


def _token() -> str:
    """Return what marks begin with: nobody who writes a package can guess it."""
    return secrets.token_hex(16)


def _marked(data: bytes, places: list[tuple[int, int]], token: str) -> bytes:
    """Return ``data`` with a mark (the token and a number, from 0) in each of some places."""
    rest, done = bytearray(), 0
    for number, (start, end) in enumerate(places):
        rest += memoryview(data)[done:start]
        rest += f"{token}-{number}".encode()
        done = end
    rest += memoryview(data)[done:]
    return bytes(rest)


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
        if data[cut] & 0xC0 != 0x80 and data.rfind(b"\\", max(start, cut - _AROUND), cut) < 0:
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
