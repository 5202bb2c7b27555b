"""create, step 3: frozen rows into segments of the package, one model after the other, or by several workers.

Which worker ends first changes no byte of the package: segments stand in it in the order of the plan, and of rows
that name the same file the one counts that comes first there.
"""

from __future__ import annotations

import hashlib
import itertools
import sqlite3
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edms_backup.create.freeze import FrozenSource
from edms_backup.create.workers import Workers
from edms_backup.engines.lines import Line
from edms_backup.engines.longlines import LongLine
from edms_backup.engines.reading import Tally
from edms_backup.errors import DumpFailed
from edms_backup.events import Progress, Reporter, StepFinished, StepStarted
from edms_backup.findings import Finding, Severity
from edms_backup.package import (
    FieldEntry,
    KeyEntry,
    ModelEntry,
    PackageWriter,
    RowDigest,
    SegmentEntry,
    SegmentWriter,
    content_digest,
    segment_name,
)
from edms_backup.schema.fields import field_entries
from edms_backup.schema.spec import ModelSpec

PROGRESS_EVERY = 1000
"""Rows between two progress events."""
_AT_ONCE = 100
"""Rows that are written at once."""


@dataclass(frozen=True, slots=True)
class WantedFile:
    """A file that a row of the snapshot names, with what the row says about it."""

    root: str
    name: str
    sha256: str
    size: int | None
    model: str
    key: str
    field: str


class WantedFiles:
    """The files that rows name, each once, on disk: there may be as many as documents. Threads may add to it."""

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._db.executescript(
            "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;"
            "CREATE TABLE wanted (root TEXT, name TEXT, sha256 TEXT, size INTEGER, model TEXT, key TEXT, field TEXT,"
            " rank INTEGER, PRIMARY KEY (root, name)) WITHOUT ROWID; BEGIN"
        )

    def add(self, wanted: WantedFile, rank: int = 0) -> None:
        """Take one file; the first row that tells a digest for it counts, models in the order of ``rank``."""
        with self._lock:
            self._db.execute(
                "INSERT INTO wanted VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (root, name) DO UPDATE SET "
                "sha256 = excluded.sha256, size = excluded.size, model = excluded.model, key = excluded.key, "
                "field = excluded.field, rank = excluded.rank "
                "WHERE (excluded.sha256 = '', excluded.rank) < (wanted.sha256 = '', wanted.rank)",
                (
                    wanted.root,
                    wanted.name,
                    wanted.sha256,
                    wanted.size,
                    wanted.model,
                    wanted.key,
                    wanted.field,
                    rank,
                ),
            )

    def __len__(self) -> int:
        """Return how many files there are."""
        return int(self._db.execute("SELECT COUNT(*) FROM wanted").fetchone()[0])

    def __iter__(self) -> Iterator[WantedFile]:
        """Iterate in the order of root and name."""
        for record in self._db.execute("SELECT * FROM wanted ORDER BY root, name"):
            yield WantedFile(*record[:-1])

    def close(self) -> None:
        """Close the file."""
        self._db.close()


@dataclass(slots=True)
class Dumped:
    """What the dump leaves for the seal."""

    models: list[ModelEntry] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)

    @property
    def rows(self) -> int:
        """Return how many rows were dumped."""
        return sum(model.rows for model in self.models)


class _Meter:
    """Counts the rows of all workers, and tells it in the thread that made this one."""

    def __init__(self, reporter: Reporter, workers: Workers) -> None:
        self.done = 0
        self._reporter = reporter
        self._workers = workers
        self._teller = threading.get_ident()
        self._lock = threading.Lock()
        self._told = 0
        self._subject = ""

    def count(self, rows: int, label: str) -> None:
        """Count rows of a model."""
        with self._lock:
            self.done += rows
            self._subject = label

    def pass_by(self, rows: int, label: str) -> None:
        """Count rows in the middle of a model; raises what ends the work of this thread."""
        self.count(rows, label)
        self._workers.go_on()
        if threading.get_ident() == self._teller:
            self.tell()

    def tell(self) -> None:
        """Report how many rows there are by now, if there are more than before."""
        done, subject = self.done, self._subject
        if done > self._told:
            self._told = done
            self._reporter.emit(Progress(step="dump", done=done, subject=subject))


@dataclass(frozen=True, slots=True)
class _Dump:
    """What the workers have in common."""

    source: FrozenSource
    package: PackageWriter
    wanted: WantedFiles
    meter: _Meter
    counts: Mapping[str, int]
    ranks: Mapping[str, int]

    def model(self, spec: ModelSpec) -> tuple[ModelEntry, Tally]:
        """Write the segment of one model."""
        self.meter.pass_by(0, spec.label)
        digest, tally, label = RowDigest(), Tally(), spec.label
        engine = self.source.engine(spec)
        with self.package.segment(segment_name(label)) as segment:
            rows = engine.lines(spec, self.source.registry, self.source.inventory, tally)
            told = 0
            while batch := list(itertools.islice(rows, _AT_ONCE)):
                _write(batch, segment, digest)
                if spec.files:
                    for made in batch:
                        _note_files(spec, made, self.wanted, self.ranks[label])
                if digest.count >= told + PROGRESS_EVERY:
                    self.meter.pass_by(digest.count - told, label)
                    told = digest.count
            self.meter.count(digest.count - told, label)
        if digest.count != self.counts[label]:
            raise DumpFailed(
                f"{label} has {self.counts[label]} rows, but {digest.count} could be read.",
                hint="Run `edms_backup check`; nothing was published.",
            )
        return _entry(spec, digest, segment.entry, engine.sequence(spec)), tally


def dump(
    specs: Sequence[ModelSpec],
    source: FrozenSource,
    package: PackageWriter,
    wanted: WantedFiles,
    reporter: Reporter,
    workers: Workers,
) -> Dumped:
    """Write every row of every model; note the files that rows name.

    Raises ``DumpFailed`` when a model's rows cannot be read completely.
    """
    started = time.monotonic()
    counts = {spec.label: source.engine(spec).count(spec) for spec in specs}
    reporter.emit(StepStarted(step="dump", total=sum(counts.values())))
    ranks = {spec.label: rank for rank, spec in enumerate(specs)}
    package.in_order(segment_name(label) for label in ranks)
    meter = _Meter(reporter, workers)
    work = _Dump(source, package, wanted, meter, counts, ranks)
    # Who begins with the largest has nobody wait for it in the end. One alone follows the plan: nothing waits then.
    begun = sorted(specs, key=lambda spec: -counts[spec.label]) if workers.several else specs
    made = dict(zip([spec.label for spec in begun], workers.run(work.model, begun, meter.tell), strict=True))
    dumped, tally = Dumped(), Tally()
    for label in ranks:
        entry, own = made[label]
        dumped.models.append(entry)
        tally.dangling.update(own.dangling)
        tally.dangling_generic.update(own.dangling_generic)
    dumped.findings.extend(_dangling(tally))
    reporter.emit(StepFinished(step="dump", done=dumped.rows, seconds=time.monotonic() - started))
    return dumped


def _write(batch: Sequence[Line | LongLine], segment: SegmentWriter, digest: RowDigest) -> None:
    """Write some rows in their order, those at once between which no long one stands."""
    for is_long, group in itertools.groupby(batch, lambda made: isinstance(made, LongLine)):
        made: list[Any] = list(group)
        if is_long:
            for row in made:
                digest.add(_write_in_parts(row, segment))
            continue
        segment.write_block(b"".join([row.line for row in made]), len(made))
        digest.add_all([content_digest(row.content) for row in made])


def _write_in_parts(made: LongLine, segment: SegmentWriter) -> int:
    """Write a line that is not held; return the digest of its content."""
    digest = hashlib.sha256()
    segment.write_parts(made.parts(digest))
    return int.from_bytes(digest.digest())


def _note_files(spec: ModelSpec, made: Line | LongLine, wanted: WantedFiles, rank: int) -> None:
    fields = made.fields
    for column in spec.files:
        name = fields.get(column.field)
        if not name:
            continue
        wanted.add(
            WantedFile(
                root=column.root_of(name) or "",
                name=name,
                sha256=str(fields.get(column.sha256) or "") if column.sha256 else "",
                size=fields.get(column.size) if column.size else None,
                model=spec.label,
                key=made.name,
                field=column.field,
            ),
            rank,
        )


def _entry(spec: ModelSpec, digest: RowDigest, segment: SegmentEntry, sequence: int | None) -> ModelEntry:
    primary_key = spec.model._meta.pk
    assert primary_key is not None
    return ModelEntry(
        label=spec.label,
        database=spec.using,
        table=spec.table,
        pk=FieldEntry(
            name=primary_key.name,
            column=primary_key.column or "",
            type=primary_key.get_internal_type(),
            kind="pk",
        ),
        fields=tuple(field_entries(spec)),
        key=KeyEntry(source=spec.key.source.value, paths=spec.key.components, why=spec.key.why),
        fate=spec.fate.value,
        tier=spec.tier.value,
        rows=digest.count,
        digest=digest.hexdigest(),
        segments=(segment,),
        sequence=sequence,
    )


def _dangling(tally: Tally) -> Iterator[Finding]:
    for (label, name), count in sorted(tally.dangling.items()):
        yield Finding(
            code="dangling_reference",
            severity=Severity.WARNING,
            message=f"{label}.{name} points at rows that do not exist; the values travel as they are.",
            model=label,
            field=name,
            count=count,
        )
    for (label, name), count in sorted(tally.dangling_generic.items()):
        yield Finding(
            code="dangling_generic_reference",
            severity=Severity.INFO,
            message=f"{label}.{name} points at rows that do not exist any more; the ids travel as they are.",
            model=label,
            field=name,
            count=count,
        )
