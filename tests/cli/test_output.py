"""What is written where: closed, broken and full streams, strange characters, progress, findings, numbers."""

import errno
import io
import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.management.color import no_style

from edms_backup.cli import text
from edms_backup.cli.output import Output, Stream
from edms_backup.cli.progress import LogReporter, TerminalReporter, choose_reporter
from edms_backup.errors import Declined
from edms_backup.events import FindingRaised, NullReporter, Progress, StepFinished, StepStarted
from edms_backup.findings import Finding, Severity
from tests.cli.conftest import DEFECT, NAME, FakeService, Run, Terminal


class Broken(io.StringIO):
    """A stream whose other end fails after some writes."""

    def __init__(self, error: OSError, after: int = 0) -> None:
        super().__init__()
        self.error = error
        self.left = after

    def write(self, said: str) -> int:
        if self.left == 0:
            raise self.error
        self.left -= 1
        return super().write(said)


def _full() -> Broken:
    return Broken(OSError(errno.ENOSPC, "No space left on device"))


def test_a_reader_that_goes_away_does_not_change_the_outcome(run: Run) -> None:
    for after in (0, 1):
        service = FakeService()
        ended = run(service, "create", stdout=Broken(BrokenPipeError(), after))
        assert (ended.code, ended.err) == (0, "")
        assert (
            run(FakeService(findings=(DEFECT,)), "create", stdout=Broken(BrokenPipeError(), after)).code == 3
        )


def test_a_result_that_cannot_be_kept_is_a_failure(run: Run) -> None:
    ended = run(FakeService(), "create", "--json", stdout=_full())
    assert ended.code == 1
    assert "could not be written to standard output: No space left on device" in ended.err
    assert run(FakeService(findings=(DEFECT,)), "create", stdout=_full()).code == 3


def test_errors_that_nobody_reads_keep_their_exit_code(run: Run) -> None:
    assert run(FakeService(raises=ValueError("x")), "create", stderr=Broken(BrokenPipeError())).code == 1
    assert run(FakeService(raises=ValueError("x")), "create", stderr=_full()).code == 1


def test_nothing_is_confirmed_that_was_not_shown(run: Run) -> None:
    service = FakeService()
    ended = run(service, "restore", NAME, stdin=Terminal("yes\n"), stdout=Broken(BrokenPipeError()))
    assert ended.code == Declined.exit_code
    assert [asked[0] for asked in service.asked] == ["plan"]


def test_streams_that_are_closed_from_the_start() -> None:
    closed = io.StringIO()
    closed.close()
    for target in (None, closed):
        stream = Stream(target)
        assert not stream.is_terminal
        stream.write("nothing happens")
        assert not stream.open


def test_characters_that_the_terminal_does_not_know_are_spelled_out() -> None:
    buffer = io.BytesIO()
    terminal = io.TextIOWrapper(buffer, encoding="ascii")
    Stream(terminal).write("Zürich … \ud800\n")
    assert buffer.getvalue() == b"Z\\xfcrich \\u2026 \\ud800\n"


@pytest.mark.fault
@pytest.mark.parametrize("redirect", [">&-", "2>&-", ">&- 2>&-", "| true", "<&-"])
def test_real_closed_streams_and_pipes(redirect: str, tmp_path: Path) -> None:
    root = Path(__file__).resolve().parents[2]
    command = f"{sys.executable} -m tests.cli.stand_in create -v 2 {redirect}"
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command],
        cwd=root,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr


@pytest.mark.fault
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_a_real_full_device() -> None:
    root = Path(__file__).resolve().parents[2]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "tests.cli.stand_in", "create", "--json"],
            cwd=root,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
        )
    assert (done.returncode, done.stderr.count("error:")) == (1, 1)


class Clock:
    """A clock that is set by hand."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_progress_on_a_terminal_is_one_line_and_not_too_often() -> None:
    terminal, clock = Terminal(), Clock()
    reporter = TerminalReporter(Stream(terminal), clock)
    reporter.emit(StepStarted(step="rows", total=1000))
    for done in range(1, 1001):
        clock.now += 0.001
        reporter.emit(Progress(step="rows", done=done, subject="a\x1b[0mb"))
    reporter.emit(FindingRaised(finding=DEFECT))
    reporter.emit(StepFinished(step="rows", done=1000, seconds=1))
    said = terminal.getvalue()
    assert "\n" not in said
    assert 9 <= said.count("rows: ") <= 11
    assert "rows: 1/1,000 rows (0 %)  a\\x1b[0mb" in said
    assert said.endswith("\r\x1b[K")


def test_progress_fits_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "20")
    terminal = Terminal()
    reporter = TerminalReporter(Stream(terminal), Clock())
    reporter.emit(Progress(step="rows", done=1, subject="x" * 100))
    assert len(terminal.getvalue().removeprefix("\r\x1b[K")) == 19


def test_progress_in_a_log_is_seldom() -> None:
    log, clock = io.StringIO(), Clock()
    reporter = LogReporter(Stream(log), clock)
    reporter.emit(StepStarted(step="files", unit="files"))
    for done in range(1, 26):
        clock.now += 1
        reporter.emit(Progress(step="files", done=done))
    reporter.emit(StepFinished(step="files", done=25, seconds=125))
    assert log.getvalue().splitlines() == [
        "files …",
        "files: 10 files",
        "files: 20 files",
        "files: 25 files in 2 min 5 s",
    ]


@pytest.mark.parametrize(
    ("stderr", "verbosity", "wanted", "kind"),
    [
        (Terminal(), 1, True, TerminalReporter),
        (Terminal(), 1, False, NullReporter),
        (Terminal(), 0, True, NullReporter),
        (io.StringIO(), 1, True, NullReporter),
        (io.StringIO(), 2, True, LogReporter),
        (io.StringIO(), 2, False, NullReporter),
        (None, 1, True, NullReporter),
    ],
)
def test_progress_goes_where_somebody_looks(stderr: object, verbosity: int, wanted: bool, kind: type) -> None:
    out = Output(io.StringIO(), stderr, no_style(), verbosity=verbosity)
    assert type(choose_reporter(out, wanted=wanted)) is kind


def test_progress_never_mixes_with_json(run: Run) -> None:
    ended = run(FakeService(), "create", "--json", stderr=Terminal())
    assert ended.json["rows"] == 1213
    assert "rows: 5/10 rows (50 %)" in ended.err
    assert run(FakeService(), "create", "--no-progress", stderr=Terminal()).err == ""


def test_many_findings_of_one_kind_are_counted() -> None:
    findings = [
        Finding(
            code="missing_file", severity=Severity.DEFECT, message=f"File {number} is gone.", hint="Look."
        )
        for number in range(50)
    ]
    lines = [line for _, line in text.finding_lines([*findings, DEFECT])]
    assert len(lines) == text.SHOWN_PER_CODE + 2
    assert lines[1] == "         Look."
    assert lines[-1] == "         … and 31 more of missing_file (-v 2 lists them)"
    assert len(text.finding_lines(findings, everything=True)) == 51


def test_findings_name_a_place_once() -> None:
    finding = Finding(
        code="x", severity=Severity.INFO, message="users.User is odd.", model="users.User", key="a\nb"
    )
    assert [line for _, line in text.finding_lines([finding])] == ["info     a\\nb: users.User is odd. [x]"]


def test_numbers_sizes_and_times() -> None:
    assert [text.size(count) for count in (0, 1023, 1024, 5 * 1024**3, 3 * 1024**5)] == [
        "0 B",
        "1023 B",
        "1.0 KiB",
        "5.0 GiB",
        "3072.0 TiB",
    ]
    assert [text.duration(seconds) for seconds in (0.04, 59.9, 125, 7260)] == [
        "0.0 s",
        "59.9 s",
        "2 min 5 s",
        "2 h 1 min",
    ]
    assert [text.plural(1, "row"), text.plural(2000, "row"), text.plural(2, "index", "indices")] == [
        "1 row",
        "2,000 rows",
        "2 indices",
    ]
    assert text.instant("2025-01-31T23:59:59.123456Z") == text.instant("2025-01-31T23:59:59Z")
    assert text.instant("") == ""


def test_tables_are_aligned() -> None:
    assert text.table(("name", "rows"), [["a", 1000], ["longer\n", None]]) == [
        "name       rows",
        "--------  -----",
        "a         1,000",
        "longer\\n      -",
    ]
    assert text.table(("name",), []) == ["name", "----"]


def test_a_stream_without_a_file_is_given_up_quietly(monkeypatch: pytest.MonkeyPatch) -> None:
    moved = []
    monkeypatch.setattr(os, "dup2", lambda *args: moved.append(args))
    stream = Stream(Broken(BrokenPipeError()))
    stream.write("x")
    assert (stream.open, moved, stream.problem) == (False, [], None)
