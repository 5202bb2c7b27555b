"""Lines that Python writes, in one function made for the model, from what the driver gives.

Where the database runs in the same process (SQLite) this is quicker than having it put texts together; where nothing
is known of how it writes JSON, it is the only way.
"""

from __future__ import annotations

from typing import Any

from django.db import models

from edms_backup.engines.linereader import LineReader, Part
from edms_backup.engines.linetexts import Text, flat_text, value_text
from edms_backup.engines.longvalues import is_text, may_be_long
from edms_backup.engines.reading import Named, Value
from edms_backup.engines.serverside import LONG, Sql, between
from edms_backup.engines.values import behind_references, encoder, is_plain, speaks_for_itself


class LocalLineReader(LineReader):
    """Reads the rows of one model as lines; of the database's JSON it asks only for names behind generic references."""

    def _must(self, path: str) -> Part:
        return value_text(self._leaf(path))

    def _key_text(self) -> list[Part]:
        if self.spec.key.keyless:
            return []
        own = {column.name: column for column in self.spec.columns}
        parts = [
            flat_text(self._own(own[name]), may_be_null=own[name].null)
            if name in own
            else flat_text(self._leaf(name))
            for name in self.spec.key.components
        ]
        return ["[", *between(parts), "]"]

    def _own(self, column: Any) -> Value | Named:
        """Return what is read of a column; JSON as a value, as a part of a key has to be."""
        if isinstance(column, models.JSONField) and not speaks_for_itself(column):
            return self._leaf(column.attname)
        raw = self._server.raw_form(column, self._connection)
        if raw is None or column.is_relation:
            return self._field(column)
        return Value(self._selected_as(column, Sql(raw, models.F(column.attname))), column, encoder(column))

    def _value(self, column: Any) -> list[Part]:
        named = any(column.name == generic.object_id for generic in self.spec.generics)
        if self._server.long_values is None or named or not may_be_long(column):
            return [self._object_id(column) if named else self._any_value(column)]
        if is_text(column) and is_plain(column) and encoder(column) is None:
            return [self._text_unless_long(column)]
        return self._written_here_unless_long(column)

    def _any_value(self, column: Any) -> Part:
        if isinstance(column, models.JSONField) or not is_plain(behind_references(column)):
            return super()._any_value(column)
        return value_text(self._own(column), may_be_null=column.null)

    def _text_unless_long(self, column: Any) -> Text:
        """Return what writes a text; the database gives a number in place of a long one: no line comes of it."""
        value = Sql(
            f"CASE WHEN {{0}} IS NULL OR LENGTH({{0}}) < {LONG} THEN {{0}} ELSE 0 END",
            models.F(column.attname),
        )
        return value_text(Value(self._selected_as(column, value), column, None), may_be_null=column.null)

    def _selected_as(self, column: Any, value: Sql) -> int:
        """Have a column selected by SQL of our own, with no converter of Django's; return its position in a record."""
        alias = f"edms_value_{column.attname}"
        self._runs[alias] = value
        return self._columns.position(alias)

    def _object_id(self, column: Any) -> Part:
        written = value_text(self._field(column)).write
        return lambda source: f"((o := {written(source)}), 'null' if R else o)"
