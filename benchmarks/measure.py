"""Runs one program and says what it took: seconds by the clock, processor seconds, peak memory."""

import os
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Cost:
    """What one run of one program took."""

    seconds: float
    processor: float
    peak_mb: float


class Failed(Exception):
    """A program that was to be measured did not succeed; the message ends with what it wrote."""


def run(command: Sequence[str], env: Mapping[str, str], *, output: Path | None = None) -> Cost:
    """Run ``command`` to its end; what it prints goes to ``output`` or nowhere. Raises ``Failed``."""
    with (
        tempfile.TemporaryFile() as errors,
        (output or Path(os.devnull)).open("wb") as sink,
    ):
        started = time.perf_counter()
        process = subprocess.Popen(
            command, env=dict(env), stdout=sink, stderr=errors, stdin=subprocess.DEVNULL
        )
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            errors.seek(0)
            said = errors.read()[-2000:].decode(errors="replace")
            raise Failed(f"{' '.join(command)} ended with {process.returncode}:\n{said}")
    return Cost(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)
