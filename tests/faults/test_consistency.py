"""A package is made while people work: it holds one moment."""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from edms_backup.package import PackageReader
from tests.faults.arena import Arena, rehearsal
from tests.faults.sampling import EVERYTHING
from tests.faults.states import STORE
from tests.faults.writer import PAIR, PREFIX
from tests.sites import ROOT, Site

pytestmark = [pytest.mark.fault, pytest.mark.slow]

WRITERS = 8 if EVERYTHING else 3
PACKAGES = 100 if EVERYTHING else 3
PAUSE = 0.25 if EVERYTHING else 0.01
"""Seconds: what is written must not grow faster than packages are made."""
COMMAND = ("create", "--json", "--models", "documents", "audit")


@contextmanager
def people(site: Site, directory: Path) -> Iterator[None]:
    """Let several processes write until the end of the block; each must have written something."""
    stop = directory / "stop"
    command = [sys.executable, "-m", "tests.faults.writer"]
    env = {**site.env, "PYTHONPATH": f"{ROOT}:{ROOT / 'example_project'}"}
    writers = [
        subprocess.Popen(
            [*command, str(number), str(stop), str(PAUSE)],
            env=env,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for number in range(WRITERS)
    ]
    try:
        yield
    finally:
        stop.touch()
        said = [writer.communicate(timeout=60) for writer in writers]
    assert [error for writer, (_, error) in zip(writers, said, strict=True) if writer.returncode] == []


def rows_of(package: Path, label: str) -> list[dict[str, Any]]:
    """Return the rows of a model in a package."""
    with PackageReader.open(package) as reader:
        return [json.loads(line)["fields"] for line in reader.rows(label)]


def contents_of(package: Path) -> dict[str, str]:
    """Return the contents of the writers' files in a package, by the numbers of their documents."""
    with PackageReader.open(package) as reader:
        return {
            Path(entry.name).stem: reader.open_content(entry).read().decode()
            for entry in reader.files()
            if not entry.missing and Path(entry.name).name.startswith(PREFIX)
        }


@pytest.mark.parametrize("jobs", [1, 2, 4] if EVERYTHING else [1, 4])
def test_one_moment(arena: Arena, tmp_path: Path, jobs: int) -> None:
    if jobs > 1 and arena.vendor == "mariadb":
        pytest.skip("one worker reads a view that cannot be shared")
    site = arena.copy(arena.original)
    site.query(
        "UPDATE documents SET file_size = 100000, file_path = '' WHERE document_number = %s", [PAIR[0]]
    )
    site.query(
        "UPDATE documents SET file_size = 100000, file_path = '' WHERE document_number = %s", [PAIR[1]]
    )
    made = []
    with rehearsal(site) as stage, people(site, tmp_path):
        until = time.monotonic() + 60
        while not site.query(f"SELECT 1 FROM documents WHERE document_number LIKE '{PREFIX}%'"):
            assert time.monotonic() < until
            time.sleep(0.05)
        for _ in range(PACKAGES):
            done = stage.run(*COMMAND, "--jobs", str(jobs))
            assert done.code in (0, 3), done.said
            assert "fewer_workers" not in done.stdout
            made.append(site.data_dir / STORE / done.document["package"])

    grown = []
    for package in made:
        documents = {row["document_number"]: row for row in rows_of(package, "documents.Document")}
        assert sum(documents[number]["file_size"] for number in PAIR) == 200000
        busy = {number for number in documents if number.startswith(PREFIX)}
        versions = {row["document"][0] for row in rows_of(package, "documents.DocumentVersion")}
        records = {
            row["object_representation"]
            for row in rows_of(package, "audit.AuditTrail")
            if row["action"] == "BUSY"
        }
        assert {number for number in versions if number.startswith(PREFIX)} == busy
        assert records == busy
        assert contents_of(package) == {number: number for number in busy}
        grown.append(len(busy))
    assert len(set(grown)) > 1, "nobody wrote meanwhile"
    arena.discard(site)


def test_truncate_waits(arenas: dict[str, Arena]) -> None:
    """PostgreSQL's TRUNCATE would be seen through a snapshot; it has to wait for the package."""
    from tests.conftest import skip_unless_present

    skip_unless_present("postgresql")
    arena = arenas["postgresql"]
    site = arena.copy(arena.original)
    (count,) = site.query("SELECT COUNT(*) FROM document_access_logs")[0]
    assert count
    truncated: list[float] = []

    def truncate() -> None:
        site.query("SELECT pg_sleep(0.7)")
        site.query("TRUNCATE document_access_logs")
        truncated.append(time.monotonic())

    with rehearsal(site) as stage:
        points = stage.run("create", "--json", kinds=["statement"]).points
        lock = next(at for at, point in enumerate(points, start=1) if "LOCK TABLE" in point)
        thread = threading.Thread(target=truncate)
        thread.start()
        started = time.monotonic()
        done = stage.run("create", "--json", strike="pause", at=lock + 3, kinds=["statement"])
        ended = time.monotonic()
        thread.join()
    # It would have been over at once; the view is let go before the package is read back and published.
    assert truncated[0] - started > (ended - started) / 2
    package = site.data_dir / STORE / done.document["package"]
    assert len(rows_of(package, "documents.DocumentAccessLog")) == count
    assert site.query("SELECT COUNT(*) FROM document_access_logs") == [(0,)]
    arena.discard(site)
