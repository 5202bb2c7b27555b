"""A detached process as the worker: needs no queue and no service, only this machine."""

from __future__ import annotations

import os
import subprocess
import sys
import threading

from edms_backup.service import BackupService


def start(run_id: str, where: str = "") -> None:
    """Start ``manage.py edms_backup run ID`` as a process of its own, which outlives this one.

    What it says goes to ``output.log`` in the run's folder. Raises ``OSError``.
    """
    log = BackupService.from_settings().log_of(run_id)
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        process = subprocess.Popen(
            [sys.executable, "-m", "django", "edms_backup", "run", run_id, "--no-progress"],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
            stdin=subprocess.DEVNULL,
            stdout=descriptor,
            stderr=descriptor,
            start_new_session=True,
        )
    finally:
        os.close(descriptor)
    # Somebody has to ask how it ended, or it stays in the table of processes for as long as this one lives.
    threading.Thread(target=process.wait, name=f"edms_backup run {run_id}", daemon=True).start()
