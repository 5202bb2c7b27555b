"""What is measured: each round makes the same site do one thing by us and by the tools that it is compared with.

A round returns a list of ``Figure``. Competitors are measured beside us in the same round, on the same rows;
where a stock tool would take hours, its time at the greatest size that it was given is scaled up and marked.
"""

import json
import shutil
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.measure import Cost, run
from benchmarks.site import BenchSite
from tests import databases

US = "edms_backup"
GENERIC = "generic"
BY_GENERIC = ", generic engine"
"""Ends the name of a task that is done by nothing but what Django offers on every database."""
QUIET = ("--no-progress",)


@dataclass
class Figure:
    """One thing done by one tool, at one size on one database."""

    vendor: str
    objects: int
    task: str
    tool: str
    seconds: float
    peak_mb: float = 0.0
    extrapolated: bool = False
    details: dict[str, float] = field(default_factory=dict)
    each: float = 0.0
    """Microseconds for one of many, where a figure tells that in place of seconds."""


def line(figure: Figure) -> str:
    """Return a figure for people who watch."""
    where = f"{figure.vendor:<11}{figure.objects:>9,}"
    return f"{where} {figure.task:<36}{figure.tool:<16}{figure.seconds:9.2f} s {figure.peak_mb:7.0f} MB"


@dataclass
class Scale:
    """How far to go."""

    objects: int
    repeat: int
    stock_up_to: int
    """Greatest number of objects that ``dumpdata`` and ``loaddata`` are given."""
    long_row: int = 0
    """Megabytes of the text of one row, for the round that looks at the memory alone."""


def median(costs: list[Cost]) -> Cost:
    """Return the cost in the middle, by seconds."""
    return sorted(costs, key=lambda cost: cost.seconds)[len(costs) // 2]


class Bench:
    """Measures on one vendor at one size."""

    def __init__(self, vendor: str, scale: Scale, directory: Path, say: Callable[[str], None]) -> None:
        self.vendor = vendor
        self.scale = scale
        self.directory = directory
        self.say = say
        self.figures: list[Figure] = []

    def note(self, task: str, tool: str, costs: list[Cost], **details: float) -> None:
        """Take the median of some runs."""
        cost = median(costs)
        figure = Figure(
            self.vendor, self.scale.objects, task, tool, cost.seconds, cost.peak_mb, details=details
        )
        self.figures.append(figure)
        self.say(line(figure))

    def repeated(self, *todo: tuple[str, str, Callable[[], Cost]]) -> None:
        """Do several things in turn, several times over: (task, tool, what to do)."""
        costs: dict[tuple[str, str], list[Cost]] = {}
        for _ in range(self.scale.repeat):
            for task, tool, action in todo:
                costs.setdefault((task, tool), []).append(action())
        for (task, tool), found in costs.items():
            self.note(task, tool, found)

    def everything(self) -> list[Figure]:
        """Run every round on one filled site."""
        with BenchSite(self.vendor, self.directory / f"{self.vendor}-{self.scale.objects}") as site:
            site.dataset("fill", self.scale.objects)
            self.looking_up(site)
            self.creating(site)
            self.restoring(site)
            if self.scale.long_row:
                self.long_row(site)
        return self.figures

    # -- natural keys ------------------------------------------------------------------------------

    def looking_up(self, site: BenchSite) -> None:
        """Rows by natural key and keys by row, batched: what one key costs, on average over some models."""
        told = site.directory / "lookups.json"
        run([sys.executable, "-m", "benchmarks.lookups"], site.env, output=told)
        for way, models in json.loads(told.read_bytes()).items():
            task, each = f"look-up, {way}", statistics.mean(models.values())
            self.figures.append(
                Figure(self.vendor, self.scale.objects, task, US, 0.0, details=models, each=each)
            )
            parts = ", ".join(f"{name} {cost:.1f}" for name, cost in models.items())
            self.say(f"{self.vendor:<11}{self.scale.objects:>9,} {task}: {each:.1f} µs a key ({parts})")

    # -- create ------------------------------------------------------------------------------------

    def creating(self, site: BenchSite) -> None:
        """Packages, fixtures and dumps of the same rows; then what writers feel of it."""
        rivals = [("create", tool, action) for tool, action in self.dumps(site)]
        generic = lambda: site.manage("edms_backup", "create", *QUIET, engine=GENERIC)  # noqa: E731
        self.repeated(
            ("create" + BY_GENERIC, US, generic),
            ("create", US, lambda: site.manage("edms_backup", "create", *QUIET)),
            *rivals,
        )
        if self.scale.objects <= self.scale.stock_up_to:
            fixture = str(site.directory / "stock.jsonl")
            natural = ("--natural-foreign", "--natural-primary", "--format", "jsonl", "--output", fixture)
            self.note("create", "dumpdata", [site.manage("dumpdata", *natural)])
        if self.vendor != "sqlite":  # one writer at a time there, whoever else reads
            self.busy(site)

    def dumps(self, site: BenchSite) -> Iterator[tuple[str, Callable[[], Cost]]]:
        """Yield the database's own tools."""
        to = site.server
        if self.vendor == "postgresql":
            env = {**site.env, "PGPASSWORD": to["password"]}
            address = ("-h", to["host"], "-p", to["port"], "-U", to["user"])
            dump = str(site.directory / "whole.dump")
            yield "pg_dump -Fc", lambda: run(["pg_dump", *address, "-Fc", "-f", dump, to["name"]], env)
            copies = "".join(f"\\copy {table} to '/dev/null'\n" for table in self._tables(site))
            script = site.directory / "copy.sql"
            script.write_text(copies)
            yield "COPY TO", lambda: run(["psql", *address, "-q", "-f", str(script), to["name"]], env)
        elif self.vendor == "mariadb":
            env = {**site.env, "MYSQL_PWD": to["password"]}
            address = ("-h", to["host"], "-P", to["port"], "-u", to["user"], "--single-transaction")
            dump = site.directory / "whole.sql"
            yield "mariadb-dump", lambda: run(["mariadb-dump", *address, to["name"]], env, output=dump)
        else:
            copied = site.directory / "copy.sqlite3"
            yield "sqlite3 .backup", lambda: self._copied(site, copied)

    def _tables(self, site: BenchSite) -> list[str]:
        found = databases.query(
            site.url,
            "SELECT table_name FROM information_schema.tables WHERE table_name LIKE 'records_%%' ORDER BY 1",
        )
        return [str(name) for (name,) in found]

    def _copied(self, site: BenchSite, to: Path) -> Cost:
        code = "import sqlite3,sys; sqlite3.connect(sys.argv[1]).backup(sqlite3.connect(sys.argv[2]))"
        to.unlink(missing_ok=True)
        return run([sys.executable, "-c", code, "/" + site.server["name"].lstrip("/"), str(to)], site.env)

    def busy(self, site: BenchSite) -> None:
        """Count what four writers get done alone, and while packages are made."""
        alone, beside = [], []
        for _ in range(max(2, self.scale.repeat)):
            with writers(site, 4) as work:
                time.sleep(4)
            alone.append(work.rate)
            with writers(site, 4) as work:
                site.manage("edms_backup", "create", *QUIET)
            beside.append(work.rate)
        share = statistics.median(beside) / statistics.median(alone)
        self.figures.append(
            Figure(
                self.vendor, self.scale.objects, "writers beside create", US, 0.0, details={"share": share}
            )
        )
        self.say(
            f"{self.vendor:<11}{self.scale.objects:>9,} writers beside create: {share:.0%} of their rate alone"
        )

    # -- restore -----------------------------------------------------------------------------------

    def restoring(self, site: BenchSite) -> None:
        """Restores of one package into sites in every state, then the tools it is compared with."""
        package = shutil.copy(site.package, site.directory / "measured.edms.zip")

        def into(task: str, prepare: Callable[[], None], *options: str, engine: str = "") -> None:
            costs = []
            for _ in range(self.scale.repeat):
                prepare()
                costs.append(self._restore(site, package, *options, engine=engine))
            self.note(task, US, costs)

        def moved() -> None:
            site.empty()
            site.dataset("fill", self.scale.objects, "--setup", "--base", 7000)

        into("restore, fresh site" + BY_GENERIC, site.empty, engine=GENERIC)
        into("restore, fresh site", site.empty)
        into("merge, same rows", lambda: None)
        into("merge, 1 % differ", lambda: site.dataset("change", 100))
        into("merge, all differ", lambda: site.dataset("change", 1))
        into("replace, 1 % differ", lambda: site.dataset("change", 100), "--mode", "replace")
        into("restore, other ids", moved)
        self.steps(site)
        self.rivals(site)

    def _restore(self, site: BenchSite, package: Path, *options: str, engine: str = "") -> Cost:
        fixed = ("--yes", "--no-safety-package", *QUIET)
        return site.manage("edms_backup", "restore", str(package), *fixed, *options, engine=engine)

    def steps(self, site: BenchSite) -> None:
        """Tell where the seconds of a restore into a fresh site go."""
        site.empty()
        told = site.directory / "steps.json"
        run([sys.executable, "-m", "benchmarks.steps", "restore"], site.env, output=told)
        seconds = json.loads(told.read_bytes())
        figure = Figure(
            self.vendor, self.scale.objects, "steps of a restore", US, seconds["whole"], details=seconds
        )
        self.figures.append(figure)
        parts = ", ".join(f"{step} {took:.2f}" for step, took in seconds.items())
        self.say(f"{self.vendor:<11}{self.scale.objects:>9,} steps of a restore: {parts}")

    def rivals(self, site: BenchSite) -> None:
        """``loaddata``, and what the database brings along."""
        if self.scale.objects <= self.scale.stock_up_to:
            site.empty()
            self.note(
                "restore, fresh site",
                "loaddata",
                [site.manage("loaddata", str(site.directory / "stock.jsonl"))],
            )
        if self.vendor == "postgresql":
            self.repeated(("restore, fresh site", "pg_restore", lambda: self._pg_restore(site)))
        elif self.vendor == "mariadb":
            self.repeated(("restore, fresh site", "mariadb < dump", lambda: self._mariadb(site)))

    def _pg_restore(self, site: BenchSite) -> Cost:
        url = databases.create_database("postgresql", site.directory)
        to, name = site.server, url.rpartition("/")[2]
        address = ("-h", to["host"], "-p", to["port"], "-U", to["user"])
        env = {**site.env, "PGPASSWORD": to["password"]}
        try:
            return run(["pg_restore", *address, "-d", name, str(site.directory / "whole.dump")], env)
        finally:
            databases.drop_database(url)

    def _mariadb(self, site: BenchSite) -> Cost:
        url = databases.create_database("mariadb", site.directory)
        to, name = site.server, url.rpartition("/")[2]
        source = f"source {site.directory / 'whole.sql'}"
        env = {**site.env, "MYSQL_PWD": to["password"]}
        address = ("-h", to["host"], "-P", to["port"], "-u", to["user"])
        try:
            return run(["mariadb", *address, name, "-e", source], env)
        finally:
            databases.drop_database(url)

    # -- memory ------------------------------------------------------------------------------------

    def long_row(self, site: BenchSite) -> None:
        """Create and restore once more with one long text: what it does to the peak of a site of this size."""
        megabytes = self.scale.long_row
        if self.vendor == "mariadb":
            packet = int(databases.query(site.url, "SELECT @@max_allowed_packet")[0][0])
            if packet < megabytes * 1_000_000:
                self.say(f"mariadb takes {packet // 2**20} MB at once: no row of {megabytes} MB there")
                return
        site.empty()
        site.dataset("fill", self.scale.objects)
        site.dataset("lengthen", megabytes)
        what = f"a row of {megabytes} MB"
        self.note(f"create, {what}", US, [site.manage("edms_backup", "create", *QUIET)])
        package = site.package
        site.empty()
        self.note(f"restore, {what}", US, [self._restore(site, package)])


class Work:
    """Counts what writers get done."""

    def __init__(self) -> None:
        self.done = 0
        self.started = time.perf_counter()
        self.rate = 0.0


@contextmanager
def writers(site: BenchSite, count: int) -> Iterator[Work]:
    """Let threads update rows, each over a connection of its own, until the end of the block."""
    stop = threading.Event()
    work = Work()
    done = [0] * count

    def write(number: int) -> None:
        with databases.connect(site.url) as connection:
            cursor = connection.cursor()
            while not stop.is_set():
                cursor.execute(
                    "UPDATE records_person SET full_name = %s WHERE id = %s",
                    (f"writer {done[number]}", number + 1),
                )
                done[number] += 1
                time.sleep(0.002)  # people do not saturate a machine

    threads = [threading.Thread(target=write, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    work.started = time.perf_counter()
    try:
        yield work
    finally:
        stop.set()
        seconds = time.perf_counter() - work.started
        for thread in threads:
            thread.join()
        work.rate = sum(done) / seconds


def files(directory: Path, count: int, say: Callable[[str], None]) -> list[Figure]:
    """A tree of files into a package, beside borg's first run on the same tree."""
    with BenchSite("sqlite", directory / "files") as site:
        run([sys.executable, "-m", "benchmarks.dataset", "files", str(count)], site.env)
        time.sleep(2.1)  # what has just been written is not recognised by its time
        ours = site.manage("edms_backup", "create", *QUIET)
        figures = [Figure("files", count, "create", US, ours.seconds, ours.peak_mb)]
        if shutil.which("borg"):
            env = {
                **site.env,
                "BORG_BASE_DIR": str(site.directory / "borg-home"),
                "BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK": "yes",
            }
            repository = str(site.directory / "borg")
            subprocess.run(
                ["borg", "init", "-e", "none", repository], env=env, check=True, capture_output=True
            )
            theirs = run(["borg", "create", f"{repository}::one", str(site.directory / "media")], env)
            figures.append(Figure("files", count, "create", "borg", theirs.seconds, theirs.peak_mb))
        figures += known_files(site)
    for figure in figures:
        say(line(figure))
    return figures


def known_files(site: BenchSite) -> list[Figure]:
    """The files' part alone: of a first run, and where the first package is known and one file in a hundred changed."""
    told = site.directory / "filestep.json"
    run([sys.executable, "-m", "benchmarks.filestep"], site.env, output=told)
    found = json.loads(told.read_bytes())
    count, task = found["files"], "1 % of files changed"
    return [
        Figure("files", count, task, US, found["again"]),
        Figure("files", count, task, "first run", found["first"]),
    ]
