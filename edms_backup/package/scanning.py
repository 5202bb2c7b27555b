"""Lines taken apart without being decoded: one regular expression finds all values of a line as they are written.

It is meant for the many lines that hold nothing unusual. What it accepts is what ``decode_line`` accepts, and is
written in the one canonical way, so that two values are equal where their texts are. It leaves to ``decode_line``,
and to whatever that says of it, everything else: other members, escapes that nobody needs, long numbers, characters
without a form of their own in JSON, nesting that is deep.

Only the extent of a value of ``JSON`` is found here; who wants to know whether it is strict has to read it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from edms_backup.package.canonical import compact
from edms_backup.package.longtexts import LONG

__all__ = [
    "BOOLEAN",
    "CONTENT",
    "DOUBLED",
    "FIRST",
    "FLOAT",
    "INTEGER",
    "JSON",
    "KEY",
    "LINKS",
    "NULL",
    "PK",
    "REFERRED",
    "REFERRED_KEY",
    "SCALAR",
    "STRING",
    "TOLD_KEY",
    "LineScanner",
    "Reference",
    "boxed",
    "lines_of",
    "lines_of_all",
]

# Possessive repetition: a line that does not fit is given up at once, however long it is.
STRING = r'"[^"\\\x00-\x1f]*+(?:\\["\\bfnrt][^"\\\x00-\x1f]*+)*+"'
INTEGER = r"(?:0|-?[1-9][0-9]{0,17})"
FLOAT = r"-?(?:0|[1-9][0-9]{0,14})\.[0-9]{1,17}"
BOOLEAN = r"(?:true|false)"
NULL = "null"
SCALAR = f"(?:{STRING}|{INTEGER}|{BOOLEAN}|{NULL})"
KEY = rf"\[(?:{SCALAR}(?:,{SCALAR})*+)?\]"
"""A natural key: a list of scalars."""
LINKS = rf"\[(?:(?:{KEY}|{SCALAR})(?:,(?:{KEY}|{SCALAR}))*+)?\]"
_ANY_STRING = r'"[^"\\\n]*+(?:\\.[^"\\\n]*+)*+"'
_FLAT = rf"[\[{{](?:[^\"\[\]{{}}\n]++|{_ANY_STRING})*+[\]}}]"
_NESTED = rf"[\[{{](?:[^\"\[\]{{}}\n]++|{_ANY_STRING}|{_FLAT})*+[\]}}]"
_DEEP = rf"[\[{{](?:[^\"\[\]{{}}\n]++|{_ANY_STRING}|{_NESTED})*+[\]}}]"
JSON = rf"(?:{NULL}|{BOOLEAN}|[-+.eE0-9]++|{_ANY_STRING}|{_DEEP})"

# Names of groups that no field can have.
CONTENT, PK, FIRST, DOUBLED, TOLD_KEY, REFERRED, REFERRED_KEY = (
    "<content>",
    "<pk>",
    "<first pk>",
    "<doubled pk>",
    "<key>",
    "<model referred to>",
    "<key referred to>",
)


@dataclass(frozen=True, slots=True)
class Reference:
    """A generic reference: its name, and the field that holds the id."""

    name: str
    field: str


class LineScanner:
    """Takes lines of one model apart; ``places`` are the groups of a match by the names of fields.

    Besides them there are ``CONTENT`` (from the beginning up to ``_pk``, a doubled ``pk`` left out), ``PK``,
    ``TOLD_KEY``, and where they were asked for ``FIRST`` (a ``pk`` before the fields), ``DOUBLED`` (one before
    ``_pk``), ``REFERRED`` and ``REFERRED_KEY`` (what the generic reference names). Groups of members that a line
    lacks are ``None``.
    """

    def __init__(
        self,
        model: str,
        fields: Sequence[tuple[str, str]],
        *,
        pk: str,
        first: bool = False,
        doubled: bool = False,
        reference: Reference | None = None,
    ) -> None:
        """Make the expression for lines of ``model`` (in lower case) with these ``fields``, names and patterns.

        ``pk``: the pattern of its primary key.
        """
        self.places: dict[str, int] = {CONTENT: 1}
        # Groups are numbered in the order in which they stand here, the content around most of them.
        parts = [
            rf'\{{"model":{_literal(model)},',
            f'"pk":{self._group(FIRST, pk)},' if first else "",
            rf'"fields":\{{{",".join(f"{_literal(n)}:{self._group(n, pattern)}" for n, pattern in fields)}\}}',
            self._referring(reference) if reference else "",
            f'(?:,"_key":{self._group(TOLD_KEY, KEY)})?',
        ]
        end = [
            f',"pk":{self._group(DOUBLED, pk)}' if doubled else "",
            rf',"_pk":{self._group(PK, pk)}\}}\n',
        ]
        self._expression = re.compile(f"(?m:^)({''.join(parts)}){''.join(end)}")

    def _group(self, name: str, pattern: str) -> str:
        self.places[name] = len(self.places) + 1
        return f"({pattern})"

    def _referring(self, reference: Reference) -> str:
        start = rf',"_refs":\{{{_literal(reference.name)}:\{{"field":{_literal(reference.field)},"model":"'
        return rf'(?:{start}{self._group(REFERRED, "[a-z0-9_.]++")}","key":{self._group(REFERRED_KEY, KEY)}\}}\}})?'

    def scan(self, blocks: Iterable[bytes]) -> Iterator[re.Match[str] | bytes]:
        """Yield, in their order, a match for each line that is plain, and every other line as it stands.

        ``blocks`` are of whole lines (``PackageReader.blocks``).
        """
        for held in map(boxed, blocks):
            if len(held[0]) > LONG:  # one long line: no name here holds it
                yield held.pop()
                continue
            block = held.pop()
            try:
                text = block.decode()
            except UnicodeDecodeError:
                yield from lines_of(block)
                continue
            yield from self._scanned(text)

    def _scanned(self, block: str) -> Iterator[re.Match[str] | bytes]:
        done = 0
        for found in self._expression.finditer(block):
            start = found.start()
            if start != done:
                yield from lines_of(block[done:start].encode())
            yield found
            done = found.end()
        if done != len(block):
            yield from lines_of(block[done:].encode())


def boxed(block: bytes) -> list[bytes]:
    """Return a list of one, from which a block that may be long is taken, so that no name goes on holding it."""
    return [block]


def lines_of_all(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the lines of blocks, line feeds included; one that is a block of its own is not copied, nor held here."""
    for held in map(boxed, blocks):
        if held[0].find(b"\n") + 1 == len(held[0]):
            yield held.pop()
        else:
            yield from lines_of(held.pop())


def lines_of(block: bytes) -> Iterator[bytes]:
    """Yield the lines of a block, line feeds included."""
    start = 0
    while (end := block.find(b"\n", start) + 1) > 0:
        yield block[start:end]
        start = end


def _literal(text: str) -> str:
    """Return the pattern of a text in JSON."""
    return re.escape(compact(text))
