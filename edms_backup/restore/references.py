"""What rows of the package refer to, as primary keys of the target."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from edms_backup.engines.softrefs import put
from edms_backup.engines.values import behind_references, decoder
from edms_backup.errors import LoadFailed
from edms_backup.restore.keymap import KeyMap, PlannedRow, pack
from edms_backup.restore.target import Target
from edms_backup.schema.spec import ModelSpec

Document = dict[str, Any]
Name = Any
"""A natural key as a tuple, or the primary key that a row without one has in the package."""


def name_of(value: Any) -> Name:
    """Return the name behind a reference as it stands in a row."""
    return tuple(value) if isinstance(value, list) else value


class KnownRows:
    """Rows of the key map that references named lately: the same few people and categories are named all the time.

    One for a whole load; ``limit`` is how many rows it holds before it forgets them and begins anew.
    """

    def __init__(self, keymap: KeyMap, limit: int = 100_000) -> None:
        self._keymap = keymap
        self._limit = limit
        self._rows: dict[str, dict[Name, PlannedRow | None]] = {}

    def of(self, label: str) -> dict[Name, PlannedRow | None]:
        """Return what is known of a model, by name; ``None`` for names that no row has."""
        return self._rows.setdefault(label, {})

    def make_room(self) -> None:
        """Forget everything when there is too much of it."""
        if sum(map(len, self._rows.values())) > self._limit:
            for rows in self._rows.values():
                rows.clear()

    def learn(self, label: str, names: set[Name]) -> None:
        """Ask the key map for the rows with these names."""
        rows = self.of(label)
        for by_key, look_up in ((True, self._keymap.look_up), (False, self._keymap.look_up_src)):
            wanted = {
                pack(list(name) if by_key else name): name
                for name in names
                if (type(name) is tuple) is by_key
            }
            if wanted:
                found = look_up(label, sorted(wanted))
                rows.update((name, found.get(packed)) for packed, name in wanted.items())


class References:
    """Resolves the references of the rows of one model, a batch at a time."""

    def __init__(self, spec: ModelSpec, target: Target, keymap: KeyMap, known: KnownRows) -> None:
        self.spec = spec
        self._known = known
        self._merges_links = keymap.substitutes
        self._labels = {r.name: r.target._meta.label for r in spec.relations}
        self._links = {
            link.name: (link.target._meta.label, decoder(behind_references(link.target._meta.pk)))
            for link in spec.many_to_many
        }
        self._inventory = target.inventory
        self._unnamed = {
            r.name
            for r in spec.relations
            if r.to_primary_key
            and target.registry.of(r.target).keyless
            and r.target._meta.label in target.labels
        }
        self._refers = bool(spec.generics or spec.soft)

    def resolve(self, documents: list[Document]) -> None:
        """Look up everything that a batch refers to and that is not known, one question per model."""
        self._known.make_room()
        unknown: dict[str, set[Name]] = {}
        for label, name in self._names(documents):
            if name not in self._known.of(label):
                unknown.setdefault(label, set()).add(name)
        for label, names in unknown.items():
            self._known.learn(label, names)

    def _names(self, documents: list[Document]) -> Iterator[tuple[str, Name]]:
        for field, label in self._labels.items():
            unnamed = field in self._unnamed
            for document in documents:
                value = document["fields"][field]
                if type(value) is list:
                    yield label, tuple(value)
                elif unnamed and value is not None:
                    yield label, value
        for field, (label, _) in self._links.items():
            for document in documents:
                for value in document["fields"][field]:
                    yield label, name_of(value)
        if self._refers:
            for document in documents:
                for reference in document.get("_refs", {}).values():
                    named = reference["key"] if "key" in reference else reference["pk"]
                    yield self._label(reference["model"]), name_of(named)

    def column(self, column: Any) -> Callable[[Any], Any]:
        """Return the function from what stands in a foreign key column (never ``None``) to its value here.

        It raises ``LookupError`` for a row that is neither restored nor on this site.
        """
        known = self._known.of(self._labels[column.name])
        convert = decoder(behind_references(column))
        unnamed = column.name in self._unnamed

        def value_of(value: Any) -> Any:
            if type(value) is list:
                row = known[tuple(value)]
                if row is None or row.target is None:
                    raise LookupError(column.name)
                return convert(row.target)
            row = known.get(value) if unnamed else None
            return convert(value if row is None or row.target is None else row.target)

        return value_of

    def value(self, column: Any, value: Any, name: str) -> Any:
        """Return the value of a foreign key column; raises ``LoadFailed`` where there is no such row."""
        if value is None:
            return None
        try:
            return self.column(column)(value)
        except LookupError:
            raise self._missing(column.name, self._labels[column.name], value, name) from None

    def links(self, field: str, document: Document) -> list[Any]:
        """Return the primary keys that a many-to-many field points at."""
        label, convert = self._links[field]
        known = self._known.of(label)
        found = []
        for value in document["fields"][field]:
            row = known[name_of(value)]
            pk = None if row is None else row.target
            if pk is None and isinstance(value, list):
                raise self._missing(field, label, value, str(document["_pk"]))
            found.append(convert(value if pk is None else pk))
        # Where a row gave way to another one, two links may have become one.
        return list(dict.fromkeys(found)) if self._merges_links else found

    def followed(self, column: str, value: Any, document: Document) -> Any:
        """Return a column's value with every id that a reference of the row resolves replaced by the target's."""
        references: Mapping[str, Any] = document.get("_refs", {})
        for name, reference in references.items():
            if reference["field"] != column:
                continue
            label = self._label(reference["model"])
            named = reference["key"] if "key" in reference else reference["pk"]
            row = self._known.of(label).get(name_of(named))
            if row is None and "key" in reference:
                raise self._missing(name, label or reference["model"], named, str(document["_pk"]))
            if row is not None and row.src is not None and row.src == row.target:
                continue  # the id stays what it is, down to the way in which it is written
            pk = None if row is None else row.target
            value = put(value, reference.get("path", ()), named if pk is None else pk)
        return value

    def _label(self, lower: str) -> str:
        """Return the label of the model that owns the rows of ``lower``, a proxy's too."""
        spec = self._inventory.of_label(lower)
        return "" if spec is None else spec.label

    def _missing(self, field: str, label: str, value: list[Any], name: str) -> LoadFailed:
        shown = ", ".join(str(part) for part in value)
        return LoadFailed(
            f"{self.spec.label} {name}: {field} refers to {label} {shown}, which is neither restored nor on this site.",
            hint=f"Nothing was changed. Restore {label} as well, or create that row first.",
        )
