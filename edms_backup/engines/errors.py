"""Foreign errors, mapped once at the border: what a database driver raises becomes our own words."""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import DatabaseError, Error, InterfaceError, OperationalError

from edms_backup.errors import DatabaseUnavailable, EdmsBackupError, StoreFull, StoreUnavailable
from edms_backup.storage import is_full

_UNREACHABLE = "Nothing was changed. Check that the database runs and is reachable, then try again."
_LOST = ("Cannot open a new connection in an atomic block", "Packet sequence number wrong")
"""What Django and PyMySQL say under other classes once the connection is gone."""

_NO_VALUES = (TypeError, ValueError, OverflowError)
NOT_TAKEN = (DatabaseError, *_NO_VALUES)
"""What is raised for rows that do not get in: by the database, or by a driver that cannot even say the value."""


@contextmanager
def mapped(alias: str) -> Iterator[None]:
    """Turn a lost or unreachable database into ``DatabaseUnavailable``, a full one into ``StoreFull``.

    Other errors pass. An interrupt that hit a commit comes out of Django as the error of what it tried
    afterwards; here it becomes ``KeyboardInterrupt`` again.
    """
    before = sys.exception()
    try:
        yield
    except Error as error:
        if _interrupt_behind(error, before):
            raise KeyboardInterrupt from error
        first = (str(error).strip().splitlines() or [type(error).__name__])[0]
        known = isinstance(error, OperationalError | InterfaceError)
        if not known and not any(text in first for text in _LOST):
            raise
        raise _ours(alias, first) from error


def lost(alias: str) -> DatabaseUnavailable:
    """Return the error for a connection that is gone in the middle of a transaction."""
    return DatabaseUnavailable(
        f"The connection to database {alias} was lost.",
        hint=_UNREACHABLE,
    )


def _ours(alias: str, first: str) -> EdmsBackupError:
    if "disk is full" in first or "No space left" in first:
        return StoreFull(
            f"Database {alias} has no space left: {first}",
            hint="Nothing was changed. Make room and try again.",
        )
    return DatabaseUnavailable(
        f"Database {alias} could not do its work: {first}",
        hint=_UNREACHABLE,
    )


def _interrupt_behind(error: BaseException, before: BaseException | None) -> bool:
    """Return whether ``error`` came of an interrupt; ``before`` was there already, and has nothing to do with it."""
    seen: BaseException | None = error
    while seen is not None and seen is not before:
        if isinstance(seen, KeyboardInterrupt):
            return True
        seen = seen.__cause__ or seen.__context__
    return False


@contextmanager
def at_border() -> Iterator[None]:
    """Map what a whole operation may meet: any database that goes away, and no room for working files.

    Working files are the private key map and what is staged; a package's own store maps its errors itself.
    """
    try:
        with mapped("of this site"):
            yield
    except (sqlite3.OperationalError, OSError) as error:
        if not (is_full(error) or "disk is full" in str(error)):
            raise StoreUnavailable(
                f"A working file cannot be read or written: {error}",
                hint="Look at the disk, and at the temporary directory (TMPDIR names it), then try again.",
            ) from error
        raise StoreFull(
            f"There is no space left for working files: {error}",
            hint="Nothing was changed. Make room in the temporary directory (TMPDIR names it), then try again.",
        ) from error


def one_line(error: BaseException) -> str:
    """Return the first line of a database's message, without its detail (which may quote row content)."""
    if isinstance(error, _NO_VALUES):
        return f"a value is not of its column's kind ({type(error).__name__})"
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
