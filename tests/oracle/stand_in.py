"""Our reader and writer of rows in the place of Django's, behind the interface of ``django.core.serializers``.

Writing: the rows of the objects' tables go through ``Engine.rows`` and ``RowComposer``; the line of each object
that was asked for becomes a record of a fixture. Without natural keys every model counts as keyless, which is
what a package does where keys are ambiguous: references are then primary keys.

Reading: a record becomes a line, ``decode_line`` takes it, ``References`` resolves what it refers to through a
key map, ``decode`` turns JSON into values, ``Engine.insert`` and ``update`` write them: the steps of a restore.
Stock's interface knows no plan, so each record is looked up when its turn comes.

Two things are of this adapter and no claim about ours: a fixture that was written by hand may leave fields
out, a package never does, so their defaults are filled in; and rows without a primary key get the next number.
"""

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

from django.apps import apps
from django.core.exceptions import FieldDoesNotExist, ValidationError
from django.core.serializers.base import DeserializationError, M2MDeserializationError, SerializationError
from django.db import DEFAULT_DB_ALIAS, models

from edms_backup.engines import TargetRow, get_engine
from edms_backup.engines.lines import RowComposer
from edms_backup.engines.naming import base_queryset, leaf_encoder, stream_names
from edms_backup.engines.reading import Tally
from edms_backup.engines.values import decode, encoder
from edms_backup.errors import EdmsBackupError
from edms_backup.naturalkeys import KeyRegistry
from edms_backup.package import decode_line
from edms_backup.package.rows import encode_line
from edms_backup.restore.keymap import KeyMap, pack
from edms_backup.restore.load import primary_key_value
from edms_backup.restore.references import KnownRows, References
from edms_backup.restore.target import Target
from edms_backup.schema import Inventory, ModelSpec, build_inventory


class AtWork:
    """How often our code stood in for Django's."""

    count = 0


at_work = AtWork()
MISFITS = (ValidationError, ValueError, TypeError, ArithmeticError)


def registry_for(*, names: bool) -> KeyRegistry:
    """Return the keys that count; without ``names``, none do."""
    return KeyRegistry(keyless=frozenset(() if names else (m._meta.label_lower for m in apps.get_models())))


class Serializer:
    """Writes objects as our lines, in the frame of a JSON fixture."""

    internal_use_only = False

    def serialize(self, queryset: Any, *, stream: Any = None, fields: Any = None, **options: Any) -> Any:
        """Return (or write to ``stream``) the records of the objects' rows."""
        at_work.count += 1
        if fields is not None:
            raise SerializationError("our lines are whole rows")
        self.stream = stream if stream is not None else StringIO()
        names = bool(options.get("use_natural_foreign_keys") or options.get("use_natural_primary_keys"))
        registry = registry_for(names=names)
        lines = _Lines(registry, build_inventory(registry))
        records = []
        for instance in queryset:
            record = lines.of(instance)
            pk = record.pop("_pk")
            if not options.get("use_natural_primary_keys"):
                record = {"model": record.pop("model"), "pk": pk, **record}
            records.append(record)
        self.write(records, options.get("indent"))
        return self.getvalue()

    def write(self, records: list[Any], indent: int | None) -> None:
        """Write the frame of a JSON fixture."""
        self.stream.write(json.dumps(records, ensure_ascii=False, indent=indent) + ("\n" if indent else ""))

    def getvalue(self) -> Any:
        """Return what was written, when the stream can tell."""
        return self.stream.getvalue() if callable(getattr(self.stream, "getvalue", None)) else None


class _Lines:
    """The lines of the tables that objects live in, read once per model."""

    def __init__(self, registry: KeyRegistry, inventory: Inventory) -> None:
        self._registry = registry
        self._inventory = inventory
        self._known: dict[tuple[str, str], dict[bytes, bytes]] = {}

    def of(self, instance: models.Model) -> dict[str, Any]:
        spec = self._inventory.of(type(instance))
        assert spec is not None
        alias = instance._state.db or DEFAULT_DB_ALIAS
        if (spec.label, alias) not in self._known:
            self._known[spec.label, alias] = self._read(spec, alias)
        # As it stands in the table: an instance may hold 0.0 where its row has 0.
        found = base_queryset(spec.model, alias).filter(pk=instance.pk).values_list("pk", flat=True).first()
        if found is None:
            raise SerializationError(f"{spec.label} {instance.pk} has no row")
        encode = leaf_encoder(spec.model, "pk")
        pk = found if encode is None else encode(found)
        return decode_line(self._known[spec.label, alias][pack(pk)], spec.label, 1)

    def _read(self, spec: ModelSpec, alias: str) -> dict[bytes, bytes]:
        compose = RowComposer(spec)
        rows = get_engine(alias).rows(spec, self._registry, self._inventory, Tally())
        return {pack(row.pk): compose(row)[0] for row in rows}


def Deserializer(
    stream_or_string: Any, *, using: str = DEFAULT_DB_ALIAS, **options: Any
) -> Iterator["ReadRow"]:
    """Yield the rows of a fixture, decoded; raises ``DeserializationError`` for what does not fit."""
    text = stream_or_string if isinstance(stream_or_string, str | bytes) else stream_or_string.read()
    try:
        records = read_frame(text)
    except ValueError as error:
        raise DeserializationError(str(error)) from error
    yield from rows_of(records, using, options)


def read_frame(text: str | bytes) -> list[Any]:
    """Return the records of a JSON fixture."""
    return list(json.loads(text))


def rows_of(records: list[Any], using: str, options: dict[str, Any]) -> Iterator["ReadRow"]:
    """Yield records as rows; see ``Deserializer``."""
    at_work.count += 1
    registry = registry_for(names=True)
    inventory = build_inventory(registry)
    for record in records:
        try:
            spec = inventory.of(apps.get_model(record["model"]))
        except (LookupError, TypeError) as error:
            if options.get("ignorenonexistent"):
                continue
            raise DeserializationError(f"Invalid model identifier: {error}") from error
        assert spec is not None
        try:
            document = _whole(spec, record, options)
        except (ValueError, TypeError) as error:
            raise DeserializationError.WithData(error, record["model"], record.get("pk"), None) from error
        yield ReadRow(spec, document, inventory, registry, using, options)


def _whole(spec: ModelSpec, record: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    """Return a record as a line of a package would be decoded."""
    written = {column.attname: column.name for column in spec.columns}
    fields = {written.get(name, name): value for name, value in record["fields"].items()}
    for name in list(fields):
        try:
            spec.model._meta.get_field(name)
        except FieldDoesNotExist as error:
            if not options.get("ignorenonexistent"):
                raise DeserializationError(str(error)) from error
            del fields[name]
    told = _told_by_pk(spec, record.get("pk"))
    for column in spec.columns:
        if column.name not in fields:
            fields[column.name] = told[column.name] if column.name in told else _default(column)
    for link in spec.many_to_many:
        fields.setdefault(link.name, [])
    members = {name: value for name, value in record.items() if name.startswith("_")}
    line = encode_line(record["model"], {"fields": fields, **members}, record.get("pk"))
    return decode_line(line, "fixture", 1)


def _told_by_pk(spec: ModelSpec, pk: Any) -> dict[str, Any]:
    """Return the columns that a primary key consists of, with their values."""
    primary_key: Any = spec.model._meta.pk
    if pk is None:
        return {}
    members = getattr(primary_key, "fields", None)
    if members is None:
        return {primary_key.name: pk}
    return {member.name: part for member, part in zip(members, pk, strict=True)}


def _default(column: Any) -> Any:
    value = column.get_default()
    encode = encoder(column)
    return value if value is None or encode is None else encode(value)


class ReadRow:
    """One row that was read: what Django calls a ``DeserializedObject``."""

    def __init__(
        self,
        spec: ModelSpec,
        document: dict[str, Any],
        inventory: Inventory,
        registry: KeyRegistry,
        using: str,
        options: dict[str, Any],
    ) -> None:
        self.spec, self.document, self.inventory, self.registry = spec, document, inventory, registry
        self.using, self.deferred_fields = using, None
        self.engine = get_engine(using)
        self._may_wait = bool(options.get("handle_forward_references"))
        self.row = self._resolved()
        self.object = _instance(spec, self.row, apps.get_model(document["model"]))
        self.m2m_data = self.row.links

    def save(self, save_m2m: bool = True, using: str | None = None, **_: Any) -> None:
        """Write the row as a restore does: no ``save()``, no signal."""
        if using is not None and using != self.using:
            self.using, self.engine = using, get_engine(using)
            self.row = self._resolved()
        if self.row.pk is None:
            self.row.pk = (self.engine.sequence(self.spec) or 0) + 1
        there = base_queryset(self.spec.model, self.using).filter(pk=self.row.pk).exists()
        (self.engine.update if there else self.engine.insert)(self.spec, [self.row])
        self.object.pk = self.row.pk

    def save_deferred_fields(self, using: str | None = None) -> None:
        """Resolve what came later in the fixture, and write the row again."""
        pk, self._may_wait = self.row.pk, False
        self.row = self._resolved()
        self.row.pk = self.row.pk or pk
        self.save(using=using)

    def _resolved(self) -> TargetRow:
        with _keymap(self.spec, self.document, self.inventory, self.registry, self.using) as keymap:
            target = Target(
                engines={self.using: self.engine},
                inventory=self.inventory,
                registry=self.registry,
                specs=(self.spec,),
                roots={},
            )
            references = References(self.spec, target, keymap, KnownRows(keymap))
            references.resolve([self.document])
            pk = self._pk(keymap)
            values = {column.attname: self._value(column, references) for column in self.spec.columns}
            links = {link.name: self._links(link.name, references) for link in self.spec.many_to_many}
        for name in self.document.get("_json_null", ()):
            values[name] = models.Value(None, models.JSONField())
        if pk is not None and self.spec.model._meta.pk.is_relation:
            values[self.spec.model._meta.pk.attname] = pk
        return TargetRow(pk=pk, values=values, links=links)

    def _pk(self, keymap: KeyMap) -> Any:
        """Return the primary key that stands in the record, else that of the row with its name."""
        primary_key: Any = self.spec.model._meta.pk
        pk, fields = self.document["_pk"], self.document["fields"]
        if pk is None and primary_key.is_relation:
            pk = fields[primary_key.name]
            if isinstance(pk, list):
                target = primary_key.related_model._meta.concrete_model._meta.label
                found = keymap.look_up(target, [pack(pk)]).get(pack(pk))
                pk = None if found is None else found.live
        if pk is None and not self.spec.key.keyless and not self.spec.key.by_method:
            values = [fields.get(name) for name in self.spec.key.components]
            key = [part for value in values for part in (value if isinstance(value, list) else [value])]
            found = keymap.look_up(self.spec.label, [pack(key)]).get(pack(key))
            pk = None if found is None else found.live
        members = getattr(primary_key, "fields", None)
        if pk is None and members is not None:
            pk = [fields[member.name] for member in members]
            pk = None if None in pk else pk
        try:
            return None if pk is None else primary_key_value(self.spec, pk)
        except MISFITS as error:
            raise DeserializationError.WithData(error, self.document["model"], pk, None) from error

    def _value(self, column: Any, references: References) -> Any:
        value = self.document["fields"][column.name]
        try:
            if column.is_relation:
                return references.value(column, value, str(self.document["_pk"]))
            return decode(column, references.followed(column.name, value, self.document))
        except EdmsBackupError as error:
            if self._may_wait:
                self.deferred_fields = {**(self.deferred_fields or {}), column: value}
                return None
            raise self._misfit(error, value) from error
        except MISFITS as error:
            raise self._misfit(error, value) from error

    def _links(self, name: str, references: References) -> list[Any]:
        value = self.document["fields"][name]
        try:
            return references.links(name, self.document)
        except EdmsBackupError as error:
            if self._may_wait:
                self.deferred_fields = {**(self.deferred_fields or {}), name: value}
                return []
            raise self._misfit(error, value) from error
        except MISFITS as error:
            raise self._misfit(M2MDeserializationError(error, value).original_exc, value) from error

    def _misfit(self, error: BaseException, value: Any) -> DeserializationError:
        return DeserializationError.WithData(error, self.document["model"], self.document["_pk"], value)


def _instance(spec: ModelSpec, row: TargetRow, model: type[models.Model]) -> Any:
    """Return an instance for tests that look at one; nothing is saved from it."""
    instance = model()
    for attname, value in row.values.items():
        setattr(instance, attname, value)
    instance.pk = row.pk
    return instance


@contextmanager
def _keymap(
    spec: ModelSpec, document: dict[str, Any], inventory: Inventory, registry: KeyRegistry, using: str
) -> Iterator[KeyMap]:
    """Give a key map with the names of all rows of the models that a row names others of."""
    fields = document["fields"]
    targets = [r.target for r in spec.relations if isinstance(fields[r.name], list)]
    targets += [link.target for link in spec.many_to_many if fields[link.name]]
    targets += [apps.get_model(reference["model"]) for reference in document.get("_refs", {}).values()]
    targets += [spec.model] if document["_pk"] is None and not spec.key.by_method else []
    with tempfile.TemporaryDirectory(prefix="edms-oracle-") as folder:
        keymap = KeyMap(Path(folder) / "keys.sqlite3")
        try:
            for label in dict.fromkeys(found.label for found in map(inventory.of, targets) if found):
                names = stream_names(replace(inventory[label], using=using), registry)
                keymap.add_live(label, ((pack(key), pack(pk), b"") for pk, key in names), surplus=True)
                keymap.keep_live_keys(label)
            yield keymap
        finally:
            keymap.close()
