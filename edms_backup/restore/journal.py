"""A crash-safe record of each restore, outside the database.

One folder per run in the state directory. ``record.json`` says how far the run got and is replaced
atomically; ``files.jsonl`` lists what was done to files. When a process dies, the next command reads the
record and asks the database whether the transaction committed (a marker row written inside it): if so the
file switch is finished, else everything that was staged is removed. So files and rows are both old or both new.
"""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from edms_backup.storage import fsync_directory, store_error

RESTORES = "restores"
"""Name of the directory of all journals below the state directory."""
RUNNING, COMMITTED, ROLLED_BACK, UNDONE = "running", "committed", "rolled_back", "undone"
PARTIAL = "partial"
"""Committed in some of several databases only: to be undone."""


_ENDED = "ended"
"""A file beside the record of a run that has ended: the record need not be read to know. It may be missing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoreRecord:
    """What is known of one restore."""

    run_id: str
    package: str
    package_id: str
    mode: str
    state: str
    """``running``, ``committed``, ``rolled_back``, ``undone`` or ``partial``."""
    started_at: str
    aliases: tuple[str, ...] = ()
    """Databases in the order of their commits."""
    safety_package: str = ""
    committed_at: str = ""
    verdict: str = ""
    undoes: str = ""
    """Run that this restore undoes."""

    def to_dict(self) -> dict[str, Any]:
        """Return the record as JSON-ready values."""
        return dataclasses.asdict(self)


@dataclass(frozen=True, slots=True)
class FileStep:
    """One thing done to a file: ``new`` (placed before the commit) or ``swap`` (after it)."""

    kind: str
    root: str
    name: str
    staged: str
    """Name of the staged content below the root, or inside the run's folder for other storages."""


class Journal:
    """The folder of one run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._steps: IO[str] | None = None

    @property
    def record(self) -> RestoreRecord:
        """Read the record; raises ``FileNotFoundError`` for a folder without one."""
        document = json.loads((self.folder / "record.json").read_text("utf-8"))
        document["aliases"] = tuple(document["aliases"])
        return RestoreRecord(**document)

    def write(self, record: RestoreRecord) -> None:
        """Replace the record atomically and durably. Raises ``StoreFull`` or ``StoreUnavailable``."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            partial = self.folder / ".record.partial"
            with partial.open("w", encoding="utf-8") as sink:
                json.dump(record.to_dict(), sink, ensure_ascii=False, indent=1)
                sink.flush()
                os.fsync(sink.fileno())
            partial.replace(self.folder / "record.json")
            fsync_directory(self.folder)
            if record.state != RUNNING:
                (self.folder / _ENDED).touch()
        except OSError as error:
            raise store_error(error, "The journal of the restore cannot be written") from error

    def note(self, step: FileStep) -> None:
        """Append a step; ``sync`` makes it durable. It is noted before it is done."""
        try:
            if self._steps is None:
                self._steps = (self.folder / "files.jsonl").open("a", encoding="utf-8")
            self._steps.write(json.dumps(dataclasses.astuple(step), ensure_ascii=True) + "\n")
        except OSError as error:
            raise store_error(error, "The journal of the restore cannot be written") from error

    def sync(self) -> None:
        """Make all noted steps durable."""
        if self._steps is not None:
            try:
                self._steps.flush()
                os.fsync(self._steps.fileno())
            except OSError as error:
                raise store_error(error, "The journal of the restore cannot be written") from error

    def steps(self) -> Iterator[FileStep]:
        """Yield the noted steps; a last line that was cut off by a crash was never acted on."""
        path = self.folder / "files.jsonl"
        if not path.exists():
            return
        with path.open(encoding="utf-8") as lines:
            for line in lines:
                if line.endswith("\n"):
                    yield FileStep(*json.loads(line))

    def close(self) -> None:
        """Close the list of steps."""
        if self._steps is not None:
            self._steps.close()
            self._steps = None


def all_journals(state_directory: Path) -> list[Journal]:
    """Return the journals of all runs that have a record, the oldest first."""
    return _in_order(path for path in _folders(state_directory) if (path / "record.json").is_file())


def running_journals(state_directory: Path) -> list[Journal]:
    """Return the journals of runs that have not ended, the oldest first."""
    found = _in_order(path for path in _unended(state_directory) if (path / "record.json").is_file())
    return [journal for journal in found if journal.record.state == RUNNING]


def _in_order(folders: Iterable[Path]) -> list[Journal]:
    return sorted(map(Journal, folders), key=lambda journal: (journal.record.started_at, journal.folder.name))


def unrecorded(state_directory: Path) -> list[Path]:
    """Return the folders of runs that ended before they had written anything down."""
    return [path for path in _unended(state_directory) if not (path / "record.json").is_file()]


def _unended(state_directory: Path) -> Iterator[Path]:
    """Yield the folders that do not say that their run has ended."""
    return (path for path in _folders(state_directory) if not (path / _ENDED).exists())


def _folders(state_directory: Path) -> list[Path]:
    folder = state_directory / RESTORES
    return [path for path in folder.iterdir() if path.is_dir()] if folder.is_dir() else []


def new_journal(state_directory: Path, run_id: str) -> Journal:
    """Return the journal of a new run; nothing is written yet."""
    return Journal(state_directory / RESTORES / run_id)
