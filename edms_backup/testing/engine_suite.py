"""What every engine must do, as checks that anybody's engine can be put through.

An engine for another database, or a faster one for a known one, is right when it does with every model of a site
what the plain way through the ORM does. Give the suite a database with rows in it::

    @pytest.mark.django_db(transaction=True)
    def test_my_engine(filled_site):
        suite = EngineSuite(MyEngine("default"))
        suite.run()

Everything that is written is rolled back. ``run`` raises ``AssertionError`` for the first promise that is broken,
naming model and promise; ``checks`` are the single ones, for parametrised tests.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import replace
from typing import Any

from django.db import connections, models

from edms_backup.engines import Engine, TargetRow
from edms_backup.engines.lines import RowComposer
from edms_backup.engines.reading import Row, RowReader, Tally
from edms_backup.engines.values import encode_plain, exact_type
from edms_backup.naturalkeys import KeyRegistry
from edms_backup.naturalkeys.derive import unique_sets
from edms_backup.schema import Inventory, build_inventory
from edms_backup.schema.spec import ManyToMany, ModelSpec

Check = Callable[[], None]


class _Undo(Exception):
    """Ends a check's transaction."""


class EngineSuite:
    """Puts one engine through the promises of ``edms_backup.engines.base.Engine``.

    ``engine`` works on an alias whose tables hold rows; ``registry`` and ``inventory`` are the site's own unless
    others are given.
    """

    def __init__(
        self, engine: Engine, registry: KeyRegistry | None = None, inventory: Inventory | None = None
    ) -> None:
        self.engine = engine
        self.registry = registry or KeyRegistry()
        self.inventory = inventory or build_inventory(self.registry)
        self.specs = self.inventory.included(using=engine.alias)

    @property
    def checks(self) -> dict[str, Check]:
        """Return the checks by the promise that each one stands for."""
        return {
            "it says what it is": self.describes,
            "another connection is given the view that one holds": self.shares_its_view,
            "rows are read as the plain reader reads them": self.reads,
            "lines are what the composer makes of these rows": self.writes_lines,
            "rows that went come back as they were": self.inserts,
            "updated rows are what was written, links included": self.updates,
            "a row takes its links with it when it goes, and nothing else": self.deletes,
            "references that point at nothing are found": self.finds_broken_references,
            "sequences are raised and never lowered": self.raises_sequences,
            "one process at a time holds a lock, and may take it again": self.locks,
        }

    def run(self) -> None:
        """Run every check; raises ``AssertionError`` for the first one that fails."""
        for promise, check in self.checks.items():
            try:
                check()
            except AssertionError as error:
                raise AssertionError(f"{self.engine.name}: {promise}: {error}") from error

    # -- the promises ------------------------------------------------------------------------------

    def describes(self) -> None:
        """Names, vendor and version are there, and ``freeze`` leads to the same rows."""
        vendor, version = self.engine.describe()
        assert self.engine.name and vendor and version
        with self.engine.freeze(self.specs):
            for spec in self.specs:
                assert self.engine.count(spec) == len(self._plain(spec)), f"{spec.label} is counted wrongly"

    def shares_its_view(self) -> None:
        """Who joins in another thread reads the same rows, on a connection that is closed afterwards."""
        if not self.engine.features.shares_snapshot:
            return

        def joined(snapshot: str) -> tuple[dict[str, int], bool]:
            with self.engine.join(self.specs, snapshot) as break_off:
                break_off()  # nothing is under way: nothing happens
                counts = {spec.label: self.engine.count(spec) for spec in self.specs}
                session = connections[self.engine.alias]
            return counts, session.connection is None

        with self.engine.hold_writers(), self.engine.freeze(self.specs), ThreadPoolExecutor(1) as others:
            counts, closed = others.submit(joined, self.engine.export_snapshot()).result()
        assert counts == {spec.label: len(self._plain(spec)) for spec in self.specs}, (
            "another view was joined"
        )
        assert closed, "the connection of the other thread stays open"

    def reads(self) -> None:
        """``rows`` gives what ``RowReader`` gives, in the order of primary keys, and notes what dangles."""
        for spec in self.specs:
            expected, found = Tally(), Tally()
            plain = list(RowReader(spec, self.registry, self.inventory, expected).rows())
            rows = list(self.engine.rows(spec, self.registry, self.inventory, found))
            assert (rows, repr(rows)) == (plain, repr(plain)), f"{spec.label} is read in another way"
            assert found == expected, f"{spec.label}: other places dangle"

    def writes_lines(self) -> None:
        """``lines`` gives line, content, key and primary key of the same rows, byte for byte, and notes the same."""
        for spec in self.specs:
            expected, found = Tally(), Tally()
            compose = RowComposer(spec)
            plain = map(compose.line, RowReader(spec, self.registry, self.inventory, expected).rows())
            lines = self.engine.lines(spec, self.registry, self.inventory, found)
            assert [line.whole()[:-1] for line in lines] == [line[:-1] for line in plain], (
                f"{spec.label} is written in another way"
            )
            assert found == expected, f"{spec.label}: other places dangle"

    def inserts(self) -> None:
        """A table that is emptied and filled again holds the same rows and links."""
        for spec in self.specs:
            before = self._plain(spec)
            with self._undone():
                rows = list(self._targets(spec))
                self.engine.delete(spec, [row.pk for row in rows])
                assert self.engine.count(spec) == 0, f"{spec.label} is not empty after a delete"
                self.engine.insert(spec, rows)
                assert self._plain(spec) == before, f"{spec.label} is not what it was before"

    def updates(self) -> None:
        """Rows that are written as they are stay as they are; what is written anew is there, what went is gone."""
        for spec in self.specs:
            before = self._plain(spec)
            with self._undone():
                rows = list(self._targets(spec))
                self.engine.update(spec, rows)
                assert self._plain(spec) == before, f"{spec.label} changes when it is written as it is"
                self._takes_values(spec, rows)
                for link in spec.many_to_many:
                    self._loses_links(spec, link, rows)

    def _takes_values(self, spec: ModelSpec, rows: list[TargetRow]) -> None:
        """Write one row's values into another one, in the columns that no constraint watches."""
        watched = {name for names in unique_sets(spec.model) for name in names} | set(spec.key.components)
        watched.update(member.name for member in getattr(spec.model._meta.pk, "fields", ()))
        plain = [column for column in spec.columns if not column.primary_key and exact_type(column)]
        free = [column.attname for column in plain if column.name not in watched]
        for one, other in itertools.pairwise(rows):
            taken = {name: other.values[name] for name in free}
            if taken != {name: one.values[name] for name in free}:
                self.engine.update(spec, [replace(one, values={**one.values, **taken})])
                written = next(row for row in self._targets(spec) if row.pk == one.pk)
                found = {name: written.values[name] for name in free}
                assert found == taken, f"{spec.label} does not take the values that are written"
                return

    def _loses_links(self, spec: ModelSpec, link: ManyToMany, rows: list[TargetRow]) -> None:
        linked = [row for row in rows if row.links.get(link.name)]
        for row in linked:
            row.links = {**row.links, link.name: []}
        if linked:
            self.engine.update(spec, linked)
            left = [row.fields[link.name] for row in self._plain(spec)]
            assert not any(left), f"{spec.label}.{link.name} keeps links that are to go"

    def deletes(self) -> None:
        """Of many rows exactly the named ones go."""
        for spec in self.specs:
            rows = list(self._targets(spec))
            if len(rows) > 1:
                gone = encode_plain(rows[0].pk)
                kept = [row.pk for row in self._plain(spec) if row.pk != gone]
                with self._undone():
                    self.engine.delete(spec, [rows[0].pk])
                    left = [row.pk for row in self._plain(spec)]
                    assert left == kept, f"{spec.label}: other rows went than the one that was to go"

    def finds_broken_references(self) -> None:
        """None in a sound database; one for each row whose target is taken away."""
        assert list(self.engine.broken_references(self.specs)) == [], "broken references in a sound database"
        for spec in self.specs:
            for relation in spec.relations:
                target = self.inventory.of(relation.target)
                if not relation.constrained or target is None or target is spec or target.using != spec.using:
                    continue
                values = {value for _, value in self.engine.column_values(spec.model, [relation.attname])}
                lost = next((row.pk for row in self._targets(target) if row.pk in values), None)
                if lost is not None and relation.to_primary_key:
                    with self._undone():
                        self.engine.delete(target, [lost])
                        found = {(b.label, b.field) for b in self.engine.broken_references([spec])}
                        place = (spec.label, relation.name)
                        assert place in found, f"{spec.label}.{relation.name} points at nothing, unnoticed"
                    return

    def raises_sequences(self) -> None:
        """A sequence continues above the number that it is given; a smaller number changes nothing."""
        for spec in self.specs:
            last = self.engine.sequence(spec)
            if last is None:
                continue
            with nullcontext() if self.engine.features.ddl_sequences else self._undone():
                self.engine.raise_sequences([(spec, last)])
                assert (self.engine.sequence(spec) or 0) >= last, f"the sequence of {spec.label} was lowered"
                self.engine.raise_sequences([(spec, 1)])
                assert (self.engine.sequence(spec) or 0) >= last, f"the sequence of {spec.label} was lowered"

    def locks(self) -> None:
        """The lock of a name can be taken, released, and taken again."""
        for _ in range(2):
            assert self.engine.try_lock("edms_backup engine suite"), "a free lock is refused"
            self.engine.unlock("edms_backup engine suite")

    # -- rows --------------------------------------------------------------------------------------

    def _plain(self, spec: ModelSpec) -> list[Row]:
        return list(RowReader(spec, self.registry, self.inventory, Tally()).rows())

    def _targets(self, spec: ModelSpec) -> Iterator[TargetRow]:
        """Yield the rows of a table in the form in which a restore writes them."""
        links = {link.name: self._links(link) for link in spec.many_to_many}
        names = [column.attname for column in spec.columns]
        json_null = {repr(row.pk): row.json_null for row in self._plain(spec)}
        for pk, *values in list(self.engine.column_values(spec.model, names)):
            told = dict(zip(names, values, strict=True))
            for name in json_null[repr(encode_plain(pk))]:
                told[name] = models.Value(None, models.JSONField())
            found = {name: targets.get(pk, []) for name, targets in links.items()}
            yield TargetRow(pk=pk, values=told, links=found)

    def _links(self, link: ManyToMany) -> dict[Any, list[Any]]:
        found: dict[Any, list[Any]] = {}
        for _, owner, target in self.engine.column_values(link.through, [link.source, link.target_attname]):
            found.setdefault(owner, []).append(target)
        return found

    @contextmanager
    def _undone(self) -> Iterator[None]:
        """Hold the transaction of a restore, and roll it back."""
        with suppress(_Undo), self.engine.transaction(self.specs):
            yield
            raise _Undo
