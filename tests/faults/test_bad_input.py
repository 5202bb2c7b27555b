"""What is asked for is wrong: one clear sentence, the documented exit code, and nothing is changed."""

import json
import shutil
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults.arena import RESTORE, Arena, Rehearsal, rehearsal
from tests.faults.states import STORE, leftovers, packages, state_of
from tests.sites import Site

pytestmark = pytest.mark.fault

Spoil = Callable[[Path, Path], None]
"""(a good package, where to put the bad one)"""


def nothing(good: Path, bad: Path) -> None:
    """Put nothing there."""


def text(good: Path, bad: Path) -> None:
    bad.write_text("Dear colleague, please find attached the backup.\n" * 40)


def empty(good: Path, bad: Path) -> None:
    bad.touch()


def directory(good: Path, bad: Path) -> None:
    bad.mkdir()


def ordinary_zip(good: Path, bad: Path) -> None:
    with zipfile.ZipFile(bad, "w") as archive:
        archive.writestr("MANIFEST.json", "{}")


def truncated(good: Path, bad: Path) -> None:
    bad.write_bytes(good.read_bytes()[:-1000])


def without_its_beginning(good: Path, bad: Path) -> None:
    bad.write_bytes(good.read_bytes()[1:])


def one_bit(good: Path, bad: Path) -> None:
    content = bytearray(good.read_bytes())
    content[len(content) // 2] ^= 0x10
    bad.write_bytes(content)


def newer_format(good: Path, bad: Path) -> None:
    bad.write_bytes(good.read_bytes().replace(b"package format=0001", b"package format=0002"))


@pytest.mark.parametrize(
    ("spoil", "code", "word"),
    [
        (nothing, 10, "no package"),
        (text, 13, "package"),
        (empty, 13, "package"),
        (directory, 2, "is a directory"),
        (ordinary_zip, 13, "package"),
        (truncated, 13, ""),
        (without_its_beginning, 13, ""),
        (one_bit, 13, ""),
        (newer_format, 14, "format"),
    ],
    ids=lambda value: value.__name__ if callable(value) else "",
)
def test_what_is_no_good_package(
    arenas: dict[str, Arena], tmp_path: Path, spoil: Spoil, code: int, word: str
) -> None:
    """The database does not matter: nobody gets that far."""
    arena = arenas["sqlite"]
    bad = tmp_path / "bad.edms.zip"
    spoil(arena.package, bad)

    with rehearsal(arena.changed) as stage:
        ended = {
            command: stage.run(command, str(bad), *(["--yes"] if command == "restore" else []))
            for command in ("restore", "verify", "show")
        }
        document = stage.run("verify", str(bad), "--json").document
    assert (document["ok"], type(document["findings"])) == (False, list)
    assert "error" in document or document["findings"]
    for command, done in ended.items():
        if command == "show" and spoil is one_bit:
            continue  # only the table of contents is read
        assert done.code == code, done.stderr
        lines = done.stderr.splitlines()
        assert [line for line in lines if line.startswith("error: ") and word in line], lines
        assert "Traceback" not in done.stderr
        assert done.stdout == ""
    assert state_of(arena.changed) == arena.before
    assert packages(arena.changed) == [arena.package.name]
    assert leftovers(arena.changed) == []


@pytest.mark.parametrize("command", ["create", "restore"])
def test_a_model_that_nobody_knows(arena: Arena, stage: Rehearsal, changed: Site, command: str) -> None:
    arguments = ("create",) if command == "create" else ("restore", "latest", "--yes")
    done = stage.run(*arguments, "--json", "--models", "nope.Nope")

    assert done.code == 15
    assert done.document["error"]["code"] == "unknown_model"
    assert "nope.Nope" in done.document["error"]["message"]
    assert state_of(changed) == arena.before
    assert packages(changed) == [arena.package.name]


def test_a_package_with_a_model_that_this_site_lacks(arena: Arena, changed: Site) -> None:
    """The other site has an application more; its rows must not be left out in silence."""
    extra = changed.data_dir / "extra"
    extra.mkdir()
    (extra / "__init__.py").touch()
    (extra / "models.py").write_text(
        "from django.db import models\n\n\nclass Thing(models.Model):\n"
        "    name = models.CharField(max_length=20, unique=True)\n"
    )
    (changed.data_dir / "more.py").write_text(
        "from edms.settings import *\n\nINSTALLED_APPS = [*INSTALLED_APPS, 'extra']\n"
    )
    env = {
        "DJANGO_SETTINGS_MODULE": "more",
        "PYTHONPATH": f"{changed.env['PYTHONPATH']}:{changed.data_dir}",
    }
    changed.manage("migrate", "--run-syncdb", "--verbosity", "0", env=env)
    changed.query("INSERT INTO extra_thing (name) VALUES ('a')")
    made = json.loads(changed.manage("edms_backup", "create", "--json", env=env, check=False).stdout)
    before = state_of(changed)

    done = changed.manage("edms_backup", "restore", made["package"], "--yes", check=False)

    assert done.returncode == 16, done.stderr
    assert "extra.Thing" in done.stderr
    assert state_of(changed) == before
    assert leftovers(changed) == []


DRIFTS = {
    "table": ("DROP TABLE document_comments", "document_comments", ""),
    "column": ("ALTER TABLE documents DROP COLUMN mime_type", "documents", "mime_type"),
}


@pytest.mark.parametrize("lacks", DRIFTS)
def test_a_table_or_column_that_is_missing(arena: Arena, stage: Rehearsal, changed: Site, lacks: str) -> None:
    statement, table, column = DRIFTS[lacks]
    changed.query(statement)
    before = state_of(changed)

    for command in (("create", "--json"), RESTORE):
        done = stage.run(*command, kinds=["statement", "file"])
        assert done.code == 15, done.said
        assert done.document["error"]["code"] == "missing_table"
        assert table in done.document["error"]["message"]
        assert column in done.document["error"]["message"]
        read = [point for point in done.points if "document_versions" in point]
        # Looking at columns is not reading rows.
        assert [point for point in read if "SELECT" in point and "SELECT * FROM" not in point] == []
    assert state_of(changed) == before
    assert packages(changed) == [arena.package.name]
    assert leftovers(changed) == []


def test_output_where_it_must_not_be(arenas: dict[str, Arena], tmp_path: Path) -> None:
    arena = arenas["sqlite"]
    site = arena.changed
    taken = tmp_path / "taken.edms.zip"
    taken.write_bytes(b"somebody's only copy")
    wrong = {
        taken: (2, "exists"),
        site.data_dir / "media" / "public.edms.zip": (4, "MEDIA_ROOT"),
        tmp_path / "missing" / "x.edms.zip": (2, "no directory"),
        tmp_path: (2, "exists"),
    }
    for output, (code, word) in wrong.items():
        done = site.manage("edms_backup", "create", "--output", output, check=False)
        assert (done.returncode, word in done.stderr) == (code, True), done.stderr
    assert taken.read_bytes() == b"somebody's only copy"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["taken.edms.zip"]
    assert state_of(site) == arena.before
    assert leftovers(site) == []


def test_a_store_that_is_a_file(arenas: dict[str, Arena], tmp_path: Path) -> None:
    arena = arenas["sqlite"]
    site = arena.copy(arena.changed)
    shutil.rmtree(site.data_dir / STORE)
    (site.data_dir / STORE).write_text("not a directory")

    done: subprocess.CompletedProcess[str] = site.manage("edms_backup", "create", check=False)

    assert done.returncode == 23, done.stderr
    assert "Traceback" not in done.stderr
    arena.discard(site)
