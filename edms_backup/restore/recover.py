"""Finishing or undoing a restore that did not end: asked of the database, never guessed."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from edms_backup.errors import DatabaseUnavailable, EdmsBackupError, RollbackFailed
from edms_backup.findings import Finding, Severity
from edms_backup.restore import journal as journals
from edms_backup.restore.files import StagedFiles
from edms_backup.restore.journal import Journal, running_journals, unrecorded
from edms_backup.storage.roots import FileRoot

logger = logging.getLogger(__name__)


def settle(journal: Journal, roots: Mapping[str, FileRoot], is_marked: Callable[[str, str], bool]) -> str:
    """Bring files into the state that the rows are in, and close the journal.

    Returns the state that the run ended in (``committed`` or ``rolled_back``), or ``running`` when the
    database cannot be asked now: then the next start tries again. Raises ``RollbackFailed`` when files
    could not be put back.
    """
    if not (journal.folder / "record.json").is_file():
        shutil.rmtree(journal.folder, ignore_errors=True)  # it ended before there was anything to undo
        return journals.ROLLED_BACK
    record = journal.record
    try:
        marked = [is_marked(alias, record.run_id) for alias in record.aliases]
    except DatabaseUnavailable:
        logger.warning("run %s cannot be settled yet: its database does not answer", record.run_id)
        return journals.RUNNING
    committed = bool(marked) and all(marked)
    staged = StagedFiles(journal, roots)
    try:
        if committed:
            staged.switch()
        else:
            staged.remove()
    except (EdmsBackupError, OSError) as error:
        raise RollbackFailed(
            f"Files of restore {record.run_id} could not be brought into the state of the rows: {error}",
            hint="Mend the file system, then run any edms_backup command: each tries again first.",
        ) from error
    state = journals.COMMITTED if committed else journals.ROLLED_BACK
    if any(marked) and not committed:
        journal.write(replace(record, state=journals.PARTIAL, committed_at=record.started_at))
        raise RollbackFailed(
            f"Restore {record.run_id} committed in some of its databases only.",
            hint=f"Run `edms_backup undo --run {record.run_id}` to go back to the safety package.",
        )
    journal.write(replace(record, state=state, committed_at=record.committed_at or record.started_at))
    return state


def unsettled(state_directory: Path) -> bool:
    """Return whether a run did not end, or is in progress: only who gets the lock knows."""
    return bool(running_journals(state_directory) or unrecorded(state_directory))


def postponed(why: EdmsBackupError) -> Finding:
    """Return what to say where an interrupted restore cannot be settled now: its database, or the trail, is away."""
    return Finding(
        code="restore_unsettled",
        severity=Severity.WARNING,
        message=f"A restore had been interrupted and cannot be settled yet: {why.message}",
        hint="Bring back what is away, then run `edms_backup restore latest --dry-run`.",
    )


def recover(
    state_directory: Path, roots: Mapping[str, FileRoot], is_marked: Callable[[str, str], bool]
) -> list[Finding]:
    """Settle every run whose process died; the caller holds the lock, so none of them is alive."""
    findings = []
    for folder in unrecorded(state_directory):
        shutil.rmtree(folder, ignore_errors=True)
    for journal in running_journals(state_directory):
        record = journal.record
        state = settle(journal, roots, is_marked)
        did = {
            journals.COMMITTED: "its rows had been committed; its files were put in place",
            journals.ROLLED_BACK: "its rows had not been committed; what it had staged was removed",
            journals.RUNNING: "its database does not answer; it will be settled by a later command",
        }[state]
        findings.append(
            Finding(
                code="restore_recovered" if state != journals.RUNNING else "restore_unsettled",
                severity=Severity.WARNING,
                message=f"A restore of {record.package}, begun at {record.started_at}, had been interrupted: {did}.",
            )
        )
    return findings
