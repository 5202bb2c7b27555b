"""The one door: every face calls these methods, each one request in, one report out.

``BackupService.from_settings()`` puts everything together from Django's settings; tests hand in doubles.
Requests, plans and reports are exported from here, so that a face needs no other import.
"""

from __future__ import annotations

import datetime
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from django.apps import apps
from django.db import connections
from django.utils.module_loading import import_string

from edms_backup.conf import Settings, get_settings, secret_fingerprints, time_configuration
from edms_backup.create.pipeline import CreateTools, run_create
from edms_backup.create.plan import engine_findings, plan_create
from edms_backup.create.report import CreateReport, CreateRequest
from edms_backup.create.seal import SiteFacts
from edms_backup.engines import Engine, get_engine
from edms_backup.engines.errors import at_border
from edms_backup.engines.locking import database_locks, retake_database_locks
from edms_backup.errors import (
    ConfigurationError,
    DatabaseUnavailable,
    EdmsBackupError,
    Interrupted,
    PackageNotFound,
    RunLocked,
)
from edms_backup.events import FindingRaised, NullReporter, Reporter
from edms_backup.findings import Finding, Severity
from edms_backup.locks import RunLock
from edms_backup.models import is_marked, mark, require_marker_table
from edms_backup.naturalkeys import KeyRegistry
from edms_backup.naturalkeys.audit import audit_all
from edms_backup.package import PackageReader
from edms_backup.package.summary import PackageDetail, PackageSummary, VerifyReport, summarize
from edms_backup.package.verify import verify as verify_package
from edms_backup.restore import journal as journals
from edms_backup.restore.aftercare import Hook, run_hooks, send
from edms_backup.restore.journal import RestoreRecord, all_journals
from edms_backup.restore.pipeline import RestoreTools, run_plan, run_restore
from edms_backup.restore.recover import postponed, recover, unsettled
from edms_backup.restore.report import (
    FileCounts,
    Mode,
    ModelCounts,
    Outcome,
    RestorePlan,
    RestoreReport,
    RestoreRequest,
)
from edms_backup.schema import Inventory, build_inventory
from edms_backup.schema.catalogue import CheckReport, InventoryEntry, InventoryReport, catalogue
from edms_backup.schema.drift import find_drift, tables_without_model
from edms_backup.schema.filefields import file_fields_by_root
from edms_backup.signals import post_create, post_restore
from edms_backup.storage import PackageStore, get_store, locate
from edms_backup.storage.roots import FileRoot, file_roots

__all__ = [
    "BackupService",
    "CheckReport",
    "CreateReport",
    "CreateRequest",
    "FileCounts",
    "InventoryEntry",
    "InventoryReport",
    "Mode",
    "ModelCounts",
    "Outcome",
    "PackageDetail",
    "PackageSummary",
    "RestorePlan",
    "RestoreRecord",
    "RestoreReport",
    "RestoreRequest",
    "VerifyReport",
]

Summaries = list[PackageSummary]
Hooks = list[tuple[str, Hook]]
"""Named outside of the class, whose own ``list`` hides the builtin."""


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)


@dataclass(slots=True, kw_only=True)
class BackupService:
    """Backs up and restores the site that Django is configured for."""

    settings: Settings
    store: PackageStore
    reporter: Reporter
    clock: Callable[[], datetime.datetime] = _now

    @classmethod
    def from_settings(cls, reporter: Reporter | None = None) -> BackupService:
        """Return a service for the site's settings; raises ``ConfigurationError`` when they are wrong."""
        settings = get_settings()
        store = get_store(
            directory=settings.directory, storage=settings.storage, workdir=settings.state_directory / "work"
        )
        return cls(settings=settings, store=store, reporter=reporter or NullReporter())

    # -- writing -----------------------------------------------------------------------------------

    @at_border()
    def create(self, request: CreateRequest) -> CreateReport:
        """Make a package of the site. See ``create/pipeline.py`` for what it raises."""
        self.settings.refuse_public_directory()
        if request.output is not None:
            self.settings.refuse_public_directory(request.output.absolute().parent)
        with _too_late_to_stop() as stands:
            with self._alone("create") as notes:
                self.store.clear_leftovers()
                report = self._create(request)
                stands.append(f"Interrupted after the package was made: {report.package}.")
            after = send(post_create, type(self), report)
        return replace(report, findings=(*notes, *report.findings, *after))

    def _create(self, request: CreateRequest, *, already_open: bool = False) -> CreateReport:
        engines = self._engines()
        plan = plan_create(request, self._inventory(), engines)
        tools = CreateTools(
            engines=engines,
            registry=self._registry(),
            build_inventory=self._build_inventory,
            roots=self._roots(),
            store=self.store,
            compression=self.settings.compression,
            facts=SiteFacts(fingerprints=secret_fingerprints(), configuration=time_configuration()),
            reporter=self.reporter,
            clock=self.clock,
        )
        return run_create(plan, tools, already_open=already_open)

    @at_border()
    def plan(self, request: RestoreRequest) -> RestorePlan:
        """Return what a restore would do; nothing is written."""
        notes = self._recover_if_idle()
        with self._package(request.package) as package:
            package.verify_digest(self.reporter)
            plan = run_plan(request, package, self._restore_tools())
        return replace(plan, findings=(*notes, *plan.findings))

    @at_border()
    def restore(self, request: RestoreRequest) -> RestoreReport:
        """Restore a package: all of it, proven, or nothing. See ``restore/pipeline.py`` for what it raises."""
        return self._restore(request, what="restore", undoes="")

    def _restore(self, request: RestoreRequest, *, what: str, undoes: str) -> RestoreReport:
        if request.safety_package:
            self.settings.refuse_public_directory()
        hooks = self._hooks()
        require_marker_table(sorted({spec.using for spec in self._inventory().included()}))
        with _too_late_to_stop() as stands:
            with self._package(request.package) as package:
                package.verify_digest(self.reporter)
                with self._alone(what) as notes:
                    report = run_restore(request, package, self._restore_tools(), undoes=undoes)
                    stands.append(f"Interrupted after the commit: the {what} stands; hooks may be missing.")
            after = list(run_hooks(hooks, report))
            after.extend(send(post_restore, type(self), report))
        return replace(report, findings=(*notes, *report.findings, *after))

    def last_undoable(self, run_id: str = "") -> RestoreRecord | None:
        """Return the last committed restore that has a safety package (or the one named), if any."""
        for journal in reversed(all_journals(self.settings.state_directory)):
            record = journal.record
            undoable = (
                record.state in (journals.COMMITTED, journals.PARTIAL)
                and record.safety_package
                and not record.undoes
            )
            if undoable and record.run_id.startswith(run_id):
                return record
        return None

    @at_border()
    def undo(self, *, run_id: str = "", plan_only: bool = False, plan_digest: str = "") -> RestoreReport:
        """Bring back the state before a restore, from the safety package that it made.

        Raises ``PackageNotFound`` when there is nothing to undo or its safety package is gone.
        """
        record = self.last_undoable(run_id)
        if record is None:
            raise PackageNotFound(
                "There is no restore to undo.",
                hint="Only a committed restore with a safety package can be undone.",
            )
        request = RestoreRequest(
            package=record.safety_package,
            mode=Mode.REPLACE,
            exact=True,
            safety_package=False,
            plan_digest=plan_digest,
        )
        if plan_only:
            return RestoreReport.of_plan(self.plan(request))
        report = self._restore(request, what="undo", undoes=record.run_id)
        for journal in all_journals(self.settings.state_directory):
            if journal.record.run_id == record.run_id:
                journal.write(replace(journal.record, state=journals.UNDONE))
        return report

    # -- looking -----------------------------------------------------------------------------------

    @at_border()
    def verify(self, package: str) -> VerifyReport:
        """Read every byte of a package; damage is a finding, an unreadable file raises ``IntegrityError``."""
        started = time.monotonic()
        self._recover_if_idle()
        with self._package(package) as reader:
            findings = tuple(verify_package(reader, self.reporter))
            manifest = reader.manifest
            return VerifyReport(
                package=reader.name,
                findings=findings,
                seconds=time.monotonic() - started,
                rows=sum(model.rows for model in manifest.models),
                files=manifest.files.count,
                sha256=reader.sha256,
            )

    @at_border()
    def list(self) -> Summaries:
        """Return every package of the store, the newest first; unreadable ones are listed as such."""
        self._recover_if_idle()
        return [self._summary(ref.name, ref.size) for ref in self.store.list()]

    def _summary(self, name: str, size: int) -> PackageSummary:
        try:
            with self._package(name) as reader:
                return summarize(name, size, reader.manifest)
        except EdmsBackupError as error:
            return PackageSummary(name=name, bytes=size, readable=False, problem=error.message)

    @at_border()
    def show(self, package: str) -> PackageDetail:
        """Return a package's manifest."""
        self._recover_if_idle()
        with self._package(package) as reader:
            return PackageDetail(
                summary=summarize(reader.name, reader.length, reader.manifest), manifest=reader.manifest
            )

    @at_border()
    def inventory(self) -> InventoryReport:
        """Return every model with its tier, key, references, files, fate and drift."""
        notes = self._recover_if_idle()
        inventory = self._inventory()
        findings = list(find_drift(spec for spec in inventory if spec.model._meta.managed))
        findings.extend(tables_without_model(inventory, sorted({spec.using for spec in inventory})))
        blocking = {finding.model for finding in findings if finding.severity >= Severity.ERROR}
        engines = self._engines()
        unmanaged = {spec.label for spec in inventory if not spec.model._meta.managed}
        entries = catalogue(inventory, blocking | unmanaged, lambda spec: engines[spec.using].count(spec))
        travelling = {spec.label for spec in inventory.included()}
        findings = [_softened(finding, travelling) for finding in findings]
        return InventoryReport(models=tuple(entries), findings=(*notes, *findings))

    @at_border()
    def check(self) -> CheckReport:
        """Audit keys and tables on live data."""
        notes = self._recover_if_idle()
        inventory = self._inventory()
        specs = inventory.included()
        findings = list(find_drift(specs))
        broken = {finding.model for finding in findings if finding.severity >= Severity.ERROR}
        sound = [(spec.model, spec.using) for spec in specs if spec.label not in broken]
        findings.extend(audit_all(sound, self._registry(), rows=True))
        for alias, engine in self._engines().items():
            findings.extend(engine_findings(alias, engine, specs))
        return CheckReport(findings=(*notes, *findings), models=len(specs))

    def audit_models(self) -> tuple[Finding, ...]:
        """Audit what the models alone tell; touches no database."""
        specs = self._inventory().included()
        return tuple(audit_all(((spec.model, spec.using) for spec in specs), self._registry(), rows=False))

    def _hooks(self) -> Hooks:
        """Import the host's hooks; a wrong name must be known before anything is restored."""
        found = []
        for path in self.settings.after_restore:
            try:
                found.append((path, import_string(path)))
            except ImportError as error:
                raise ConfigurationError(
                    f"EDMS_BACKUP['AFTER_RESTORE'] names {path}, which cannot be imported.",
                    hint="`manage.py check` tells more; nothing was changed.",
                ) from error
        return found

    # -- parts -------------------------------------------------------------------------------------

    def _registry(self) -> KeyRegistry:
        return KeyRegistry(self.settings.natural_keys, self.settings.prefer_uuid)

    def _inventory(self) -> Inventory:
        return self._build_inventory(self._registry())

    def _build_inventory(self, registry: KeyRegistry) -> Inventory:
        return build_inventory(
            registry, self.settings.models, self.settings.path_fields, self.settings.file_roots
        )

    def _engines(self) -> dict[str, Engine]:
        return {alias: get_engine(alias, self.settings.engines) for alias in connections}

    def _roots(self) -> dict[str, FileRoot]:
        declared = self.settings.file_roots
        return file_roots(declared, lambda: file_fields_by_root(declared, list(apps.get_models())))

    def _restore_tools(self) -> RestoreTools:
        return RestoreTools(
            engines=self._engines(),
            registry=self._registry(),
            build_inventory=self._build_inventory,
            roots=self._roots(),
            state_directory=self.settings.state_directory,
            reporter=self.reporter,
            clock=self.clock,
            make_safety_package=self._make_safety_package,
            mark=lambda alias, run_id: mark(alias, run_id, self.clock()),
            is_marked=is_marked,
            may_settle=lambda: retake_database_locks(self._engines().values()),
            end_sessions=self.settings.end_sessions,
            fingerprints=secret_fingerprints(),
            configuration=time_configuration(),
        )

    def _make_safety_package(self) -> str:
        request = CreateRequest(kind="safety", label="before a restore")
        return self._create(request, already_open=True).package

    @contextmanager
    def _package(self, name: str) -> Iterator[PackageReader]:
        stream, shown = locate(self.store, name)
        with stream, PackageReader(stream, shown) as reader:
            yield reader

    @contextmanager
    def _alone(self, what: str) -> Iterator[tuple[Finding, ...]]:
        """Hold the locks of a writing run; settle what an interrupted run left. Yields what was settled."""
        with RunLock(self.settings.state_directory, what), database_locks(self._engines().values()):
            yield self._recovered()

    def _recovered(self) -> tuple[Finding, ...]:
        findings = recover(self.settings.state_directory, self._roots(), is_marked)
        for finding in findings:
            self.reporter.emit(FindingRaised(finding=finding))
        return tuple(findings)

    def _recover_if_idle(self) -> tuple[Finding, ...]:
        """Settle an interrupted restore unless a run is in progress."""
        if not unsettled(self.settings.state_directory):
            return ()
        try:
            with self._alone("recovery") as findings:
                return findings
        except RunLocked:
            return ()
        except DatabaseUnavailable as error:
            # What asks no database (list, show, verify) has to work on the day when it is away.
            later = postponed(error)
            self.reporter.emit(FindingRaised(finding=later))
            return (later,)


@contextmanager
def _too_late_to_stop() -> Iterator[list[str]]:
    """Yield a list for what stands; an interrupt that comes after that was put into it says so."""
    stands: list[str] = []
    try:
        yield stands
    except KeyboardInterrupt as error:
        if stands:
            raise Interrupted(stands[-1]) from error
        raise


def _softened(finding: Finding, travelling: set[str]) -> Finding:
    """A model that stays at home may lack its table: worth a warning, no more."""
    if finding.severity >= Severity.ERROR and finding.model not in travelling:
        return replace(finding, severity=Severity.WARNING)
    return finding
