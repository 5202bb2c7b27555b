"""A site that a restore changes in every way, and copies of it to let things go wrong in."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from tests import databases
from tests.faults.states import STATE, STORE, State, state_of
from tests.sites import ROOT, Site, SiteTemplates, build_site

REPLACED = ("media/documents/SOP-2025-0003.pdf", "media/documents/2025/SOP-2025-0004.docx")
REMOVED = ("media/documents/2025/WIN-2025-0001.pdf", "storage/documents/2023/SOP-2023-0002.pdf")
CHANGES = (
    "UPDATE documents SET title = 'changed since' WHERE document_number = 'SOP-2025-0003'",
    "DELETE FROM document_comments",
)
RESTORE = ("restore", "latest", "--yes", "--json", "--no-progress")
SCOPE = ("--models", "documents.Document", "documents.DocumentVersion", "documents.DocumentComment")
"""Enough to bring back all that was changed, in a part of the time that the whole package takes."""
QUICK = (*RESTORE, "--no-safety-package", *SCOPE)


@dataclass(frozen=True)
class Attempt:
    """How one command of a rehearsal ended."""

    code: int
    stdout: str
    stderr: str
    seconds: float
    points: list[str] = field(default_factory=list)

    @property
    def document(self) -> dict[str, Any]:
        """Return the one JSON document on standard output."""
        document: dict[str, Any] = json.loads(self.stdout)
        return document

    @property
    def said(self) -> str:
        """Return everything that was written, for messages."""
        return f"exit {self.code}\n{self.stdout}\n{self.stderr}"


class Rehearsal:
    """A running ``rehearse.py`` of one site."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def run(self, *command: str, **request: Any) -> Attempt:
        """Run a subcommand of ``edms_backup`` in a child of its own; see ``rehearse.py`` for the request."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps({"command": command, **request}) + "\n")
        self._process.stdin.flush()
        return Attempt(**json.loads(self._process.stdout.readline()))


@contextmanager
def rehearsal(site: Site) -> Iterator[Rehearsal]:
    """Start ``rehearse.py`` for a site."""
    command = [sys.executable, "-m", "tests.faults.rehearse"]
    env = {**site.env, "PYTHONPATH": f"{ROOT}:{ROOT / 'example_project'}"}
    with subprocess.Popen(
        command, env=env, cwd=site.data_dir, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            yield Rehearsal(process)
        finally:
            assert process.stdin is not None
            process.stdin.close()
            process.wait(timeout=60)


class Arena:
    """The sites of one vendor: seeded with a package of itself, and changed since."""

    def __init__(self, vendor: str, templates: SiteTemplates, directory: Path) -> None:
        """Keep files in ``directory``."""
        self.vendor = vendor
        self._templates = templates
        self._directory = directory
        self._made: list[str] = []
        self._count = 0

    def copy(self, site: Site) -> Site:
        """Return a new site with the rows and files of another one."""
        self._count += 1
        url = databases.create_database(self.vendor, self._directory, site.database_url)
        self._made.append(url)
        place = self._directory / f"site{self._count}"
        shutil.copytree(site.data_dir, place)
        return build_site(self.vendor, url, place)

    def discard(self, site: Site) -> None:
        """Drop a copy."""
        databases.drop_database(site.database_url)
        self._made.remove(site.database_url)
        shutil.rmtree(site.data_dir)

    def drop(self) -> None:
        """Drop everything."""
        for url in self._made:
            databases.drop_database(url)

    @cached_property
    def original(self) -> Site:
        """A seeded site with a package of itself in its store. Nobody changes it."""
        site = self.copy(self._templates.site(self.vendor, seeded=True))
        site.manage("edms_backup", "create", "--json")
        return site

    @cached_property
    def package(self) -> Path:
        """The package of the original."""
        (path,) = (self.original.data_dir / STORE).glob("edms-*")
        return path

    @cached_property
    def changed(self) -> Site:
        """The original, with rows and files changed since its package. Nobody changes it further."""
        site = self.copy(self.original)
        for statement in CHANGES:
            site.query(statement)
        for name in REPLACED:
            (site.data_dir / name).write_bytes(b"another content")
        for name in REMOVED:
            (site.data_dir / name).unlink()
        # As after any earlier restore, so that all tries pass the same points.
        (site.data_dir / STORE / STATE / "restores").mkdir(mode=0o700)
        return site

    @cached_property
    def before(self) -> State:
        """The state of the changed site."""
        return state_of(self.changed)

    @cached_property
    def after(self) -> State:
        """The state of the changed site after an undisturbed restore."""
        site = self.copy(self.changed)
        site.manage("edms_backup", *RESTORE)
        state = state_of(site)
        self.discard(site)
        touched = self.before.differences(state)
        assert {"documents", "document_comments", *REPLACED, *REMOVED} <= set(touched)
        return state
