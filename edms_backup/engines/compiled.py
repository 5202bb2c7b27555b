"""The fast way to read rows: one function per model, written as source, from what the driver gives to JSON.

``RowReader`` goes through a record value by value, behind converters that Django calls one by one. Here the
whole record becomes a row in one expression, in which a value that needs no change is ``r[3]`` and nothing
else. An engine may offer *shortcuts*: encoders for what its driver gives, which take the place of Django's
converter and the plain encoder together (32 digits need not become a ``UUID`` and a text again). The rows are
those of ``RowReader``, which stays the measure in tests and the way for queries that cannot be read so
(composite keys).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from django.db import models

from edms_backup.engines.ahead import read_ahead
from edms_backup.engines.naming import BATCH
from edms_backup.engines.reading import Named, Record, Row, RowReader, Tally, Value
from edms_backup.engines.rows import batches
from edms_backup.engines.values import Encoder, is_plain, speaks_for_itself, unchanged
from edms_backup.naturalkeys import KeyRegistry
from edms_backup.schema.inventory import Inventory
from edms_backup.schema.spec import ModelSpec

Shortcuts = Callable[["models.Field[Any, Any]"], Encoder | None]
"""Takes a column; returns the encoder of what the driver gives for it, or ``None`` where there is none."""
Converter = Callable[[Any, Any, Any], Any]


class CompiledReader(RowReader):
    """Reads the rows of one model as ``RowReader`` does, in a part of the time."""

    def __init__(
        self,
        spec: ModelSpec,
        registry: KeyRegistry,
        inventory: Inventory,
        tally: Tally,
        shortcuts: Shortcuts,
    ) -> None:
        super().__init__(spec, registry, inventory, tally)
        self._shortcuts = shortcuts
        self._source: Source | None = None
        self._read_record: Callable[..., Any] | None = None

    def _records(self, selected: models.QuerySet[Any]) -> Iterator[list[Record]]:
        """Yield the driver's records; what Django would do to their values becomes part of the function."""
        compiler = selected.query.get_compiler(using=self.spec.using)
        chunks: Any = compiler.execute_sql(chunked_fetch=True, chunk_size=BATCH)
        expressions = [selection[0] for selection in compiler.select[0 : compiler.col_count]]
        converters = compiler.get_converters(expressions)
        if compiler.has_composite_fields(expressions):
            rows = compiler.results_iter(results=chunks, tuple_expected=True)
            yield from batches(rows, BATCH)
            return
        self._source = Source(self._shortcuts, _chains(converters, compiler.connection))
        self._read_record = self._compile(self._source)
        yield from read_ahead(chunks, BATCH) if self.reads_ahead else chunks

    def _row(self, record: Record, links: list[Any]) -> Row:
        if self._read_record is None:
            return super()._row(record, links)
        row: Row = self._read_record(record)
        for link in links:
            row.fields[link.name] = link.of(row.pk)
        return row

    def _get(self, value: Value | Named, record: Record) -> Any:
        if self._source is None:
            return super()._get(value, record)
        return self._source.function([f"return {self._source.value(value)}"])(record)

    def _compile(self, source: Source) -> Callable[..., Any]:
        """Return the function from a record to its row, links and references left out."""
        row, members = source.bind(Row), ", ".join(f"{n!r}: {source.value(v)}" for n, v in self._fields)
        lines = [f"p = {source.value(self._pk)}", f"f = {{{members}}}", "n = []"]
        for name, position in self._json.items():
            lines.append(f"if f[{name!r}] is None and r[{position}] is not None: n.append({name!r})")
        key = "None"
        if self._key is not None:
            key = f"[{', '.join(self._key_source(part, source) for part in self._key)}]"
        return source.function([*lines, f"return {row}(p, {key}, f, {{}}, n)"])

    def _key_source(self, part: str | Value, source: Source) -> str:
        if isinstance(part, Value):
            return source.value(part)
        if part == "pk":
            return "p"
        column: Any = self.spec.model._meta.get_field(part)
        if not column.is_relation and is_plain(column):
            return f"f[{part!r}]"  # never a list
        return f"*(f[{part!r}] if isinstance(f[{part!r}], list) else (f[{part!r}],))"


class Source:
    """Expressions for values of a record ``r``, and the objects that they name."""

    def __init__(self, shortcuts: Shortcuts, chains: dict[int, Encoder]) -> None:
        self._shortcuts = shortcuts
        self._chains = chains
        self._names: dict[str, Any] = {}

    def bind(self, value: Any) -> str:
        """Return a name under which the source finds ``value``."""
        for name, known in self._names.items():
            if known is value:
                return name
        name = f"x{len(self._names)}"
        self._names[name] = value
        return name

    def value(self, value: Value | Named) -> str:
        """Return the expression of a value, as ``get`` of the same would give it."""
        if isinstance(value, Named):
            return self._named(value)
        place = f"r[{value.position}]"
        chain, shortcut = self._chains.get(value.position), self.shortcut(value)
        if shortcut is not None:
            plain = _after(chain or unchanged, value.encode or unchanged)
            return f"(None if {place} is None else {self.bind(_or(shortcut, plain))}({place}))"
        if chain is None and value.encode is None:
            return place
        if chain is None:
            return f"(None if {place} is None else {self.bind(value.encode)}({place}))"
        # Django's converters see NULL as well: a field may make something else of it.
        return f"{self.bind(_after(chain, value.encode or unchanged))}({place})"

    def shortcut(self, value: Value) -> Encoder | None:
        """Return the encoder of what the driver gives; it raises ``ValueError`` or ``TypeError`` for other things."""
        if value.column is None or speaks_for_itself(value.column):
            return None
        return self._shortcuts(value.column)

    def _named(self, value: Named) -> str:
        leaves = ", ".join(self.value(leaf) for leaf in value.leaves)
        unnamed = " and ".join(f"r[{leaf.position}] is None" for leaf in value.leaves)
        dangling = f"({self.bind(value.dangles)}(), {self.value(value.raw)})[1]"
        return f"(None if r[{value.raw.position}] is None else {dangling} if {unnamed} else [{leaves}])"

    def function(self, body: list[str], more: str = "") -> Callable[..., Any]:
        """Return a function of a record ``r``, and of arguments named in ``more``, with this body."""
        text = "\n    ".join([f"def read(r{more}):", *body])
        names = dict(self._names)
        exec(text, names)  # of names of fields, quoted, and of positions; nothing from outside is in it
        function: Callable[..., Any] = names["read"]
        return function


def _chains(converters: dict[int, tuple[list[Any], Any]], connection: Any) -> dict[int, Encoder]:
    """Return what Django does to the value at each position, as one function of the value."""
    return {
        at: _chain(tuple(found), expression, connection) for at, (found, expression) in converters.items()
    }


def _or(shortcut: Encoder, plain: Encoder) -> Encoder:
    """Return the shortcut with the plain way behind it."""

    def encode(value: Any) -> Any:
        try:
            return shortcut(value)
        except (ValueError, TypeError):
            return plain(value)

    return encode


def _chain(converters: tuple[Converter, ...], expression: Any, connection: Any) -> Any:
    def convert(value: Any) -> Any:
        for converter in converters:
            value = converter(value, expression, connection)
        return value

    return convert


def _after(chain: Any, encode: Encoder) -> Encoder:
    def convert(value: Any) -> Any:
        found = chain(value)
        return None if found is None else encode(found)

    return convert
