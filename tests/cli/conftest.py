"""A stand-in for the service, and a way to run the command against it as an operator would."""

import datetime
import io
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any

import pytest

from edms_backup.events import Progress, Reporter, StepFinished, StepStarted
from edms_backup.findings import Finding, Severity
from edms_backup.management.commands.edms_backup import Command
from edms_backup.package.manifest import Exclusion, FilesEntry, Header, KeyEntry, Manifest
from edms_backup.service import (
    Actor,
    AuditReport,
    Check,
    CheckReport,
    CreateReport,
    CreateRequest,
    Entry,
    FileCounts,
    InventoryEntry,
    InventoryReport,
    Level,
    Mode,
    ModelCounts,
    Outcome,
    PackageDetail,
    PackageSummary,
    PrivilegeDelta,
    RestorePlan,
    RestoreRecord,
    RestoreReport,
    RestoreRequest,
    StatusReport,
    VerifyReport,
)

NAME = "edms-20250131T235959Z-1a2b3c4d.edms.zip"
SAFETY = "safety-20250201T080000Z-5e6f7a8b.edms.zip"
DEFECT = Finding(
    code="missing_file",
    severity=Severity.DEFECT,
    message="The file is not there.",
    model="documents.Document",
    key="DOC-1",
    field="file_path",
    hint="Look for it in older packages.",
)
WARNING = Finding(code="ambiguous_key", severity=Severity.WARNING, message="A key names two rows.", count=2)
NOON = datetime.datetime(2025, 2, 1, 12, tzinfo=datetime.UTC)
ENTRY = Entry(
    chain="c" * 32,
    sequence=7,
    at="2025-02-01T08:00:00.000000Z",
    call="a" * 32,
    what="create",
    phase="ended",
    subject=NAME,
    result="done",
    name="ann",
    origin="cli",
    address="plant2",
    reason="nightly",
)
Entries = list[Entry]
CHECK = Check(
    name="package",
    level=Level.OK,
    message="The last good package is 12 h old.",
    value=43201.4,
    unit="s",
    limits=(93600.0, 180000.0),
)
BLOCKER = Finding(code="conflict", severity=Severity.ERROR, message="Two constraints disagree.", key="DOC-2")


def _models() -> dict[str, ModelCounts]:
    return {
        "documents.Document": ModelCounts(
            expected=1200, before=1190, inserted=12, updated=3, unchanged=1185, left=2
        ),
        "users.User": ModelCounts(expected=13, before=13, unchanged=13),
        "audit.Empty": ModelCounts(),
    }


@dataclass
class FakeService:
    """Answers what it was told to, and remembers what it was asked."""

    findings: tuple[Finding, ...] = ()
    raises: BaseException | None = None
    plan_findings: tuple[Finding, ...] = ()
    asked: list[Any] = field(default_factory=list)
    reporter: Reporter | None = None
    actor: Actor | None = None
    settings: Any = field(default_factory=lambda: SimpleNamespace(site_name="Plant 2"))
    during: Callable[[], None] | None = None
    unreadable: bool = False
    undoable: bool = True
    checks: tuple[Check, ...] = ()
    privileges: PrivilegeDelta = field(default_factory=PrivilegeDelta)

    def _work(self, *asked: Any) -> None:
        self.asked.append(asked)
        assert self.reporter is not None
        self.reporter.emit(StepStarted(step="rows", total=10))
        self.reporter.emit(Progress(step="rows", done=5, subject="documents.Document"))
        self.reporter.emit(StepFinished(step="rows", done=10, seconds=0.5))
        if self.during is not None:
            self.during()
        if self.raises is not None:
            raise self.raises

    def create(self, request: CreateRequest) -> CreateReport:
        self._work("create", request)
        return CreateReport(
            package=str(request.output or NAME),
            id="1a2b3c4d",
            sha256="ab" * 32,
            rows=1213,
            models=3,
            files=23,
            missing_files=1 if DEFECT in self.findings else 0,
            bytes=1_234_567,
            seconds=3.14,
            findings=self.findings,
        )

    def plan(self, request: RestoreRequest) -> RestorePlan:
        self._work("plan", request)
        return RestorePlan(
            package=NAME,
            package_id="1a2b3c4d",
            package_sha256="ab" * 32,
            created_at="2025-01-31T23:59:59.123456Z",
            mode=request.mode,
            models=_models(),
            files=FileCounts(expected=23, identical=20, written=2, replaced=1),
            findings=self.plan_findings,
            digest="plan-digest",
            engines={"default": "sqlite"},
            samples={"documents.Document": {"inserted": ["DOC-1", "DOC-\x1b[31m2"], "updated": []}},
            privileges=self.privileges,
        )

    def restore(self, request: RestoreRequest) -> RestoreReport:
        self._work("restore", request)
        return self._restored(request.mode)

    def _restored(self, mode: Mode, *, safety: str = SAFETY) -> RestoreReport:
        models = {
            label: replace(counts, after=counts.expected, identical=counts.expected)
            for label, counts in _models().items()
        }
        return RestoreReport(
            outcome=Outcome.COMMITTED,
            package=NAME,
            package_id="1a2b3c4d",
            mode=mode,
            models=models,
            files=FileCounts(expected=23, identical=20, written=2, replaced=1),
            findings=self.findings,
            seconds=4.2,
            verdict="1213/1213 rows identical in 3 models, 23/23 files identical",
            safety_package=safety,
            run_id="run-1",
        )

    def last_undoable(self, run_id: str = "") -> RestoreRecord | None:
        self.asked.append(("last_undoable", run_id))
        if not self.undoable:
            return None
        return RestoreRecord(
            run_id="run-1",
            package=NAME,
            package_id="1a2b3c4d",
            mode="merge",
            state="committed",
            started_at="2025-02-01T08:00:00Z",
            committed_at="2025-02-01T08:00:09Z",
            safety_package=SAFETY,
        )

    def undo(self, *, run_id: str = "", plan_only: bool = False, plan_digest: str = "") -> RestoreReport:
        self._work("undo", run_id, plan_only, plan_digest)
        if plan_only:
            return RestoreReport.of_plan(self.plan(RestoreRequest(package=SAFETY, mode=Mode.REPLACE)))
        return self._restored(Mode.REPLACE, safety="")

    def verify(self, package: str) -> VerifyReport:
        self._work("verify", package)
        return VerifyReport(package=NAME, findings=self.findings, seconds=0.2, rows=1213, files=23)

    def list(self) -> list[PackageSummary]:
        self._work("list")
        good = PackageSummary(
            name=NAME,
            bytes=1_234_567,
            id="1a2b3c4d",
            kind="backup",
            label="before the upgrade",
            created_at="2025-01-31T23:59:59.123456Z",
            rows=1213,
            models=3,
            files=23,
        )
        bad = PackageSummary(name="bad.edms.zip", bytes=3, readable=False, problem="It is cut off.")
        return [good, bad] if self.unreadable else [good]

    def show(self, package: str) -> PackageDetail:
        self._work("show", package)
        header = Header(package_id="1a2b3c4d", created_at="2025-01-31T23:59:59.123456Z")
        manifest = Manifest(
            header=header,
            software={"django": "5.2"},
            models=tuple(
                SimpleNamespace(
                    label=label, rows=rows, tier="critical", key=KeyEntry(source="method", paths=paths)
                )
                for label, rows, paths in (
                    ("documents.Document", 1200, ("number",)),
                    ("users.User", 13, ()),
                    ("audit.Empty", 0, ("uuid",)),
                )
            ),
            files=FilesEntry(count=23, bytes=4096, missing=1),
            migrations={"documents": ["0001_initial", "0002_more"]},
            exclusions=(Exclusion(label="sessions.Session", reason="sessions end with a restore"),),
            findings=(
                DEFECT.to_dict(),
                {"code": "new", "severity": "fatal", "message": "From a newer release."},
            ),
        )
        return PackageDetail(summary=self.list()[0], manifest=manifest)

    def inventory(self) -> InventoryReport:
        self._work("inventory")
        values: dict[str, Any] = {
            "table": "t",
            "database": "default",
            "tier": "critical",
            "why": "said so",
            "relations": ["folder"],
            "many_to_many": [],
            "generics": [],
            "files": ["file_path"],
            "append_only": False,
        }
        travels = InventoryEntry(
            label="documents.Document",
            fate="included",
            reason="",
            rows=1200,
            key="number",
            key_source="method",
            **values,
        )
        stays = InventoryEntry(
            label="sessions.Session",
            fate="excluded",
            reason="too late",
            rows=None,
            key="",
            key_source="",
            **values,
        )
        return InventoryReport(models=(travels, stays), findings=self.findings)

    def check(self) -> CheckReport:
        self._work("check")
        return CheckReport(findings=self.findings, models=3)

    def status(self, *, notify: bool = False) -> StatusReport:
        self._work("status", notify)
        return StatusReport(
            site="Plant 2",
            at=NOON,
            checks=self.checks,
            package=NAME,
            packages=3,
            bytes=4096,
            findings=self.findings,
        )

    def audit_entries(self, *, last: int | None = None) -> Entries:
        self._work("audit_entries", last)
        return [ENTRY]

    def verify_audit(self, *, anchor: str = "") -> AuditReport:
        self._work("verify_audit", anchor)
        return AuditReport(findings=self.findings, entries=7, chain="c" * 32, sequence=7, sha256="ab" * 32)


class Terminal(io.StringIO):
    """A stream with a person at its other end."""

    def isatty(self) -> bool:
        return True


@dataclass
class Ended:
    """How a command ended and what it said."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one document on standard output; fails when there is more or less than one."""
        return json.loads(self.out)


Run = Callable[..., Ended]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    """Give a function that runs ``manage.py edms_backup …`` on a service and returns how it ended."""

    def execute(
        service: FakeService,
        *args: str,
        stdin: io.TextIOBase | None = None,
        stdout: Any = None,
        stderr: Any = None,
    ) -> Ended:
        def make_service(reporter: Reporter, actor: Actor) -> Any:
            service.reporter, service.actor = reporter, actor
            return service

        command_class = type("FakeCommand", (Command,), {"make_service": staticmethod(make_service)})
        out, err = stdout or io.StringIO(), stderr or io.StringIO()
        monkeypatch.setattr(sys, "stdin", stdin or io.StringIO())
        code = 0
        try:
            command_class(stdout=out, stderr=err).run_from_argv(["manage.py", "edms_backup", *args])
        except SystemExit as ended:
            code = int(ended.code or 0)
        said = [stream.getvalue() if isinstance(stream, io.StringIO) else "" for stream in (out, err)]
        return Ended(code, *said)

    return execute
