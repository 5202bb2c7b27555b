"""The journal on disk: what was written is there, a crash is told from a hand, and a hand is found."""

import errno
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edms_backup.audit.chain import HEAD, JOURNAL, Chain, Writer
from edms_backup.audit.entries import MAX_LINE, MAX_TEXT, Actor, Entry, read_line
from edms_backup.audit.inspection import inspect
from edms_backup.errors import AuditUnavailable, UsageError
from edms_backup.findings import Severity


def entry(what: str = "create", **members: object) -> Entry:
    return Entry(
        chain="",
        sequence=0,
        at="2026-01-01T00:00:00.000000Z",
        call="c",
        what=what,
        phase="begun",
        **members,  # type: ignore[arg-type]
    )


def fill(directory: Path, count: int = 5) -> Chain:
    chain = Chain(directory)
    for number in range(count):
        with chain.writing() as writer:
            writer.append(entry(subject=f"package {number}"))
    return chain


def errors(chain: Chain) -> set[str]:
    return {finding.code for finding in inspect(chain)[1] if finding.severity is Severity.ERROR}


def codes(chain: Chain) -> set[str]:
    return {finding.code for finding in inspect(chain)[1]}


def test_entries_follow_one_another(tmp_path: Path) -> None:
    chain = fill(tmp_path / "audit")
    entries, findings = inspect(chain)
    assert findings == []
    assert [one.sequence for one in entries] == [1, 2, 3, 4, 5]
    assert [one.previous for one in entries[1:]] == [one.digest for one in entries[:-1]]
    assert len({one.chain for one in entries}) == 1
    assert [one.subject for one in entries] == [f"package {number}" for number in range(5)]
    modes = {path.stat().st_mode & 0o777 for path in (tmp_path / "audit").iterdir()}
    assert ((tmp_path / "audit").stat().st_mode & 0o777, modes) == (0o700, {0o600})


def test_an_empty_trail_is_whole(tmp_path: Path) -> None:
    assert inspect(Chain(tmp_path)) == ([], [])


@pytest.mark.parametrize("text", ["a\nb", "\x00", "\x1b[31m", "\udcff", '"', "\u2028", "é" * 100])
def test_any_text_stays_on_its_line(tmp_path: Path, text: str) -> None:
    chain = fill(tmp_path, 1)
    with chain.writing() as writer:
        writer.append(entry(reason=text))
    entries, findings = inspect(chain)
    assert findings == []
    assert entries[-1].reason == text
    assert (tmp_path / JOURNAL).read_bytes().count(b"\n") == 2


# -- hands -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def written() -> Iterator[tuple[bytes, bytes]]:
    """Give journal and head of a trail of six entries."""
    with tempfile.TemporaryDirectory() as folder:
        fill(Path(folder), 6)
        yield (Path(folder) / JOURNAL).read_bytes(), (Path(folder) / HEAD).read_bytes()


def judged(journal: bytes, head: bytes | None) -> tuple[set[str], set[str]]:
    """Return the codes of errors, and of all findings, for files with these contents."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / JOURNAL).write_bytes(journal)
        if head is not None:
            (Path(folder) / HEAD).write_bytes(head)
        return errors(Chain(Path(folder))), codes(Chain(Path(folder)))


@settings(max_examples=400, deadline=None)
@given(data=st.data())
def test_a_changed_byte_is_found(written: tuple[bytes, bytes], data: st.DataObject) -> None:
    journal, head = written
    both = journal + head
    at = data.draw(st.integers(0, len(both) - 1))
    new = data.draw(st.integers(0, 255).filter(lambda value: value != both[at]))
    changed = both[:at] + bytes([new]) + both[at + 1 :]
    assert judged(changed[: len(journal)], changed[len(journal) :])[0]


@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_a_flipped_bit_is_found_wherever_it_is(written: tuple[bytes, bytes], data: st.DataObject) -> None:
    journal, head = written
    at = data.draw(st.integers(0, len(journal) * 8 - 1))
    changed = bytearray(journal)
    changed[at // 8] ^= 1 << at % 8
    assert judged(bytes(changed), head)[0]


@settings(max_examples=200, deadline=None)
@given(
    lines=st.permutations(range(6)), doubled=st.integers(0, 5), dropped=st.sets(st.integers(0, 5), max_size=6)
)
def test_lines_that_are_dropped_doubled_or_moved_are_found(
    written: tuple[bytes, bytes], lines: list[int], doubled: int, dropped: set[int]
) -> None:
    journal, head = written
    whole = journal.splitlines(keepends=True)
    kept = [number for number in lines if number not in dropped]
    for order in (kept, [*kept, doubled]):
        found, all_found = judged(b"".join(whole[number] for number in order), head)
        if order == [0, 1, 2, 3, 4, 5]:
            assert all_found == set()
        elif order == [0, 1, 2, 3, 4]:
            assert all_found == {"audit_entry_torn"}, "only the newest: a crash may have left it out"
        else:
            assert found


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_a_cut_is_found_wherever_it_is(written: tuple[bytes, bytes], data: st.DataObject) -> None:
    journal, head = written
    last = journal.rstrip(b"\n").rfind(b"\n") + 1
    at = data.draw(st.integers(0, len(journal) - 1))
    found, all_found = judged(journal[:at], head)
    assert found if at < last else all_found == {"audit_entry_torn"}


@settings(max_examples=100, deadline=None)
@given(at=st.integers(0, 6), text=st.binary(min_size=1, max_size=80))
def test_bytes_that_are_put_in_are_found(written: tuple[bytes, bytes], at: int, text: bytes) -> None:
    journal, head = written
    whole = journal.splitlines(keepends=True)
    whole.insert(at, text)
    assert judged(b"".join(whole), head)[0]


def test_an_entry_that_is_well_made_by_hand_is_found(tmp_path: Path, written: tuple[bytes, bytes]) -> None:
    journal, head = written
    newest = read_line(head)
    forged = Entry(**{**entry().to_dict(), "chain": newest.chain, "sequence": 7, "previous": newest.digest})
    assert judged(journal + forged.line, head)[0] == {"audit_end_differs"}
    (tmp_path / JOURNAL).write_bytes(journal + forged.line)
    (tmp_path / HEAD).write_bytes(head)
    chain = fill(tmp_path, 1)
    assert "audit_chain_broken" in errors(chain), "what is written later does not make it good"


@pytest.mark.parametrize("at", range(5))
def test_an_entry_that_is_made_anew_with_its_digest_is_found(written: tuple[bytes, bytes], at: int) -> None:
    journal, head = written
    lines = journal.splitlines(keepends=True)
    forged = Entry(**{**read_line(lines[at]).to_dict(), "name": "eve"})
    lines[at] = forged.line
    assert judged(b"".join(lines), head)[0] == {"audit_chain_broken"}, "the next one names another digest"


def test_the_newest_entry_made_anew_is_found(written: tuple[bytes, bytes]) -> None:
    journal, head = written
    lines = journal.splitlines(keepends=True)
    lines[-1] = Entry(**{**read_line(lines[-1]).to_dict(), "name": "eve"}).line
    assert judged(b"".join(lines), head)[0] == {"audit_end_differs"}


def test_what_is_missing_behind_a_spoilt_line_is_found_too(written: tuple[bytes, bytes]) -> None:
    journal, head = written
    lines = journal.splitlines(keepends=True)
    assert judged(b"".join([*lines[:2], b"x\n", *lines[3:]]), head)[0] == {"audit_entry_altered"}
    found, _ = judged(b"".join([*lines[:2], b"x\n", *lines[4:]]), head)
    assert found == {"audit_entry_altered", "audit_chain_broken"}


@pytest.mark.parametrize("fragment", [b"{", b'{"chain":"by hand"', b"x"])
def test_a_cut_end_with_another_fragment_is_no_crash(written: tuple[bytes, bytes], fragment: bytes) -> None:
    journal, head = written
    before = b"".join(journal.splitlines(keepends=True)[:-1])
    torn = head.startswith(fragment)
    found, all_found = judged(before + fragment, head)
    assert (
        all_found == {"audit_entry_torn"} if torn else found >= {"audit_end_differs", "audit_entry_altered"}
    )


def test_an_entry_of_another_trail_is_found(tmp_path: Path, written: tuple[bytes, bytes]) -> None:
    journal, head = written
    lines = journal.splitlines(keepends=True)
    fill(tmp_path, 3)
    lines[2] = (tmp_path / JOURNAL).read_bytes().splitlines(keepends=True)[2]
    assert judged(b"".join(lines), head)[0] == {"audit_chain_broken"}


@pytest.mark.parametrize("head", [None, b"", b"{}\n"])
def test_the_note_of_the_end_is_missed(written: tuple[bytes, bytes], head: bytes | None) -> None:
    assert judged(written[0], head)[0] == {"audit_end_differs"}


def test_a_trail_whose_end_was_cut_with_its_note_says_so_for_ever(tmp_path: Path) -> None:
    from edms_backup.audit.trail import AuditTrail, Call
    from tests.audit.conftest import NOW

    chain = fill(tmp_path / "audit", 4)
    lines = chain.path.read_bytes().splitlines(keepends=True)
    chain.path.write_bytes(b"".join(lines[:2]))
    (chain.directory / HEAD).unlink()
    trail = AuditTrail(tmp_path, lambda: NOW)
    call = Call(what="create", actor=Actor.of_process())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("edms_backup.audit.mirror.newest", lambda chain: 10**9)
        patch.setattr("edms_backup.audit.mirror.missing", lambda entries: [])
        patch.setattr("edms_backup.audit.mirror.write", lambda entries: None)
        trail.begin(call)
    assert codes(chain) == {"audit_restarted"}


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (b"{}\n", "no entry"),
        (b"[]\n", "no entry"),
        (b"{", "cut off"),
        (b"\xff\n", "UTF-8"),
        (b" " * MAX_LINE + b"\n", "longer"),
    ],
)
def test_what_is_no_entry(line: bytes, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        read_line(line)


def test_another_spelling_of_the_same_entry_is_none() -> None:
    line = entry().line
    with pytest.raises(ValueError, match="digest"):
        read_line(line.replace(b'"sequence":0', b'"sequence": 0'))
    with pytest.raises(ValueError, match="another kind"):
        read_line(line.replace(b'"sequence":0', b'"sequence":"0"'))


# -- crashes ---------------------------------------------------------------------------------------


@pytest.mark.fault
@pytest.mark.parametrize("left", ["nothing", "half", "all but the line feed"])
def test_a_crash_between_note_and_line_is_completed(tmp_path: Path, left: str) -> None:
    chain = fill(tmp_path, 3)
    with chain.writing() as writer:
        torn = writer.append(entry(subject="torn"))
    whole = chain.path.read_bytes()
    cut = {"nothing": len(torn.line), "half": len(torn.line) // 2, "all but the line feed": 1}[left]
    chain.path.write_bytes(whole[:-cut])
    assert codes(chain) == {"audit_entry_torn"}
    assert errors(chain) == set()

    with chain.writing() as writer:
        writer.append(entry(subject="next"))

    assert chain.path.read_bytes().startswith(whole)
    entries, findings = inspect(chain)
    assert findings == []
    assert [one.subject for one in entries[-2:]] == ["torn", "next"]


@pytest.mark.fault
def test_a_crash_in_the_very_first_entry(tmp_path: Path) -> None:
    chain = fill(tmp_path, 1)
    whole = chain.path.read_bytes()
    chain.path.write_bytes(whole[:20])
    fill(tmp_path, 1)
    entries, findings = inspect(chain)
    assert (findings, len(entries)) == ([], 2)


def test_a_fragment_that_no_crash_leaves_stays_and_is_found(tmp_path: Path) -> None:
    chain = fill(tmp_path, 2)
    with chain.path.open("ab") as sink:
        sink.write(b'{"chain":"by hand"')
    assert errors(chain) == {"audit_end_differs", "audit_entry_altered"}
    fill(tmp_path, 1)
    assert "audit_entry_altered" in errors(chain)
    assert len(inspect(chain)[0]) == 3, "and it does not spoil the line after it"


@pytest.mark.fault
def test_a_full_disk_refuses_and_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chain = fill(tmp_path, 2)

    def full(self: Writer, data: bytes, *, goes_on: bool = False) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Writer, "_write", full)
    with pytest.raises(AuditUnavailable, match="No space left") as refused, chain.writing() as writer:
        writer.append(entry())
    assert refused.value.exit_code == 26
    monkeypatch.undo()
    fill(tmp_path, 1)
    entries, findings = inspect(chain)
    assert (findings, len(entries)) == ([], 4)


WRITER = """
import os
import sys
from pathlib import Path
import django
os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
django.setup()
from edms_backup.audit.chain import Chain
from edms_backup.audit.entries import Entry
chain = Chain(Path(sys.argv[1]))
for number in range(int(sys.argv[2])):
    with chain.writing() as writer:
        writer.append(Entry(chain="", sequence=0, at="t", call=sys.argv[3], what="create", phase="begun"))
"""


@pytest.mark.slow
def test_processes_that_write_together_keep_one_order(tmp_path: Path) -> None:
    command = [sys.executable, "-c", WRITER, str(tmp_path), "40"]
    writers = [subprocess.Popen([*command, name]) for name in "abc"]
    assert [writer.wait(timeout=60) for writer in writers] == [0, 0, 0]
    entries, findings = inspect(Chain(tmp_path))
    assert findings == []
    assert [one.sequence for one in entries] == list(range(1, 121))


@pytest.mark.slow
@pytest.mark.fault
def test_a_writer_that_is_killed_leaves_a_trail_that_goes_on(tmp_path: Path) -> None:
    for round_number in range(3):
        command = [sys.executable, "-c", WRITER, str(tmp_path), "100000", "x"]
        with subprocess.Popen(command) as writer:
            before = (tmp_path / JOURNAL).stat().st_size if (tmp_path / JOURNAL).exists() else 0
            while not (tmp_path / JOURNAL).exists() or (tmp_path / JOURNAL).stat().st_size < before + 3000:
                assert writer.poll() is None, "it ended by itself"
                time.sleep(0.005)
            writer.kill()
        assert errors(Chain(tmp_path)) == set(), round_number
    fill(tmp_path, 1)
    assert inspect(Chain(tmp_path))[1] == []


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(AuditUnavailable, match="cannot be written"), Chain(tmp_path / "file").writing():
        pytest.fail("there is no place")


def test_a_writer_that_hangs_is_not_waited_for_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edms_backup.audit.chain._PATIENCE", 0.05)
    chain = fill(tmp_path, 1)
    with chain.writing(), pytest.raises(AuditUnavailable, match="another process"), Chain(tmp_path).writing():
        pytest.fail("two writers")


# -- callers ---------------------------------------------------------------------------------------


def test_a_caller_says_what_a_trail_can_hold() -> None:
    with pytest.raises(UsageError, match="origin"):
        Actor(name="x", origin="fax")
    with pytest.raises(UsageError, match="reason"):
        Actor(name="x", origin="cli", reason="x" * (MAX_TEXT + 1))
    assert Actor.of_process("cli", "nightly").reason == "nightly"


def test_a_user_without_an_account_has_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown() -> str:
        raise KeyError("uid not found")

    monkeypatch.setattr("getpass.getuser", unknown)
    assert Actor.of_process().name == f"uid {os.getuid()}"
