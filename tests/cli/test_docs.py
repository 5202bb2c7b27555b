"""docs/cli.md and docs/settings.md say what the code does: commands, options, documents, exit codes, keys."""

import argparse
import json
import re
from pathlib import Path
from typing import Any

import pytest

from edms_backup import errors
from edms_backup.cli.main import COMMANDS, add_arguments
from edms_backup.conf import READERS
from edms_backup.errors import EdmsBackupError
from edms_backup.schema.spec import Fate, OnConflict, Tier
from tests.cli.conftest import CHECK, DEFECT, NAME, FakeService, Run

DOCS = Path(__file__).resolve().parents[2] / "docs"
CLI = (DOCS / "cli.md").read_text(encoding="utf-8")
SETTINGS = (DOCS / "settings.md").read_text(encoding="utf-8")


def _section(document: str, heading: str) -> str:
    found = re.search(rf"^## {re.escape(heading)}$(.*?)(?=^## |\Z)", document, re.MULTILINE | re.DOTALL)
    assert found, f"there is no section {heading}"
    return found[1]


def _options(subcommand: str) -> set[str]:
    """Return the options that a subcommand takes."""
    from django.core.management.base import CommandParser

    parser = CommandParser()
    add_arguments(parser)
    (subparsers,) = (each for each in parser._actions if isinstance(each, argparse._SubParsersAction))
    actions = subparsers.choices[subcommand]._actions
    return {option for action in actions for option in action.option_strings} - {"-h", "--help"}


def _named(text: str) -> set[str]:
    return set(re.findall(r"(?<![\w-])--?[a-z][a-z-]*", re.sub(r"```.*?```", "", text, flags=re.DOTALL)))


COMMON = _named(_section(CLI, "Options of every subcommand"))


@pytest.mark.parametrize("subcommand", COMMANDS)
def test_every_option_is_documented_and_no_other(subcommand: str) -> None:
    documented = _named(_section(CLI, subcommand))
    assert documented - COMMON == _options(subcommand) - COMMON
    assert _options(subcommand) >= COMMON


def _document(run: Run, *args: str) -> Any:
    return run(FakeService(checks=(CHECK,)), *args, "--json").json


@pytest.mark.parametrize(
    "args",
    [
        ("create",),
        ("restore", NAME, "--yes"),
        ("list",),
        ("verify", NAME),
        ("inventory",),
        ("check",),
        ("status",),
        ("audit", "verify"),
    ],
)
def test_documents_have_the_members_that_are_documented(run: Run, args: tuple[str, ...]) -> None:
    shown = json.loads(re.findall(r"```json\n(.*?)```", _section(CLI, args[0]), re.DOTALL)[0])
    real = _document(run, *args)
    assert list(shown) == list(real)
    if args[0] == "restore":
        assert list(shown["files"]) == list(real["files"])
        assert list(shown["models"]["documents.Document"]) == list(real["models"]["documents.Document"])
    if args[0] == "status":
        assert list(shown["checks"][0]) == list(real["checks"][0])
    if args[0] == "list":
        assert list(shown["packages"][0]) == list(real["packages"][0])


def test_the_document_of_a_failure(run: Run) -> None:
    error = errors.PackageNotFound("There is no package.", hint="Look.", findings=[DEFECT])
    real = run(FakeService(raises=error), "list", "--json").json["error"]
    section = _section(CLI, "When it fails")
    shown = json.loads(re.findall(r"```json\n(.*?)```", section, re.DOTALL)[0])["error"]
    assert [*shown, "findings"] == list(real)
    assert (shown["code"], shown["exit_code"]) == (real["code"], real["exit_code"])
    assert all(f"`{member}`" in section for member in real["findings"][0])


def test_the_table_of_exit_codes_is_complete() -> None:
    rows = re.findall(r"^\| (\d+) \| (.*?) \|", _section(CLI, "Exit codes"), re.MULTILINE)
    documented = {(int(number), code) for number, codes in rows for code in re.findall(r"`(\w+)`", codes)}
    real = {
        (value.exit_code, value.code)
        for value in vars(errors).values()
        if isinstance(value, type) and issubclass(value, EdmsBackupError)
    }
    assert documented == real | {(errors.EXIT_SIGTERM, "interrupted")}
    assert {int(number) for number, _ in rows} - {number for number, _ in documented} == {
        errors.EXIT_OK,
        errors.EXIT_DEFECTS,
    }


def test_every_setting_is_documented_and_no_other() -> None:
    in_table = re.findall(r"^\| \[`(\w+)`\]\(#(\w+)\)", SETTINGS, re.MULTILINE)
    headings = re.findall(r"^## (\w+)$", SETTINGS, re.MULTILINE)
    assert [name for name, _ in in_table] == headings == list(READERS)
    assert [anchor for _, anchor in in_table] == [name.lower() for name in READERS]


def test_the_values_that_settings_may_have_are_documented() -> None:
    models = _section(SETTINGS, "MODELS")
    assert all(f"`{value}`" in models for value in [*Fate, *Tier, *OnConflict])
    members = {"fate", "reason", "exclude", "tier", "append_only", "on_conflict", "references", "grants"}
    assert {name for name in re.findall(r"^`(\w+)`$", models, re.MULTILINE)} == members
