"""SIGINT and SIGTERM, sent to a real process."""

import functools
import json
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from edms_backup.cli.interrupts import stoppable

ROOT = Path(__file__).resolve().parents[2]


def _stopped(*args: str, signals: list[int]) -> tuple[int, str, str]:
    """Run the stand-in until it has begun, send it the signals, and return how it ended."""
    pipe = subprocess.PIPE
    command = [sys.executable, "-m", "tests.cli.stand_in", "--hang", *args]
    # Whoever starts the tests in the background has them ignore SIGINT, and children inherit that.
    attend = functools.partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    with subprocess.Popen(
        command,
        cwd=ROOT,
        stdout=pipe,
        stderr=pipe,
        text=True,
        preexec_fn=attend,  # noqa: PLW1509  (no threads here)
    ) as process:
        assert process.stderr is not None
        assert process.stderr.readline() == "begun\n"
        process.send_signal(signals[0])
        assert process.stderr.readline() == "undoing\n"
        for number in signals[1:]:
            process.send_signal(number)
        out, err = process.communicate(timeout=30)
        return process.returncode, out, err


@pytest.mark.fault
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_the_exit_code_names_the_signal(number: int, code: int) -> None:
    ended, out, err = _stopped("create", signals=[number])
    assert ended == code
    assert out == ""
    assert "Interrupted; no package was made." in err
    assert "Traceback" not in err


@pytest.mark.fault
def test_json_holds_after_a_signal() -> None:
    ended, out, _ = _stopped("create", "--json", signals=[signal.SIGTERM])
    assert ended == 143
    assert json.loads(out)["error"]["exit_code"] == 143


@pytest.mark.fault
def test_further_signals_do_not_disturb_the_undoing() -> None:
    ended, _, err = _stopped("create", signals=[signal.SIGTERM, signal.SIGINT, signal.SIGTERM])
    assert ended == 143
    assert "undone" in err


def test_handlers_are_put_back() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with stoppable(True) as interruption, pytest.raises(KeyboardInterrupt):
        assert signal.getsignal(signal.SIGTERM) != before
        signal.raise_signal(signal.SIGTERM)
    assert interruption.exit_code == 143
    assert signal.getsignal(signal.SIGTERM) == before


def test_a_signal_that_is_ignored_stays_ignored() -> None:
    before = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        with stoppable(True):
            signal.raise_signal(signal.SIGTERM)
            assert signal.getsignal(signal.SIGTERM) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGTERM, before)


def test_other_threads_and_programs_keep_their_handlers() -> None:
    before = signal.getsignal(signal.SIGINT)
    seen = []

    def elsewhere() -> None:
        with stoppable(True):
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join()
    with stoppable(False) as interruption:
        seen.append(signal.getsignal(signal.SIGINT))
    assert seen == [before, before]
    assert interruption.exit_code == 130
