"""One create, restore or undo at a time: a lock of the operating system on a file of the state directory.

The lock belongs to the process, not to the file: it goes when the process ends, however it ends, so there
is never anything to clean up by hand. What is written in the file is for people only.
"""

from __future__ import annotations

import json
import logging
import os
import socket
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from edms_backup.errors import ConfigurationError, RunLocked
from edms_backup.storage import store_error
from edms_backup.storage.directory import make_private_directory

try:
    import fcntl
except ImportError:  # pragma: no cover
    fcntl = None  # type: ignore[assignment]

logger = logging.getLogger(__name__)

LOCK_FILE = "run.lock"
_OWNER_BYTES = 4096
"""No owner's description comes near this; whatever else stands in the file is not read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LockOwner:
    """Who holds the lock, for people to read."""

    what: str
    """For example ``restore``."""
    pid: int
    host: str
    started_at: str
    """RFC 3339, UTC."""


class RunLock:
    """The right to change packages or data, as a context manager.

    It cannot be taken twice, not even by one process: a run that makes another run inside of itself (a
    restore its safety package) holds the lock for both.
    """

    def __init__(self, state_directory: Path, what: str) -> None:
        """Prepare the lock for ``what`` (``create``, ``restore``, ``undo``); nothing is touched yet."""
        self.path = Path(state_directory) / LOCK_FILE
        self._what = what
        self._descriptor: int | None = None

    def __enter__(self) -> Self:
        """Take the lock; raises ``RunLocked`` at once when somebody else holds it."""
        if fcntl is None:  # pragma: no cover
            raise ConfigurationError(
                "This operating system has no file locks as POSIX defines them; edms_backup cannot keep two"
                " runs apart here."
            )
        make_private_directory(self.path.parent)
        try:
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise store_error(error, f"The lock {self.path} cannot be opened") from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            owner = _read_owner(descriptor)
            os.close(descriptor)
            raise _busy(owner) from None
        except OSError as error:
            os.close(descriptor)
            raise store_error(error, f"The lock {self.path} cannot be taken") from error
        self._descriptor = descriptor
        self._describe(descriptor, asdict(_this_process(self._what)))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give the lock back. The file stays: deleting it could hand the lock to two runs at once."""
        if self._descriptor is None:
            return
        self._describe(self._descriptor, None)
        fcntl.flock(self._descriptor, fcntl.LOCK_UN)
        os.close(self._descriptor)
        self._descriptor = None

    def _describe(self, descriptor: int, owner: dict[str, object] | None) -> None:
        """Write into the file who holds the lock, or nothing."""
        try:
            os.ftruncate(descriptor, 0)
            if owner is not None:
                os.pwrite(descriptor, json.dumps(owner).encode(), 0)
        except OSError as error:
            # A full disk must not stop a restore that may be what frees it: the lock holds all the same.
            logger.warning("%s does not say who holds the lock: %s", self.path, error)


def lock_owner(state_directory: Path) -> LockOwner | None:
    """Return who says that they hold the lock, without touching it; ``None`` for nobody, or one whose process died.

    A process of another host cannot be asked: what it wrote is believed.
    """
    try:
        descriptor = os.open(Path(state_directory) / LOCK_FILE, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None  # there was no run yet
    try:
        owner = _read_owner(descriptor)
    finally:
        os.close(descriptor)
    if owner is None or (owner.host == socket.gethostname() and not _alive(owner.pid)):
        return None
    return owner


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True  # it is there, and belongs to somebody else
    return True


def _this_process(what: str) -> LockOwner:
    return LockOwner(
        what=what,
        pid=os.getpid(),
        host=socket.gethostname(),
        started_at=datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
    )


def _read_owner(descriptor: int) -> LockOwner | None:
    """Return who holds the lock, or ``None`` when the file does not say (yet)."""
    try:
        said = json.loads(os.pread(descriptor, _OWNER_BYTES, 0))
        return LockOwner(
            what=str(said["what"]),
            pid=int(said["pid"]),
            host=str(said["host"]),
            started_at=str(said["started_at"]),
        )
    except (OSError, ValueError, TypeError, KeyError) as error:
        logger.debug("The lock does not say who holds it: %s", error)
        return None


def _busy(owner: LockOwner | None) -> RunLocked:
    hint = "Wait until it has ended and try again. If its process dies, the lock goes with it."
    if owner is None:
        return RunLocked("Another run is in progress.", hint=hint)
    return RunLocked(
        f"Another {owner.what} is running since {owner.started_at}: process {owner.pid} on {owner.host}.",
        hint=hint,
    )
