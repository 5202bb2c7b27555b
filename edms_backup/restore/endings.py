"""What is said of a restore that something cut off: what its rows are, which the database has been asked."""

from __future__ import annotations

from django.db import Error

from edms_backup.errors import DatabaseUnavailable, EdmsBackupError, Interrupted, RollbackFailed
from edms_backup.restore import journal as journals
from edms_backup.restore.journal import RestoreRecord


def stands_all_the_same(error: BaseException, state: str) -> bool:
    """Return whether what went wrong only hid that the rows were committed, so that the restore goes on.

    Raises what is true instead where ``error`` would say that nothing was changed.
    """
    if state == journals.ROLLED_BACK:
        return False
    stopped = isinstance(error, KeyboardInterrupt)
    if state == journals.COMMITTED:
        if stopped:
            raise _stopped_after_the_commit() from error
        return isinstance(error, DatabaseUnavailable)
    what = "It was interrupted" if stopped else "The connection to the database was lost"
    raise (Interrupted if stopped else DatabaseUnavailable)(
        f"{what} while the restore ended; whether it was committed is not known yet.",
        hint="Run `edms_backup restore latest --dry-run` once the database answers: it settles the restore and tells.",
    ) from error


def _stopped_after_the_commit() -> Interrupted:
    return Interrupted(
        "Interrupted after the commit: the restore stands, rows and files are complete.",
        hint="`edms_backup undo` goes back to the state before.",
        stands=True,
    )


def unfinished(error: BaseException, record: RestoreRecord, state: str) -> EdmsBackupError | None:
    """Return what to say of a restore whose rows are in, when ``error`` kept it from being finished.

    ``state``: what became of it when its files were to follow all the same. ``None``: the error speaks for itself.
    """
    if isinstance(error, KeyboardInterrupt) and state == journals.COMMITTED:
        return _stopped_after_the_commit()
    if not isinstance(error, KeyboardInterrupt | EdmsBackupError | OSError | Error):
        return None
    why = "it was interrupted" if isinstance(error, KeyboardInterrupt) else str(error)
    return RollbackFailed(
        f"The rows of restore {record.run_id} are committed, but it could not be finished: {why}",
        hint="Mend what is named, then run any edms_backup command: it finishes the restore before anything else.",
    )
