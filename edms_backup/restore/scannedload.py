"""restore, step 3, the quick way: rows into an empty table from lines that are not decoded.

Where every row is new and keeps its primary key, what the database gets can be made of the values as they stand in
the line, and of the primary keys that the key map has for what they refer to. A line of which that is not certain is
left to ``restore.load``, which decodes it; so is every batch in which something is odd, so that it can say what.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from re import Match
from typing import Any

from edms_backup.engines import Engine
from edms_backup.engines.fromlines import Form, LineInsert
from edms_backup.package import ModelEntry, canonical, reread_line
from edms_backup.package.scanning import PK, REFERRED, LineScanner
from edms_backup.restore.keymap import KeyMap
from edms_backup.restore.ledger import all_new
from edms_backup.restore.scanned import Unscannable, scanner_of
from edms_backup.restore.target import Target, name_of_document
from edms_backup.schema.spec import ManyToMany, ModelSpec

_NULL = "null"
_ODD = (ValueError, TypeError, ArithmeticError, LookupError)


class KnownPlaces:
    """Primary keys of rows that were referred to lately, as the database gets them, by the name in the line.

    One for a whole load; ``limit`` is how many it holds before it forgets them and begins anew.
    """

    def __init__(self, keymap: KeyMap, limit: int = 100_000) -> None:
        self._keymap = keymap
        self._limit = limit
        self._places: dict[str, dict[str, Any]] = {}

    def of(self, label: str) -> dict[str, Any]:
        """Return what is known of a model."""
        return self._places.setdefault(label, {})

    def make_room(self) -> None:
        """Forget everything when there is too much of it."""
        if sum(map(len, self._places.values())) > self._limit:
            for places in self._places.values():
                places.clear()

    def learn(self, label: str, names: set[str], formed: Callable[[str], Any], *, numbered: bool) -> None:
        """Ask the key map for rows by their names; a scalar is the primary key that a row had, if ``numbered``."""
        places = self.of(label)
        keys = {name for name in names if name[0] == "["}
        for column, wanted in (("key", keys), ("src", names - keys if numbered else set())):
            if wanted:
                for name, pk in self._keymap.places(label, column, sorted(wanted)):
                    places[name] = formed(pk)
        for name in names - keys:  # that names no row stays what it is
            places.setdefault(name, formed(name))


class ScannedLoad:
    """Makes rows of one model from matches of ``scanner``, and inserts them; ``reason`` says why it cannot."""

    scanner: LineScanner

    def __init__(
        self, spec: ModelSpec, entry: ModelEntry, target: Target, keymap: KeyMap, known: KnownPlaces
    ) -> None:
        self.reason = ""
        self._spec = spec
        self._entry = entry
        self._target = target
        self._keymap = keymap
        self._known = known
        self._engine: Engine = target.engine(spec)
        self._names: dict[str, Any] = {}
        self._references: list[tuple[int, str, Callable[[str], Any], bool]] = []
        self._links: list[_Links] = []
        try:
            if keymap.substitutes:
                raise Unscannable("rows of the package are refused")
            self.scanner = scanner_of(spec, entry, target)
            self._insert = self._prepared()
        except Unscannable as why:
            self.reason = str(why)

    def _prepared(self) -> LineInsert:
        spec = self._spec
        primary_key: Any = spec.model._meta.pk
        columns = list(spec.columns)
        if not primary_key.is_relation:
            columns.insert(0, primary_key)
        insert = self._insert_for(spec.model, columns)
        values = [self._value(column, insert) for column in columns]
        body = [f"g = m.groups({_NULL!r})", *self._doubts(), f"return {insert.row(values)}"]
        text = "\n    ".join(["def make(m):", *body])
        exec(text, self._names)  # names of fields, quoted, and positions; nothing from outside is in it
        self._make: Callable[[Match[str]], Any] = self._names["make"]
        for link in spec.many_to_many:
            self._links.append(self._linked(link))
        return insert

    def _insert_for(self, model: Any, columns: Sequence[Any]) -> LineInsert:
        insert = self._engine.line_insert(model, columns)
        if insert is None:
            raise Unscannable("the database takes its values in SQL of their own")
        return insert

    # -- the function ------------------------------------------------------------------------------------

    def _group(self, name: str) -> str:
        return f"g[{self.scanner.places[name] - 1}]"

    def _value(self, column: Any, insert: LineInsert) -> str:
        """Return the source of what the database gets for a column."""
        place = self._group(PK if column.primary_key else column.name)
        relation = next((r for r in self._spec.relations if r.name == column.name), None)
        if column.primary_key or relation is None or not relation.to_primary_key:
            return self._missing_or(place, self._formed(insert.form(column)), insert)
        label = relation.target._meta.label
        named = f"r{len(self._references)}"
        self._names[named] = self._known.of(label)
        numbered = self._is_numbered(relation.target, label)
        self._references.append(
            (self.scanner.places[column.name], label, _function(insert.form(column)), numbered)
        )
        return self._missing_or(place, f"{named}[v]", insert)

    def _missing_or(self, place: str, source: str, insert: LineInsert) -> str:
        return f"({insert.null} if (v := {place}) == {_NULL!r} else {source})"

    def _formed(self, form: Form) -> str:
        self._names.update(form.names)
        return form.source

    def _is_numbered(self, model: Any, label: str) -> bool:
        """Return whether references to a model hold the numbers that its rows have in the package."""
        return self._target.registry.of(model).keyless and label in self._target.labels

    def _doubts(self) -> list[str]:
        """Return statements that leave a row alone whose generic reference may have to follow a row that moves."""
        if not self._spec.generics:
            return []
        # Where rows have names, a fresh model's keep their numbers; twins may not.
        self._names["unmoved"] = {
            spec.label.lower()
            for spec in self._target.specs
            if spec.label in self._keymap.fresh
            and (not spec.key.keyless or all_new(self._keymap, spec.label))
        }
        model = self._group(REFERRED)
        return [f"if {model} != {_NULL!r} and {model} not in unmoved: return None"]

    def _linked(self, link: ManyToMany) -> _Links:
        columns = [c for c in link.through._meta.local_concrete_fields if not c.primary_key]
        insert = self._insert_for(link.through, columns)
        owner, other = (
            next(column for column in columns if column.attname == name)
            for name in (link.source, link.target_attname)
        )
        return _Links(
            place=self.scanner.places[link.name],
            label=link.target._meta.label,
            insert=insert,
            owner=_function(insert.form(owner)),
            other=_function(insert.form(other)),
            owner_first=columns.index(owner) == 0,
            numbered=self._is_numbered(link.target, link.target._meta.label),
        )

    # -- at work -----------------------------------------------------------------------------------------

    def load(self, found: list[Match[str]]) -> list[bytes]:
        """Insert the rows of some lines; return the lines that have to be decoded.

        Raises ``LoadFailed`` for rows that the database refuses.
        """
        try:
            self._learn(found)
            every = [(match, self._make(match)) for match in found]
            whole = [match for match, row in every if row is not None]
            links = [
                (link, link.rows(whole, self._known.of(link.label), self.scanner)) for link in self._links
            ]
        except _ODD:  # whoever decodes them can say what it is
            return [match[0].encode() for match in found]
        made = [row for _, row in every if row is not None]
        if made:
            self._engine.insert_lines(self._insert, made, lambda number: self._name(whole[number]))
        for link, rows in links:
            if rows:
                self._engine.insert_lines(link.insert, [row for row, _ in rows], _named_by(rows, self._name))
        return [match[0].encode() for match, row in every if row is None]

    def _learn(self, found: list[Match[str]]) -> None:
        """Look up everything that some lines refer to and that is not known."""
        self._known.make_room()
        for place, label, formed, numbered in self._references:
            self._learn_names(label, {match[place] for match in found}, formed, numbered)
        for link in self._links:
            names = {
                name for match in found if match[link.place] != "[]" for name in _names_in(match[link.place])
            }
            self._learn_names(link.label, names, link.other, link.numbered)

    def _learn_names(self, label: str, names: set[str], formed: Callable[[str], Any], numbered: bool) -> None:
        unknown = names - self._known.of(label).keys() - {_NULL}
        if unknown:
            self._known.learn(label, unknown, formed, numbered=numbered)

    def _name(self, match: Match[str]) -> str:
        return name_of_document(reread_line(match[0].encode()), self._entry)


class _Links:
    """The rows of a many-to-many table that lines of their owners tell of."""

    def __init__(
        self,
        *,
        place: int,
        label: str,
        insert: LineInsert,
        owner: Callable[[str], Any],
        other: Callable[[str], Any],
        owner_first: bool,
        numbered: bool,
    ) -> None:
        self.place = place
        self.label = label
        self.insert = insert
        self.other = other
        self.numbered = numbered
        self._owner = owner
        names = ("a", "b") if owner_first else ("b", "a")
        self._row: Callable[[Any, Any], Any] = eval(f"lambda a, b: {insert.row(names)}")

    def rows(
        self, found: Iterable[Match[str]], known: dict[str, Any], scanner: LineScanner
    ) -> list[tuple[Any, Match[str]]]:
        """Return the rows, each with the line of its owner; raises ``LookupError`` for one that links to no row."""
        pk, made = scanner.places[PK], []
        for match in found:
            if match[self.place] == "[]":
                continue
            owner = self._owner(match[pk])
            made += [(self._row(owner, known[name]), match) for name in _names_in(match[self.place])]
        return made


def _named_by(rows: list[tuple[Any, Match[str]]], name: Callable[[Match[str]], str]) -> Callable[[int], str]:
    return lambda number: name(rows[number][1])


def _names_in(written: str) -> list[str]:
    """Return the names in a list of references, as they are written."""
    return [canonical(name).decode() for name in json.loads(written)]


def _function(form: Form) -> Callable[[str], Any]:
    """Return a form as a function."""
    function: Callable[[str], Any] = eval(f"lambda v: {form.source}", dict(form.names))
    return function
