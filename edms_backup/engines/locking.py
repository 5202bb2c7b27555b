"""The locks that databases offer: one restore or create at a time, from whichever machine."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress

from django.db import Error

from edms_backup.engines.base import Engine
from edms_backup.engines.errors import mapped
from edms_backup.errors import DatabaseUnavailable, RunLocked

DATABASE_LOCK = "edms_backup"


@contextmanager
def database_locks(engines: Iterable[Engine]) -> Iterator[None]:
    """Hold the lock that each database offers, for runs on other machines; raises ``RunLocked``."""
    engines = list(engines)
    try:
        for engine in engines:
            with mapped(engine.alias):
                if not engine.try_lock(DATABASE_LOCK):
                    raise RunLocked(
                        f"Another run works on database {engine.alias}: from another machine, or one whose process "
                        "has died while the server still finishes its work.",
                        hint="Wait until it has ended and try again.",
                    )
        yield
    finally:
        for engine in engines:
            # The lock goes with the session: a connection that is gone has released it already.
            with suppress(Error):
                engine.unlock(DATABASE_LOCK)


def retake_database_locks(engines: Iterable[Engine]) -> bool:
    """Take the locks on new connections; ``False`` while a dead session of a server still holds one."""
    try:
        for engine in engines:
            with mapped(engine.alias):
                if not engine.try_lock(DATABASE_LOCK):
                    return False
    except DatabaseUnavailable:
        return False
    return True
