"""What the code never does with what others wrote: gates over the source, each shown to close."""

import ast
from collections.abc import Callable, Iterator

import pytest

from tests.test_house import PRODUCT, ROOT

UNPACK = "edms_backup/package/unpack.py"
PROCESSES = {UNPACK, "edms_backup/tasks/process.py"}
"""Who starts processes: ``zstd`` for the script that travels in packages, and this very Python for a run."""
NETWORK = {"edms_backup/notices.py"}
COMPILES = {
    "edms_backup/engines/compiled.py",
    "edms_backup/engines/fitness.py",
    "edms_backup/engines/fromlines.py",
    "edms_backup/engines/writing.py",
    "edms_backup/restore/load.py",
    "edms_backup/restore/scanned.py",
    "edms_backup/restore/scannedload.py",
}
"""Who makes functions of text: of names of the site's own fields, quoted. ``test_rows`` tries hostile names."""
DECODERS = {"pickle", "marshal", "shelve", "dill", "yaml", "xml", "plistlib"}
REACH = {"urllib.request", "http.client", "ftplib", "smtplib", "requests", "httpx", "telnetlib"}


def imported(tree: ast.Module) -> Iterator[str]:
    """Yield the modules that a file imports, wherever it does."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def decodes_objects(path: str, tree: ast.Module) -> bool:
    """Whether a file can make objects of data: every format but JSON, and Django's own reader of fixtures."""
    names = set(imported(tree))
    return bool({name.split(".")[0] for name in names} & DECODERS) or any(
        name.startswith("django.core.serializers") and not name.startswith("django.core.serializers.json")
        for name in names
    )


def uses_a_shell(path: str, tree: ast.Module) -> bool:
    """Whether a file hands text to a shell, or starts processes without being one that does."""
    shells = {"os.system", "os.popen", "os.execv", "os.execvp", "os.spawnv", "subprocess.getoutput"}
    return (
        ("subprocess" in imported(tree) and path not in PROCESSES)
        or any(isinstance(node, ast.Attribute) and ast.unparse(node) in shells for node in ast.walk(tree))
        or any(isinstance(node, ast.keyword) and node.arg == "shell" for node in ast.walk(tree))
    )


def calls_somebody(path: str, tree: ast.Module) -> bool:
    """Whether a file opens connections without being the one that sends notices."""
    return bool(set(imported(tree)) & REACH) and path not in NETWORK


def compiles(path: str, tree: ast.Module) -> bool:
    """Whether a file runs text as code without being one of those that are known to."""
    called = {
        node.func.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }
    return bool(called & {"exec", "eval", "compile", "__import__"}) and path not in COMPILES


Gate = Callable[[str, ast.Module], bool]
GATES: dict[Gate, str] = {
    decodes_objects: "import pickle\n",
    uses_a_shell: "import subprocess\nsubprocess.run('ls', shell=True)\n",
    calls_somebody: "import urllib.request\n",
    compiles: "eval('1')\n",
}


def sources() -> Iterator[tuple[str, ast.Module]]:
    for file in sorted(PRODUCT.rglob("*.py")):
        yield file.relative_to(ROOT).as_posix(), ast.parse(file.read_text(encoding="utf-8"))


@pytest.mark.parametrize("gate", GATES, ids=lambda gate: gate.__name__)
def test_no_file_passes_a_gate(gate: Gate) -> None:
    assert [path for path, tree in sources() if gate(path, tree)] == []
    assert gate("edms_backup/other.py", ast.parse(GATES[gate]))


def test_every_exception_is_needed() -> None:
    trees = dict(sources())
    assert all("subprocess" in imported(trees[path]) for path in PROCESSES)
    assert all(set(imported(trees[path])) & REACH for path in NETWORK)
    assert all(compiles("", trees[path]) for path in COMPILES)
