"""Values as JSON text by Python: expressions for the function that is made for a model, and how it makes a line."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from json.encoder import encode_basestring as quoted
from typing import Any

from edms_backup.engines.compiled import Source
from edms_backup.engines.reading import Named, Value
from edms_backup.engines.serverside import INTEGERS, TEXTS
from edms_backup.engines.values import is_plain
from edms_backup.package.canonical import compact

_AS_TEXT = (
    *TEXTS,
    *("IPAddressField", "GenericIPAddressField", "DateTimeField", "DateField", "TimeField"),
    *("DurationField", "DecimalField", "UUIDField", "BinaryField"),
)
"""Internal types whose values are texts once they are JSON."""


class Plainly(ValueError):
    """A row has to be read in the plain way."""


def plainly() -> Any:
    """Say that a row has to be read in the plain way, in the middle of an expression."""
    raise Plainly


@dataclass(frozen=True, slots=True)
class Text:
    """What Python writes, the same in a line and in its content. ``write`` returns the expression of one text."""

    write: Callable[[Source], str]


def value_text(value: Value | Named, *, may_be_null: bool = True) -> Text:
    """Return what writes a value; ``may_be_null`` is false where NULL would be a damage that the plain way tells of."""
    if isinstance(value, Named):
        return Text(lambda source: _name(source, value))
    return Text(lambda source: _scalar(source, value, may_be_null))


def flat_text(value: Value | Named, *, may_be_null: bool = True) -> Text:
    """Return what writes a value as a part of a natural key: the key of a referenced row without its brackets."""
    if isinstance(value, Named):
        return Text(
            lambda source: f"('null' if r[{value.raw.position}] is None else {_leaves(source, value)})"
        )
    return value_text(value, may_be_null=may_be_null)


def _name(source: Source, value: Named) -> str:
    unnamed = " and ".join(f"r[{leaf.position}] is None" for leaf in value.leaves)
    named = f"{source.bind(plainly)}() if {unnamed} else '[' + {_leaves(source, value)} + ']'"
    return f"('null' if r[{value.raw.position}] is None else {named})"


def _leaves(source: Source, value: Named) -> str:
    return " + ',' + ".join(_scalar(source, leaf, True) for leaf in value.leaves)


def _scalar(source: Source, value: Value, may_be_null: bool) -> str:
    place, column = f"r[{value.position}]", value.column
    kind = column.get_internal_type() if column is not None and is_plain(column) else ""
    if kind == "BooleanField":
        return f"('true' if {place} == 1 else 'false' if {place} == 0 else {source.bind(_null)}({place}))"
    writer, shortcut = source.bind(quoted if kind in _AS_TEXT else compact), source.shortcut(value)
    if shortcut is not None and kind in _AS_TEXT:
        return f"('null' if {place} is None else {writer}({source.bind(shortcut)}({place})))"
    found = source.value(value)
    # An expression is evaluated once: it may be a call.
    first, again = (found, found) if found == place else (f"(v := {found})", "v")
    if kind in INTEGERS:
        return f"(str({again}) if type({first}) is int else {source.bind(_null)}({again}))"
    if not may_be_null:
        return f"{writer}({found})"
    return f"('null' if {first} is None else {writer}({again}))"


def _null(value: Any) -> str:
    """Return what stands for NULL; raises ``Plainly`` for what a column of the type should not hold."""
    return "null" if value is None else plainly()


@dataclass(slots=True)
class Body:
    """The body of the function that is made for a model."""

    source: Source
    lines: list[str] = field(default_factory=list)
    _names: dict[str, str] = field(default_factory=dict)

    def put_together(self, pieces: Sequence[Any]) -> tuple[list[str], list[str]]:
        """Return the expressions of the texts that make a line, and its content; what is not yet there goes before.

        ``pieces``: constants, positions in the record, ``Text``, and functions from the source to the expression of a
        pair of texts, for the line and for its content.
        """
        line: list[str] = []
        content: list[str] = []
        for piece in pieces:
            if isinstance(piece, str | int):
                line.append(repr(piece) if isinstance(piece, str) else f"r[{piece}]")
                content.append(line[-1])
            elif isinstance(piece, Text):
                line.append(self._named(piece.write(self.source)))
                content.append(line[-1])
            else:
                name = self._named(piece(self.source))
                line.append(f"{name}[0]")
                content.append(f"{name}[1]")
        return line, content

    def _named(self, expression: str) -> str:
        """Return the variable that holds what an expression gives; the same one for the same expression."""
        if expression not in self._names:
            self._names[expression] = f"t{len(self._names)}"
            self.lines.append(f"{self._names[expression]} = {expression}")
        return self._names[expression]

    @staticmethod
    def joined(texts: Sequence[str]) -> str:
        """Return the expression of all texts in a row; a part that is no text raises ``TypeError``."""
        return f"''.join(({', '.join(texts)},))" if len(texts) > 1 else "".join(texts)
