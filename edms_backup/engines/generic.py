"""The engine that works on any Django backend and defines what the others must equal."""

from __future__ import annotations

import datetime
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from types import SimpleNamespace
from typing import Any, TypeVar

from django.core.management.color import no_style
from django.db import IntegrityError, models, transaction

from edms_backup.engines.base import BrokenReference, TargetRow
from edms_backup.engines.compiled import CompiledReader
from edms_backup.engines.constraints import broken_references, checks_held_back
from edms_backup.engines.errors import NOT_TAKEN, lost, mapped, one_line
from edms_backup.engines.fromlines import LineInsert, line_insert
from edms_backup.engines.linereader import LineReader
from edms_backup.engines.lines import Line, RowComposer
from edms_backup.engines.locallines import LocalLineReader
from edms_backup.engines.longlines import LongLine
from edms_backup.engines.naming import BATCH, base_queryset
from edms_backup.engines.reading import Row, Tally
from edms_backup.engines.rows import in_pages
from edms_backup.engines.serverside import ServerJson
from edms_backup.engines.values import Encoder, as_written
from edms_backup.engines.viewing import Viewing
from edms_backup.engines.writing import RowInsert, RowUpdate, takes_plain_values
from edms_backup.errors import LoadFailed
from edms_backup.naturalkeys import KeyRegistry
from edms_backup.schema.inventory import Inventory
from edms_backup.schema.spec import ManyToMany, ModelSpec

Statement = TypeVar("Statement", RowInsert, RowUpdate)
Reader = TypeVar("Reader", bound=CompiledReader)


class _NotAll(Exception):
    """A statement has met fewer rows than it was given."""


logger = logging.getLogger(__name__)

_IN_FAILED_TRANSACTION = "25P02"
_IN_CLAUSE = 500  # values in one IN (...): below the smallest variable limit of any SQLite


class GenericEngine(Viewing):
    """Rows through the ORM's own compilers: correct everywhere, without one query per row."""

    shortcuts: Mapping[str, Encoder] = {}
    """By internal type, what the driver's values can be read with past Django's converters."""
    page = 0
    """Rows asked for at once where the driver holds the whole of an answer in memory."""

    def __init__(self, alias: str) -> None:
        super().__init__(alias)
        self._statements: dict[tuple[Any, ...], Any] = {}

    @property
    def name(self) -> str:
        """Return ``generic``."""
        return "generic"

    @property
    def server_json(self) -> ServerJson:
        """Return what the database itself can write as JSON: an unknown one, nothing."""
        return ServerJson()

    def describe(self) -> tuple[str, str]:
        """Return the vendor and the version that the connection reports."""
        with mapped(self.alias):
            version = ".".join(str(part) for part in self.connection.get_database_version())
        return self.connection.vendor, version

    @contextmanager
    def transaction(self, specs: Sequence[ModelSpec]) -> Iterator[None]:
        """Open the transaction, keep writers away where possible, let foreign keys wait."""
        try:
            with checks_held_back(self), self._atomic(durable=True):
                self._begin_writing(specs)
                yield
        except IntegrityError as error:  # foreign keys that waited are checked by the commit itself
            raise LoadFailed(
                f"Database {self.alias} refused the restore as a whole: {one_line(error)}",
                hint="Nothing was changed. Rows that were not restored still refer to rows that moved or went.",
            ) from error

    def _begin_writing(self, specs: Sequence[ModelSpec]) -> None:
        """Lock tables, and defer constraint checks, as the backend allows."""

    def rows(
        self, spec: ModelSpec, registry: KeyRegistry, inventory: Inventory, tally: Tally
    ) -> Iterator[Row]:
        """Read rows with one query, joins for natural keys included."""
        reader = CompiledReader(spec, registry, inventory, tally, self._shortcut)
        return self._set_up(reader).rows()

    def lines(
        self, spec: ModelSpec, registry: KeyRegistry, inventory: Inventory, tally: Tally
    ) -> Iterator[Line | LongLine]:
        """Let the database write the lines as far as it can do so exactly; Python writes the rest."""
        reader = self._line_reader(spec, registry, inventory, tally)
        if reader.reason:
            compose = RowComposer(spec)
            return (compose.line(row) for row in self.rows(spec, registry, inventory, tally))
        return reader.lines()

    def slower(self, spec: ModelSpec, registry: KeyRegistry, inventory: Inventory) -> str:
        """Return why Python has to write the lines of a model, or send its rows value by value."""
        if not self.server_json.forms:
            return ""  # no model has another way
        reason = self._line_reader(spec, registry, inventory, Tally()).reason
        columns = [column for column in spec.columns if not takes_plain_values([column], self.connection)]
        return reason or (f"{columns[0].name} is wrapped in SQL of its own" if columns else "")

    def _line_reader(
        self, spec: ModelSpec, registry: KeyRegistry, inventory: Inventory, tally: Tally
    ) -> LineReader:
        server = self.server_json
        made = LocalLineReader if server.names_only or not server.forms else LineReader
        return self._set_up(made(spec, registry, inventory, tally, self._shortcut, server))

    def _set_up(self, reader: Reader) -> Reader:
        reader.page, reader.reads_ahead = self.page, self.features.reads_ahead
        return reader

    def _shortcut(self, column: models.Field[Any, Any]) -> Encoder | None:
        """Return an encoder for what the driver gives for ``column``, without Django's converters."""
        kind = column.get_internal_type()
        # Without USE_TZ the connection has no zone, and a time stamp has none either.
        if kind == "DateTimeField" and self.connection.timezone is not datetime.UTC:
            return None
        return self.shortcuts.get(kind)

    def count(self, spec: ModelSpec) -> int:
        """Count with one query."""
        return base_queryset(spec.model, self.alias).count()

    def insert(self, spec: ModelSpec, rows: list[TargetRow]) -> None:
        """Insert through the ORM's insert compiler in raw mode, which leaves every value as it is."""
        columns = list(spec.columns)
        primary_key: Any = spec.model._meta.pk
        composite = hasattr(primary_key, "field_names")
        if not primary_key.is_relation and not composite:
            columns.insert(0, primary_key)
        records = [row.values if composite else {**row.values, primary_key.attname: row.pk} for row in rows]
        self._insert_raw(spec.model, records, columns, lambda index: rows[index].name)
        for link in spec.many_to_many:
            self._insert_links(link, rows)

    def _insert_raw(
        self,
        model: type[models.Model],
        records: list[dict[str, Any]],
        columns: list[Any],
        name_of: Callable[[int], str],
    ) -> None:
        """Insert records, values by attribute; ``name_of`` names one by its number.

        ``bulk_create`` would stamp ``auto_now`` columns and refuses children of multi-table inheritance.
        """
        send, size = self._sending(model, columns, records)
        for start in range(0, len(records), size):
            batch = records[start : start + size]
            try:
                send(batch)
            except NOT_TAKEN as error:
                raise self._refused(model, batch, start, name_of, error) from error

    def _sending(
        self, model: type[models.Model], columns: list[Any], records: list[dict[str, Any]]
    ) -> tuple[Callable[[list[dict[str, Any]]], None], int]:
        """Return what inserts a batch of records, and how many it takes at once."""
        if takes_plain_values(columns, self.connection):
            insert = self._prepared(RowInsert, model, columns)
            return lambda batch: self._insert_rows(insert, batch), max(1, len(records))
        # Django's private ``_insert`` has the same signature on 5.2 and 6.x. An instance's descriptors would
        # change values (a file field's makes an empty text of NULL); it reads attributes and no more.
        manager: Any = model._base_manager

        def send(batch: list[dict[str, Any]]) -> None:
            holders = [
                SimpleNamespace(**{c.attname: as_written(c, record[c.attname]) for c in columns})
                for record in batch
            ]
            manager._insert(holders, fields=columns, using=self.alias, raw=True)

        size = self.connection.ops.bulk_batch_size(columns, records) if records else 1
        return send, max(1, size)

    def _prepared(self, kind: type[Statement], model: type[models.Model], columns: list[Any]) -> Statement:
        """Return the statement for these columns of a model, made once for all batches."""
        place = (kind, model, *(column.attname for column in columns))
        if place not in self._statements:
            self._statements[place] = kind(model, columns, self.connection)
        found: Statement = self._statements[place]
        return found

    def _insert_rows(self, insert: RowInsert, records: list[dict[str, Any]]) -> None:
        """Send the rows to the database, all with one statement."""
        with self.connection.cursor() as cursor:
            cursor.executemany(insert.sql, insert.parameters(records))

    def line_insert(self, model: type[models.Model], columns: Sequence[Any]) -> LineInsert | None:
        """Return what inserts rows with one prepared statement."""
        return line_insert(LineInsert, model, columns, self.connection)

    def insert_lines(self, insert: LineInsert, rows: list[Any], name_of: Callable[[int], str]) -> None:
        """Send them in one go."""
        try:
            insert.send(rows)
        except NOT_TAKEN as error:
            raise self._refused(insert.model, rows, 0, name_of, error) from error

    def _refused(
        self,
        model: type[models.Model],
        batch: list[Any],
        start: int,
        name_of: Callable[[int], str],
        error: Exception,
    ) -> Exception:
        """Return the error to raise for a batch that the database refused."""
        if not self.is_usable():
            return lost(self.alias)
        where = name_of(start) if len(batch) == 1 else f"{name_of(start)} … {name_of(start + len(batch) - 1)}"
        return LoadFailed(
            f"The database refused rows of {model._meta.label} ({where}): {one_line(error)}",
            hint="Nothing was changed. The package and this database do not agree on what is allowed there.",
        )

    def is_usable(self) -> bool:
        """Return whether the session that the transaction is in still answers. Never opens a new one.

        Asked with a statement of the driver's own: PyMySQL's ``ping``, which Django uses, reconnects in
        silence, and the transaction would be gone.
        """
        session = self.connection.connection
        if session is None:
            return False
        try:
            with closing(session.cursor()) as cursor:
                cursor.execute("SELECT 1")
                cursor.fetchall()
        except self.connection.Database.Error as error:
            # PostgreSQL answers so inside of a transaction that an error has ended: a session that lives.
            return getattr(error, "sqlstate", None) == _IN_FAILED_TRANSACTION
        return True

    def _insert_links(self, link: ManyToMany, rows: list[TargetRow]) -> None:
        columns = [column for column in link.through._meta.local_concrete_fields if not column.primary_key]
        records, names = [], []
        for row in rows:
            for target in row.links.get(link.name, ()):
                records.append({link.source: row.pk, link.target_attname: target})
                names.append(row)
        self._insert_raw(link.through, records, columns, lambda index: names[index].name)

    def update(self, spec: ModelSpec, rows: list[TargetRow]) -> None:
        """Write all rows with one statement where the columns allow it; links are replaced as a set."""
        if not self._updated_together(spec, rows):
            for row in rows:
                self._update_row(spec, row)
        pks = [row.pk for row in rows]
        for link in spec.many_to_many:
            self._delete_where(link.through, link.source, pks)
            self._insert_links(link, rows)

    def _updated_together(self, spec: ModelSpec, rows: list[TargetRow]) -> bool:
        """Update rows with one statement; ``False``, and nothing is changed, where each has to be looked at."""
        columns = [column for column in spec.columns if not column.primary_key]
        primary_key: Any = spec.model._meta.pk
        composite = hasattr(primary_key, "field_names")
        if not columns or composite or not takes_plain_values(columns, self.connection):
            return False
        change = self._prepared(RowUpdate, spec.model, columns)
        records = [{**row.values, primary_key.attname: row.pk} for row in rows]
        try:
            # Row by row the database will say which one it refuses, or which one is not there.
            with transaction.atomic(using=self.alias), self.connection.cursor() as cursor:
                cursor.executemany(change.sql, change.parameters(records))
                if cursor.rowcount != len(rows):
                    raise _NotAll
        except (_NotAll, *NOT_TAKEN) as error:
            if not self.is_usable():
                raise lost(self.alias) from error
            return False
        return True

    def _update_row(self, spec: ModelSpec, row: TargetRow) -> None:
        values = {
            spec.model._meta.get_field(_field_name(spec, name)).name: v for name, v in row.values.items()
        }
        primary_key: Any = spec.model._meta.pk
        if primary_key.is_relation:
            values.pop(primary_key.name, None)
        if not values:
            return
        try:
            # QuerySet.update neither calls pre_save (auto_now) nor sends signals.
            changed = base_queryset(spec.model, self.alias).filter(pk=row.pk).update(**_wrapped(spec, values))
        except NOT_TAKEN as error:
            if not self.is_usable():
                raise lost(self.alias) from error
            raise LoadFailed(f"The database refused {spec.label} {row.name}: {one_line(error)}") from error
        if changed == 0 and not base_queryset(spec.model, self.alias).filter(pk=row.pk).exists():
            raise LoadFailed(f"{spec.label} {row.name} was to be updated but is no longer there.")

    def delete(self, spec: ModelSpec, pks: Iterable[Any]) -> None:
        """Delete links, then rows, in bounded statements."""
        gone = list(pks)
        for link in spec.many_to_many:
            self._delete_where(link.through, link.source, gone)
        self._delete_where(spec.model, "pk", gone)

    def delete_links_to(self, link: ManyToMany, pks: Iterable[Any]) -> None:
        """Delete the links of a many-to-many field that point at rows which go."""
        self._delete_where(link.through, link.target_attname, list(pks))

    def _delete_where(self, model: type[models.Model], name: str, values: list[Any]) -> None:
        for start in range(0, len(values), _IN_CLAUSE):
            chosen = base_queryset(model, self.alias).filter(
                **{f"{name}__in": values[start : start + _IN_CLAUSE]}
            )
            chosen._raw_delete(self.alias)  # no collector: neither cascades nor signals

    def column_values(self, model: type[models.Model], names: Sequence[str]) -> Iterator[tuple[Any, ...]]:
        """Select them with one query, or a page at a time where the driver would hold all of them."""
        rows = base_queryset(model, self.alias).values_list("pk", *names)
        yield from in_pages(rows.order_by("pk"), self.page) if self.page else rows.iterator(chunk_size=BATCH)

    def set_column(self, model: type[models.Model], attname: str, changes: Iterable[tuple[Any, Any]]) -> None:
        """Update row by row."""
        for pk, value in changes:
            base_queryset(model, self.alias).filter(pk=pk).update(**{attname: value})

    def broken_references(self, specs: Sequence[ModelSpec]) -> list[BrokenReference]:
        """Find, with one query per constrained foreign key, values without a row."""
        return list(broken_references(specs, self.alias))

    def sequence(self, spec: ModelSpec) -> int | None:
        """Return the greatest primary key: an unknown backend does not tell its sequence."""
        if not isinstance(spec.model._meta.pk, models.AutoField):
            return None
        greatest = base_queryset(spec.model, self.alias).aggregate(greatest=models.Max("pk"))["greatest"]
        return greatest or 0

    def raise_sequences(self, least: Sequence[tuple[ModelSpec, int]]) -> None:
        """Use the backend's own reset statements, which look at the rows only."""
        statements = self.connection.ops.sequence_reset_sql(no_style(), [spec.model for spec, _ in least])
        with self.connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)

    def analyze(self, specs: Sequence[ModelSpec]) -> None:
        """Do nothing: an unknown backend has no statement for it."""

    def try_lock(self, name: str) -> bool:
        """Return ``True``: an unknown backend has no lock to offer, the lock file has to do."""
        return True

    def unlock(self, name: str) -> None:
        """Do nothing."""

    def volatile_tables(self, specs: Sequence[ModelSpec]) -> list[tuple[str, str]]:
        """Return nothing: an unknown backend does not tell."""
        return []


def _field_name(spec: ModelSpec, attname: str) -> str:
    name: str = next(column.name for column in spec.columns if column.attname == attname)
    return name


def _wrapped(spec: ModelSpec, values: dict[str, Any]) -> dict[str, Any]:
    """Return values for ``QuerySet.update``, foreign keys by attribute."""
    wrapped = {}
    for name, value in values.items():
        column: Any = spec.model._meta.get_field(name)
        wrapped[column.attname if column.is_relation else name] = as_written(column, value)
    return wrapped
