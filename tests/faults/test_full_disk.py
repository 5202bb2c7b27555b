"""No space left: exit code 17, nothing is published or changed, and the next command works."""

import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.faults.arena import QUICK, Arena
from tests.faults.creating import create_trials
from tests.faults.sampling import some
from tests.faults.states import STORE, leftovers, packages, scratch, state_of
from tests.faults.trials import DONE
from tests.sites import ROOT, Site

pytestmark = pytest.mark.fault

PAGE = 4096
MANAGE = str(ROOT / "example_project" / "manage.py")

FULL = {17, 26}
"""No room for the package or the work; no room for the audit trail."""


def on_small_disk(
    site: Site, place: Path, kilobytes: int, *command: str, env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a command with a file system of that size mounted at ``place``; what was there lies on it.

    What is on it afterwards is copied back, as the mount goes with the command.
    """
    kept = place.with_name(place.name + ".kept")
    script = (
        'place=$1 kept=$2 size=$3; shift 3; mv "$place" "$kept"; mkdir "$place";'
        ' mount -t tmpfs -o "size=${size}k,mode=700" small "$place" && cp -a "$kept/." "$place"; "$@"; code=$?;'
        ' rm -rf "$kept"; mkdir "$kept"; cp -a "$place/." "$kept"; umount "$place"; rmdir "$place";'
        ' mv "$kept" "$place"; exit $code'
    )
    wrapped = ["unshare", "-Urm", "sh", "-c", script, "sh", str(place), str(kept), str(kilobytes)]
    return subprocess.run(
        [*wrapped, sys.executable, MANAGE, "edms_backup", *command],
        env={**site.env, **(env or {})},
        cwd=site.data_dir,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def _may_mount() -> bool:
    if shutil.which("unshare") is None:
        return False
    tried: Sequence[str] = ("unshare", "-Urm", "sh", "-c", "mount -t tmpfs -o size=64k small /mnt")
    return subprocess.run(tried, capture_output=True, check=False).returncode == 0


mounting = pytest.mark.skipif(not _may_mount(), reason="this user may not mount a small file system")


@mounting
@pytest.mark.parametrize("kilobytes", some([4, 40, 64], 2))
def test_create_into_a_full_store(arenas: dict[str, Arena], kilobytes: int) -> None:
    arena = arenas["sqlite"]
    site = arena.copy(arena.changed)
    store = site.data_dir / STORE
    (store / arena.package.name).unlink()

    done = on_small_disk(site, store, kilobytes, "create")

    # 26: there was no room for the first entry of the audit trail, which lives in the store too.
    assert done.returncode in FULL, done.stderr
    assert "error: " in done.stderr
    assert "No space left" in done.stderr
    assert "Traceback" not in done.stderr
    assert packages(site) == []
    assert leftovers(site) == []
    assert state_of(site) == arena.before
    assert site.manage("edms_backup", "create", check=False).returncode in (0, 3)
    arena.discard(site)


@mounting
@pytest.mark.parametrize(
    ("kilobytes", "command"),
    [(4, ("create",)), (8, ("restore", "latest", "--yes"))],
    ids=["create", "restore"],
)
def test_no_space_for_temporary_files(
    arenas: dict[str, Arena], tmp_path: Path, kilobytes: int, command: tuple[str, ...]
) -> None:
    arena = arenas["sqlite"]
    site = arena.copy(arena.changed)
    place = tmp_path / "tmp"
    place.mkdir()

    done = on_small_disk(site, place, kilobytes, *command, env={"TMPDIR": str(place)})

    assert done.returncode == 17, done.stderr
    assert packages(site) == [arena.package.name]
    assert leftovers(site) == []
    assert scratch(place) == []
    assert state_of(site) == arena.before
    arena.discard(site)


@mounting
def test_restore_of_files_onto_a_full_disk(arena: Arena, changed: Site) -> None:
    media = changed.data_dir / "media"
    used = sum(-(-path.stat().st_size // PAGE) * PAGE for path in media.rglob("*") if path.is_file())

    done = on_small_disk(changed, media, (used + PAGE) // 1024, *QUICK)

    assert done.returncode == 17, done.stdout + done.stderr
    assert state_of(changed) == arena.before
    assert leftovers(changed) == []
    assert changed.manage("edms_backup", *QUICK).returncode == 0
    assert state_of(changed) == arena.after


@mounting
def test_files_below_another_mount(arenas: dict[str, Arena]) -> None:
    """A folder of the documents may lie on a disk of its own."""
    arena = arenas["sqlite"]
    site = arena.copy(arena.changed)
    done = on_small_disk(site, site.data_dir / "media" / "documents", 4096, *QUICK)

    assert done.returncode == 0, done.stdout + done.stderr
    assert state_of(site) == arena.after
    assert leftovers(site) == []
    arena.discard(site)


def test_a_full_store_is_no_missing_file(arenas: dict[str, Arena]) -> None:
    """A file that cannot be written into the package is not one that cannot be read here."""
    with create_trials(arenas["sqlite"]) as trials:
        points = trials.points(["space"])
        writes = [at for at, point in enumerate(points, start=1) if point == "space write"]
        assert len(writes) > 3
        tries = [trials.attempt("fill", at, points[at - 1], ["space"]) for at in writes]
    assert [problem for tried in tries for problem in tried.problems] == []
    assert {tried.attempt.code for tried in tries} <= {*FULL, *DONE}
    assert {tried.attempt.code for tried in tries} >= FULL
    assert {tried.settled for tried in tries if tried.attempt.code in FULL} == {"before"}
