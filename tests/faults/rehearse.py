"""Runs commands of a site in forked children and lets each go wrong at one chosen place.

A program in the environment of a site: it reads one JSON request per line, and answers each with one line.
The children are forks of a process that has imported everything, so that a try costs what the command costs.

A *point* is a place where a process can end between two effects: before each statement, before and after
each commit, before each file is opened for writing, written to, renamed, linked, removed or flushed to disk
(``file``; those of them that can find the disk full or broken are ``space`` as well).
"""

import builtins
import errno
import io
import json
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import django
from django.core.management import execute_from_command_line
from django.db import connections

from tests import databases

FILE_EVENTS = {"os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.link"}
TAKING_SPACE = {"open", "write", "os.rename", "os.mkdir", "os.link", "fsync"}
WRITING = os.O_WRONLY | os.O_RDWR
SEVERED_WITHIN = 10.0
ENDED_WITHIN = 180.0
UNWRITTEN = 99
"""Exit code of a child that could not write down how its command ended."""


class Points:
    """Counts the points of this process and lets the fault happen at one of them."""

    def __init__(self, at: int, kinds: list[str], strike: Callable[[], None]) -> None:
        self.at = at
        self.kinds = set(kinds)
        self.seen: list[str] = []
        self.on_first: Callable[[], None] | None = None
        self._strike = strike
        self._busy = False

    def pass_by(self, kind: str, what: str) -> None:
        """Count a point; strike if it is the chosen one."""
        if self.on_first is not None:
            first, self.on_first = self.on_first, None
            first()
        if self._busy or kind not in self.kinds:
            return
        self.seen.append(f"{kind} {what}")
        if len(self.seen) == self.at:
            self._busy = True
            try:
                self._strike()
            finally:
                self._busy = False

    def install(self) -> None:
        """Begin to count, in the database connection and below the file functions of Python."""
        connection = connections["default"]
        connection.execute_wrappers.append(self._statement)
        commit = connection._commit

        def counted_commit() -> None:
            self.pass_by("commit", "before")
            commit()
            self.pass_by("commit", "after")

        connection._commit = counted_commit
        fsync = os.fsync

        def counted_fsync(descriptor: int) -> None:
            self._file("fsync")
            fsync(descriptor)

        os.fsync = counted_fsync
        builtins.open = io.open = counting_open(lambda: self._file("write"))
        sys.addaudithook(self._audit)

    def _statement(self, execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        self.pass_by("statement", sql[:60])
        return execute(sql, params, many, context)

    def _audit(self, event: str, args: tuple[Any, ...]) -> None:
        # A descriptor that is opened once more as a file has its place on the disk already.
        writing = event == "open" and not isinstance(args[0], int) and (args[2] or 0) & WRITING
        if writing or event in FILE_EVENTS:
            self._file(event)

    def _file(self, what: str) -> None:
        self.pass_by("file", what)
        if what in TAKING_SPACE:
            self.pass_by("space", what)


def counting_open(passing: Callable[[], None]) -> Any:
    """Return an ``open`` whose files call ``passing`` before each write that reaches the operating system."""
    plain = io.open

    class Counted(io.FileIO):
        def write(self, data: Any) -> int:
            passing()
            return super().write(data) or 0

    def counted(
        file: Any,
        mode: str = "r",
        buffering: int = -1,
        encoding: str | None = None,
        errors: str | None = None,
        newline: str | None = None,
        closefd: bool = True,
        opener: Any = None,
    ) -> Any:
        if not set(mode) & set("wax+"):
            return plain(file, mode, buffering, encoding, errors, newline, closefd, opener)
        raw = Counted(file, mode.replace("b", "").replace("t", ""), closefd, opener)
        if buffering == 0:
            return raw
        buffered = io.BufferedRandom(raw) if "+" in mode else io.BufferedWriter(raw)
        return buffered if "b" in mode else io.TextIOWrapper(buffered, encoding or "utf-8", errors, newline)

    return counted


def kill() -> None:
    """End this process as a power failure would."""
    os.kill(os.getpid(), signal.SIGKILL)


def interrupt() -> None:
    """Do what Ctrl-C does."""
    os.kill(os.getpid(), signal.SIGINT)


def terminate() -> None:
    """Do what a service manager does."""
    os.kill(os.getpid(), signal.SIGTERM)


def fill() -> None:
    """Let the file system be full, this once."""
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def break_down() -> None:
    """Let the disk fail, this once."""
    raise OSError(errno.EIO, os.strerror(errno.EIO))


def sever() -> None:
    """End the session of this process on the database server, from a second one."""
    connection = connections["default"]
    if connection.connection is None:
        return
    url = os.environ["DATABASE_URL"]
    if connection.vendor == "postgresql":
        pid = connection.connection.info.backend_pid
        end, look = f"SELECT pg_terminate_backend({pid})", f"SELECT 1 FROM pg_stat_activity WHERE pid = {pid}"
    else:
        pid = connection.connection.thread_id()
        end, look = f"KILL {pid}", f"SELECT 1 FROM information_schema.processlist WHERE id = {pid}"
    databases.query(url, end)
    patience = time.monotonic() + SEVERED_WITHIN
    while databases.query(url, look):
        assert time.monotonic() < patience
        time.sleep(0.002)


STRIKES: dict[str, Callable[[], None]] = {
    "kill": kill,
    "interrupt": interrupt,
    "terminate": terminate,
    "fill": fill,
    "break": break_down,
    "sever": sever,
    "pause": lambda: time.sleep(2),
    "count": lambda: None,
}


def child(request: dict[str, Any], folder: Path, ready: int) -> None:
    """Run the command; write down how it ended, unless it is killed."""
    for descriptor, name in ((1, "stdout"), (2, "stderr")):
        target = os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.dup2(target, descriptor)
    if "after" in request:
        stop_measuring()
    os.environ.update(request.get("env", {}))
    tempfile.tempdir = request.get("env", {}).get("TMPDIR")
    points = Points(request.get("at", 0), request.get("kinds", []), STRIKES[request.get("strike", "count")])
    points.on_first = lambda: os.close(ready)
    points.install()
    code: Any = 0
    try:
        execute_from_command_line(["manage.py", "edms_backup", *request["command"]])
    except SystemExit as ended:
        code = ended.code
    except KeyboardInterrupt:
        code = -signal.SIGINT  # it came after the command, to Django or to Python: their way to end
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    points.kinds.clear()
    sys.stdout.flush()
    sys.stderr.flush()
    result = {"code": code or 0, "points": points.seen}
    (folder / "result").write_text(json.dumps(result), "utf-8")


def wait_for(pid: int) -> int:
    """Return the status of a child when it has ended; one that hangs is killed, and ends as nothing else does."""
    patience = time.monotonic() + ENDED_WITHIN
    while time.monotonic() < patience:
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            return status
        time.sleep(0.002)
    os.kill(pid, signal.SIGABRT)
    return os.waitpid(pid, 0)[1]


def stop_measuring() -> None:
    """Let coverage go: an interrupt in the middle of its own code would leave its lock held for ever."""
    if "coverage" in sys.modules:
        running = sys.modules["coverage"].Coverage.current()
        if running is not None:
            running.stop()


def attempt(request: dict[str, Any]) -> dict[str, Any]:
    """Fork a child for one request and return how it ended."""
    with tempfile.TemporaryDirectory(prefix="rehearsal-") as place:
        folder = Path(place)
        started = time.monotonic()
        begun, ready = os.pipe()
        pid = os.fork()
        if pid == 0:
            try:
                child(request, folder, ready)
            finally:
                os._exit(UNWRITTEN)
        os.close(ready)
        if "after" in request:
            os.read(begun, 1)  # returns when the command has come to its first point, or has ended
            time.sleep(request["after"])
            os.kill(pid, request["signal"])
        os.close(begun)
        status = wait_for(pid)
        result = {"code": os.waitstatus_to_exitcode(status), "points": []}
        if (folder / "result").exists():
            result = json.loads((folder / "result").read_text("utf-8"))
        for name in ("stdout", "stderr"):
            result[name] = (folder / name).read_text("utf-8")
        return {**result, "seconds": time.monotonic() - started}


def main() -> None:
    """Answer requests until the input ends."""
    django.setup()
    # What a command imports late is imported once, here.
    import edms_backup.management.commands.edms_backup

    assert edms_backup.management.commands.edms_backup
    assert connections["default"].connection is None
    for line in sys.stdin:
        sys.stdout.write(json.dumps(attempt(json.loads(line))) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
