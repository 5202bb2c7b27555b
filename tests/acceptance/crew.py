"""Creates with several workers, looked at and disturbed in a process of a site, which has set Django up.

``main`` lets one action happen with so many workers, and writes what came of it as one JSON document.
"""

import json
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from unittest import mock

from django.db import OperationalError, connection, connections

from edms_backup.create.report import CreateRequest
from edms_backup.engines import Engine, get_engine
from edms_backup.errors import DumpFailed, EdmsBackupError
from edms_backup.events import Event, NullReporter, Progress, Reporter
from edms_backup.package import PackageReader
from edms_backup.service import BackupService
from tests import databases

URL = os.environ["DATABASE_URL"]
CHANGED = "changed meanwhile"
LONG = {
    "postgresql": "SELECT pg_sleep(60)",
    "sqlite": "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n",
}
"""Statements that nobody waits for."""

Lines = Callable[..., Iterator[Any]]
PLAIN: Lines = type(get_engine("default", {})).lines


def sessions() -> int:
    """Return how many connections to the database this site has."""
    if connection.vendor == "sqlite":
        name = str(connection.settings_dict["NAME"])
        links = Path("/proc/self/fd").iterdir()
        return sum(os.path.realpath(link) == os.path.realpath(name) for link in links if link.exists())
    statement = "SELECT count(*) - 1 FROM pg_stat_activity WHERE datname = current_database()"
    return int(databases.query(URL, statement)[0][0])


def settled() -> dict[str, int]:
    """Return what is there once a create has ended: connections beside this thread's own, and threads."""
    connections.close_all()
    until = time.monotonic() + 5
    while sessions() and time.monotonic() < until:
        time.sleep(0.01)  # a server takes a moment to forget a session
    return {"sessions": sessions(), "threads": threading.active_count() - 1}


def create(jobs: int, lines: Lines = PLAIN, reporter: Reporter | None = None) -> Any:
    """Make a package while engines read by ``lines``; return its report, or the error."""
    with mock.patch.object(type(get_engine("default", {})), "lines", lines):
        try:
            return BackupService.from_settings(reporter).create(CreateRequest(jobs=jobs, files=False))
        except EdmsBackupError as error:
            return error


def said(error: Any) -> list[str]:
    """Return what an error tells."""
    return [type(error).__name__, getattr(error, "message", str(error))]


def look(jobs: int) -> dict[str, Any]:
    """Tell who reads, through how many connections, and what is left of them."""
    readers: set[str] = set()
    open_at_once: list[int] = []

    def lines(engine: Engine, *rest: Any) -> Iterator[Any]:
        readers.add(threading.current_thread().name)
        open_at_once.append(sessions())
        yield from PLAIN(engine, *rest)

    report = create(jobs, lines)
    assert report.rows > 500
    return {"readers": sorted(readers), "most": max(open_at_once), **settled()}


class _Counting(NullReporter):
    """Remembers progress, and in which threads it was told."""

    def __init__(self) -> None:
        self.done: list[int] = []
        self.threads: set[int] = set()

    def emit(self, event: Event) -> None:
        self.threads.add(threading.get_ident())
        if isinstance(event, Progress) and event.step == "dump":
            self.done.append(event.done)


def progress(jobs: int) -> dict[str, Any]:
    """Tell what a reporter hears, when something is to be told every few rows."""
    reporter = _Counting()
    with mock.patch("edms_backup.create.dump.PROGRESS_EVERY", 10):
        report = create(jobs, reporter=reporter)
    grows = all(one < other for one, other in zip(reporter.done, reporter.done[1:], strict=False))
    return {
        "one thread": reporter.threads == {threading.get_ident()},
        "grows": grows,
        "events": len(reporter.done),
        "to the end": 0 <= report.rows - reporter.done[-1] < 10
        if jobs == 1
        else reporter.done[-1] == report.rows,
    }


def fail(jobs: int) -> dict[str, Any]:
    """Let one model's rows be unreadable while another worker waits for the database."""
    waiting = threading.Event()

    def lines(engine: Engine, spec: Any, *rest: Any) -> Iterator[Any]:
        if spec.label == "documents.Document":
            if jobs > 1:
                assert waiting.wait(20), "nobody else works"
            raise DumpFailed("documents.Document cannot be read.")
        if jobs > 1 and not waiting.is_set():
            waiting.set()
            with connection.cursor() as cursor:
                cursor.execute(LONG[connection.vendor])
        yield from PLAIN(engine, spec, *rest)

    started = time.monotonic()
    error = create(jobs, lines)
    return {"error": said(error), "quick": time.monotonic() - started < 20, **settled()}


class _Stopping(NullReporter):
    """Is told to stop while others work, as Ctrl-C or a cancelled run does."""

    def __init__(self, stop: BaseException) -> None:
        self._stop = stop

    def emit(self, event: Event) -> None:
        if isinstance(event, Progress):
            raise self._stop


def stop(jobs: int) -> dict[str, Any]:
    """Break off in the middle."""
    ended = ""
    with mock.patch("edms_backup.create.dump.PROGRESS_EVERY", 10):
        try:
            create(jobs, reporter=_Stopping(KeyboardInterrupt()))
        except KeyboardInterrupt:
            ended = "interrupted"
    return {"ended": ended, **settled()}


def moment(jobs: int) -> dict[str, Any]:
    """Let others write between the beginning of the first view and the others, and while they are read."""
    written: list[str] = []
    kind = type(get_engine("default", {}))
    export, begun = kind.export_snapshot, threading.Lock()

    def write(when: str) -> None:
        with suppress(Exception):
            databases.query(URL, f"UPDATE documents SET title = '{CHANGED}' WHERE title <> '{CHANGED}'")
            written.append(when)

    def exported(engine: Engine) -> str:
        snapshot = export(engine)
        write("between")
        return snapshot

    def lines(engine: Engine, *rest: Any) -> Iterator[Any]:
        with begun:
            if "during" not in written:
                write("during")
        yield from PLAIN(engine, *rest)

    with mock.patch.object(kind, "export_snapshot", exported):
        report = create(jobs, lines)
    package = (BackupService.from_settings().settings.package_directory or Path()) / report.package
    with PackageReader.open(package) as reader:
        rows = [json.loads(line)["fields"]["title"] for line in reader.rows("documents.Document")]
    return {"written": written, "rows": len(rows), "seen": rows.count(CHANGED)}


def queue(jobs: int) -> dict[str, Any]:
    """Let somebody wait for a table that the first view holds, before the workers come to it."""
    kind = type(get_engine("default", {}))
    export = kind.export_snapshot
    waits = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    other = threading.Thread(target=databases.query, args=(URL, "TRUNCATE document_comments"))

    def exported(engine: Engine) -> str:
        other.start()
        while not databases.query(URL, waits):
            time.sleep(0.01)
        return export(engine)

    started = time.monotonic()
    with mock.patch.object(kind, "export_snapshot", exported):
        report = create(jobs)
    quick = time.monotonic() - started < 30
    other.join()
    return {
        "quick": quick,
        "said": [f.message for f in report.findings if f.code == "fewer_workers"],
        **settled(),
    }


def refuse(jobs: int) -> dict[str, Any]:
    """Let no worker get a connection of its own: the caller's thread does the work, and says so."""
    kind = type(get_engine("default", {}))

    def begin(engine: Engine, *rest: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        raise OperationalError("too many connections")

    with mock.patch.object(kind, "_begin_joined", begin):
        report = create(jobs)
    return {
        "rows": report.rows,
        "said": [f.message for f in report.findings if f.code == "fewer_workers"],
        **settled(),
    }


def main(action: str, jobs: str) -> None:
    """Let an action happen."""
    actions = {action.__name__: action for action in (look, progress, fail, stop, moment, queue, refuse)}
    json.dump(actions[action](int(jobs)), sys.stdout)
