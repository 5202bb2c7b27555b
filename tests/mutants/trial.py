"""A pytest on a copy of the repository that carries out orders, one answer for each."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.mutants.plugin import ANSWERS, ORDERS

ROOT = Path(__file__).resolve().parent.parent.parent
LEFT_BEHIND = shutil.ignore_patterns(".*", "__pycache__", "htmlcov", "build", "dist")


def say(text: str) -> None:
    """Write a line at once: the command takes minutes."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


@contextmanager
def copied() -> Iterator[Path]:
    """Give a copy of the repository, which goes with the block."""
    with tempfile.TemporaryDirectory(prefix="edms-mutants-") as directory:
        copy = Path(directory) / "copy"
        shutil.copytree(ROOT, copy, ignore=LEFT_BEHIND)
        yield copy


def answered(copy: Path, given: list[Any], tests: Sequence[str], variables: dict[str, str]) -> Iterator[Any]:
    """Let pytest carry out orders on the copy, with these tests at hand; yield its answer to each."""
    orders, spoken = copy.parent / "orders.json", copy.parent / "pytest.out"
    orders.write_text(json.dumps(given))
    answers, answer = os.pipe()
    environment = {
        **os.environ,
        ORDERS: str(orders),
        ANSWERS: str(answer),
        **variables,
        "PYTHONPATH": str(copy),
        "PYTHONDONTWRITEBYTECODE": "1",
        "COVERAGE_CORE": "ctrace",
        "TMPDIR": str(copy.parent),
    }
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "tests.mutants.plugin"]
    command += ["-o", "tmp_path_retention_policy=none", *tests]
    with spoken.open("w") as output, os.fdopen(answers) as told:
        process = subprocess.Popen(
            command, cwd=copy, env=environment, stdout=output, stderr=output, pass_fds=(answer,)
        )
        os.close(answer)
        count = 0
        for line in told:
            count += 1
            yield json.loads(line)
        code = process.wait()
    if count != len(given):
        raise SystemExit(f"pytest ended with {code}:\n{spoken.read_text()}")
