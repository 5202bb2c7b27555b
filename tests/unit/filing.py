"""The files' step of a create by itself: a directory of files in, entries and contents out. No database."""

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from edms_backup.create.dump import WantedFile, WantedFiles
from edms_backup.create.files import pack_files
from edms_backup.create.known import KnownContent
from edms_backup.events import NullReporter
from edms_backup.findings import Findings
from edms_backup.package import FileEntry, Manifest, PackageReader, PackageWriter
from edms_backup.storage.roots import DirectoryRoot, FileRoot, FileSignature
from tests.package.builders import HEADER

LONG_AGO = 1_700_000_000_123_456_789


class WatchedRoot(DirectoryRoot):
    """A directory that notes what is asked of it."""

    def __init__(self, name: str, directory: Path) -> None:
        super().__init__(name, directory)
        self.opened: list[str] = []
        self.looks = 0
        self.bytes = 0

    def open(self, name: str) -> BinaryIO:
        self.opened.append(name)
        return Watched(super().open(name), self)  # type: ignore[return-value]

    def signature(self, name: str) -> FileSignature:
        self.looks += 1
        return super().signature(name)


class Watched:
    """A stream that counts what is read."""

    def __init__(self, stream: BinaryIO, root: WatchedRoot) -> None:
        self._stream = stream
        self._root = root

    def __enter__(self) -> "Watched":
        return self

    def __exit__(self, *error: object) -> None:
        self._stream.close()

    def read(self, size: int = -1) -> bytes:
        data = self._stream.read(size)
        self._root.bytes += len(data)
        return data


class CountingSink:
    """Takes bytes and counts how often."""

    def __init__(self) -> None:
        self.written = bytearray()
        self.writes = 0

    def write(self, data: Any) -> int:
        self.writes += 1
        self.written += data
        return len(data)


@dataclass
class Packed:
    """What one run of the step did."""

    entries: dict[str, FileEntry]
    findings: Findings
    sink: CountingSink
    opened: list[str]
    refused: str = ""
    """Why the package could not be sealed."""
    path: Path = field(default_factory=Path)

    @property
    def codes(self) -> list[str]:
        return [finding.code for finding in self.findings]


@dataclass
class Desk:
    """A directory of files, and a place for packages of them."""

    folder: Path
    made: int = 0

    @property
    def media(self) -> Path:
        return self.folder / "media"

    def put(self, name: str, data: bytes, changed: int = LONG_AGO) -> None:
        """Write a file; ``changed`` is the time of change that it gets."""
        path = self.media / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        os.utime(path, ns=(changed, changed))

    def pack(
        self,
        *names: str,
        known: KnownContent | None = None,
        root: FileRoot | None = None,
        digests: dict[str, str] | None = None,
    ) -> Packed:
        """Run the step for files of these names (default: all that are there), and seal the package if it can be."""
        self.made += 1
        root = root or WatchedRoot("media", self.media)
        wanted = WantedFiles(self.folder / f"wanted-{self.made}.sqlite3")
        found = [path.relative_to(self.media).as_posix() for path in self.media.rglob("*") if path.is_file()]
        for name in names or found:
            digest = (digests or {}).get(name, "")
            wanted.add(WantedFile("media", name, digest, None, "zoo.Specimen", name, "file"))
        findings, sink, refused = Findings(), CountingSink(), ""
        entries: dict[str, FileEntry] = {}
        try:
            with PackageWriter(sink, codec="gzip", workdir=self.folder) as package:  # type: ignore[arg-type]
                add = package.add_files_index
                package.add_files_index = lambda lines: add(_noted(lines, entries))  # type: ignore[method-assign]
                files = pack_files(wanted, {"media": root}, package, findings, NullReporter(), known)
                package.finish(Manifest(header=HEADER, files=files))
        except ValueError as error:
            refused = str(error)
        wanted.close()
        path = self.folder / f"package-{self.made}.zip"
        path.write_bytes(sink.written)
        return Packed(entries, findings, sink, getattr(root, "opened", []), refused, path)

    def base(self, *names: str) -> PackageReader:
        """Return a sealed package of the files as they are."""
        return PackageReader.open(self.pack(*names).path)


def _noted(lines: Any, entries: dict[str, FileEntry]) -> Any:
    for entry in lines:
        entries[entry.name] = entry
        yield entry
