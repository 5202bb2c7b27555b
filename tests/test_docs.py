"""The documents say what is: commands run, codes and ids are complete, links lead somewhere.

``docs/cli.md`` and ``docs/settings.md`` are compared in ``tests/cli``, ``docs/format.md`` in ``tests/package``.
"""

import ast
import re
import shlex
import shutil
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from edms_backup import checks, errors
from edms_backup.cli.main import COMMANDS
from edms_backup.conf.readers import READERS
from edms_backup.errors import EdmsBackupError
from tests import vocabulary
from tests.sites import Site, SiteFactory

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
PAGES = sorted([README, ROOT / "ARCHITECTURE.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")])
ASKING = {"restore", "undo"}
EXITS = {"check": {0, 3}}
"""Subcommands of ``edms_backup`` that may end with another exit code than 0 on the example site."""
SHELL = ("unzip ", "python3 unpack.py ", "head ", "tail ")


def _name(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def _text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def _blocks(page: Path, language: str) -> list[str]:
    found = re.findall(
        rf"^```{language}\n(.*?)^```$", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
    )
    return [str(block) for block in found]


def _commands(page: Path) -> Iterator[tuple[str, list[str]]]:
    """Yield every command of the console blocks of a page, with the output that is shown for it."""
    for block in _blocks(page, "console"):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, *shown = part.splitlines()
            yield command, [line for line in shown if line.strip() not in ("", "…")]


WITH_COMMANDS = [page for page in PAGES if list(_commands(page))]


@pytest.mark.slow
@pytest.mark.parametrize("page", WITH_COMMANDS, ids=_name)
def test_every_command_works_in_the_order_of_its_page(
    page: Path, make_site: SiteFactory, tmp_path: Path
) -> None:
    site = make_site("sqlite", seeded=True)
    package = tmp_path / "elsewhere.edms.zip"
    site.manage("edms_backup", "create")
    site.manage("edms_backup", "create", "--output", package)
    for command, shown in _commands(page):
        filled = command.replace("PACKAGE", str(package)).replace("FOLDER", str(tmp_path / "unpacked"))
        said = {_plain(line) for line in _run(filled, site, tmp_path).splitlines()}
        assert [line for line in shown if _plain(line) not in said] == [], f"$ {command}\n{said}"


def _run(command: str, site: Site, folder: Path) -> str:
    """Run a command the way its kind allows, and return what it said."""
    if command.startswith("python manage.py "):
        return _manage(shlex.split(command)[2:], site)
    if command.startswith(SHELL):
        return _shell(command, folder)
    if command.startswith("make "):
        assert command.split()[1] in re.findall(r"^(\w+):", _text("Makefile"), re.MULTILINE)
        return ""
    assert command.startswith("pip install "), f"nobody knows how to try: {command}"
    wanted = re.fullmatch(r"edms-backup(?:\[(.*)\])?", shlex.split(command)[2])
    assert wanted, command
    known = tomllib.loads(_text("pyproject.toml"))["project"]["optional-dependencies"]
    assert {extra for extra in (wanted[1] or "").split(",") if extra} <= set(known)
    return ""


def _manage(args: list[str], site: Site) -> str:
    """Run a command of Django on the site; where it would ask, somebody has said yes."""
    subcommand = args[1] if args[0] == "edms_backup" else ""
    if subcommand in ASKING and "--dry-run" not in args:
        args = [*args, "--yes"]
    done = site.manage(*args, check=False)
    allowed = EXITS.get(subcommand, {0})
    assert done.returncode in allowed, f"manage.py {' '.join(args)}\n{done.stdout}{done.stderr}"
    return done.stdout


def _shell(command: str, folder: Path) -> str:
    if shutil.which(command.split(maxsplit=1)[0]) is None:
        pytest.skip(f"{command.split(maxsplit=1)[0]} is not installed")
    if command.startswith("unzip"):
        (folder / "unpack.py").unlink(missing_ok=True)  # it would ask whether to overwrite it
    done = subprocess.run(
        ["bash", "-c", f"set -euo pipefail; {command}"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    return done.stdout


def _plain(line: str) -> str:
    """Return a line of output without what is different each time: names of packages, and numbers."""
    return re.sub(r"\d[\d,.]*", "#", re.sub(r"(edms|safety)-\S+?\.edms\.zip", "PACKAGE", line)).strip()


def test_the_digest_of_a_package_can_be_checked_with_ordinary_tools(
    make_site: SiteFactory, tmp_path: Path
) -> None:
    site = make_site("sqlite")
    package = tmp_path / "small.edms.zip"
    site.manage("edms_backup", "create", "--output", package)
    one, other = (
        command.replace("PACKAGE", str(package))
        for command, _ in _commands(ROOT / "docs/runbook.md")
        if command.startswith(("head", "tail"))
    )
    assert _shell(one, tmp_path).split()[0] == _shell(other, tmp_path)


def test_the_readme_names_the_two_commands_for_a_fresh_machine() -> None:
    text = README.read_text(encoding="utf-8")
    assert [command for command, _ in _commands(README) if command.startswith("make")] == [
        "make demo",
        "make test",
    ]
    assert set(re.findall(r"`make (\w+)", text)) == {"demo", "test"}


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_subcommands_that_are_mentioned_exist(page: Path) -> None:
    mentioned = re.findall(r"edms_backup ([a-z]+)\b(?! format=)", "\n".join(_code(page)))
    assert set(mentioned) - set(COMMANDS) == set()


def _code(page: Path) -> list[str]:
    """Return what a page writes as code: spans and blocks."""
    text = page.read_text(encoding="utf-8")
    blocks = re.findall(r"^```.*?\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return [*blocks, *re.findall(r"`([^`\n]+)`", text), *re.findall(r"^ {4}(.*)$", text, re.MULTILINE)]


@pytest.mark.parametrize(
    ("page", "block"),
    [(page, block) for page in PAGES for block in _blocks(page, "python")],
    ids=lambda value: _name(value) if isinstance(value, Path) else "",
)
def test_python_is_python_and_settings_are_settings(page: Path, block: str) -> None:
    for statement in ast.parse(block).body:
        if isinstance(statement, ast.Assign) and ast.unparse(statement.targets[0]) == "EDMS_BACKUP":
            for key, value in ast.literal_eval(statement.value).items():
                READERS[key][1](value, key)


def _table(name: str) -> Iterator[list[str]]:
    """Yield the cells of the rows of all tables of a page whose first cell is a code."""
    for line in _text(name).splitlines():
        if line.startswith("| `"):
            yield [cell.strip() for cell in line.strip("| ").split(" | ")]


def test_every_finding_is_documented_with_its_severities_and_no_other() -> None:
    severities = {"info", "warning", "defect", "error"}
    rows = [row for row in _table("docs/findings.md") if row[0].strip("`") not in severities]
    documented = {row[0].strip("`"): set(row[1].split(", ")) for row in rows}
    assert documented == vocabulary.findings()
    assert len(rows) == len(documented)
    assert [row[0] for row in rows if len(row) != 4 or not row[2] or not row[3]] == []


def test_every_error_is_documented_with_its_exit_code_and_no_other() -> None:
    classes = [value for value in vars(errors).values() if isinstance(value, type)]
    real = {(one.code, one.exit_code) for one in classes if issubclass(one, EdmsBackupError)}
    documented = {(row[0].strip("`"), int(row[1])) for row in _table("docs/errors.md")}
    assert documented == real
    numbers = re.findall(r"^\| (\d+) \|", _text("docs/errors.md"), re.MULTILINE)
    wanted = {number for _, number in real} | {errors.EXIT_OK, errors.EXIT_DEFECTS, errors.EXIT_SIGTERM}
    assert sorted(map(int, numbers)) == sorted(wanted)


def test_the_page_on_restoring_knows_what_to_do_at_every_exit_code() -> None:
    rows = re.findall(r"^\| ([\d, ]+) \|", _text("docs/restore.md"), re.MULTILINE)
    listed = [int(number) for row in rows for number in row.split(", ")]
    wanted = {value.exit_code for value in vars(errors).values() if hasattr(value, "exit_code")}
    assert sorted(listed) == sorted(wanted | {errors.EXIT_SIGTERM})


def test_every_system_check_is_documented_and_no_other() -> None:
    rows = list(_table("docs/checks.md"))
    assert {row[0].strip("`") for row in rows} == vocabulary.check_ids()
    documented = {row[2].strip("`"): row[0].strip("`") for row in rows if row[2].startswith("`")}
    assert documented == checks._IDS


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_every_link_leads_somewhere(page: Path) -> None:
    for target in _links(page):
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        assert file.exists(), target
        assert file.is_relative_to(ROOT), target
        if anchor:
            assert anchor in _anchors(file), target


def _links(page: Path) -> list[str]:
    found = re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8"))
    return [target for target in found if not target.startswith(("http://", "https://", "mailto:"))]


def _anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_page_can_be_reached_from_the_readme() -> None:
    reached, waiting = set(), [README]
    while waiting:
        page = waiting.pop()
        if page in reached or page.suffix != ".md":
            continue
        reached.add(page)
        waiting.extend((page.parent / target.partition("#")[0]).resolve() for target in _links(page))
    assert set(PAGES) - reached == set()


@pytest.mark.parametrize("page", [README, ROOT / "ARCHITECTURE.md"], ids=_name)
def test_modules_that_are_named_exist(page: Path) -> None:
    named = re.findall(r"`((?:[a-z]+/)+[a-z_]+\.py|[a-z]+/|[a-z_]+\.py)`", page.read_text(encoding="utf-8"))
    missing = [name for name in named if not ((ROOT / name).exists() or (vocabulary.PRODUCT / name).exists())]
    assert missing == []
