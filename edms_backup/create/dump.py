"""create, step 3: frozen rows into segments of the package, one model after the other."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from edms_backup.create.freeze import FrozenSource
from edms_backup.engines.lines import Line
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
    content_digest,
    reread_line,
    segment_name,
)
from edms_backup.schema.fields import field_entries
from edms_backup.schema.spec import ModelSpec

PROGRESS_EVERY = 1000
"""Rows between two progress events."""


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
    """The files that rows name, each once, on disk: there may be as many as documents."""

    def __init__(self, path: Path) -> None:
        self._db = sqlite3.connect(path, isolation_level=None)
        self._db.executescript(
            "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;"
            "CREATE TABLE wanted (root TEXT, name TEXT, sha256 TEXT, size INTEGER, model TEXT, key TEXT, field TEXT,"
            " PRIMARY KEY (root, name)) WITHOUT ROWID; BEGIN"
        )

    def add(self, wanted: WantedFile) -> None:
        """Take one file; the first row that tells a digest for it counts."""
        self._db.execute(
            "INSERT INTO wanted VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (root, name) DO UPDATE SET "
            "sha256 = excluded.sha256, size = excluded.size, model = excluded.model, key = excluded.key, "
            "field = excluded.field WHERE wanted.sha256 = '' AND excluded.sha256 <> ''",
            (wanted.root, wanted.name, wanted.sha256, wanted.size, wanted.model, wanted.key, wanted.field),
        )

    def __len__(self) -> int:
        """Return how many files there are."""
        return int(self._db.execute("SELECT COUNT(*) FROM wanted").fetchone()[0])

    def __iter__(self) -> Iterator[WantedFile]:
        """Iterate in the order of root and name."""
        for record in self._db.execute("SELECT * FROM wanted ORDER BY root, name"):
            yield WantedFile(*record)

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


def dump(
    specs: Sequence[ModelSpec],
    source: FrozenSource,
    package: PackageWriter,
    wanted: WantedFiles,
    reporter: Reporter,
) -> Dumped:
    """Write every row of every model; note the files that rows name.

    Raises ``DumpFailed`` when a model's rows cannot be read completely.
    """
    started = time.monotonic()
    counts = {spec.label: source.engine(spec).count(spec) for spec in specs}
    reporter.emit(StepStarted(step="dump", total=sum(counts.values())))
    dumped, tally, done = Dumped(), Tally(), 0
    for spec in specs:
        entry = _dump_model(spec, source, package, wanted, tally, reporter, done)
        if entry.rows != counts[spec.label]:
            raise DumpFailed(
                f"{spec.label} has {counts[spec.label]} rows, but {entry.rows} could be read.",
                hint="Run `edms_backup check`; nothing was published.",
            )
        done += entry.rows
        dumped.models.append(entry)
    dumped.findings.extend(_dangling(tally))
    reporter.emit(StepFinished(step="dump", done=done, seconds=time.monotonic() - started))
    return dumped


def _dump_model(
    spec: ModelSpec,
    source: FrozenSource,
    package: PackageWriter,
    wanted: WantedFiles,
    tally: Tally,
    reporter: Reporter,
    done: int,
) -> ModelEntry:
    digest = RowDigest()
    engine = source.engine(spec)
    with package.segment(segment_name(spec.label)) as segment:
        for made in engine.lines(spec, source.registry, source.inventory, tally):
            segment.write(made.line)
            digest.add(content_digest(made.content))
            if spec.files:
                _note_files(spec, made, wanted)
            if digest.count % PROGRESS_EVERY == 0:
                reporter.emit(Progress(step="dump", done=done + digest.count, subject=spec.label))
    return _entry(spec, digest, segment.entry, engine.sequence(spec))


def _note_files(spec: ModelSpec, made: Line, wanted: WantedFiles) -> None:
    fields = reread_line(made.line)["fields"] if made.row is None else made.row.fields
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
            )
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
