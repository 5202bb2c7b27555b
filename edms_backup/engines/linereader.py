"""The fastest way to read rows: the database writes the lines, as far as it can do so exactly.

``ServerJson`` tells which columns those are. What stands between them (JSON columns, floating point numbers,
many-to-many fields, names behind generic references) is put in by Python, in one function made for the model. A
row for which the database gives NULL, because a value is not what its SQL was made for or because a reference
dangles, is read by ``CompiledReader`` instead; so is a whole model for which ``reason`` says why. The lines are
those of ``RowComposer``, byte for byte.
"""

from __future__ import annotations

import functools
import itertools
import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from django.db import connections, models

from edms_backup.engines.compiled import CompiledReader, Shortcuts, Source
from edms_backup.engines.linerefs import DANGLING, Place, ReferenceTexts
from edms_backup.engines.lines import Line, RowComposer, tells_key
from edms_backup.engines.linetexts import Body, Plainly, Text, plainly
from edms_backup.engines.links import Links
from edms_backup.engines.longlines import LongLine, Uncuttable
from edms_backup.engines.longvalues import FrameReader, LongValues, may_be_long
from edms_backup.engines.naming import base_queryset, leaf_column
from edms_backup.engines.reading import Named, Record, Tally, Value, unreadable_key
from edms_backup.engines.serverside import LONG, ServerJson, Sql, between, null_or
from edms_backup.engines.values import encoder, exact_type, speaks_for_itself
from edms_backup.naturalkeys import KeyRegistry
from edms_backup.package.canonical import canonical, compact
from edms_backup.package.content import normal_value
from edms_backup.package.flatjson import flat_pair
from edms_backup.schema.inventory import Inventory
from edms_backup.schema.spec import GenericRef, ModelSpec

_SHORT = 200  # characters of JSON that are worth remembering
_FLAT = 50  # brackets that cannot nest too deep, whatever stands around them
_UNWRITABLE = (ValueError, TypeError, ArithmeticError, RecursionError)

Insert = Callable[[Source], str]
"""Takes the source; returns the expression of a pair of texts that Python writes, for the line and its content."""
Part = str | models.Expression | Insert | Text
"""What a line is put together from: a constant, what the database writes, what Python writes."""
Piece = str | int | Insert | Text
"""The same, once it is known at which position of a record stands what the database writes."""


class _Unwritable(Exception):
    """The database cannot write the lines of a model; the message says why."""


class LineReader(CompiledReader):
    """Reads the rows of one model as lines; ``reason`` tells why the database cannot write them, or is empty."""

    def __init__(
        self,
        spec: ModelSpec,
        registry: KeyRegistry,
        inventory: Inventory,
        tally: Tally,
        shortcuts: Shortcuts,
        server: ServerJson,
    ) -> None:
        self._server = server
        self._connection = connections[spec.using]
        self._runs: dict[str, Sql] = {}
        self._pieces: list[Piece] = []
        self._named: list[Part] = []
        self._key_pieces: list[Piece] = []
        self._generic: tuple[Named, Value | Named] | None = None
        self._long: LongValues | None = None
        self.reason = ""
        super().__init__(spec, registry, inventory, tally, shortcuts)

    # -- what is asked of the database -------------------------------------------------------------

    def _select(self) -> None:
        try:
            self._refuse()
            self._named = self._key_text()
            self._pieces = self._grouped(self._line())
            for generic in self.spec.generics:
                self._refer(generic)
            self._key_pieces = self._grouped(self._named)
            self._long = self._server.long_values(self.spec) if self._server.long_values else None
        except _Unwritable as why:
            self.reason = str(why)

    def _refer(self, generic: GenericRef) -> None:
        """Have read what names the row behind a generic reference."""
        column = self.spec.model._meta.get_field
        kind, number = self._field(column(generic.content_type_name)), self._field(column(generic.object_id))
        if not isinstance(kind, Named) or len(kind.leaves) != 2:
            raise _Unwritable(f"{generic.content_type_name} is no content type with a name of two parts")
        assert self._targets is not None
        self._generic = (kind, number)
        self._texts = ReferenceTexts(self.spec, generic, self.registry, self._targets, self._server)

    def _find_place(self, source: Source) -> Place:
        """Return the function from a record to what its generic reference names."""
        assert self._generic is not None
        kind, number = self._generic
        first, second = (leaf.position for leaf in kind.leaves[:2])
        label = f"None if r[{first}] is None else f'{{r[{first}]}}.{{r[{second}]}}'"
        return source.function([f"return ({label}), {source.value(number)}"])

    def _refuse(self) -> None:
        spec = self.spec
        reasons = {
            "its table is not made by Django": not spec.model._meta.managed,
            "its natural_key() is called row by row": spec.key.by_method,
            "ids inside of its values have to be followed": bool(spec.soft),
            "it has several generic references": len(spec.generics) > 1,
            "its primary key is composite": hasattr(spec.model._meta.pk, "field_names"),
        }
        for reason, applies in reasons.items():
            if applies:
                raise _Unwritable(reason)

    def _text(self, path: str, column: Any = None) -> Sql | None:
        """Return the expression of the value at a path as JSON text, ``null`` included."""
        return self._server.text(path, column or leaf_column(self.spec.model, path), self._connection)

    def _must(self, path: str) -> Part:
        text = self._text(path)
        if text is None:
            raise _Unwritable(f"its natural key holds {path}, which only Python writes")
        return text

    def _key_text(self) -> list[Part]:
        """Return what the natural key is put together from, as a list with references flattened."""
        if self.spec.key.keyless:
            return []
        texts: list[Any] = []
        own = {column.name: column for column in self.spec.columns}
        for component in self.spec.key.components:
            column = own.get(component)
            paths = () if column is None else self._paths(column)
            leaves = [self._must(path) for path in paths]
            if column is not None and leaves:
                texts.append(null_or(column.attname, self._server.joined(between(leaves))))
            else:
                texts.append(self._must(component if column is None else column.attname))
        return [self._server.joined(["[", *between(texts), "]"])]

    def _paths(self, column: Any) -> tuple[str, ...]:
        """Return the paths to the natural key behind a column; empty where the value itself is written."""
        if not column.is_relation or not column.target_field.primary_key:
            return ()
        return tuple(f"{column.name}__{path}" for path in self.registry.of(column.related_model).paths)

    def _line(self) -> list[Part]:
        """Return the parts of a line up to its primary key."""
        spec = self.spec
        parts: list[Part] = [f'{{"model":{compact(spec.model._meta.label_lower)},']
        if spec.key.by_primary_key:
            parts += ['"pk":', self._must("pk"), ","]
        parts.append('"fields":{')
        for number, column in enumerate(spec.columns):
            parts += [f"{',' if number else ''}{compact(column.name)}:", *self._value(column)]
        for number, link in enumerate(spec.many_to_many):
            parts += [f"{',' if number or spec.columns else ''}{compact(link.name)}:", _linked(number)]
        parts.append("}")
        if spec.generics:
            parts.append(lambda source: "(R, R)")
        if self._named and not tells_key(spec):
            parts += [',"_key":', *self._named]
        return parts

    def _value(self, column: Any) -> list[Part]:
        if self._server.long_values and may_be_long(column) and self._text(column.attname, column) is None:
            return self._written_here_unless_long(column)
        return [self._any_value(column)]

    def _any_value(self, column: Any) -> Part:
        paths = self._paths(column)
        if column.name in {generic.object_id for generic in self.spec.generics}:
            return self._object_id(column)
        if isinstance(column, models.JSONField) and not speaks_for_itself(column):
            value = self._field(column)
            return lambda source: f"{source.bind(_json_pair)}(r[{value.position}])"  # type: ignore[union-attr]
        if not paths:
            text = self._text(column.attname, column)
            return text if text is not None else self._written_here(column)
        leaves = [self._text(path) for path in paths]
        if any(leaf is None for leaf in leaves):
            return self._written_here(column)
        return null_or(column.attname, self._server.named(paths, leaves))

    def _written_here(self, column: Any) -> Insert:
        value = self._field(column)
        return lambda source: f"{source.bind(_pair)}({source.value(value)})"

    def _written_here_unless_long(self, column: Any) -> list[Part]:
        """Return the parts of a value that the database withholds where it is long: no line comes of it then."""
        short = f"{{0}} IS NULL OR LENGTH({{0}}) < {LONG}"
        value = Sql(f"CASE WHEN {short} THEN {{0}} END", models.F(column.attname))
        value.output_field = column
        alias = f"edms_value_{column.attname}"
        self._runs[alias] = value
        known = Value(self._columns.position(alias), column, encoder(column))
        guard = Sql(f"CASE WHEN {short} THEN '' END", models.F(column.attname))
        return [guard, lambda source: f"{source.bind(_pair)}({source.value(known)})"]

    def _object_id(self, column: Any) -> Part:
        """Return the id behind a generic reference: content only where it names no row."""
        text = self._text(column.attname, column)
        if text is None:
            raise _Unwritable(f"only Python writes {column.name}")
        alias = self._run([text])
        position = self._columns.position(alias)
        written = f"r[{position}] if r[{position}] is not None else {{}}()"
        return lambda source: f"(({written.format(source.bind(plainly))}), 'null' if R else r[{position}])"

    def _grouped(self, parts: list[Part]) -> list[Piece]:
        """Return the parts with all that the database can write in one go as one: its position in a record."""
        pieces: list[Piece] = []
        for ours, group in itertools.groupby(parts, lambda part: callable(part) or isinstance(part, Text)):
            members: list[Any] = list(group)
            if ours:
                pieces.extend(members)
            elif all(isinstance(part, str) for part in members):
                pieces.append("".join(members))
            else:
                pieces.append(self._columns.position(self._run(members)))
        return pieces

    def _run(self, parts: list[Any]) -> str:
        """Have the database write some parts as one; return the name of the result."""
        alias = f"edms_line_{len(self._runs)}"
        self._runs[alias] = self._server.joined(parts) if len(parts) > 1 else parts[0]
        return alias

    def _selected(self, queryset: models.QuerySet[Any]) -> models.QuerySet[Any]:
        return super()._selected(queryset.annotate(**self._runs))

    # -- what comes of it --------------------------------------------------------------------------

    def lines(self) -> Iterator[Line | LongLine]:
        """Yield every row as a line, in the order of its primary key."""
        if self.spec.generics:  # asked for only now: it takes queries of its own
            sql = self._texts.sql()
            self._member_at = None if sql is None else self._columns.position(self._run([sql]))
        queryset = base_queryset(self.spec.model, self.spec.using).order_by("pk")
        links = self._links()
        for records in self._batches(queryset):
            yield from self._batch(records, links)
        for link in links:
            link.finish()

    def _compile(self, source: Source) -> Callable[..., Any]:
        """Return the function from a record, its references and its links to its line.

        References are a text (``R``), links a list of lists (``M``).
        """
        self._pk_of = source.function([f"return {source.value(self._pk)}"])
        if self.spec.generics:
            self._place = self._find_place(source)
        asked = [piece for piece in (*self._pieces, *self._key_pieces) if isinstance(piece, int)]
        nulls = " or ".join(f"r[{place}] is None" for place in dict.fromkeys(asked))
        body = Body(source)
        if asked:
            body.lines.append(f"if {nulls}: {source.bind(plainly)}()")
        line, content = body.put_together(self._pieces)
        key = body.joined(body.put_together(self._key_pieces)[0])
        is_number = self._pk.column is not None and exact_type(self._pk.column) is int
        start = """',"pk":' + p + ',"_pk":' + p""" if self.spec.key.keyless else """',"_pk":' + p"""
        body.lines += [
            f"w = {body.joined(line)}",
            "e = w.encode()",
            f"p = {'str' if is_number else source.bind(compact)}({source.value(self._pk)})",
            f"m = e + ({start} + '}}\\n').encode()",
            f"c = e if len(e) < {LONG} else memoryview(m)[:len(e)]",
        ]
        if content != line:
            body.lines += [f"n = {body.joined(content)}", "if n != w: c = n.encode()"]
        key = f"{key}.encode()" if self._key_pieces else "None"
        # A class made of names takes three times as long to say the same.
        body.lines.append(
            f"return {source.bind(tuple.__new__)}({source.bind(Line)}, (m, c, {key}, p.encode(), None))"
        )
        return source.function(body.lines, ", R, M")

    def _batch(self, records: list[Record], links: list[Links]) -> Sequence[Line | LongLine]:
        """Return the lines of some records; those that cannot be made so are read in the plain way."""
        assert self._read_record is not None
        read: Callable[..., Line] = self._read_record
        lines: Sequence[Line | LongLine] | None
        found = [[link.of(pk) for link in links] for pk in self._pks(records)] if links else []
        generics = self.spec.generics
        references = self._texts.members(records, self._place, self._member_at) if generics else []
        given = zip(records, references or itertools.repeat(""), found or itertools.repeat([]), strict=False)
        arguments = list(given)
        try:
            lines = [read(*each) for each in arguments] if None not in references else None
        except _UNWRITABLE:
            lines = None
        lines = lines or self._one_by_one(read, arguments)
        for reference, line in zip(references, lines, strict=False):
            # Else it was noted when the row was read.
            if reference is DANGLING and type(line) is Line and line.row is None:
                self.tally.note(self.tally.dangling_generic, self.spec.label, generics[0].name)
        return lines

    def _one_by_one(
        self, read: Callable[..., Line], arguments: list[tuple[Any, ...]]
    ) -> list[Line | LongLine]:
        """Return the lines of some records, of which not every one can be made so."""
        lines: list[Line | None] = []
        for record, references, found in arguments:
            try:
                lines.append(None if references is None else read(record, references, found))
            except _UNWRITABLE:
                lines.append(None)
        left = [given for given, line in zip(arguments, lines, strict=True) if line is None]
        plain = self._plain(self._pks([record for record, _, _ in left]), [found for _, _, found in left])
        return [next(plain) if line is None else line for line in lines]

    def _pks(self, records: list[Record]) -> list[Any]:
        """Return the primary keys of some records; raises ``DumpFailed`` for one that has no JSON shape."""
        found = []
        for record in records:
            try:
                found.append(self._pk_of(record))
            except _UNWRITABLE as error:
                raise unreadable_key(self.spec, record[self._pk.position], error) from error
        return found

    def _plain(self, pks: list[Any], links: list[list[Any]]) -> Iterator[Line | LongLine]:
        """Yield the lines of some rows, which Python reads and writes."""
        compose = RowComposer(self.spec)
        long = self._long.find(pks) if self._long and pks else {}
        reader = CompiledReader(self.spec, self.registry, self.inventory, self.tally, self._shortcuts)
        rows = {
            canonical(row.pk): row for row in reader.some([pk for pk in pks if canonical(pk) not in long])
        }
        for pk, found in zip(pks, links, strict=True):
            name = canonical(pk)
            linked = dict(zip([link.name for link in self.spec.many_to_many], found, strict=False))
            if name in long:
                try:
                    yield self._in_pieces(compose, pk, long[name], linked)
                    continue
                except Uncuttable:
                    rows[name] = next(reader.some([pk]))
            row = rows.pop(name)
            row.fields.update(linked)
            yield compose.line(row)

    def _in_pieces(
        self, compose: RowComposer, pk: Any, columns: list[Any], linked: dict[str, Any]
    ) -> LongLine:
        """Return the line of a row, read without its long values."""
        assert self._long is not None
        reader = FrameReader(
            self.spec, self.registry, self.inventory, self.tally, self._shortcuts, without=columns
        )
        frame = next(reader.some([pk]))
        frame.fields |= linked
        return LongLine(compose, frame, {column.name: self._long.pieces(pk, column) for column in columns})


def _linked(number: int) -> Insert:
    return lambda source: f"{source.bind(_pair)}(M[{number}])"


def _pair(value: Any) -> tuple[str, str]:
    """Return a value as JSON, as it stands in a line and in its content."""
    line = compact(value)
    if type(value) is not dict and type(value) is not list:
        return line, line
    if line.count("[") + line.count("{") > _FLAT:
        raise Plainly
    normal = normal_value(value)
    return line, line if normal is value else compact(normal)


@functools.lru_cache(maxsize=4096)
def _short_pair(text: str) -> tuple[str, str]:
    pair = flat_pair(text)
    if pair is not None:
        return pair
    value = json.loads(text)
    if value is None:
        raise Plainly  # told apart from SQL NULL by a member of its own
    return _pair(value)


def _json_pair(text: str | None) -> tuple[str, str]:
    """Return ``_pair`` of a JSON column that was selected as text."""
    if text is None:
        return "null", "null"
    return _short_pair(text) if len(text) <= _SHORT else _short_pair.__wrapped__(text)
