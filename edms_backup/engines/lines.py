"""From rows to the lines of a package: the same for what is dumped and for what is compared."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from edms_backup.engines.reading import Row
from edms_backup.errors import DumpFailed
from edms_backup.package.canonical import canonical, loads_again, strict_loads
from edms_backup.package.content import compose
from edms_backup.schema.spec import ModelSpec

_UNWRITABLE = (ValueError, TypeError, RecursionError)


class Line(NamedTuple):
    """One row as it stands in a package."""

    line: bytes
    """The whole line, line feed included."""
    content: bytes
    """What the digest of the row covers."""
    key: bytes | None
    """Natural key as canonical JSON; ``None`` for a keyless model."""
    pk: bytes
    """Primary key as canonical JSON."""
    row: Row | None = None
    """The row itself, where Python has read it; ``None`` where the database wrote the line."""

    @property
    def name(self) -> str:
        """Return the natural key of the row for people, or its primary key when it has none."""
        if self.key is None:
            return f"pk={strict_loads(self.pk)}"
        return ", ".join(map(str, strict_loads(self.key)))

    @property
    def fields(self) -> Mapping[str, Any]:
        """Return the values of the fields as JSON."""
        if self.row is not None:
            return self.row.fields
        fields: Mapping[str, Any] = loads_again(self.line)["fields"]
        return fields

    def whole(self) -> Line:
        """Return the line itself; one that is not held (``LongLine``) becomes one that is."""
        return self


def tells_key(spec: ModelSpec) -> bool:
    """Return whether the fields of a line tell the natural key; else it is a member of its own."""
    told = {column.name for column in spec.columns} | {"pk"}
    return not spec.key.by_method and set(spec.key.components) <= told


class RowComposer:
    """Turns rows of one model into (line, content)."""

    def __init__(self, spec: ModelSpec) -> None:
        self._label = spec.label
        self._model = spec.model._meta.label_lower
        self._pk_in_key = spec.key.by_primary_key
        self._keyless = spec.key.keyless
        self._with_key = not tells_key(spec)

    def __call__(self, row: Row) -> tuple[bytes, bytes]:
        """Return line and content of one row; raises ``DumpFailed`` for one that no line can hold."""
        try:
            return compose(
                self._model,
                row.fields,
                row.pk,
                pk_in_key=self._pk_in_key,
                keyless=self._keyless,
                refs=row.refs,
                json_null=row.json_null,
                key=row.key if self._with_key else None,
            )
        except _UNWRITABLE as error:
            raise self._unwritable(row, error) from error

    def line(self, row: Row) -> Line:
        """Return the same with the row's key and primary key."""
        line, content = self(row)
        key = None if row.key is None else canonical(row.key)
        return Line(line, content, key, canonical(row.pk), row)

    def _unwritable(self, row: Row, error: Exception) -> DumpFailed:
        """Say which value of which row it is: one that cannot be written alone either."""
        blamed = ((name, _problem(name, value)) for name, value in row.fields.items())
        name, reason = next(((f".{name}", said) for name, said in blamed if said), ("", str(error)))
        return DumpFailed(
            f"{self._label}{name} of the row {render_key(row)!r} cannot be written: {reason}.",
            hint="Change the value, or leave the model out (--exclude); nothing was changed.",
        )


def _problem(name: str, value: Any) -> str:
    try:
        compose("", {name: value}, None)
    except _UNWRITABLE as error:
        return str(error)
    return ""


def render_key(row: Row) -> str:
    """Return the natural key of a row for people, or its primary key when it has none."""
    return f"pk={row.pk}" if row.key is None else ", ".join(str(value) for value in row.key)
