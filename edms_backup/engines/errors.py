"""Foreign errors, mapped once at the border: what a database driver raises becomes our own words."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import InterfaceError, OperationalError

from edms_backup.errors import DatabaseUnavailable, StoreFull


@contextmanager
def mapped(alias: str) -> Iterator[None]:
    """Turn a lost or unreachable database into ``DatabaseUnavailable``; other errors pass.

    The connection is closed, so that the next use opens a new one.
    """
    try:
        yield
    except (OperationalError, InterfaceError) as error:
        first = (str(error).strip().splitlines() or [type(error).__name__])[0]
        if "disk is full" in first or "No space left" in first:
            raise StoreFull(
                f"Database {alias} has no space left: {first}",
                hint="Nothing was changed. Make room and try again.",
            ) from error
        raise DatabaseUnavailable(
            f"Database {alias} could not do its work: {first}",
            hint="Nothing was changed. Check that the database runs and is reachable, then try again.",
        ) from error
