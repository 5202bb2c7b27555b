"""What the service answers besides a restore: lists, details, outputs, locks and lost databases."""

from pathlib import Path

import pytest
from django.db import DatabaseError, InterfaceError, OperationalError, connection

from edms_backup.create import pipeline as creating
from edms_backup.create.report import CreateRequest
from edms_backup.engines.errors import mapped
from edms_backup.engines.generic import one_line
from edms_backup.engines.sqlite import SQLiteEngine
from edms_backup.errors import (
    ChecksumMismatch,
    DatabaseUnavailable,
    EdmsBackupError,
    MissingTable,
    PackageNotFound,
    RunLocked,
    StoreFull,
    StoreUnavailable,
    UsageError,
)
from edms_backup.events import FindingRaised, NullReporter
from edms_backup.findings import Finding, Findings, Severity
from edms_backup.restore.journal import ROLLED_BACK, RUNNING, RestoreRecord, all_journals, new_journal
from edms_backup.restore.report import Mode, Outcome, RestoreReport
from edms_backup.service import BackupService, recorded
from tests.unit.conftest import Zoo
from tests.zoo import models as zoo_models


def test_packages_are_listed_shown_and_verified(zoo: Zoo) -> None:
    zoo_models.Tag.objects.create(code="t")
    created = zoo.create("zoo.Tag")
    service = zoo.service
    (summary,) = service.list()
    assert (summary.name, summary.readable, summary.bytes) == (zoo.package, True, created.bytes)
    assert service.show("latest").summary.name == zoo.package
    report = service.verify(zoo.package)
    assert (report.rows, report.files, report.findings) == (1, 0, ())
    assert report.sha256 == created.sha256
    assert created.to_dict()["complete"] is True
    path = Path(service.settings.directory) / zoo.package
    path.write_bytes(path.read_bytes()[:-10])
    (summary,) = service.list()
    assert summary.readable is False
    assert summary.problem


def test_a_package_may_be_written_to_a_path(zoo: Zoo, tmp_path: Path) -> None:
    zoo_models.Tag.objects.create(code="t")
    path = tmp_path / "one.zip"
    request = CreateRequest(models=("zoo.Tag",), files=False, output=path)
    assert zoo.service.create(request).package == str(path)
    with pytest.raises(UsageError, match="exists already"):
        zoo.service.create(request)
    elsewhere = CreateRequest(models=("zoo.Tag",), output=tmp_path / "no" / "where.zip")
    with pytest.raises(UsageError, match="no directory"):
        zoo.service.create(elsewhere)
    zoo.package = str(path)
    assert zoo.plan().changes == 0


def test_what_does_not_read_back_is_not_published(zoo: Zoo, monkeypatch: pytest.MonkeyPatch) -> None:
    from edms_backup.create import publish

    problem = Finding(code="member_damaged", severity=Severity.ERROR, message="gone bad")
    monkeypatch.setattr(publish, "verify", lambda reader, reporter, **how: [problem])
    with pytest.raises(ChecksumMismatch, match="gone bad"):
        zoo.create("zoo.Tag")
    assert zoo.service.list() == []
    assert not list(Path(zoo.service.settings.directory).glob("*.zip*"))


def test_a_disk_that_refuses_is_no_crash(zoo: Zoo, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(creating, "read_back", refuse)
    with pytest.raises(StoreUnavailable, match="cannot be written"):
        zoo.create("zoo.Tag")
    assert zoo.service.list() == []


def test_an_undo_needs_something_to_undo(zoo: Zoo) -> None:
    with pytest.raises(PackageNotFound, match="no restore to undo"):
        zoo.service.undo()
    assert zoo.service.last_undoable() is None


def test_an_undo_goes_back_once(zoo: Zoo) -> None:
    zoo_models.Tag.objects.create(code="t")
    zoo.create("zoo.Tag")
    zoo_models.Tag.objects.all().delete()
    report = zoo.restore(safety_package=True)
    planned = zoo.service.undo(plan_only=True)
    assert planned.outcome is Outcome.PLANNED
    assert planned.models["zoo.Tag"].deleted == 1
    assert zoo_models.Tag.objects.exists()
    undone = zoo.service.undo(run_id=report.run_id[:8], plan_digest=planned.plan_digest)
    assert undone.outcome is Outcome.COMMITTED
    assert not zoo_models.Tag.objects.exists()
    with pytest.raises(PackageNotFound):
        zoo.service.undo(run_id=report.run_id)


def test_a_database_that_another_machine_works_on(zoo: Zoo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SQLiteEngine, "try_lock", lambda self, name: False)
    with pytest.raises(RunLocked, match="another machine"):
        zoo.create("zoo.Tag")


def test_a_restore_needs_the_table_of_its_marker(zoo: Zoo) -> None:
    zoo.create("zoo.Tag")
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE edms_backup_restoremarker")
    with pytest.raises(MissingTable, match="edms_backup_restoremarker"):
        zoo.restore()


@pytest.mark.parametrize(
    ("error", "expected", "text"),
    [
        (OperationalError("server closed\nDETAIL: x"), DatabaseUnavailable, "server closed"),
        (InterfaceError(""), DatabaseUnavailable, "InterfaceError"),
        (OperationalError("database or disk is full"), StoreFull, "no space left"),
        (OperationalError("No space left on device"), StoreFull, "no space left"),
    ],
)
def test_errors_of_drivers_become_our_words(
    error: Exception, expected: type[EdmsBackupError], text: str
) -> None:
    with pytest.raises(expected, match=text) as mapped_error, mapped("default"):
        raise error
    assert "DETAIL" not in mapped_error.value.message
    with pytest.raises(ValueError, match="ours"), mapped("default"):
        raise ValueError("ours")


def test_a_message_of_a_database_is_cut_to_its_first_line() -> None:
    assert one_line(DatabaseError(" first\nsecond")) == "first"
    assert one_line(DatabaseError()) == "DatabaseError"


def test_exit_codes_of_reports(zoo: Zoo) -> None:
    zoo.create("zoo.Tag")
    plan = zoo.plan(Mode.MERGE)
    report = RestoreReport.of_plan(plan)
    assert report.exit_code == 0
    error = Finding(code="x", severity=Severity.ERROR, message="m")
    defect = Finding(code="x", severity=Severity.DEFECT, message="m")

    def code(outcome: Outcome, *findings: Finding) -> int:
        from dataclasses import replace

        return replace(report, outcome=outcome, findings=findings).exit_code

    assert code(Outcome.PLANNED, error) == 16
    assert code(Outcome.PLANNED, defect) == 3
    assert code(Outcome.COMMITTED, defect) == 3
    assert code(Outcome.ROLLED_BACK) == 18
    document = report.to_dict()
    assert document["outcome"] == "planned"
    assert document["models"]["zoo.Tag"]["after"] is None  # type: ignore[index]


def test_findings_grow_and_are_weighed() -> None:
    findings = Findings()
    assert findings.worst is None
    findings.add(Finding(code="a", severity=Severity.INFO, message="m", model="x", key="1", count=2))
    findings.extend([Finding(code="b", severity=Severity.ERROR, message="m")])
    assert (len(findings), findings.worst, [f.code for f in findings.blocking]) == (2, Severity.ERROR, ["b"])
    first = next(iter(findings))
    assert (first.subject, first.to_dict()["count"]) == ("x 1", 2)


def test_packages_can_be_read_while_an_interrupted_restore_waits_for_its_database(
    zoo: Zoo, monkeypatch: pytest.MonkeyPatch
) -> None:
    zoo_models.Tag.objects.create(code="t")
    zoo.create("zoo.Tag")
    record = RestoreRecord(
        run_id="run1",
        package=zoo.package,
        package_id="id",
        mode="merge",
        state=RUNNING,
        started_at="2026-01-01T00:00:00+00:00",
        aliases=("default",),
    )
    new_journal(zoo.service.settings.state_directory, "run1").write(record)

    def unreachable(engines: object) -> None:
        raise DatabaseUnavailable("Database default does not answer.")

    heard: list[Finding] = []
    monkeypatch.setattr(recorded, "database_locks", unreachable)
    service = BackupService.from_settings(Listener(heard))
    assert [summary.name for summary in service.list()] == [zoo.package]
    assert service.verify(zoo.package).findings == ()
    assert {finding.code for finding in heard} == {"restore_unsettled"}
    with pytest.raises(DatabaseUnavailable):
        zoo.restore()
    monkeypatch.undo()
    zoo.service.list()
    (journal,) = all_journals(zoo.service.settings.state_directory)
    assert journal.record.state == ROLLED_BACK


class Listener(NullReporter):
    """Keeps the findings that are raised."""

    def __init__(self, heard: list[Finding]) -> None:
        self.heard = heard

    def emit(self, event: object) -> None:
        if isinstance(event, FindingRaised):
            self.heard.append(event.finding)
