"""What changes packages or the site: create, restore, undo. One of them at a time."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from django.utils.module_loading import import_string

from edms_backup.conf import secret_fingerprints, time_configuration
from edms_backup.create.pipeline import CreateTools, run_create
from edms_backup.create.plan import plan_create
from edms_backup.create.report import CreateReport, CreateRequest
from edms_backup.create.seal import SiteFacts
from edms_backup.engines.errors import at_border
from edms_backup.engines.locking import retake_database_locks
from edms_backup.errors import ConfigurationError, PackageNotFound
from edms_backup.history import UndoRequest
from edms_backup.models import Run, RunKind, is_marked, mark, require_marker_table
from edms_backup.notices import success
from edms_backup.restore import journal as journals
from edms_backup.restore.aftercare import Hook, run_hooks, send
from edms_backup.restore.journal import RestoreRecord, all_journals
from edms_backup.restore.pipeline import RestoreTools, run_plan, run_restore
from edms_backup.restore.report import Mode, RestorePlan, RestoreReport, RestoreRequest
from edms_backup.service.details import created, restored
from edms_backup.service.recorded import Recorded
from edms_backup.signals import backup_created, restore_finished
from edms_backup.storage import is_name_of

Hooks = list[tuple[str, Hook]]


class Writing(Recorded):
    """The verbs that change something."""

    __slots__ = ()

    def create(self, request: CreateRequest) -> CreateReport:
        """Make a package of the site. See ``create/pipeline.py`` for what it raises."""
        return self._as_run(RunKind.CREATE, request, lambda service: service._create_alone(request))

    def _create_alone(self, request: CreateRequest) -> CreateReport:
        self.settings.refuse_public_directory()
        if request.output is not None:
            self.settings.refuse_public_directory(request.output.absolute().parent)
        with self._alone("create") as notes:
            self.store.clear_leftovers()
            with self._asked_when_interrupted(lambda run: _made(self._made_by(run))):
                report = self._create(request)
                self._note(request, report)
        after = list(send(backup_created, type(self), report=report))
        if self.call is not None:
            after += self._told([success(self.call)])
        return replace(report, findings=(*notes, *report.findings, *self._said, *after))

    def _note(self, request: CreateRequest, report: CreateReport) -> None:
        if self.call is not None:
            self.call.subject = report.package
        self._stands(_made(report.package), report.exit_code, **created(request, report))

    def _made_by(self, run: Run) -> str:
        """Return the package that a create made before it was ended, if it came so far."""
        output = run.request.get("output")
        if output:
            return str(output) if Path(output).exists() else ""
        return next((ref.name for ref in self.store.list() if is_name_of(ref.name, str(run.pk))), "")

    def _create(self, request: CreateRequest, *, already_open: bool = False) -> CreateReport:
        engines = self._engines()
        if request.jobs is None:
            request = replace(request, jobs=self.settings.create_jobs)
        plan = plan_create(request, self._inventory(), engines)
        tools = CreateTools(
            engines=engines,
            registry=self.registry(),
            build_inventory=self._build_inventory,
            roots=self._roots(),
            store=self.store,
            compression=self.settings.compression,
            facts=SiteFacts(fingerprints=secret_fingerprints(), configuration=time_configuration()),
            reporter=self.reporter,
            clock=self.clock,
            # A package has the id of the run that made it. A restore's safety package has one of its own.
            package_id=str(self.recording.run.pk) if self.recording is not None and not already_open else "",
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

    def restore(self, request: RestoreRequest) -> RestoreReport:
        """Restore a package: all of it, proven, or nothing. See ``restore/pipeline.py`` for what it raises."""
        return self._as_run(
            RunKind.RESTORE, request, lambda service: service._restore(request, what="restore")
        )

    def _restore(self, request: RestoreRequest, *, what: str, undoes: str = "") -> RestoreReport:
        if request.safety_package:
            self.settings.refuse_public_directory()
        hooks = self._hooks()
        require_marker_table(sorted({spec.using for spec in self._inventory().included()}))
        stands = f"Interrupted after the commit: the {what} stands; hooks may be missing."
        with self._package(request.package) as package:
            package.verify_digest(self.reporter)
            with (
                self._alone(what) as notes,
                self._asked_when_interrupted(lambda run: stands if self._committed(run) else ""),
            ):
                report = run_restore(request, package, self._restore_tools(), undoes=undoes)
                self._stands(stands, report.exit_code, **restored(report, undoes))
        after = list(run_hooks(hooks, report))
        after.extend(send(restore_finished, type(self), report=report))
        return replace(report, findings=(*notes, *report.findings, *self._said, *after))

    def _committed(self, run: Run) -> bool:
        """Return whether the journal of a restore says that it was committed."""
        return any(
            journal.record.run_id == run.pk.hex and journal.record.state == journals.COMMITTED
            for journal in all_journals(self.settings.state_directory)
        )

    def last_undoable(self, run_id: str = "") -> RestoreRecord | None:
        """Return the last committed restore that has a safety package (or the one named), if any."""
        for journal in reversed(all_journals(self.settings.state_directory)):
            record = journal.record
            undoable = (
                record.state in (journals.COMMITTED, journals.PARTIAL)
                and record.safety_package
                and not record.undoes
            )
            if undoable and record.run_id.startswith(run_id.replace("-", "")):
                return record
        return None

    @at_border()
    def undo(
        self,
        *,
        run_id: str = "",
        plan_only: bool = False,
        plan_digest: str = "",
        may_grant: tuple[str, ...] | None = None,
    ) -> RestoreReport:
        """Bring back the state before a restore, from the safety package that it made.

        Raises ``PackageNotFound`` when there is nothing to undo or its safety package is gone.
        """
        if plan_only:
            return RestoreReport.of_plan(self.plan(self.undoing(run_id, may_grant)))
        request = UndoRequest(run_id=run_id, plan_digest=plan_digest, may_grant=may_grant)
        return self._as_run(RunKind.UNDO, request, lambda service: service._undo(request))

    def undoing(self, run_id: str = "", may_grant: tuple[str, ...] | None = None) -> RestoreRequest:
        """Return the restore that an undo is, for planning it; raises ``PackageNotFound`` as ``undo`` does."""
        return _undoing(self._undoable(run_id), "", may_grant)

    def _undo(self, request: UndoRequest) -> RestoreReport:
        record = self._undoable(request.run_id)
        restore = _undoing(record, request.plan_digest, request.may_grant)
        report = self._restore(restore, what="undo", undoes=record.run_id)
        for journal in all_journals(self.settings.state_directory):
            if journal.record.run_id == record.run_id:
                journal.write(replace(journal.record, state=journals.UNDONE))
        return report

    def _undoable(self, run_id: str) -> RestoreRecord:
        record = self.last_undoable(run_id)
        if record is None:
            raise PackageNotFound(
                "There is no restore to undo.",
                hint="Only a committed restore with a safety package can be undone.",
            )
        return record

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

    def _restore_tools(self) -> RestoreTools:
        return RestoreTools(
            engines=self._engines(),
            registry=self.registry(),
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
            run_id=self.recording.run.pk.hex if self.recording is not None else "",
        )

    def _make_safety_package(self) -> str:
        # Inside of the restore's own transaction, whose view nobody else has.
        request = CreateRequest(kind="safety", label="before a restore", jobs=1)
        return self._create(request, already_open=True).package


def _made(package: str) -> str:
    return f"Interrupted after the package was made: {package}." if package else ""


def _undoing(record: RestoreRecord, plan_digest: str, may_grant: tuple[str, ...] | None) -> RestoreRequest:
    return RestoreRequest(
        package=record.safety_package,
        mode=Mode.REPLACE,
        exact=True,
        safety_package=False,
        plan_digest=plan_digest,
        may_grant=may_grant,
    )
