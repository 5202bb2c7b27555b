"""Which folders of ended runs and restores go: the old ones that nobody needs any more.

The row of a run and its entries in the audit trail stay. A restore that can be undone keeps what is known of it,
however old it is, and what has not ended is never touched.
"""

from __future__ import annotations

import datetime
import logging
import shutil
import uuid
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from pathlib import Path

from edms_backup.conf import KeepRuns
from edms_backup.history import rows
from edms_backup.history.folder import RUNS, RunFolder, all_folders, register_lock
from edms_backup.models import RunState
from edms_backup.restore import journal as journals
from edms_backup.restore.journal import RESTORES, RestoreRecord, all_journals

logger = logging.getLogger(__name__)

Dated = tuple[datetime.datetime, Path]
"""When something ended, and its folder."""


def prune(
    state_directory: Path, keep: KeepRuns, now: datetime.datetime, packages: Callable[[], Collection[str]]
) -> list[Path]:
    """Remove what ``keep`` lets go, and return the folders that are gone.

    ``packages`` names what is in the store: while its safety package is there, a restore can be undone. Raises
    what ``packages`` raises, ``StoreUnavailable`` or ``OSError``; then the rest stays until the next time.
    """
    if not any(_holds_more(state_directory / place, keep.newest) for place in (RUNS, RESTORES)):
        return []
    there = packages()
    gone: list[Path] = []
    with register_lock(state_directory):
        folders = all_folders(state_directory)
        restores = {one.folder: one.record for one in all_journals(state_directory)}
        bound = {run_id.hex for run_id, folder in folders.items() if not folder.closed}
        bound |= {folder.name for folder, record in restores.items() if not _is_over(record, there)}
        known = rows.known() or {}
        free = [(at, path) for run_id, at, path in _ended(folders) if run_id.hex not in bound]
        for path in _old(free, keep, now):
            run = RunFolder(state_directory, path.name).read()
            if RunState(known.get(run.pk, RunState.QUEUED)).ended or rows.mirror(run):
                shutil.rmtree(path)
                gone.append(path)
        done = [(_ended_at(record), path) for path, record in restores.items() if path.name not in bound]
        for path in _old(done, keep, now):
            shutil.rmtree(path)
            gone.append(path)
    if gone:
        logger.info("%s folders of old runs were removed", len(gone))
    return gone


def _holds_more(place: Path, count: int) -> bool:
    """Return whether a directory has so many entries that any could go: mostly it has not, and all ends here."""
    return place.is_dir() and sum(1 for _ in place.iterdir()) > count


def _is_over(record: RestoreRecord, there: Collection[str]) -> bool:
    """Return whether nothing can come of a restore any more: it has ended, and cannot be undone."""
    stands = record.state in (journals.COMMITTED, journals.PARTIAL) and not record.undoes
    return record.state != journals.RUNNING and not (stands and record.safety_package in there)


def _ended_at(record: RestoreRecord) -> datetime.datetime:
    return datetime.datetime.fromisoformat(record.committed_at or record.started_at)


def _ended(folders: Mapping[uuid.UUID, RunFolder]) -> Iterator[tuple[uuid.UUID, datetime.datetime, Path]]:
    for run_id, folder in folders.items():
        if folder.closed:
            stamp = (folder.path / "ended").stat().st_mtime
            yield run_id, datetime.datetime.fromtimestamp(stamp, datetime.UTC), folder.path


def _old(dated: Iterable[Dated], keep: KeepRuns, now: datetime.datetime) -> list[Path]:
    """Return the folders that are neither among the newest nor young."""
    newest_first = sorted(dated, reverse=True)
    before = now - datetime.timedelta(days=keep.days)
    return [path for at, path in newest_first[keep.newest :] if at < before]
