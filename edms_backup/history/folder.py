"""The files of one run, in ``<state>/runs/<id>/``: private, and each written by one side only.

``run.json``
    What is true of the run; replaced atomically by whoever submits, carries out or closes it.
``alive``
    Locked for as long as a worker carries the run out; its time is the last sign of life. The lock goes with
    the process, however it ends, so that a worker that died is told from one that waits for its database.
``cancel``
    Who asked the run to stop, and when.
``ended``
    The run needs no more attention; ``run.json`` need not be read to know.
``output.log``
    What a detached process said.
"""

from __future__ import annotations

import datetime
import json
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.db import models

from edms_backup.errors import ConfigurationError, RunLocked
from edms_backup.models import Run
from edms_backup.storage import fsync_directory, store_error
from edms_backup.storage.directory import make_private_directory

try:
    import fcntl
except ImportError:  # pragma: no cover
    fcntl = None  # type: ignore[assignment]

RUNS = "runs"
_COLUMNS = {column.attname: column for column in Run._meta.concrete_fields}


class RunFolder:
    """The folder of one run."""

    def __init__(self, state_directory: Path, run_id: uuid.UUID | str) -> None:
        """Name the folder; nothing is made yet."""
        self.path = state_directory / RUNS / str(run_id)

    @property
    def exists(self) -> bool:
        """Return whether the run was ever written down."""
        return (self.path / "run.json").is_file()

    @property
    def closed(self) -> bool:
        """Return whether the run has ended and nothing more is to be found out about it."""
        return (self.path / "ended").exists()

    def read(self) -> Run:
        """Return the run as its file knows it, with its last sign of life; raises ``FileNotFoundError``."""
        run = from_document(json.loads((self.path / "run.json").read_text("utf-8")))
        if not run.ended and run.started_at is not None:
            run.heartbeat_at = self._time_of("alive") or run.heartbeat_at
        asked = self.cancel_request()
        if asked is not None:
            run.cancel_requested_at = datetime.datetime.fromisoformat(asked["at"])
        return run

    def write(self, run: Run, *, durable: bool = False) -> None:
        """Replace ``run.json`` atomically. Raises ``StoreFull`` or ``StoreUnavailable``."""
        make_private_directory(self.path)
        try:
            self._replace("run.json", json.dumps(run.to_dict(), indent=1), durable=durable)
        except OSError as error:
            raise store_error(error, "The state of the run cannot be written") from error

    def close(self) -> None:
        """Note that the run needs no more attention. Raises ``StoreFull`` or ``StoreUnavailable``."""
        try:
            for partial in self.path.glob(".*.partial"):
                partial.unlink(missing_ok=True)
            (self.path / "ended").touch(mode=0o600)
        except OSError as error:
            raise store_error(error, "The state of the run cannot be written") from error

    # -- cancelling --------------------------------------------------------------------------------

    def ask_to_cancel(self, who: str, at: datetime.datetime) -> None:
        """Ask whoever carries the run out to stop. Raises ``StoreFull`` or ``StoreUnavailable``."""
        try:
            self._replace("cancel", json.dumps({"who": who, "at": at.isoformat()}), durable=False)
        except OSError as error:
            raise store_error(error, "The request to cancel cannot be written") from error

    def cancel_request(self) -> dict[str, str] | None:
        """Return who asked when that the run stops, if anybody did."""
        try:
            said = json.loads((self.path / "cancel").read_text("utf-8"))
            return {"who": str(said["who"]), "at": str(said["at"])}
        except (FileNotFoundError, NotADirectoryError):  # where the history has no place, nobody can ask
            return None

    # -- being alive -------------------------------------------------------------------------------

    @contextmanager
    def held(self) -> Iterator[int]:
        """Hold the run for as long as the block lasts; yields the descriptor that ``beat`` takes.

        Raises ``RunLocked`` when another process holds it.
        """
        if fcntl is None:  # pragma: no cover
            raise ConfigurationError("This operating system has no file locks as POSIX defines them.")
        make_private_directory(self.path)
        descriptor = os.open(self.path / "alive", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise RunLocked(f"Another process carries out run {self.path.name} already.") from error
            beat(descriptor)
            yield descriptor
        finally:
            os.close(descriptor)

    @property
    def is_held(self) -> bool:
        """Return whether a living process carries the run out; ask it under ``register_lock`` only."""
        try:
            descriptor = os.open(self.path / "alive", os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return False
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(descriptor)
        return False

    def _time_of(self, name: str) -> datetime.datetime | None:
        try:
            return datetime.datetime.fromtimestamp((self.path / name).stat().st_mtime, datetime.UTC)
        except FileNotFoundError:
            return None

    def _replace(self, name: str, text: str, *, durable: bool) -> None:
        partial = self.path / f".{name}.partial"  # each file has one writer, so one name is enough
        try:
            descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8") as sink:
                sink.write(text)
                if durable:
                    sink.flush()
                    os.fsync(sink.fileno())
            partial.replace(self.path / name)
        except BaseException:
            partial.unlink(missing_ok=True)
            raise
        if durable:
            fsync_directory(self.path)


def beat(descriptor: int) -> None:
    """Give a sign of life."""
    os.utime(descriptor)


@contextmanager
def register_lock(state_directory: Path) -> Iterator[None]:
    """Let no other process queue, claim or close a run meanwhile; waits for who does."""
    folder = state_directory / RUNS
    make_private_directory(folder)
    try:
        descriptor = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise store_error(error, f"The lock of {folder} cannot be opened") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def all_folders(state_directory: Path) -> dict[uuid.UUID, RunFolder]:
    """Return the folders of all runs, by id."""
    found: dict[uuid.UUID, RunFolder] = {}
    folder = state_directory / RUNS
    for path in folder.iterdir() if folder.is_dir() else ():
        run_id = as_uuid(path.name)
        if run_id is not None and RunFolder(state_directory, run_id).exists:
            found[run_id] = RunFolder(state_directory, run_id)
    return found


def as_uuid(text: str) -> uuid.UUID | None:
    """Return the uuid that ``text`` is, in either way of writing it; ``None`` for anything else."""
    try:
        return uuid.UUID(text)
    except ValueError:
        return None


def from_document(document: dict[str, Any]) -> Run:
    """Return the run that ``Run.to_dict`` wrote; members of a newer release are left out."""
    return Run(**{name: _value(name, value) for name, value in document.items() if name in _COLUMNS})


def _value(name: str, value: Any) -> Any:
    if isinstance(_COLUMNS[name], models.DateTimeField) and value is not None:
        return datetime.datetime.fromisoformat(value)
    return uuid.UUID(value) if name == "id" else value
