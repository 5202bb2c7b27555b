"""A create and a restore of one site, started together again and again."""

import subprocess
import sys
from collections import Counter

from tests.faults.arena import QUICK, Arena
from tests.faults.states import leftovers, packages, state_of
from tests.sites import ROOT, Site

# Without files: the changed site lacks some, and a package with defects would end with 3.
CREATE = ("create", "--json", "--no-files", "--models", "documents")
ENDED = 60


def start(site: Site, *command: str) -> "subprocess.Popen[str]":
    """Start a command and do not wait for it."""
    return subprocess.Popen(
        [sys.executable, str(ROOT / "example_project" / "manage.py"), "edms_backup", *command],
        env=site.env,
        cwd=site.data_dir,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def race(arena: Arena, site: Site, pairs: int) -> tuple[Counter[str], list[str]]:
    """Run ``pairs`` races in a copy of the changed site; return counts and problems.

    Each command that says that it worked did, and each other one was told to wait.
    """
    counts: Counter[str] = Counter()
    problems: list[str] = []
    made = len(packages(site))
    # By its name: the latest package may be one that a create of these races made.
    restore = tuple(arena.package.name if word == "latest" else word for word in QUICK)
    for number in range(pairs):
        pair = [start(site, *CREATE), start(site, *restore)]
        said = [process.communicate(timeout=ENDED) for process in pair]
        codes = [process.returncode for process in pair]
        counts["points"] += 1
        counts[
            {(0, 0): "both worked", (0, 11): "one waited", (11, 0): "one waited"}.get((*codes,), "torn")
        ] += 1
        made += codes[0] == 0
        if not set(codes) <= {0, 11} or 0 not in codes:
            problems.append(f"race {number}: {codes} {said}")
        if len(packages(site)) != made:
            problems.append(f"race {number}: {len(packages(site))} packages instead of {made}")
    if litter := leftovers(site):
        problems.append(f"races left behind: {litter}")
    if site.manage("edms_backup", *restore, check=False).returncode != 0:
        problems.append("after the races a restore does not work")
    if state_of(site).files != arena.after.files:
        problems.append("after the races the files are not those of the package")
    return counts, problems
