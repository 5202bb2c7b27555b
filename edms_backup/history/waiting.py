"""Which runs wait for a worker, and for how long nobody has taken one."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from pathlib import Path

from edms_backup.history.folder import all_folders
from edms_backup.history.register import HERE, STALE
from edms_backup.models import Run, RunState


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """The queue at this moment."""

    runs: tuple[Run, ...] = ()
    """Queued runs, the oldest first."""
    busy: bool = False
    """Whether a worker is at work: it will come to them."""
    since: datetime.datetime | None = None
    """When the oldest was queued, or when the last run ended if that was later: since then nobody took it."""


def waiting(state_directory: Path, now: datetime.datetime) -> Waiting:
    """Return which runs wait. Read from their folders: no database is asked, and no lock is taken."""
    queued: list[Run] = []
    busy, last = False, 0.0
    for folder in all_folders(state_directory).values():
        try:
            if folder.closed:
                last = max(last, (folder.path / "ended").stat().st_mtime)
                continue
            run = folder.read()
        except FileNotFoundError:
            continue  # removed at this moment
        if run.state == RunState.QUEUED:
            queued.append(run)
        elif run.state == RunState.RUNNING and run.backend != HERE:
            busy = busy or now - (run.heartbeat_at or run.created_at) < STALE
    if not queued:
        return Waiting()
    queued.sort(key=lambda run: run.created_at)
    ended = datetime.datetime.fromtimestamp(last, datetime.UTC)
    return Waiting(runs=tuple(queued), busy=busy, since=max(queued[0].created_at, ended))
