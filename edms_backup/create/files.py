"""create, step 4: the files that the frozen rows name, read after the rows, each content stored once."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import BinaryIO, NamedTuple

from edms_backup.create.ahead import ahead
from edms_backup.create.dump import WantedFile, WantedFiles
from edms_backup.create.known import KnownContent, NothingKnown
from edms_backup.errors import MalformedPackage
from edms_backup.events import Progress, Reporter, StepFinished, StepStarted
from edms_backup.findings import Finding, Findings, Severity
from edms_backup.package import Content, FileEntry, FilesEntry, PackageWriter, Prepared
from edms_backup.storage.roots import FileRoot, FileSignature

_TRIES = 3  # a file that changes while it is read is read again
_SMALL = 256 * 1024  # a file up to this size is read ahead, as a whole
_TOLD_EVERY = 16  # small files are many: to tell each takes longer than anybody looks
_SETTLED_NS = 2_000_000_000
"""Some file systems and storages keep time in seconds, or two: younger changes may have a twin of the same time."""


def pack_files(
    wanted: WantedFiles,
    roots: Mapping[str, FileRoot],
    package: PackageWriter,
    findings: Findings,
    reporter: Reporter,
    known: KnownContent | None = None,
) -> FilesEntry:
    """Store every wanted file; a missing or changed one is a finding, never a crash and never silence.

    ``known``: what another package holds; by default nothing.
    """
    started = time.monotonic()
    reporter.emit(StepStarted(step="files", total=len(wanted), unit="files"))
    store = _Store(roots, package, findings, known or NothingKnown())
    # Where something is known, hardly a file is read.
    items = ahead(wanted, store.early) if known is None else ((item, None) for item in wanted)
    with closing(items):
        entry = package.add_files_index(_entries(items, store, reporter))
    reporter.emit(StepFinished(step="files", done=entry.count, seconds=time.monotonic() - started))
    return entry


def _entries(
    items: Iterator[tuple[WantedFile, _Early | None]], store: _Store, reporter: Reporter
) -> Iterator[FileEntry]:
    for done, (item, early) in enumerate(items, start=1):
        yield store.entry(item, early)
        if early is None or done % _TOLD_EVERY == 0:
            reporter.emit(Progress(step="files", done=done, subject=item.name))


class _Early(NamedTuple):
    """A small file that was read before its turn."""

    content: Prepared
    modified: int | None


@dataclass(frozen=True, slots=True)
class _Store:
    """Stores one file after the other."""

    roots: Mapping[str, FileRoot]
    package: PackageWriter
    findings: Findings
    known: KnownContent

    def early(self, item: WantedFile) -> _Early | None:
        """Read a small file in a thread, before its turn; ``None``: it is read when its turn comes.

        Whatever is not well (it is gone, it changes, its name leads out) is looked at once more then, and told.
        """
        root = self.roots.get(item.root)
        if root is None or not root.plain:
            return None
        try:
            before = root.signature(item.name)
            if before.size > _SMALL:
                return None
            modified = _settled(before)
            with root.open(item.name) as stream:
                data = stream.read(before.size + 1)
            if len(data) != before.size or root.signature(item.name) != before:
                return None
        except (OSError, MalformedPackage):
            return None
        return _Early(self.package.prepare(data), modified)

    def entry(self, item: WantedFile, early: _Early | None) -> FileEntry:
        """Return the line of the index for a file, its content stored."""
        missing = FileEntry(root=item.root or "unknown", name=item.name, missing=True)
        root = self.roots.get(item.root)
        if root is None:
            self.findings.add(_finding(item, "file_without_root", "belongs to no declared base directory"))
            return missing
        try:
            entry = self._unchanged(root, item) or self._stored(item, early) or self._read(root, item)
        except MalformedPackage:
            self.findings.add(_finding(item, "file_outside_root", "leads out of its base directory"))
            return missing
        except _Unreadable as problem:
            error = problem.error
            if isinstance(error, FileNotFoundError):
                self.findings.add(_finding(item, "missing_file", "does not exist"))
            else:
                said = error.strerror or type(error).__name__
                self.findings.add(_finding(item, "unreadable_file", f"cannot be read ({said})"))
            return missing
        if entry is None:
            self.findings.add(
                _finding(item, "unstable_file", f"changed during each of {_TRIES} attempts to read it")
            )
            return missing
        if item.sha256 and item.sha256.lower() != entry.sha256:
            text = f"is not the content whose SHA-256 the row holds ({item.field})"
            self.findings.add(_finding(item, "checksum_differs", text))
        return entry

    def _unchanged(self, root: FileRoot, item: WantedFile) -> FileEntry | None:
        """Return the entry of a file that another package holds as it is, by size and time of change."""
        entry = self.known.file(item.root, item.name)
        if entry is None or entry.modified is None:
            return None
        try:
            now = root.signature(item.name)
        except OSError:
            return None  # reading it will tell what is wrong with it
        if (now.size, now.modified) != (entry.size, entry.modified):
            return None
        self.package.refer_to(Content(entry.sha256, entry.size, entry.member))
        return entry

    def _stored(self, item: WantedFile, early: _Early | None) -> FileEntry | None:
        """Store what was read before its turn."""
        if early is None:
            return None
        content = self.package.add_prepared(early.content)
        return FileEntry(root=item.root, name=item.name, modified=early.modified, **content._asdict())

    def _read(self, root: FileRoot, item: WantedFile) -> FileEntry | None:
        """Store one file's content; ``None`` when it never held still."""
        for _ in range(_TRIES):
            with _reading():
                opened = root.open(item.name)
            with opened as stream:
                steady = _Steady(stream, root, item.name)
                try:
                    content = self.package.add_content(steady, self.known.member)  # type: ignore[arg-type]
                except _Changed:
                    continue
            return FileEntry(root=item.root, name=item.name, modified=steady.modified, **content._asdict())
        return None


def _settled(signature: FileSignature) -> int | None:
    """Return the time of change if no change from now on can have the same; the format knows none before 1970."""
    modified = signature.modified
    if modified is None or not 0 <= modified <= time.time_ns() - _SETTLED_NS:
        return None
    return modified


class _Unreadable(Exception):
    """The file cannot be read, and the package that it goes into is well."""

    def __init__(self, error: OSError) -> None:
        super().__init__(str(error))
        self.error = error


@contextmanager
def _reading() -> Iterator[None]:
    """Set errors of a file apart from those of the package: a full disk there must end the create."""
    try:
        yield
    except OSError as error:
        raise _Unreadable(error) from error


class _Changed(Exception):
    """The file was written to while it was read."""


class _Steady:
    """A stream that ends only if its file is the one that it was at the beginning.

    The package stores a content after it has read it to its end, so nothing is stored of a file that changed.
    """

    def __init__(self, stream: BinaryIO, root: FileRoot, name: str) -> None:
        self._stream = stream
        self._root = root
        self._name = name
        with _reading():
            self._before = root.signature(name)
        self.modified = _settled(self._before)

    def read(self, size: int = -1) -> bytes:
        with _reading():
            data = self._stream.read(size)
            if not data and self._root.signature(self._name) != self._before:
                raise _Changed
        return data


def _finding(item: WantedFile, code: str, what: str) -> Finding:
    return Finding(
        code=code,
        severity=Severity.DEFECT,
        message=f"File {item.name} of {item.model} {item.key} {what}.",
        model=item.model,
        key=item.key,
        field=item.field,
        member=item.name,
        hint="Find the file, or accept that the package is complete with defects.",
    )
