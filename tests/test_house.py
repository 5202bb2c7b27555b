"""The house rules that no other tool checks; CONTRIBUTING.md says why they are there.

A rule may be broken where the code is clearer for it: add the file to ``ALLOWED`` with the reason. Which
module may import which is checked by ``lint-imports``; its contracts stand in pyproject.toml.
"""

import ast
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PRODUCT = ROOT / "edms_backup"
MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 60
DRAWERS = {"utils", "util", "helpers", "helper", "common", "misc", "manager", "handler"}
BROAD = {"Exception", "BaseException"}

ALONE = "travels inside each package as one file, and runs where nothing else of ours is"
ALLOWED: dict[tuple[str, str], str] = {
    ("long_file", "edms_backup/package/unpack.py"): ALONE,
    ("speaking_outside_cli", "edms_backup/package/unpack.py"): ALONE,
    (
        "sql_outside_engines",
        "edms_backup/schema/drift.py",
    ): "one statement that every database knows: a table's columns; Django's own way is a hundred times slower",
    (
        "swallowing_except",
        "edms_backup/restore/aftercare.py",
    ): "host code after the commit: reported as a finding",
    (
        "swallowing_except",
        "edms_backup/create/workers.py",
    ): "raised in the thread that waits for the one that it ended",
    (
        "swallowing_except",
        "edms_backup/notices.py",
    ): "the host's mail backend must not harm a run: reported as a finding",
}
"""(rule, path below the repository) -> why the rule does not fit there. An entry that is not needed fails."""

Breach = tuple[int, str]
Function = ast.FunctionDef | ast.AsyncFunctionDef


def long_file(path: str, tree: ast.Module, source: str) -> Iterator[Breach]:
    """A file beyond the limit has two ideas in it."""
    lines = source.count("\n")
    if lines > MAX_FILE_LINES:
        yield lines, f"{lines} lines"


def long_function(path: str, tree: ast.Module, source: str) -> Iterator[Breach]:
    """A function fits on a screen."""
    for node in ast.walk(tree):
        if isinstance(node, Function) and node.end_lineno is not None:
            lines = node.end_lineno - node.lineno + 1
            if lines > MAX_FUNCTION_LINES:
                yield node.lineno, f"{node.name} has {lines} lines"


def no_module_docstring(path: str, tree: ast.Module, source: str) -> Iterator[Breach]:
    """A module begins by saying what it is for; a file without code says it by its name."""
    if tree.body and ast.get_docstring(tree) is None:
        yield 1, "no module docstring"


def drawer(path: str, tree: ast.Module, source: str) -> Iterator[Breach]:
    """A module's name says what is in it."""
    for part in Path(path).with_suffix("").parts:
        if part in DRAWERS:
            yield 1, f"{part} names no idea"


def vendor_outside_engines(path: str, tree: ast.Module, source: str) -> Iterator[Breach]:
    """What differs between databases is asked of an engine."""
    if path.startswith("edms_backup/engines/"):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare):
            sides = [node.left, *node.comparators]
            if any(isinstance(side, ast.Attribute) and side.attr == "vendor" for side in sides):
                yield node.lineno, "compares a vendor"
        elif (
            isinstance(node, ast.Attribute)
            and node.attr == "vendor"
            and "connection" in ast.unparse(node.value)
        ):
            yield node.lineno, "reads connection.vendor"


def sql_outside_engines(path: str, tree: ast.Module, source: str) -> Iterator[Breach]:
    """Raw SQL is an engine's business. A cursor that Django's introspection asks for executes none."""
    if path.startswith("edms_backup/engines/"):
        return
    cursors = {
        node.optional_vars.id
        for node in ast.walk(tree)
        if isinstance(node, ast.withitem)
        and isinstance(node.optional_vars, ast.Name)
        and ast.unparse(node.context_expr).endswith("cursor()")
    }
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            continue
        owner = ast.unparse(node.func.value)
        if node.func.attr in ("execute", "executemany", "callproc") and (
            owner in cursors or "cursor" in owner
        ):
            yield node.lineno, f"calls {owner}.{node.func.attr}"


def settings_outside_conf(path: str, tree: ast.Module, source: str) -> Iterator[Breach]:
    """Settings are read late and in one room."""
    if path.startswith("edms_backup/conf/"):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module is not None:
            named = {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Import):
            named = {alias.name for alias in node.names}
        else:
            continue
        if named & {"django.conf", "django.conf.settings"}:
            yield node.lineno, "imports django.conf.settings"


def speaking_outside_cli(path: str, tree: ast.Module, source: str) -> Iterator[Breach]:
    """The core does not speak; it emits events and returns reports."""
    if path.startswith("edms_backup/cli/"):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print":
            yield node.lineno, "prints"
        elif isinstance(node, ast.Attribute) and ast.unparse(node) in ("sys.stdout", "sys.stderr"):
            yield node.lineno, f"uses {ast.unparse(node)}"


def swallowing_except(path: str, tree: ast.Module, source: str) -> Iterator[Breach]:
    """Who catches everything raises again: silence is worse than noise in a recovery tool."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.ExceptHandler):
            continue
        caught = node.type.elts if isinstance(node.type, ast.Tuple) else [node.type]
        broad = any(kind is None or ast.unparse(kind) in BROAD for kind in caught)
        if broad and not any(isinstance(inner, ast.Raise) for inner in ast.walk(node)):
            yield node.lineno, "catches everything and does not raise"


Rule = Callable[[str, ast.Module, str], Iterator[Breach]]
RULES: dict[str, Rule] = {
    rule.__name__: rule
    for rule in (
        long_file,
        long_function,
        no_module_docstring,
        drawer,
        vendor_outside_engines,
        sql_outside_engines,
        settings_outside_conf,
        speaking_outside_cli,
        swallowing_except,
    )
}

SEEDED = {
    "long_file": '"""Doc."""\n' * (MAX_FILE_LINES + 1),
    "long_function": "def f():\n" + "    x = 1\n" * MAX_FUNCTION_LINES,
    "no_module_docstring": "x = 1\n",
    "drawer": "",
    "vendor_outside_engines": 'if source.vendor == "postgresql":\n    pass\n',
    "sql_outside_engines": 'with connection.cursor() as c:\n    c.execute("SELECT 1")\n',
    "settings_outside_conf": "from django.conf import settings\n",
    "speaking_outside_cli": 'import sys\nsys.stdout.write("done")\n',
    "swallowing_except": "try:\n    f()\nexcept (OSError, Exception):\n    x = 1\n",
}


def breaches(rule: str) -> dict[str, list[str]]:
    """Return, per file of the product, where it breaks the rule."""
    found: dict[str, list[str]] = {}
    for file in sorted(PRODUCT.rglob("*.py")):
        path = file.relative_to(ROOT).as_posix()
        if "/migrations/" in path:
            continue
        source = file.read_text(encoding="utf-8")
        lines = [f"{path}:{line}: {what}" for line, what in RULES[rule](path, ast.parse(source), source)]
        if lines:
            found[path] = lines
    return found


def tracked_files() -> list[Path]:
    """Return the files that git knows of or would take in; skips where there is no git checkout."""
    command = ["git", "-C", str(ROOT), "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    try:
        listed = subprocess.run(command, capture_output=True, check=True, text=True)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"not a git checkout: {error}")
    return [ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


@pytest.mark.parametrize("rule", RULES)
def test_rule_is_kept(rule: str) -> None:
    found = breaches(rule)
    refused = [line for path, lines in found.items() if (rule, path) not in ALLOWED for line in lines]
    assert refused == []


@pytest.mark.parametrize("rule", RULES)
def test_rule_notices_a_breach(rule: str) -> None:
    path = "edms_backup/utils.py" if rule == "drawer" else "edms_backup/create/dump.py"
    source = SEEDED[rule]
    assert list(RULES[rule](path, ast.parse(source), source))


def test_every_allowance_is_needed() -> None:
    stale = [(rule, path) for rule, path in ALLOWED if path not in breaches(rule)]
    assert stale == []


def test_no_file_names_a_place_on_one_machine() -> None:
    # In pieces, so that this file does not break its own rule.
    roots = ("work/[a-z]", "root/", "home/[a-z]", "Users/[A-Za-z]", "tmp/bash_")
    machine_path = re.compile(r"(?<![\w.~}/])/(?:" + "|".join(roots) + r")|\.py" + "env/")
    named = []
    for file in tracked_files():
        try:
            lines = file.read_text(encoding="utf-8").splitlines()
        except UnicodeDecodeError:
            continue
        named += [
            f"{file.relative_to(ROOT)}:{number}: {line.strip()}"
            for number, line in enumerate(lines, start=1)
            if machine_path.search(line)
        ]
    assert named == []
