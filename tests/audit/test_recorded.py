"""Every call that changes something leaves its two entries, in the journal and in the database."""

import datetime
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, transaction

from edms_backup.audit import AuditTrail, Call, mirror
from edms_backup.audit.chain import HEAD, Writer
from edms_backup.audit.trail import unended
from edms_backup.create.report import CreateRequest
from edms_backup.errors import (
    AppendOnly,
    AuditUnavailable,
    ConfigurationError,
    DatabaseUnavailable,
    EdmsBackupError,
    IntegrityError,
    MalformedPackage,
    PackageNotFound,
    PlanBlocked,
    RunLocked,
)
from edms_backup.findings import Severity
from edms_backup.locks import RunLock
from edms_backup.models import AuditEvent
from edms_backup.restore.journal import RUNNING, RestoreRecord, new_journal
from edms_backup.restore.report import Mode
from edms_backup.service import Actor, BackupService
from edms_backup.storage.roots import DirectoryRoot, kept_apart
from tests.unit.conftest import Zoo, without_table_of
from tests.zoo import models as zoo_models

ANN = Actor(name="ann", user_id="7", origin="admin", address="192.0.2.7", reason="quarterly test")


@pytest.fixture
def tagged(zoo: Zoo) -> Zoo:
    """Give a zoo with one tag in its package, and none in its table."""
    zoo_models.Tag.objects.create(code="t")
    zoo.create("zoo.Tag")
    zoo_models.Tag.objects.all().delete()
    return zoo


def trail(zoo: Zoo) -> AuditTrail:
    return zoo.service._trail


def told(zoo: Zoo) -> list[tuple[str, str, str, str]]:
    return [(one.what, one.phase, one.result, one.code) for one in trail(zoo).entries()]


def in_database() -> list[tuple[int, str, str, str]]:
    rows = AuditEvent.objects.order_by("sequence")
    return list(rows.values_list("sequence", "what", "phase", "result"))


def test_a_create_is_recorded_with_who_and_why(zoo: Zoo) -> None:
    zoo_models.Tag.objects.create(code="t")
    service = BackupService.from_settings(actor=ANN)
    report = service.create(CreateRequest(models=("zoo.Tag",), files=False))
    begun, ended = service.audit_entries()
    assert (begun.phase, begun.result, begun.subject) == ("begun", "", "")
    assert (ended.phase, ended.result, ended.subject) == ("ended", "done", report.package)
    assert begun.call == ended.call
    for one in (begun, ended):
        assert (one.what, one.name, one.user_id, one.origin) == ("create", "ann", "7", "admin")
        assert (one.address, one.reason) == ("192.0.2.7", "quarterly test")
    assert ended.details["sha256"] == report.sha256
    assert (ended.details["bytes"], ended.details["rows"]) == (report.bytes, 1)
    assert ended.details["whole"] is False, "only one model was asked for"
    assert in_database() == [(1, "create", "begun", ""), (2, "create", "ended", "done")]
    assert service.verify_audit().findings == ()


def test_restore_undo_and_verify_are_recorded(tagged: Zoo) -> None:
    report = tagged.restore(safety_package=True)
    tagged.service.undo()
    tagged.service.verify(tagged.package)
    assert told(tagged)[2:] == [
        ("restore", "begun", "", ""),
        ("restore", "ended", "done", ""),
        ("undo", "begun", "", ""),
        ("undo", "ended", "done", ""),
        ("verify", "ended", "done", ""),
    ]
    restored, undone = (
        one for one in trail(tagged).entries() if one.result and one.what in ("restore", "undo")
    )
    assert restored.subject == tagged.package
    assert (restored.details["run"], restored.details["inserted"]) == (report.run_id, 1)
    assert restored.details["safety_package"] == report.safety_package
    assert undone.details["undoes"] == report.run_id
    assert len(in_database()) == 7


def test_looking_leaves_no_entry(tagged: Zoo) -> None:
    before = told(tagged)
    tagged.plan()
    tagged.service.list()
    tagged.service.show("latest")
    tagged.service.inventory()
    tagged.service.check()
    tagged.service.status()
    assert told(tagged) == before


def test_a_refusal_is_recorded(tagged: Zoo) -> None:
    with RunLock(tagged.service.settings.state_directory, "create"), pytest.raises(RunLocked):
        tagged.restore()
    with pytest.raises(PackageNotFound):
        BackupService.from_settings().restore(tagged.request().__class__(package="nope"))
    assert told(tagged)[2:] == [
        ("restore", "ended", "refused", "run_locked"),
        ("restore", "ended", "refused", "package_not_found"),
    ]
    assert unended(trail(tagged).entries()) == []


def test_a_failure_is_recorded(zoo: Zoo) -> None:
    zoo_models.Language.objects.create(code="en")
    zoo.create("zoo.Language")
    zoo_models.Language.objects.create(code="la")
    zoo_models.Phrase.objects.create(code="ave", language_id="la")
    with pytest.raises(PlanBlocked):
        zoo.restore(Mode.REPLACE)
    assert told(zoo)[2:] == [("restore", "begun", "", ""), ("restore", "ended", "failed", "plan_blocked")]


@pytest.mark.parametrize(
    ("error", "result", "code"),
    [
        (KeyboardInterrupt(), "interrupted", "interrupted"),
        (ZeroDivisionError("inside"), "failed", "ZeroDivisionError"),
    ],
)
def test_what_nobody_expected_is_recorded(
    zoo: Zoo, monkeypatch: pytest.MonkeyPatch, error: BaseException, result: str, code: str
) -> None:
    def fail(*args: object, **kwargs: object) -> None:
        raise error

    monkeypatch.setattr("edms_backup.service.writing.run_create", fail)
    with pytest.raises(type(error)):
        zoo.create("zoo.Tag")
    assert told(zoo) == [("create", "begun", "", ""), ("create", "ended", result, code)]


def test_a_damaged_package_is_recorded(tagged: Zoo) -> None:
    path = Path(tagged.service.settings.directory) / tagged.package
    content = bytearray(path.read_bytes())
    content[200] ^= 1  # in the first member
    path.write_bytes(content)
    assert not tagged.service.verify("latest").ok
    path.write_bytes(content[:-1])
    with pytest.raises(IntegrityError):
        tagged.service.verify("latest")
    for one, code in zip(trail(tagged).entries()[-2:], ("integrity", "truncated_package"), strict=True):
        assert (one.what, one.result, one.subject) == ("verify", "failed", tagged.package)
        assert one.code == code


def test_what_cannot_be_recorded_is_not_begun(tagged: Zoo, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: Writer, *args: object, **kwargs: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Writer, "_note", full)
    with pytest.raises(AuditUnavailable, match="No space left") as refused:
        tagged.restore()
    assert refused.value.exit_code == 26
    assert not zoo_models.Tag.objects.exists()
    assert len(tagged.service.list()) == 1

    tagged.configure(AUDIT_REQUIRED=False)
    report = tagged.restore()
    assert zoo_models.Tag.objects.exists()
    assert [f.severity for f in report.findings if f.code == "audit_not_written"] == [Severity.DEFECT] * 2
    assert report.exit_code == 3
    checked = tagged.service.verify("latest")
    assert [f.severity for f in checked.findings] == [Severity.WARNING], "a look is no less good for it"


def test_an_outcome_that_cannot_be_written_is_a_defect_of_a_call_that_stands(
    tagged: Zoo, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Writer._note

    def full(self: Writer, entry: Any) -> None:
        if entry.phase == "ended":
            raise OSError(28, "No space left on device")
        real(self, entry)

    monkeypatch.setattr(Writer, "_note", full)
    report = tagged.restore()
    assert zoo_models.Tag.objects.exists()
    assert [f.code for f in report.findings] == ["audit_not_written"]
    monkeypatch.undo()
    (begun,) = unended(trail(tagged).entries())
    tagged.create("zoo.Tag")
    closed = [one for one in trail(tagged).entries() if one.call == begun.call][-1]
    assert (closed.result, closed.details) == ("interrupted", {"closed_by": "a later call"})


def test_a_call_whose_process_died_is_closed_by_the_next(tagged: Zoo) -> None:
    dead = Call(what="restore", actor=ANN, subject="some package")
    trail(tagged).begin(dead)
    tagged.create("zoo.Tag")
    assert told(tagged)[2:] == [
        ("restore", "begun", "", ""),
        ("restore", "ended", "interrupted", ""),
        ("create", "begun", "", ""),
        ("create", "ended", "done", ""),
    ]
    closed = trail(tagged).entries()[3]
    assert (closed.call, closed.name, closed.subject) == (dead.id, "ann", "some package")


def test_a_recovery_is_recorded(tagged: Zoo) -> None:
    record = RestoreRecord(
        run_id="run1",
        package=tagged.package,
        package_id="id",
        mode="merge",
        state=RUNNING,
        started_at="2026-01-01T00:00:00+00:00",
        aliases=("default",),
    )
    new_journal(tagged.service.settings.state_directory, "run1").write(record)
    tagged.service.list()
    assert told(tagged)[2:] == [("recovery", "begun", "", ""), ("recovery", "ended", "done", "")]


# -- the copy in the database ----------------------------------------------------------------------


def test_rows_cannot_be_changed_or_deleted(zoo: Zoo) -> None:
    zoo.create("zoo.Tag")
    row = AuditEvent.objects.get(sequence=1)
    for change in (
        row.save,
        row.delete,
        AuditEvent.objects.all().delete,
        lambda: AuditEvent.objects.update(name="eve"),
        lambda: AuditEvent._base_manager.filter(sequence=1).update(name="eve"),
        lambda: AuditEvent.objects.bulk_update([row], ["name"]),
    ):
        with pytest.raises(AppendOnly):
            change()
    assert AuditEvent.objects.count() == 2
    assert str(row) == "1 create begun"


def raw(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


@pytest.mark.parametrize(
    ("statement", "code"),
    [
        ("UPDATE edms_backup_auditevent SET name = 'eve' WHERE sequence = 1", "audit_row_altered"),
        ("UPDATE edms_backup_auditevent SET line = '{}' WHERE sequence = 2", "audit_row_altered"),
        ("UPDATE edms_backup_auditevent SET sequence = 9 WHERE sequence = 2", "audit_entry_missing"),
    ],
)
def test_a_row_that_was_changed_is_found(zoo: Zoo, statement: str, code: str) -> None:
    zoo.create("zoo.Tag")
    raw(statement)
    report = zoo.service.verify_audit()
    assert code in {finding.code for finding in report.findings}
    assert (report.ok, report.exit_code) == (False, 13)


def test_rows_that_went_with_the_database_are_written_again(zoo: Zoo) -> None:
    zoo.create("zoo.Tag")
    zoo.create("zoo.Tag")
    before = in_database()
    raw("DELETE FROM edms_backup_auditevent WHERE sequence <> 3")
    report = zoo.service.verify_audit()
    assert [(f.code, f.severity, f.count) for f in report.findings] == [
        ("audit_mirrored", Severity.WARNING, 3)
    ]
    assert (report.ok, report.exit_code) == (True, 0)
    assert in_database() == before
    assert zoo.service.verify_audit().findings == ()


def test_the_next_entry_brings_the_missing_rows_along(zoo: Zoo) -> None:
    zoo.create("zoo.Tag")
    raw("DELETE FROM edms_backup_auditevent")
    zoo.create("zoo.Tag")
    assert [row[0] for row in in_database()] == [1, 2, 3, 4]


def test_another_process_has_copied_some_of_the_entries_meanwhile(
    zoo: Zoo,
) -> None:
    """Two processes look what the database lacks, both see the same, and both write it."""
    zoo.create("zoo.Tag")
    before = in_database()
    raw("DELETE FROM edms_backup_auditevent WHERE sequence = 2")
    entries = trail(zoo).entries()
    mirror.write(entries)
    assert in_database() == before
    assert zoo.service.verify_audit().findings == ()


def test_a_journal_that_went_is_found_by_the_database(zoo: Zoo) -> None:
    zoo.create("zoo.Tag")
    shutil.rmtree(trail(zoo).chain.directory)
    report = zoo.service.verify_audit()
    assert {finding.code for finding in report.findings} == {"audit_entry_missing"}
    zoo.create("zoo.Tag")
    assert zoo.service.verify_audit().exit_code == 13


def test_an_end_that_was_cut_with_its_note_is_found_by_the_database_and_by_an_anchor(zoo: Zoo) -> None:
    zoo.create("zoo.Tag")
    zoo.create("zoo.Tag")
    anchor = zoo.service.verify_audit().anchor
    chain = trail(zoo).chain
    lines = chain.path.read_bytes().splitlines(keepends=True)
    chain.path.write_bytes(b"".join(lines[:2]))
    (chain.directory / HEAD).write_bytes(lines[1])
    found = {finding.code for finding in zoo.service.verify_audit(anchor=anchor).findings}
    assert found == {"audit_entry_missing", "audit_anchor_differs"}
    raw("DELETE FROM edms_backup_auditevent")
    assert zoo.service.verify_audit().ok, (
        "who can rewrite all of it can only be caught by what is kept elsewhere"
    )
    assert not zoo.service.verify_audit(anchor=anchor).ok


def test_an_anchor_that_holds(zoo: Zoo) -> None:
    zoo.create("zoo.Tag")
    anchor = zoo.service.verify_audit().anchor
    zoo.create("zoo.Tag")
    assert zoo.service.verify_audit(anchor=anchor).ok
    assert not zoo.service.verify_audit(anchor=anchor[:-1] + ("0" if anchor[-1] != "0" else "1")).ok
    assert not zoo.service.verify_audit(anchor="nonsense").ok


def test_a_database_that_is_away_stops_nothing(tagged: Zoo, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*args: object) -> None:
        raise DatabaseUnavailable("Database default does not answer.")

    monkeypatch.setattr("edms_backup.audit.mirror.newest", away)
    monkeypatch.setattr("edms_backup.audit.mirror.compare", away)
    report = tagged.service.verify("latest")
    assert [(f.code, f.severity) for f in report.findings] == [("audit_not_mirrored", Severity.WARNING)]
    assert report.exit_code == 0
    looked = tagged.service.verify_audit()
    assert (looked.database, looked.ok) == (False, True)


@pytest.fixture
def without_table(zoo: Zoo) -> Iterator[None]:
    with without_table_of(AuditEvent):
        yield


def test_a_site_without_the_table_can_be_backed_up(zoo: Zoo, without_table: None) -> None:
    report = zoo.create("zoo.Tag")
    assert [f.code for f in report.findings] == ["audit_not_mirrored"]
    assert report.exit_code == 0
    assert len(told(zoo)) == 2


def test_what_rolls_back_around_the_call_is_copied_later(zoo: Zoo) -> None:
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        trail(zoo).begin(Call(what="create", actor=ANN))
        raise ZeroDivisionError
    assert (in_database(), len(told(zoo))) == ([], 1)
    zoo.create("zoo.Tag")
    assert [row[0] for row in in_database()] == [1, 2, 3, 4]


@pytest.mark.parametrize("text", ["a\x00b", "\udcff", "x\n\x1b[31m", "☃" * 50])
def test_texts_that_no_database_takes_are_recorded_all_the_same(zoo: Zoo, text: str) -> None:
    actor = Actor(name="ann", origin="api", reason=text)
    with pytest.raises(EdmsBackupError):
        BackupService.from_settings(actor=actor).restore(zoo.request().__class__(package=f"nope{text}"))
    (entry,) = trail(zoo).entries()
    assert (entry.reason, entry.subject) == (text, f"nope{text}")
    assert zoo.service.verify_audit().findings == ()


# -- a restore and the trail -----------------------------------------------------------------------


@pytest.mark.parametrize("mode", Mode)
def test_a_restore_neither_erases_nor_rewrites_the_trail(zoo: Zoo, mode: Mode) -> None:
    zoo_models.Tag.objects.create(code="t")
    zoo.package = zoo.service.create(CreateRequest(files=False)).package
    zoo.create("zoo.Tag")
    before = trail(zoo).chain.path.read_bytes()
    rows = list(AuditEvent.objects.order_by("sequence").values())
    zoo.package = zoo.service.list()[1].name
    zoo.restore(mode, safety_package=True)
    zoo.service.undo()
    assert trail(zoo).chain.path.read_bytes().startswith(before)
    assert list(AuditEvent.objects.order_by("sequence").values())[: len(rows)] == rows
    assert zoo.service.verify_audit().findings == ()


def test_no_package_holds_the_trail(zoo: Zoo) -> None:
    report = zoo.service.create(CreateRequest(files=False))
    manifest = zoo.service.show(report.package).manifest
    assert "edms_backup.AuditEvent" not in {model.label for model in manifest.models}
    assert "edms_backup.AuditEvent" in {one.label for one in manifest.exclusions}
    for fate in ("included", "framework"):
        zoo.configure(MODELS={"edms_backup.AuditEvent": {"fate": fate}})
        with pytest.raises(ConfigurationError, match="table of this app"):
            zoo.create("zoo.Tag")


def test_no_file_of_a_package_reaches_the_trail_or_the_packages(tmp_path: Path) -> None:
    state, packages = tmp_path / "backups" / ".state", tmp_path / "backups"
    state.mkdir(parents=True)
    root = DirectoryRoot("legacy", tmp_path, kept_apart(state, packages))
    (tmp_path / "link").symlink_to(state, target_is_directory=True)
    for name in (
        "backups/.state/audit/trail.jsonl",
        "backups/.state/audit/head.json",
        "backups/./.state/restores/x/record.json",
        "link/audit/trail.jsonl",
        "backups/edms-20250131T235959Z-1a2b3c4d.edms.zip",
    ):
        with pytest.raises(MalformedPackage, match="packages or to the audit trail"):
            root.path(name)
    for name in ("backups/letter.pdf", "documents/old.edms.zip", "backups/.statement.pdf"):
        assert root.path(name) == tmp_path / name
    remote = DirectoryRoot("legacy", tmp_path, kept_apart(state, None))
    assert remote.path("backups/x.edms.zip")


def test_times_are_utc(zoo: Zoo) -> None:
    service = zoo.service
    service.clock = lambda: datetime.datetime(
        2026, 1, 1, 1, tzinfo=datetime.timezone(datetime.timedelta(hours=3))
    )
    trail_ = service._trail
    trail_.begin(Call(what="create", actor=ANN))
    assert trail_.entries()[0].at == "2025-12-31T22:00:00.000000Z"


def test_the_trail_is_for_this_user_only(zoo: Zoo) -> None:
    before = os.umask(0)
    try:
        zoo.create("zoo.Tag")
    finally:
        os.umask(before)
    directory = trail(zoo).chain.directory
    assert {path.stat().st_mode & 0o077 for path in (directory, *directory.iterdir())} == {0}
