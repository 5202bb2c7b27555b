"""restore, step 1, the quick way: what the key map takes from a line of the package, without decoding the line.

Most lines hold nothing that anybody has to look at: their natural key, primary key and content are cut out of them
as they are written. ``ScannedRows`` is a function made for one model that does so, and gives ``None`` for every line
that is not certain to be one of those; ``restore.index`` takes these, and models that ``reason`` speaks of, in the
plain way, whose result is the same.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import partial
from re import Match
from typing import Any

from edms_backup.engines.fromlines import unescaped
from edms_backup.engines.scanning import PlainValue, nullable, plain_value
from edms_backup.package import ModelEntry
from edms_backup.package.canonical import canonical
from edms_backup.package.scanning import (
    DOUBLED,
    FIRST,
    KEY,
    LINKS,
    PK,
    REFERRED,
    SCALAR,
    TOLD_KEY,
    LineScanner,
    Reference,
)
from edms_backup.restore.keymap import PACKAGE, KeyMap, content_key
from edms_backup.restore.target import Target, key_members, unique_rules
from edms_backup.schema.spec import GenericRef, ModelSpec

FEW = 300
"""Rows of a model for which no function is made: that takes as long as decoding them."""

Taken = tuple[bytes | None, bytes, bytes, bytes | None]
"""Natural key, primary key, content digest, reference in the primary key: what ``KeyMap.add_package`` takes."""


class Unscannable(Exception):
    """The lines of a model have to be decoded; the message says why."""


def scanner_of(spec: ModelSpec, entry: ModelEntry, target: Target) -> LineScanner:
    """Return the scanner of a model's lines, made once for a restore; raises ``Unscannable``."""
    if spec.label not in target.scanners:
        try:
            target.scanners[spec.label] = _scanner(spec, entry, target)
        except Unscannable as why:
            target.scanners[spec.label] = str(why)
    found = target.scanners[spec.label]
    if isinstance(found, str):
        raise Unscannable(found)
    return found


def _scanner(spec: ModelSpec, entry: ModelEntry, target: Target) -> LineScanner:
    columns, links = (
        {column.name: column for column in spec.columns},
        {link.name for link in spec.many_to_many},
    )
    features = target.engine(spec).features
    reasons = {
        "it has few rows": entry.rows < FEW,
        "its fields are not those of the package": {*columns, *links} != {f.name for f in entry.fields},
        "ids inside of its values have to be followed": bool(spec.soft),
        "it has several generic references": len(spec.generics) > 1,
        "its primary key is composite": hasattr(spec.model._meta.pk, "field_names"),
    }
    for reason, applies in reasons.items():
        if applies:
            raise Unscannable(reason)

    def pattern(column: Any) -> str:
        relation = next((r for r in spec.relations if r.name == column.name), None)
        if relation is None or not relation.to_primary_key:
            return nullable(plain_value(column, spec.using, features).pattern)
        named = target.registry.of(relation.target).paths
        # A number instead of a name is a reference that named nothing, where rows have names.
        return nullable(KEY if named else f"{KEY}|{SCALAR}")

    key = plain_value(spec.model._meta.pk, spec.using, features)
    if not key.is_canonical:
        raise Unscannable("its primary key can be written in several ways")
    generic = spec.generics[0] if spec.generics else None
    return LineScanner(
        spec.model._meta.label_lower,
        [(f.name, LINKS if f.name in links else pattern(columns[f.name])) for f in entry.fields],
        pk=key.pattern,
        first="pk" in entry.key.paths,
        doubled=not entry.key.paths and spec.key.keyless,
        reference=Reference(generic.name, generic.object_id) if generic else None,
    )


class ScannedRows:
    """Takes from matches of ``scanner`` what the key map needs; ``reason`` says why it cannot, or is empty."""

    scanner: LineScanner
    take: Callable[[Match[str]], Taken | None]
    """Returns what a line gives, ``None`` where it has to be decoded."""

    def __init__(self, spec: ModelSpec, entry: ModelEntry, target: Target, keymap: KeyMap) -> None:
        self.reason = ""
        self._spec = spec
        self._entry = entry
        self._target = target
        self._keymap = keymap
        self._names: dict[str, Any] = {"sha256": hashlib.sha256}
        self._conditions: list[str] = []
        self._notes: list[str] = []
        self._columns = {column.name: column for column in spec.columns}
        features = target.engine(spec).features
        self._plain = {name: plain_value(c, spec.using, features) for name, c in self._columns.items()}
        try:
            self.scanner = scanner_of(spec, entry, target)
            self.take = self._compiled(plain_value(spec.model._meta.pk, spec.using, features))
        except Unscannable as why:
            self.reason = str(why)

    def _group(self, name: str) -> str:
        return f"g[{self.scanner.places[name] - 1}]"

    def _bound(self, value: Any) -> str:
        name = f"x{len(self._names)}"
        self._names[name] = value
        return name

    def _must(self, condition: str) -> None:
        if condition:
            self._conditions.append(condition)

    # -- the function ----------------------------------------------------------------------------------

    def _compiled(self, key: PlainValue) -> Callable[[Match[str]], Taken | None]:
        if not self._spec.model._meta.pk.is_relation:
            self._must(key.condition(self._group(PK), self._bound(key.fits)))
        for column in self._columns.values():
            if column.is_relation:
                self._look_at_relation(column)
            else:
                self._look_at_value(column)
        for link in self._spec.many_to_many:
            if link.target._meta.label not in self._target.labels:
                self._must(f"{self._group(link.name)} == '[]'")
        for double in (FIRST, DOUBLED):
            if double in self.scanner.places:
                self._must(f"{self._group(double)} == {self._group(PK)}")
        content, name = self._content(), self._key()
        body = [
            "g = m.groups()",
            f"if not ({' and '.join(self._conditions) or True}): return None",
            *content,
            f"k = {name}",
            "d = sha256(c.encode()).digest()",
            *self._notes,
            *self._noted_uniques(),
            f"return k, {self._group(PK)}.encode(), d, {self._reference()}",
        ]
        text = "\n    ".join(["def take(m):", *body])
        exec(text, self._names)  # names of fields, quoted, and positions; nothing from outside is in it
        function: Callable[[Match[str]], Taken | None] = self._names["take"]
        return function

    def _look_at_value(self, column: Any) -> None:
        plain, place = self._plain[column.name], self._group(column.name)
        self._must(plain.condition(place, self._bound(plain.fits)))
        for file in self._spec.files:
            if file.field == column.name:
                note = self._bound(partial(_note_file, self._keymap, file.root_of))
                self._notes.append(f"if {place} not in ('\"\"', 'null'): {note}({place})")

    def _look_at_relation(self, column: Any) -> None:
        label = column.related_model._meta.concrete_model._meta.label
        if label not in self._target.labels:
            need = self._bound(_Needed(self._keymap, label, self._spec.label, column.name))
            place = self._group(column.name)
            self._notes.append(f"if {place}[:1] == '[': {need}({place})")

    def _content(self) -> list[str]:
        """Return the statements that make ``c``, the content: the line with some values in their normal form."""
        lines, changed = [], {}
        for name, column in self._columns.items():
            normal = self._plain[name].normal
            if normal is not None and not column.is_relation:
                number = self.scanner.places[name]
                lines += [
                    f"n{number} = {self._bound(normal)}({self._group(name)})",
                    f"if n{number} is None: return None",
                ]
                changed[number] = f"n{number}"
        for generic in self._spec.generics:
            number = self.scanner.places[generic.object_id]
            lines.append(f"n{number} = {self._followed(generic)}")
            changed[number] = f"n{number}"
        if not changed:
            return ["c = g[0]"]
        same = " and ".join(f"{value} is g[{number - 1}]" for number, value in changed.items())
        parts, end = [], "0"
        for number, value in sorted(changed.items()):
            parts += [f"g[0][{end}:m.start({number})-o]", value]
            end = f"m.end({number})-o"
        together = f"''.join(({', '.join(parts)}, g[0][{end}:]))"
        return [*lines, f"if {same}: c = g[0]", "else:", "    o = m.start()", f"    c = {together}"]

    def _followed(self, generic: GenericRef) -> str:
        """Return the expression of the id that a generic reference holds as it stands in the content."""
        model, number = self._group(REFERRED), self._group(generic.object_id)
        in_scope = {label.lower() for label in self._target.labels}
        # An id without a name would have to be noted, a row outside of the scope too.
        self._must(f"({model} in {self._bound(in_scope)} if {model} is not None else {number} == 'null')")
        return f"({number} if {model} is None else 'null')"

    def _key(self) -> str:
        """Return the expression of the natural key."""
        paths, told = self._entry.key.paths, self._group(TOLD_KEY)
        if not paths:
            return f"(None if {told} is None else {told}.encode())"
        if not {*paths} <= {*self._columns, "pk"}:
            self._must(f"{told} is not None")
            return f"{told}.encode()"
        parts = []
        for path in paths:
            place = self._group(PK if path == "pk" else path)
            if path != "pk" and self._columns[path].is_relation:
                self._must(f"{place} != '[]'")
                parts.append(f"({place}[1:-1] if {place}[:1] == '[' else {place})")
                continue
            if path != "pk" and not self._plain[path].is_canonical:
                raise Unscannable(f"{path} in its natural key can be written in several ways")
            parts.append(place)
        made = " + ',' + ".join(parts)
        return f"('[' + {made} + ']' if {told} is None else {told}).encode()"

    def _reference(self) -> str:
        members = key_members(self._spec)
        if not members:
            return "None"
        parts = " + ',' + ".join(self._group(member.name) for member in members)
        return f"('[' + {parts} + ']').encode()"

    def _noted_uniques(self) -> list[str]:
        """Return statements that note the values under unique constraints, where the site has rows."""
        if self._spec.label in self._keymap.fresh:
            return []
        lines = []
        for number, rule in enumerate(unique_rules(self._spec)):
            conditions = []
            for name, value in rule.condition.items():
                if type(value) not in (str, int, bool, type(None)):
                    raise Unscannable(f"the constraint on {', '.join(rule.names)} depends on {value!r}")
                conditions.append(f"{self._group(name)} == {canonical(value).decode()!r}")
            for name in rule.names:
                if not self._plain[name].is_canonical:
                    raise Unscannable(f"{name}, which is unique, can be written in several ways")
                if not rule.nulls_equal:
                    conditions.append(f"{self._group(name)} != 'null'")
            packed = " + ',' + ".join(self._group(name) for name in rule.names)
            lines.append(
                f"if {' and '.join(conditions) or True}: u.append(({number}, ('[' + {packed} + ']').encode()))"
            )
        if not lines:
            return []
        add = self._bound(partial(self._keymap.add_unique, self._spec.label, PACKAGE))
        known = self._bound(_known_as)
        return ["u = []", *lines, f"{add}({known}(k, d), u)"]


def _known_as(key: bytes | None, digest: bytes) -> bytes:
    return content_key(digest) if key is None else key


def _note_file(keymap: KeyMap, root_of: Callable[[str], str | None], written: str) -> None:
    name = unescaped(written)
    keymap.want_file(root_of(name) or "unknown", name)


class _Needed:
    """Notes rows outside of the scope that a field names, each once for as long as it is remembered."""

    def __init__(self, keymap: KeyMap, label: str, holder: str, field: str) -> None:
        self._add = partial(keymap.add_need, label)
        self._from = (holder, field)
        self._seen: set[str] = set()

    def __call__(self, key: str) -> None:
        """Note one, by its natural key as it is written."""
        if key in self._seen:
            return
        if len(self._seen) > 10_000:
            self._seen.clear()
        self._seen.add(key)
        self._add(key.encode(), *self._from)
