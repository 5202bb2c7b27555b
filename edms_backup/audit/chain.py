"""The journal of the audit trail: a file that only grows, and a note of its end.

``trail.jsonl`` holds one entry per line. ``head.json`` holds the newest line, and is replaced atomically *before*
that line is appended. So a process that dies in between leaves a head whose line the journal has not, or has in
part: the next writer completes it from the head. A line that the head does not know was not written here.
"""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from edms_backup.audit.entries import MAX_LINE, ORIGIN, Entry, read_line
from edms_backup.errors import AuditUnavailable, ConfigurationError, EdmsBackupError
from edms_backup.storage import fsync_directory
from edms_backup.storage.directory import make_private_directory

try:
    import fcntl
except ImportError:  # pragma: no cover
    fcntl = None  # type: ignore[assignment]

JOURNAL, HEAD, LOCK = "trail.jsonl", "head.json", "trail.lock"
_PATIENCE = 10.0
"""Seconds that a writer waits for another one; an entry takes milliseconds."""
_PAUSE = 0.01


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the journal, read or not."""

    number: int
    raw: bytes
    entry: Entry | None
    problem: str = ""
    """Why it is no entry."""


class Chain:
    """The journal in one directory."""

    def __init__(self, directory: Path) -> None:
        """Keep the journal in ``directory``, which is made (for this user only) with the first entry."""
        self.directory = Path(directory)
        self.path = self.directory / JOURNAL

    # -- reading -----------------------------------------------------------------------------------

    def lines(self, *, tail: int | None = None) -> Iterator[Line]:
        """Yield the lines, the oldest first; with ``tail`` only those within the last so many bytes.

        Raises ``AuditUnavailable`` when the file cannot be read.
        """
        try:
            with self.path.open("rb") as stream:
                number = 0
                if tail is not None and stream.seek(0, os.SEEK_END) > tail:
                    stream.seek(-tail, os.SEEK_END)
                    stream.readline()  # the rest of a line whose beginning is out of sight
                else:
                    stream.seek(0)
                while raw := stream.readline(MAX_LINE + 1):
                    number += 1
                    yield _line(number, raw)
        except FileNotFoundError:
            return
        except OSError as error:
            raise _unavailable(error, "read") from error

    def head(self) -> Entry | None:
        """Return the newest entry by the note of the end; ``None`` without one.

        Raises ``ValueError`` for a note that is none, ``AuditUnavailable`` when it cannot be read.
        """
        try:
            raw = (self.directory / HEAD).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise _unavailable(error, "read") from error
        return read_line(raw)

    def ending(self) -> bytes:
        """Return the last bytes of the journal, more than two lines; empty without any."""
        try:
            with self.path.open("rb") as stream:
                stream.seek(max(0, stream.seek(0, os.SEEK_END) - 3 * MAX_LINE))
                return stream.read()
        except FileNotFoundError:
            return b""
        except OSError as error:
            raise _unavailable(error, "read") from error

    # -- writing -----------------------------------------------------------------------------------

    @contextmanager
    def writing(self) -> Iterator[Writer]:
        """Hold the journal for one writer; raises ``AuditUnavailable`` when it cannot be had or written."""
        try:
            make_private_directory(self.directory)
            descriptor = os.open(self.directory / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except (OSError, EdmsBackupError) as error:
            raise _unavailable(error, "written") from error
        try:
            _lock(descriptor)
            yield Writer(self)
        finally:
            os.close(descriptor)  # and with it the lock


class Writer:
    """The right to append; got from ``Chain.writing``."""

    def __init__(self, chain: Chain) -> None:
        """Complete what a writer that died has left."""
        self._chain = chain
        self.restarted = False
        """Whether the note of the end was gone or spoilt, although there are entries."""
        try:
            self.head = chain.head()
        except ValueError:
            self.head = None
        if self.head is not None:
            self._complete(self.head)
        else:
            self.head = next((line.entry for line in reversed(list(chain.lines())) if line.entry), None)
            self.restarted = self.head is not None

    def append(self, entry: Entry) -> Entry:
        """Write the entry as the next of the chain, durably; returns it as it stands there.

        ``chain``, ``sequence`` and ``previous`` of ``entry`` are set here. Raises ``AuditUnavailable``.
        """
        placed = replace(
            entry,
            chain=self.head.chain if self.head else secrets.token_hex(16),
            sequence=self.head.sequence + 1 if self.head else 1,
            previous=self.head.digest if self.head else ORIGIN,
        )
        try:
            self._note(placed)
            self._write(placed.line)
        except OSError as error:
            raise _unavailable(error, "written") from error
        self.head = placed
        return placed

    def _complete(self, head: Entry) -> None:
        """Write the rest of the newest line where a crash came between note and line.

        Anything but a beginning of just that line was not left by a crash: it stays, for ``verify`` to name.
        """
        missing = left_out(head, self._chain.ending())
        if missing:
            try:
                self._write(missing, goes_on=True)
            except OSError as error:
                raise _unavailable(error, "written") from error

    def _note(self, entry: Entry) -> None:
        partial = self._chain.directory / f".{HEAD}.partial"
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as sink:
            sink.write(entry.line)
            sink.flush()
            os.fsync(sink.fileno())
        partial.replace(self._chain.directory / HEAD)
        fsync_directory(self._chain.directory)

    def _write(self, data: bytes, *, goes_on: bool = False) -> None:
        end = self._chain.ending()
        if end and not goes_on and not end.endswith(b"\n"):
            data = b"\n" + data  # what a stranger left there keeps a line of its own
        descriptor = os.open(self._chain.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "ab") as sink:
            sink.write(data)
            sink.flush()
            os.fsync(sink.fileno())
        if not end:
            fsync_directory(self._chain.directory)


def left_out(head: Entry, ending: bytes) -> bytes:
    """Return what of the newest line the journal lacks, when it lacks just that: a crash came in between.

    ``ending`` are the last bytes of the journal. Empty when nothing is missing, and when what is there is not what
    a crash leaves.
    """
    line = head.line
    *before, rest = ending.rpartition(b"\n")
    if not line.startswith(rest):
        return b""
    whole = b"".join(before)
    if head.sequence == 1:
        return line[len(rest) :] if not whole else b""
    last = whole[whole.rfind(b"\n", 0, -1) + 1 :]
    try:
        return line[len(rest) :] if read_line(last).digest == head.previous else b""
    except ValueError:
        return b""


def _line(number: int, raw: bytes) -> Line:
    try:
        return Line(number, raw, read_line(raw))
    except ValueError as error:
        return Line(number, raw, None, str(error))


def _lock(descriptor: int) -> None:
    """Wait for the lock, but not for ever."""
    if fcntl is None:  # pragma: no cover
        raise ConfigurationError("This operating system has no file locks as POSIX defines them.")
    until = time.monotonic() + _PATIENCE
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            if time.monotonic() > until:
                raise AuditUnavailable(
                    f"The audit trail is held by another process for more than {_PATIENCE:.0f} seconds.",
                    hint="Look for a process of this site that hangs, then try again.",
                ) from error
            time.sleep(_PAUSE)
        except OSError as error:
            raise _unavailable(error, "locked") from error
        else:
            return


def _unavailable(error: Exception, doing: str) -> AuditUnavailable:
    said = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return AuditUnavailable(
        f"The audit trail cannot be {doing}: {said}.",
        hint="Mend its place (STATE_DIRECTORY: space, mount, owner), then try again.",
    )
