"""Whole sites for tests: the example project on a throw-away database, driven as an operator drives it.

Each :class:`Site` is a process environment; its commands run in a subprocess, so that what a test sees is
what the command line gives. Coverage follows into those subprocesses (``patch`` in pyproject.toml).
"""

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests import databases

ROOT = Path(__file__).resolve().parent.parent
DEFAULT_TIMEOUT = 300
"""Seconds after which a command counts as hung; the longest takes a fraction of it on two cores."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """One running-to-be EDMS: a vendor, a database, a directory for its files, and the commands on them."""

    vendor: str
    database_url: str
    data_dir: Path
    env: dict[str, str]

    def manage(
        self,
        *args: str | Path,
        check: bool = True,
        env: dict[str, str] | None = None,
        input: str | None = None,
        timeout: float = DEFAULT_TIMEOUT,
    ) -> subprocess.CompletedProcess[str]:
        """Run ``manage.py`` with these arguments and return the completed process, its output as text.

        ``env`` is laid over the site's own environment. With ``check`` an exit code other than zero fails the
        test and shows what the command printed.
        """
        done = subprocess.run(
            [sys.executable, str(ROOT / "example_project" / "manage.py"), *map(str, args)],
            env={**self.env, **(env or {})},
            cwd=self.data_dir,
            input=input if input is not None else "",
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        if check and done.returncode != 0:
            said = f"--- stdout\n{done.stdout}--- stderr\n{done.stderr}"
            pytest.fail(
                f"manage.py {' '.join(map(str, args))} exited {done.returncode}\n{said}", pytrace=False
            )
        return done

    def migrate(self, *args: str) -> None:
        """Run the real ``migrate`` command: brings an empty database up, and takes a target as arguments."""
        self.manage("migrate", *args, "--verbosity", "0")

    def query(self, statement: str, params: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Run one SQL statement on the site's database, past Django, and return its rows."""
        return databases.query(self.database_url, statement, params)


def build_site(vendor: str, database_url: str, data_dir: Path) -> Site:
    """Return the site that lives in this database and this directory, which is made when it is missing."""
    data_dir.mkdir(parents=True, exist_ok=True)
    env = {
        name: value
        for name, value in os.environ.items()
        # The site's settings are its own: nothing of the developer's shell or of the test run leaks in.
        if not name.startswith(("EDMS_", "DJANGO_", "PYTEST_"))
    }
    env |= {
        "DATABASE_URL": database_url,
        "EDMS_DATA_DIR": str(data_dir),
        "DJANGO_SETTINGS_MODULE": "edms.settings",
        # The edms_backup of this checkout, as in the tests' own process, whatever else is installed.
        "PYTHONPATH": str(ROOT),
        "PYTHONUTF8": "1",
        "COLUMNS": "200",
    }
    return Site(vendor=vendor, database_url=database_url, data_dir=data_dir, env=env)


class SiteTemplates:
    """Sites that others begin as copies of, per vendor one migrated and one filled by ``seed_demo``.

    Each is made at its first use and kept for the session: migrating and seeding cost seconds, copying a
    fraction of one.
    """

    def __init__(self, directory: Path) -> None:
        """Keep the templates' files, and their databases where these are files, in ``directory``."""
        self._directory = directory
        self._sites: dict[tuple[str, bool], Site] = {}

    def site(self, vendor: str, *, seeded: bool = False) -> Site:
        """Return the vendor's template. Nobody may stay connected to its database or change it."""
        if (vendor, seeded) not in self._sites:
            base = self.site(vendor) if seeded else None
            url = databases.create_database(vendor, self._directory, base and base.database_url)
            template = build_site(
                vendor, url, self._directory / f"{vendor}-{'seeded' if seeded else 'empty'}"
            )
            self._sites[vendor, seeded] = template
            if seeded:
                template.manage("seed_demo")
            else:
                template.migrate()
        return self._sites[vendor, seeded]

    def drop(self) -> None:
        """Drop the templates' databases."""
        for template in self._sites.values():
            databases.drop_database(template.database_url)
        self._sites.clear()


SiteFactory = Callable[..., Site]
"""``make_site(vendor, name="site", migrated=True, seeded=False) -> Site``; see tests/README.md."""
