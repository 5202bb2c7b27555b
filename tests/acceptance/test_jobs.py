"""Several workers make the package that one makes, of the one moment that they share, and leave nothing behind."""

import dataclasses
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from edms_backup.package import PackageReader
from edms_backup.package.container import MANIFEST
from tests.faults.sampling import EVERYTHING
from tests.sites import ROOT, Site, SiteFactory

pytestmark = pytest.mark.slow

CREW = "import django, sys; django.setup(); from tests.acceptance.crew import main; main(*sys.argv[1:])"
SHARING = ("sqlite", "postgresql")
"""Databases whose engines give their view to several connections."""


def crew(site: Site, action: str, jobs: int) -> Any:
    """Let an action of ``crew.py`` happen in a process of the site; return its result."""
    done = subprocess.run(
        [sys.executable, "-c", CREW, action, str(jobs)],
        env={**site.env, "PYTHONPATH": f"{ROOT}:{ROOT / 'example_project'}"},
        cwd=site.data_dir,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def content_of(package: Path) -> tuple[bytes, dict[str, Any]]:
    """Return all bytes before the manifest, and the manifest without what is new in each package."""
    with zipfile.ZipFile(package) as members:
        end = members.getinfo(MANIFEST).header_offset
    with PackageReader.open(package) as reader:
        manifest = dataclasses.asdict(reader.manifest)
    del manifest["header"]
    return package.read_bytes()[:end], manifest


def test_the_same_package_whoever_makes_it(make_site: SiteFactory, vendor: str, tmp_path: Path) -> None:
    site = make_site(vendor, seeded=True)
    for root in ("media", "storage"):
        for file in (site.data_dir / root).rglob("*"):
            os.utime(file, (1_700_000_000, 1_700_000_000))  # of what was written just now no time is told
    made, said = {}, {}
    for jobs in (1, 2, 4):
        target = tmp_path / f"{jobs}.zip"
        done = site.manage("edms_backup", "create", "--jobs", str(jobs), "--output", target, "--json")
        said[jobs] = [f["code"] for f in json.loads(done.stdout)["findings"]].count("fewer_workers")
        made[jobs] = content_of(target)
    assert len(made[1][0]) > 100_000
    assert made[2] == made[1]
    assert made[4] == made[1]
    # Who cannot share its view says so once, and does the work alone.
    assert said == {1: 0, 2: vendor not in SHARING, 4: vendor not in SHARING}


@pytest.fixture(params=SHARING if EVERYTHING else ["postgresql"])
def sharing(request: pytest.FixtureRequest, make_site: SiteFactory) -> Site:
    """Give a seeded site on a database whose view several connections can have."""
    from tests.conftest import skip_unless_present

    skip_unless_present(request.param)
    site = make_site(request.param, seeded=True)
    if request.param == "sqlite":
        site.query("PRAGMA journal_mode = WAL")  # in the other mode nobody commits while somebody reads
    return site


def test_each_worker_has_a_connection_which_is_closed(sharing: Site) -> None:
    for jobs in (1, 2, 4):
        found = crew(sharing, "look", jobs)
        own = [f"edms-create-{number}" for number in range(1, 1 + jobs)]
        assert set(found["readers"]) <= ({*own} if jobs > 1 else {"MainThread"})
        assert jobs == 1 or len(found["readers"]) > 1
        assert found["most"] >= 1 + jobs * (jobs > 1)
        assert (found["sessions"], found["threads"]) == (0, 0)


def test_progress_is_told_in_one_place(sharing: Site) -> None:
    for jobs in (1, 2):
        found = crew(sharing, "progress", jobs)
        assert found.pop("events") > 3
        assert set(found.values()) == {True}, found


def test_what_one_cannot_read_ends_all_at_once(sharing: Site) -> None:
    packages = sharing.data_dir / "backups"
    alone, together = crew(sharing, "fail", 1), crew(sharing, "fail", 2)
    assert alone["error"] == ["DumpFailed", "documents.Document cannot be read."]
    assert together == alone == {**alone, "quick": True, "sessions": 0, "threads": 0}
    assert [path.name for path in packages.iterdir() if path.is_file()] == []


def test_who_is_stopped_leaves_nothing(sharing: Site) -> None:
    assert crew(sharing, "stop", 2) == {"ended": "interrupted", "sessions": 0, "threads": 0}
    assert [path.name for path in (sharing.data_dir / "backups").iterdir() if path.is_file()] == []


def test_all_workers_see_one_moment(sharing: Site) -> None:
    found = crew(sharing, "moment", 3)
    assert found["rows"] > 10
    assert found["seen"] == 0
    # The one lets others write at once; the other until every worker has begun.
    assert found["written"] == (["during"] if sharing.vendor == "sqlite" else ["between", "during"])


def test_nobody_waits_in_a_circle(make_site: SiteFactory) -> None:
    """Nobody passes who waits for a table of PostgreSQL: no worker may queue behind who waits for its own create."""
    from tests.conftest import skip_unless_present

    skip_unless_present("postgresql")
    found = crew(make_site("postgresql", seeded=True), "queue", 2)
    (message,) = found.pop("said")
    assert "could not obtain lock" in message
    assert found == {"quick": True, "sessions": 0, "threads": 0}


def test_without_connections_for_workers_one_does_it(sharing: Site) -> None:
    found = crew(sharing, "refuse", 2)
    assert found["rows"] > 500
    (message,) = found["said"]
    assert "Not all of 2 workers took part" in message and "too many connections" in message
    assert (found["sessions"], found["threads"]) == (0, 0)


def test_no_workers_are_no_package(make_site: SiteFactory) -> None:
    site = make_site("sqlite")
    for jobs in ("0", "-1", "two"):
        done = site.manage("edms_backup", "create", "--jobs", jobs, check=False)
        assert done.returncode == 2
        assert "must be a number of workers, 1 or more" in done.stderr
