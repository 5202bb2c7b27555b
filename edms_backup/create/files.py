"""create, step 4: the files that the frozen rows name, read after the rows, each content stored once."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import BinaryIO

from edms_backup.create.dump import WantedFile, WantedFiles
from edms_backup.errors import MalformedPackage
from edms_backup.events import Progress, Reporter, StepFinished, StepStarted
from edms_backup.findings import Finding, Findings, Severity
from edms_backup.package import Content, FileEntry, FilesEntry, PackageWriter
from edms_backup.storage.roots import FileRoot

_TRIES = 3  # a file that changes while it is read is read again


def pack_files(
    wanted: WantedFiles,
    roots: Mapping[str, FileRoot],
    package: PackageWriter,
    findings: Findings,
    reporter: Reporter,
) -> FilesEntry:
    """Store every wanted file; a missing or changed one is a finding, never a crash and never silence."""
    started = time.monotonic()
    reporter.emit(StepStarted(step="files", total=len(wanted), unit="files"))
    entry = package.add_files_index(_entries(wanted, roots, package, findings, reporter))
    reporter.emit(StepFinished(step="files", done=entry.count, seconds=time.monotonic() - started))
    return entry


def _entries(
    wanted: WantedFiles,
    roots: Mapping[str, FileRoot],
    package: PackageWriter,
    findings: Findings,
    reporter: Reporter,
) -> Iterator[FileEntry]:
    for done, item in enumerate(wanted, start=1):
        yield _store(item, roots, package, findings)
        reporter.emit(Progress(step="files", done=done, subject=item.name))


def _store(
    item: WantedFile, roots: Mapping[str, FileRoot], package: PackageWriter, findings: Findings
) -> FileEntry:
    missing = FileEntry(root=item.root or "unknown", name=item.name, missing=True)
    root = roots.get(item.root)
    if root is None:
        findings.add(_finding(item, "file_without_root", "belongs to no declared base directory"))
        return missing
    try:
        content = _read(root, item, package)
    except MalformedPackage:
        findings.add(_finding(item, "file_outside_root", "leads out of its base directory"))
        return missing
    except _Unreadable as problem:
        error = problem.error
        if isinstance(error, FileNotFoundError):
            findings.add(_finding(item, "missing_file", "does not exist"))
        else:
            said = error.strerror or type(error).__name__
            findings.add(_finding(item, "unreadable_file", f"cannot be read ({said})"))
        return missing
    if content is None:
        findings.add(_finding(item, "unstable_file", f"changed during each of {_TRIES} attempts to read it"))
        return missing
    if item.sha256 and item.sha256.lower() != content.sha256:
        findings.add(
            _finding(
                item, "checksum_differs", f"is not the content whose SHA-256 the row holds ({item.field})"
            )
        )
    return FileEntry(
        root=item.root, name=item.name, size=content.size, sha256=content.sha256, member=content.member
    )


def _read(root: FileRoot, item: WantedFile, package: PackageWriter) -> Content | None:
    """Store one file's content; ``None`` when it never held still."""
    for _ in range(_TRIES):
        with _reading():
            opened = root.open(item.name)
        with opened as stream:
            try:
                return package.add_content(_Steady(stream, root, item.name))  # type: ignore[arg-type]
            except _Changed:
                continue
    return None


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
