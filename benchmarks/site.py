"""A site to measure: its own database, its own directory, and the commands that run in it."""

import os
import shutil
import sys
from pathlib import Path
from urllib.parse import urlsplit

from benchmarks.measure import Cost, run
from tests import databases

ROOT = Path(__file__).resolve().parent.parent


class BenchSite:
    """One database of one vendor, with the tables of the archive."""

    def __init__(self, vendor: str, directory: Path) -> None:
        self.vendor = vendor
        self.directory = directory
        directory.mkdir(parents=True, exist_ok=True)
        self.url = databases.create_database(vendor, directory)
        self._make_tables()

    def __enter__(self) -> "BenchSite":
        """Return the site."""
        return self

    def __exit__(self, *error: object) -> None:
        """Drop database and directory."""
        databases.drop_database(self.url)
        shutil.rmtree(self.directory)

    @property
    def env(self) -> dict[str, str]:
        """Return the environment of its commands; byte code is kept, as on any installed site."""
        inherited = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        return {
            **inherited,
            "DATABASE_URL": self.url,
            "BENCH_DATA_DIR": str(self.directory),
            "DJANGO_SETTINGS_MODULE": "benchmarks.settings",
            "PYTHONPATH": str(ROOT),
        }

    @property
    def server(self) -> dict[str, str]:
        """Return host, port, user, password and name of the database, empty where the address has none."""
        parts = urlsplit(self.url)
        return {
            "host": parts.hostname or "",
            "port": str(parts.port or {"postgresql": 5432, "mariadb": 3306}.get(self.vendor, "")),
            "user": parts.username or "",
            "password": parts.password or "",
            "name": parts.path.removeprefix("/"),
        }

    @property
    def package(self) -> Path:
        """Return the newest package of the site's store."""
        return max(
            (self.directory / "packages").glob("edms-*.edms.zip"), key=lambda path: path.stat().st_mtime
        )

    def manage(self, *arguments: str, engine: str = "") -> Cost:
        """Run a management command, as an operator would, and return what it took; ``engine``: not the usual one."""
        env = {**self.env, "EDMS_BACKUP_ENGINE": engine} if engine else self.env
        return run([sys.executable, "-m", "django", *arguments], env)

    def dataset(self, *arguments: object) -> None:
        """Run the dataset maker."""
        run([sys.executable, "-m", "benchmarks.dataset", *map(str, arguments)], self.env)

    def empty(self) -> None:
        """Begin with a new database, as after an installation; the packages stay."""
        databases.drop_database(self.url)
        self.url = databases.create_database(self.vendor, self.directory)
        self._make_tables()

    def _make_tables(self) -> None:
        # In two steps: tables without migrations are made first, and would not find those they refer to.
        self.manage("migrate", "--verbosity", "0")
        self.manage("migrate", "--run-syncdb", "--verbosity", "0")
