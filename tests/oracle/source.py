"""Django's own tests: they come in its source distribution only, which is fetched once and kept in ``.oracle``."""

import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import django

ROOT = Path(__file__).resolve().parent.parent.parent
CACHE = Path(os.environ.get("EDMS_ORACLE_CACHE", ROOT / ".oracle"))
NAME = f"django-{django.__version__}"


class NoSource(Exception):
    """The source distribution of the Django in use is not here and cannot be fetched."""


def django_tests() -> Path:
    """Return the folder of the tests of the Django in use, fetched when it is not here yet.

    Raises ``NoSource`` when it cannot be had.
    """
    folder = CACHE / NAME / "tests"
    if not (folder / "runtests.py").is_file():
        CACHE.mkdir(parents=True, exist_ok=True)
        (CACHE / ".gitignore").write_text("*\n")
        _unpack(_archive())
    return folder


def _archive() -> Path:
    """Return the source distribution, from the cache or from the package index that pip is set up for."""
    archive = CACHE / f"{NAME}.tar.gz"
    if archive.is_file():
        return archive
    command = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "--quiet",
        "--disable-pip-version-check",
        "--no-deps",
        "--retries=1",
        "--timeout=20",
    ]
    command += ["--no-binary", "django", "--dest", str(CACHE), f"django=={django.__version__}"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    except subprocess.TimeoutExpired as error:
        raise NoSource("pip did not answer within five minutes") from error
    if done.returncode or not archive.is_file():
        lines = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
        raise NoSource(lines[-1] if lines else f"pip ended with {done.returncode} and no {archive.name}")
    return archive


def _unpack(archive: Path) -> None:
    """Unpack the tests, complete or not at all: two may begin at the same time."""
    partial = CACHE / f"{NAME}.{os.getpid()}.partial"
    with tarfile.open(archive) as source:
        members = [member for member in source if member.name.startswith(f"{NAME}/tests/")]
        source.extractall(partial, members, filter="data")
    try:
        (partial / NAME).rename(CACHE / NAME)
    except OSError:
        if not (CACHE / NAME / "tests").is_dir():
            raise
    finally:
        shutil.rmtree(partial, ignore_errors=True)
