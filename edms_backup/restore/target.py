"""The site that is restored into, seen with the package's eyes: its models, named by the package's keys."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, NamedTuple

from django.apps import apps
from django.db import models

from edms_backup.engines import Engine
from edms_backup.engines.lines import Line, RowComposer
from edms_backup.engines.longlines import LongLine
from edms_backup.engines.reading import Row, Tally
from edms_backup.errors import UnknownModel, UsageError
from edms_backup.findings import Finding, Severity
from edms_backup.naturalkeys import KeyRegistry
from edms_backup.package import Manifest, ModelEntry
from edms_backup.package.scanning import LineScanner
from edms_backup.restore.keymap import PlannedRow, pack
from edms_backup.restore.report import Mode, RestoreRequest
from edms_backup.schema.fields import field_entries
from edms_backup.schema.inventory import Inventory
from edms_backup.schema.spec import Fate, ModelSpec
from edms_backup.storage.roots import FileRoot

LookUp = Callable[[str, Sequence[bytes]], dict[bytes, PlannedRow]]


class LiveRow(NamedTuple):
    """A row of the site."""

    key: bytes | None
    """Natural key, packed; ``None`` for a keyless model."""
    pk: bytes
    digest: bytes
    """Of its content, in the package's words."""
    line: Line | LongLine

    @property
    def fields(self) -> Mapping[str, Any]:
        """Return the values of its fields as JSON."""
        return self.line.fields


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Everything a restore needs to know about the site."""

    engines: Mapping[str, Engine]
    inventory: Inventory
    """All models, with the keys that the package used."""
    registry: KeyRegistry
    specs: tuple[ModelSpec, ...]
    """The models in scope, referenced ones first."""
    roots: Mapping[str, FileRoot]
    scanners: dict[str, LineScanner | str] = field(default_factory=dict, compare=False)
    """By label: what takes the lines of a model apart, or why nothing can (``restore.scanned``)."""

    def engine(self, spec: ModelSpec) -> Engine:
        """Return the engine of a model's database."""
        return self.engines[spec.using]

    @property
    def aliases(self) -> list[str]:
        """Return the database aliases that are written, in the order in which they are committed."""
        return sorted({spec.using for spec in self.specs})

    @property
    def labels(self) -> frozenset[str]:
        """Return the labels in scope."""
        return frozenset(spec.label for spec in self.specs)

    def unnamed(self, spec: ModelSpec) -> list[tuple[str, str]]:
        """Return (field, label) of foreign keys and links to rows in scope that fields do not name.

        Such references travel as primary keys: of keyless rows, and of rows that only a method names.
        """
        found = [(r.name, r.target) for r in spec.relations if r.to_primary_key]
        found += [(link.name, link.target) for link in spec.many_to_many]
        return [
            (name, target._meta.label)
            for name, target in found
            if target._meta.label in self.labels and not self.registry.of(target).paths
        ]

    def live_rows(self, spec: ModelSpec, look_up: LookUp, *, loaded: bool = False) -> Iterator[LiveRow]:
        """Yield every row of a model as it stands, in the package's words, with the digest of its content.

        References to rows without a name are primary keys; ``look_up`` (label, packed primary keys) tells which
        row of the package is meant, so that the same content reads the same on both sides. ``loaded``: the
        rows of this very model are in their places as well, so references among them can be told too.
        """
        for line in self.live_lines(spec, look_up, loaded=loaded):
            yield LiveRow(line.key, line.pk, digest_of(line), line)

    def live_lines(
        self, spec: ModelSpec, look_up: LookUp, *, loaded: bool = False
    ) -> Iterator[Line | LongLine]:
        """Yield the same rows as lines."""
        unnamed, compose = self.unnamed(spec), RowComposer(spec)
        engine, known = self.engine(spec), (self.registry, self.inventory, Tally())

        def translate(row: Row) -> Row:
            _translate(row, spec, unnamed, self._words(spec, row, look_up, loaded=loaded))
            return row

        if unnamed:
            for row in engine.rows(spec, *known):
                yield compose.line(translate(row))
            return
        for line in engine.lines(spec, *known):
            read = line.frame if isinstance(line, LongLine) else line.row
            if read is None or not any("pk" in found for found in read.refs.values()):
                yield line  # what the database wrote refers to names only
                continue
            translate(read)
            yield line.composed(compose) if isinstance(line, LongLine) else compose.line(read)

    def _words(
        self, spec: ModelSpec, row: Row, look_up: LookUp, *, loaded: bool
    ) -> Callable[[str, Any], Any]:
        """Return how to say a primary key of the site in the package's words."""

        def planned(label: str, pk: Any) -> PlannedRow | None:
            return look_up(label, [pack(pk)]).get(pack(pk))

        def is_ours(label: str, pk: Any) -> bool:
            found = planned(label, pk)
            return found is not None and found.src is not None

        def say(label: str, pk: Any) -> Any:
            if label == spec.label and not (loaded and is_ours(spec.label, row.pk)):
                return pk
            found = planned(label, pk)
            if found is None:
                return pk  # it points at nothing
            # The package may know another row by the number of a row that only this site has.
            return {"of this site": pk} if found.src is None else found.src

        return say


def digest_of(line: Line | LongLine) -> bytes:
    """Return the digest of a row's content."""
    if type(line) is Line:
        return sha256(line.content).digest()
    return line.content_digest().to_bytes(32)  # type: ignore[union-attr]


def _translate(
    row: Row, spec: ModelSpec, unnamed: Sequence[tuple[str, str]], say: Callable[[str, Any], Any]
) -> None:
    for name, label in unnamed:
        value = row.fields[name]
        if isinstance(value, list):
            row.fields[name] = sorted((say(label, item) for item in value), key=repr)
        elif value is not None:
            row.fields[name] = say(label, value)
    for reference in row.refs.values():
        if "pk" in reference:
            reference["pk"] = say(_label(reference["model"]), reference["pk"])


def _label(lower: str) -> str:
    """Return the label of a model that is known to be installed, from the form that fixtures use."""
    owner = apps.get_model(lower)._meta.concrete_model
    assert owner is not None
    label: str = owner._meta.label
    return label


def deletes_strangers(spec: ModelSpec, mode: Mode) -> bool:
    """Return whether rows of a model that the package does not know are deleted."""
    return mode is Mode.REPLACE and spec.fate is Fate.INCLUDED and not spec.append_only


def choose_scope(
    request: RestoreRequest, manifest: Manifest, inventory: Inventory
) -> tuple[list[ModelSpec], list[Finding]]:
    """Return the models to restore, and what stands in the way.

    Raises ``UnknownModel`` for a requested name that neither site nor package knows, ``UsageError`` when
    nothing is left. A model of the package that the site lacks is a blocking finding.
    """
    entries = {entry.label: entry for entry in manifest.models}
    wanted = _names(request.models, entries)
    unwanted = _names(request.exclude, entries)
    findings: list[Finding] = []
    known: dict[str, ModelSpec] = {spec.label: spec for spec in inventory}
    chosen: list[ModelSpec] = []
    for label, entry in entries.items():
        if (wanted and label not in wanted) or label in unwanted:
            continue
        spec = known.get(label)
        if spec is None or spec.fate is Fate.EXCLUDED:
            findings.append(_unknown(label, entry, spec))
        elif request.database is None or spec.using == request.database:
            chosen.append(spec)
            findings.extend(_schema_gap(spec, entry))
    if not chosen and not findings:
        raise UsageError("Nothing is left to restore.", hint="Check --models, --exclude and --database.")
    order = {label: position for position, label in enumerate(known)}
    return sorted(chosen, key=lambda spec: order[spec.label]), findings


def _names(names: Sequence[str], entries: Mapping[str, ModelEntry]) -> set[str]:
    labels: set[str] = set()
    for name in names:
        lower = name.lower()
        found = {
            label for label in entries if label.lower() == lower or label.lower().startswith(lower + ".")
        }
        if not found:
            raise UnknownModel(
                f"The package has no rows of {name}.",
                hint="`edms_backup show` lists the models of a package.",
            )
        labels |= found
    return labels


def _unknown(label: str, entry: ModelEntry, spec: ModelSpec | None) -> Finding:
    why = "this site does not have it" if spec is None else f"this site excludes it ({spec.reason})"
    return Finding(
        code="unknown_model",
        severity=Severity.ERROR if entry.rows else Severity.INFO,
        message=f"The package holds {entry.rows} rows of {label}, but {why}.",
        model=label,
        hint="Install the app that the model belongs to, or leave it out with --exclude.",
    )


def _schema_gap(spec: ModelSpec, entry: ModelEntry) -> Iterator[Finding]:
    """Yield what differs between the fields that the package was made with and those of the site."""
    theirs = {field.name: field for field in entry.fields}
    ours = {field.name: field for field in field_entries(spec)}
    for name in sorted(theirs.keys() - ours.keys()):
        yield _gap(spec, name, f"The package holds {spec.label}.{name}, which this site does not have.")
    for name in sorted(ours.keys() - theirs.keys()):
        yield _gap(spec, name, f"This site has {spec.label}.{name}, which the package does not hold.")
    for name in sorted(ours.keys() & theirs.keys()):
        one, other = theirs[name], ours[name]
        if _shape(one.type) != _shape(other.type) or one.to.lower() != other.to.lower():
            yield _gap(
                spec, name, f"{spec.label}.{name} is a {one.type} in the package and a {other.type} here."
            )


# Types whose values are written alike and may replace each other; the database has the last word on size.
_ALIKE = (
    {"CharField", "TextField", "SlugField", "FileField", "FilePathField"},
    {
        "IntegerField",
        "BigIntegerField",
        "SmallIntegerField",
        "PositiveIntegerField",
        "PositiveBigIntegerField",
    },
    {"ForeignKey", "OneToOneField"},
)


def _shape(kind: str) -> str:
    return next((min(group) for group in _ALIKE if kind in group), kind)


def _gap(spec: ModelSpec, name: str, message: str) -> Finding:
    return Finding(
        code="schema_mismatch",
        severity=Severity.ERROR,
        message=message,
        model=spec.label,
        field=name,
        hint="Restore with the code that made the package, or leave the model out with --exclude.",
    )


def key_members(spec: ModelSpec) -> list[Any]:
    """Return the columns of a primary key that holds other rows' keys; empty when it holds none."""
    primary_key: Any = spec.model._meta.pk
    members = list(getattr(primary_key, "fields", None) or [primary_key])
    follows = any(member.is_relation and member.target_field.primary_key for member in members)
    return members if follows else []


def key_of_document(document: Mapping[str, Any], entry: ModelEntry) -> list[Any] | None:
    """Return the natural key of a decoded line, ``None`` for a keyless model."""
    return key_reader(entry)(document)


def name_of_document(document: Mapping[str, Any], entry: ModelEntry) -> str:
    """Return the natural key of a decoded line for people, its primary key for a keyless model."""
    key = key_of_document(document, entry)
    return f"pk={document['_pk']}" if key is None else ", ".join(map(str, key))


def key_reader(entry: ModelEntry) -> Callable[[Mapping[str, Any]], list[Any] | None]:
    """Return ``key_of_document`` for the many lines of one model."""
    paths = entry.key.paths

    def read(document: Mapping[str, Any]) -> list[Any] | None:
        if "_key" in document:
            told: list[Any] = document["_key"]
            return told
        if not paths:
            return None
        key: list[Any] = []
        fields = document["fields"]
        for component in paths:
            value = document["_pk"] if component == "pk" else fields[component]
            if type(value) is list and component != "pk":
                key.extend(value)
            else:
                key.append(value)
        return key

    return read


@dataclass(frozen=True, slots=True)
class UniqueRule:
    """A unique constraint besides the natural key."""

    names: tuple[str, ...]
    condition: dict[str, Any]
    """Plain equalities that a row must meet to be subject to it."""
    nulls_equal: bool = False


def unique_rules(spec: ModelSpec) -> list[UniqueRule]:
    """Return the unique constraints of a model besides its natural key.

    Conditions that are more than equalities are left to the database, which rolls back by itself.
    """
    rules: list[UniqueRule] = []
    options = spec.model._meta
    for column in options.local_concrete_fields:
        if column.unique and not column.primary_key:
            rules.append(UniqueRule((column.name,), {}))
    rules.extend(UniqueRule(tuple(names), {}) for names in options.unique_together)
    for constraint in options.constraints:
        if isinstance(constraint, models.UniqueConstraint) and constraint.fields:
            condition = equalities(constraint.condition)
            if condition is not None:
                rules.append(
                    UniqueRule(tuple(constraint.fields), condition, constraint.nulls_distinct is False)
                )
    own = {column.name for column in options.local_concrete_fields}
    plain = {column.name for column in options.local_concrete_fields if not column.is_relation}
    key = set(spec.key.components)
    return [
        rule
        for rule in rules
        if set(rule.names) <= own and set(rule.names) != key and set(rule.condition) <= plain
    ]


def equalities(condition: Any) -> dict[str, Any] | None:
    """Return the plain ``field=value`` parts of a ``Q``; ``None`` when it says anything else."""
    if condition is None:
        return {}
    if condition.connector != "AND" or condition.negated:
        return None
    found: dict[str, Any] = {}
    for child in condition.children:
        if not isinstance(child, tuple) or "__" in child[0]:
            return None
        found[child[0]] = child[1]
    return found


def unique_values(
    fields: Mapping[str, Any], rules: Sequence[UniqueRule], pack: Callable[[Any], bytes]
) -> Iterable[tuple[int, bytes]]:
    """Yield (number of the rule, values) for every rule that a row is subject to."""
    for number, rule in enumerate(rules):
        values = [fields.get(name) for name in rule.names]
        compared = rule.nulls_equal or all(value is not None for value in values)
        if compared and all(fields.get(name) == value for name, value in rule.condition.items()):
            yield number, pack(values)
