"""restore: document files, staged beside their places before the rows, switched with them.

A file whose name is free is put in place before the commit: no row refers to it yet, so nobody sees it. A
file that has other content today is staged under a hidden name and renamed over the old one right after
the commit. Both are noted in the journal before they are done, so that a crash at any point can be
finished or undone.
"""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import BinaryIO

from edms_backup.errors import MalformedPackage, StoreUnavailable
from edms_backup.events import Progress, Reporter, StepFinished, StepStarted
from edms_backup.findings import Finding, Severity
from edms_backup.package import FileEntry, PackageReader
from edms_backup.restore.journal import FileStep, Journal
from edms_backup.restore.report import FileCounts
from edms_backup.storage import NO_HARD_LINKS, fsync_directory, store_error
from edms_backup.storage.roots import DirectoryRoot, FileRoot

_CHUNK = 1024 * 1024


class ScopedFiles:
    """The files of a package that a restore is about: those that rows in scope name."""

    def __init__(self, package: PackageReader, wants: Callable[[str, str], bool] | None) -> None:
        """Take ``wants`` (root, name) as filter; ``None`` stands for no files at all."""
        self.package = package
        self._wants = wants

    def __iter__(self) -> Iterator[FileEntry]:
        """Iterate over the entries."""
        if self._wants is not None:
            yield from (entry for entry in self.package.files() if self._wants(entry.root, entry.name))


def plan_files(
    files: ScopedFiles, roots: Mapping[str, FileRoot], reporter: Reporter
) -> tuple[FileCounts, list[Finding]]:
    """Compare every file with what is in place; touches nothing."""
    counts = FileCounts()
    findings: list[Finding] = []
    for entry in _reported(files, "compare files", reporter):
        _plan_file(entry, roots, counts, findings)
    return counts, findings


def _reported(files: ScopedFiles, step: str, reporter: Reporter) -> Iterator[FileEntry]:
    """Iterate over the entries and tell how far it got."""
    started, done = time.monotonic(), 0
    reporter.emit(StepStarted(step=step, total=files.package.manifest.files.count, unit="files"))
    for done, entry in enumerate(files, start=1):
        yield entry
        reporter.emit(Progress(step=step, done=done, subject=entry.name))
    reporter.emit(StepFinished(step=step, done=done, seconds=time.monotonic() - started))


def _plan_file(
    entry: FileEntry, roots: Mapping[str, FileRoot], counts: FileCounts, findings: list[Finding]
) -> None:
    if entry.missing:
        counts.missing += 1
        findings.append(_missing(entry))
        return
    counts.expected += 1
    root = roots.get(entry.root)
    if root is None:
        findings.append(_unknown_root(entry))
        return
    try:
        state = state_of(root, entry)
    except MalformedPackage:
        findings.append(_outside(entry))
        return
    if state == "identical":
        counts.identical += 1
    elif state == "differs":
        counts.replaced += 1
    else:
        counts.written += 1


def state_of(root: FileRoot, entry: FileEntry) -> str:
    """Return ``absent``, ``identical`` or ``differs``."""
    try:
        with root.open(entry.name) as stream:
            return "identical" if digest_of(stream) == (entry.size, entry.sha256) else "differs"
    except FileNotFoundError:
        return "absent"


def digest_of(stream: BinaryIO) -> tuple[int, str]:
    """Return size and SHA-256 of a stream."""
    digest, size = hashlib.sha256(), 0
    while chunk := stream.read(_CHUNK):
        digest.update(chunk)
        size += len(chunk)
    return size, digest.hexdigest()


class StagedFiles:
    """The files of one restore, from staging to the switch."""

    def __init__(self, journal: Journal, roots: Mapping[str, FileRoot]) -> None:
        self._journal = journal
        self._roots = roots

    def stage(self, files: ScopedFiles, reporter: Reporter) -> None:
        """Write the content of every file that is absent or differs beside its place."""
        for number, entry in enumerate(_reported(files, "stage files", reporter), start=1):
            if not entry.missing:
                self._stage(files.package, entry, number)
        self._journal.sync()

    def _stage(self, package: PackageReader, entry: FileEntry, number: int) -> None:
        root = self._roots[entry.root]
        state = state_of(root, entry)
        if state == "identical":
            return
        staged = self._staged_name(number)
        kind = "new" if state == "absent" else "swap"
        self._journal.note(FileStep(kind, entry.root, entry.name, staged))
        self._journal.sync()
        try:
            path = self._staged_path(root, staged)
            path.parent.mkdir(parents=True, exist_ok=True)
            with package.open_content(entry) as source, path.open("xb") as sink:
                shutil.copyfileobj(source, sink, _CHUNK)
                sink.flush()
                os.fsync(sink.fileno())
        except OSError as error:
            raise store_error(error, f"File {entry.name} cannot be staged") from error

    def _staged_name(self, number: int) -> str:
        return f".edms-restore-{self._journal.folder.name}/{number}"

    def _staged_path(self, root: FileRoot, staged: str) -> Path:
        """Return where staged content lies: on the same file system where the root is a directory."""
        base = root.directory if isinstance(root, DirectoryRoot) else self._journal.folder
        return base / staged

    def place_new(self) -> None:
        """Put files whose names are free in place; rows that name them are not visible yet."""
        for step in self._journal.steps():
            if step.kind == "new":
                self._place(step)

    def switch(self) -> None:
        """Put everything in place that is not yet; called after the commit, and again after a crash."""
        for step in self._journal.steps():
            self._place(step)
        self._clean()

    def remove(self) -> None:
        """Undo before the commit: remove new files and staged content; files that were there are untouched."""
        for step in self._journal.steps():
            root = self._root(step)
            staged = self._staged_path(root, step.staged)
            if step.kind == "new" and _was_placed(root, step.name, staged):
                root.delete(step.name)
        self._clean()

    def _root(self, step: FileStep) -> FileRoot:
        """Return the base of a step; it can have left the settings since the run that a crash ended."""
        try:
            return self._roots[step.root]
        except KeyError:
            raise StoreUnavailable(
                f"File {step.name} belongs to the base {step.root!r}, which the settings do not name any more.",
                hint="Put it back into EDMS_BACKUP['FILE_ROOTS'] until the interrupted restore is settled.",
            ) from None

    def _place(self, step: FileStep) -> None:
        root = self._root(step)
        staged = self._staged_path(root, step.staged)
        try:
            if isinstance(root, DirectoryRoot):
                _place_in_directory(step.kind, staged, root.path(step.name))
            elif staged.exists():
                with staged.open("rb") as source:
                    root.write(step.name, source)
                staged.unlink()
        except OSError as error:
            raise store_error(error, f"File {step.name} cannot be put in place") from error

    def _clean(self) -> None:
        """Remove the folders of staged content, and copies that a mount point between made necessary."""
        for step in self._journal.steps():
            root = self._root(step)
            if isinstance(root, DirectoryRoot):
                _beside(self._staged_path(root, step.staged), root.path(step.name)).unlink(missing_ok=True)
        folder = f".edms-restore-{self._journal.folder.name}"
        bases = [root.directory for root in self._roots.values() if isinstance(root, DirectoryRoot)]
        for base in [*bases, self._journal.folder]:
            if (base / folder).is_dir():
                shutil.rmtree(base / folder)


def _was_placed(root: FileRoot, name: str, staged: Path) -> bool:
    """Return whether the name belongs to this run: its content is staged no more, or has both names."""
    if not isinstance(root, DirectoryRoot):
        return not staged.exists()
    path = root.path(name)
    waiting = next((place for place in (staged, _beside(staged, path)) if place.exists()), None)
    return waiting is None or path.exists() and path.samefile(waiting)


def _place_in_directory(kind: str, staged: Path, path: Path) -> None:
    """Move staged content to its place; nothing happens when it is there already."""
    put, copy = _put_new if kind == "new" else _put_over, _beside(staged, path)
    source = staged if staged.exists() else copy
    if not source.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        put(source, path)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        # A mount point lies between, and only within one file system is a rename atomic. While both copies
        # are there the staged one counts; once it is gone the other one is complete.
        _copy(staged, copy)
        staged.unlink()
        put(copy, path)
    fsync_directory(path.parent)


def _put_new(source: Path, path: Path) -> None:
    """Give content a name that was free; what came into being there meanwhile is not overwritten."""
    try:
        os.link(source, path)
    except FileExistsError:
        if not path.samefile(source):
            raise _taken(path) from None
    except OSError as error:
        if error.errno not in NO_HARD_LINKS:
            raise
        if path.exists():
            raise _taken(path) from error
        source.replace(path)
        return
    source.unlink()


def _taken(path: Path) -> StoreUnavailable:
    return StoreUnavailable(
        f"File {path.name} came into being in {path.parent.name} while the restore ran; it was left as it is.",
        hint="Nothing was changed. Run the restore again: it will tell what it would replace.",
    )


def _put_over(source: Path, path: Path) -> None:
    """Replace a file by content; who may read it does not change."""
    if path.exists():
        source.chmod(path.stat().st_mode & 0o7777)
    source.replace(path)


def _copy(source: Path, copy: Path) -> None:
    """Copy content durably, with its mode."""
    with source.open("rb") as reader, copy.open("wb") as sink:
        shutil.copyfileobj(reader, sink, _CHUNK)
        sink.flush()
        os.fsync(sink.fileno())
    shutil.copymode(source, copy)


def _beside(staged: Path, path: Path) -> Path:
    """Return the name of a copy of staged content in the folder where it will lie."""
    return path.parent / f"{staged.parent.name}-{staged.name}"


def check_files(
    files: ScopedFiles, roots: Mapping[str, FileRoot], staged: Journal, counts: FileCounts
) -> list[Finding]:
    """Read every file again, in its place or staged for the switch; fills ``identical`` of ``counts``."""
    waiting = {(step.root, step.name): step.staged for step in staged.steps()}
    counts.identical = 0
    findings: list[Finding] = []
    for entry in files:
        if entry.missing:
            continue
        root = roots[entry.root]
        place = waiting.get((entry.root, entry.name))
        if place is not None and isinstance(root, DirectoryRoot) and (root.directory / place).exists():
            state = state_of(DirectoryRoot(root.name, root.directory), _renamed(entry, place))
        elif place is not None and (staged.folder / place).exists():
            state = state_of(DirectoryRoot(root.name, staged.folder), _renamed(entry, place))
        else:
            state = state_of(root, entry)
        if state == "identical":
            counts.identical += 1
        else:
            findings.append(
                Finding(
                    code="file_differs",
                    severity=Severity.ERROR,
                    message=f"File {entry.name} below {entry.root} is {state} after it was written.",
                    member=entry.name,
                )
            )
    return findings


def _renamed(entry: FileEntry, name: str) -> FileEntry:
    return FileEntry(root=entry.root, name=name, size=entry.size, sha256=entry.sha256, member=entry.member)


def _missing(entry: FileEntry) -> Finding:
    return Finding(
        code="file_was_missing",
        severity=Severity.DEFECT,
        message=f"File {entry.name} was missing already when the package was made.",
        member=entry.name,
    )


def _unknown_root(entry: FileEntry) -> Finding:
    return Finding(
        code="unknown_file_root",
        severity=Severity.ERROR,
        message=(
            f"The package holds file {entry.name} of {entry.root}, "
            "a base directory that this site does not declare."
        ),
        member=entry.name,
        hint=f"Add {entry.root!r} to EDMS_BACKUP['FILE_ROOTS'], or restore with --no-files.",
    )


def _outside(entry: FileEntry) -> Finding:
    return Finding(
        code="file_outside_root",
        severity=Severity.ERROR,
        message=f"The package holds a file whose name leads out of {entry.root}: {entry.name!r}.",
        member=entry.name,
        hint="The package is not trustworthy; nothing was written.",
    )
