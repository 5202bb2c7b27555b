"""Verify: are the bytes of a package what was sealed, and do they say what the manifest promises?

Everything is read: the whole file against its seal, every member, every line, every content. Problems
come back as findings, so that one damaged file does not hide the next. Nothing is restored here;
whether restored *data* are right is what ``validate`` asks.

==================== ================================================================
code                 meaning
==================== ================================================================
package_damaged      the file's digest does not match its seal
member_damaged       a member's stored bytes do not have their recorded digest
member_unlisted      a content is stored that no file of the index has
segment_damaged      the lines of a segment are not those that the manifest describes
row_malformed        a line is no canonical row, or a row of another model
row_digest_mismatch  a model's rows do not have the digest that the manifest records
files_index_damaged  the index of files cannot be read, or its sums are not the manifest's
file_damaged         a file's content does not have its recorded size and digest
finding_malformed    the manifest records a finding that is none
==================== ================================================================
"""

from __future__ import annotations

import contextlib
import hashlib
import time
from collections.abc import Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import closing, contextmanager
from typing import Any

from edms_backup.errors import EdmsBackupError, IntegrityError, MalformedPackage
from edms_backup.events import FindingRaised, Progress, Reporter, StepFinished, StepStarted
from edms_backup.findings import Finding, Severity
from edms_backup.package.container import Member
from edms_backup.package.files import FileEntry
from edms_backup.package.manifest import FilesEntry, Manifest, ModelEntry, SegmentEntry
from edms_backup.package.reader import PackageReader
from edms_backup.package.rows import RowDigest, decode_line, digest_of_line
from edms_backup.package.spans import Span, spans

__all__ = ["recorded_findings", "verify"]

_LONG = 1_000_000  # bytes of a line that is taken apart only where every line is
_PATIENCE = 0.2  # seconds between two looks at how far the files are
_PER_MODEL = 20
"""Malformed rows that are told one by one; a model that is wrong in every row needs no longer list."""


def verify(reader: PackageReader, reporter: Reporter, *, parse_every: int = 1) -> list[Finding]:
    """Read the whole package; return what is wrong with it, and the defects recorded when it was made.

    Every byte is read, decompressed and compared with its digests. ``parse_every``: 1 takes every line apart
    as well; n does so with the first n of a segment and every n-th after them, for who has written these
    lines a moment ago: their digests tell that they are still the same.

    The package is intact when no finding has severity ``ERROR``. Damage raises nothing here; a file that
    cannot even be opened is refused by ``PackageReader``. Raises ``UnsupportedFormat`` when a codec is not
    installed, since then nothing can be said.
    """
    started = time.monotonic()
    reporter.emit(StepStarted(step="verify", total=reader.length, unit="bytes"))
    findings = []
    with closing(_all_findings(reader, reporter, parse_every)) as found:
        for finding in found:
            reporter.emit(FindingRaised(finding=finding))
            findings.append(finding)
    reporter.emit(StepFinished(step="verify", done=reader.length, seconds=time.monotonic() - started))
    return findings


def _all_findings(
    reader: PackageReader, reporter: Reporter, parse_every: int
) -> Generator[Finding, None, None]:
    with _beside(reader) as (files, meter):
        try:
            reader.verify_digest(reporter)
        except IntegrityError as error:
            yield _problem("package_damaged", error)
        yield from _members(reader)
        for model in reader.manifest.models:
            yield from _rows(reader, model, parse_every)
            done = max((reader.members[segment.member].end for segment in model.segments), default=0)
            reporter.emit(Progress(step="verify", done=done, subject=model.label))
        yield from meter.found(files, reporter)
    yield from recorded_findings(reader.manifest)


class _GivenUp(Exception):
    """Nobody waits any more for what a thread finds."""


class _Meter:
    """How far the check of the files is, which a thread makes while the whole file is compared with its seal."""

    def __init__(self) -> None:
        self.done = 0
        self.subject = ""
        self.given_up = False

    def go_on(self) -> None:
        """Raise what ends the thread when nobody waits for it."""
        if self.given_up:
            raise _GivenUp

    def found(self, files: Future[list[Finding]], reporter: Reporter) -> list[Finding]:
        """Wait for the thread, tell how far it is, and return what it found."""
        waiting, told = True, 0
        while waiting:
            waiting = bool(wait([files], _PATIENCE).not_done)
            if self.done > told:
                told = self.done
                reporter.emit(Progress(step="verify", done=told, subject=self.subject))
        return files.result()


@contextmanager
def _beside(reader: PackageReader) -> Iterator[tuple[Future[list[Finding]], _Meter]]:
    """Check the files in a thread, which ends with the block."""
    meter = _Meter()
    with ThreadPoolExecutor(1, thread_name_prefix="edms-verify") as pool:
        try:
            yield pool.submit(lambda: list(_files(reader, meter))), meter
        finally:
            meter.given_up = True


def recorded_findings(manifest: Manifest) -> Iterator[Finding]:
    """Yield the findings that were recorded when the package was made, defects and worse."""
    for document in manifest.findings:
        try:
            finding = _finding(document)
        except (KeyError, TypeError) as error:
            yield _error("finding_malformed", f"The manifest records a finding that is none: {error}.")
            continue
        if finding.severity >= Severity.DEFECT:
            yield finding


def _finding(document: dict[str, Any]) -> Finding:
    """Return the finding that ``Finding.to_dict`` made ``document`` of."""
    values = {name: document[name] for name in Finding.__dataclass_fields__ if name in document}
    for name, value in values.items():
        if type(value) is not (int if name == "count" else str):
            raise TypeError(f"{name} is of the wrong type")
    values["severity"] = Severity[document["severity"].upper()]
    return Finding(**values)


def _members(reader: PackageReader) -> Iterator[Finding]:
    for entry in reader.manifest.members:
        digest = hashlib.sha256()
        try:
            for chunk in reader.stored(reader.members[entry.name]):
                digest.update(chunk)
        except IntegrityError as error:
            yield _problem("member_damaged", error, member=entry.name)
            continue
        if digest.hexdigest() != entry.sha256:
            message = f"{entry.name} does not have the digest that the manifest records."
            yield _error("member_damaged", message, member=entry.name)


def _rows(reader: PackageReader, model: ModelEntry, parse_every: int) -> Iterator[Finding]:
    """Check the lines of one model; a broken segment ends the model, as its digest cannot match."""
    total = RowDigest()
    malformed = 0
    for segment in model.segments:
        try:
            for number, line in _lines(reader, segment, parse_every):
                try:
                    digest = _row_digest(line, model, segment.member, number)
                except MalformedPackage as error:
                    malformed += 1
                    if malformed <= _PER_MODEL:
                        yield _problem("row_malformed", error, model=model.label, member=segment.member)
                else:
                    total.add(digest)
        except IntegrityError as error:
            yield _problem("segment_damaged", error, model=model.label, member=segment.member)
            return
    if parse_every == 1 and (total.count, total.hexdigest()) != (model.rows, model.digest):
        message = f"The rows of {model.label} do not have the digest that the manifest records."
        yield _error("row_digest_mismatch", message, model=model.label)


def _lines(reader: PackageReader, segment: SegmentEntry, parse_every: int) -> Iterator[tuple[int, bytes]]:
    """Yield number and line of those that are taken apart."""
    if parse_every == 1:
        yield from enumerate(reader.lines(segment), start=1)
        return
    before = 0
    for block in reader.blocks(segment):
        if _LONG < len(block) == block.find(b"\n") + 1:
            before += 1
            continue  # a sample is not worth three times the memory
        lines = block.split(b"\n")
        for number, line in enumerate(lines[:-1], start=before + 1):
            if len(line) < _LONG and (number <= parse_every or number % parse_every == 0):
                yield number, line + b"\n"
        before += len(lines) - 1


def _row_digest(line: bytes, model: ModelEntry, member: str, number: int) -> int:
    """Return the digest of a line's content; raise ``MalformedPackage`` when it is no row of ``model``."""
    row = decode_line(line, member, number)
    if row["model"] != model.label.lower():
        raise MalformedPackage(f"{member}, line {number}: a row of another model.")
    try:
        return digest_of_line(line)
    except ValueError as error:
        raise MalformedPackage(f"{member}, line {number}: {error}.") from error


def _files(reader: PackageReader, meter: _Meter) -> Iterator[Finding]:
    """Check the index of files, then each content once, in the order in which they are stored."""
    wanted: dict[str, FileEntry] = {}
    seen: set[tuple[str, str]] = set()
    count = size = missing = 0
    try:
        for entry in reader.files():
            meter.go_on()
            count, size, missing = count + 1, size + entry.size, missing + entry.missing
            if (entry.root, entry.name) in seen:
                yield _error("files_index_damaged", f"{entry.name} is named twice.", member=entry.name)
            seen.add((entry.root, entry.name))
            if entry.missing:
                continue
            known = wanted.setdefault(entry.member, entry)
            if known.size != entry.size:
                message = f"{entry.name} and {known.name} share a content, but not its size."
                yield _error("files_index_damaged", message, member=entry.name)
    except IntegrityError as error:
        yield _problem("files_index_damaged", error)
        return
    declared = reader.manifest.files
    sums = FilesEntry(count=count, bytes=size, contents=len(wanted), missing=missing, index=declared.index)
    if sums != declared:
        yield _error("files_index_damaged", "The files are not as many or as large as the manifest says.")
    yield from _contents(reader, wanted, meter)


def _contents(reader: PackageReader, wanted: dict[str, FileEntry], meter: _Meter) -> Iterator[Finding]:
    for span in spans(member for member in reader.members.values() if member.name.startswith("files/")):
        for member, stored in _stored(reader, span):
            name = member.name
            entry = wanted.get(name)
            if entry is None:
                yield _error("member_unlisted", f"{name} is the content of no file.", member=name)
                continue
            try:
                for _ in reader.content(name, entry.size, entry.sha256, stored):
                    meter.go_on()
            except IntegrityError as error:
                yield _problem("file_damaged", error, member=f"{entry.root}/{entry.name}")
            meter.done, meter.subject = span.end, entry.name


def _stored(reader: PackageReader, span: Span) -> Iterator[tuple[Member, Iterator[bytes] | None]]:
    """Yield members with what is stored, read for all of a small span at once; ``None``: each is read by itself."""
    block = None
    if span.small and len(span.members) > 1:
        with contextlib.suppress(IntegrityError):  # reading each by itself tells of which it is true
            block = reader.block(span)
    for member in span.members:
        if block is None:
            yield member, None
        else:
            stop = member.end - span.start
            yield member, iter((block[stop - member.size : stop],))


def _problem(code: str, error: EdmsBackupError, *, model: str = "", member: str = "") -> Finding:
    return Finding(
        code=code, severity=Severity.ERROR, message=error.message, hint=error.hint, model=model, member=member
    )


def _error(code: str, message: str, *, model: str = "", member: str = "") -> Finding:
    return Finding(code=code, severity=Severity.ERROR, message=message, model=model, member=member)
