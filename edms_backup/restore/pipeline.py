"""restore: plan → stage → load → validate → commit | rollback.

The whole of it happens inside one transaction per database: what is planned is computed under the locks
that the load holds, so nobody can come in between. The journal on disk knows at every moment what a later
start has to finish or to undo.
"""

from __future__ import annotations

import datetime
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from django.db import Error, models

from edms_backup.engines import Engine
from edms_backup.errors import (
    MissingTable,
    PlanBlocked,
    PlanStale,
    ValidationFailed,
)
from edms_backup.events import Reporter
from edms_backup.findings import Finding, Findings, Severity
from edms_backup.naturalkeys import KeyRegistry
from edms_backup.package import PackageReader
from edms_backup.restore import journal as journals
from edms_backup.restore.aftercare import analyze, end_sessions, forget
from edms_backup.restore.appendonly import keep_entries
from edms_backup.restore.assign import (
    assign_keys,
    chance_findings,
    need_findings,
    settle_conflicts,
    unfit_findings,
)
from edms_backup.restore.circumstances import look_around
from edms_backup.restore.endings import stands_all_the_same, unfinished
from edms_backup.restore.files import ScopedFiles, StagedFiles, check_files, plan_files
from edms_backup.restore.follow import Followers, apply_changes, find_followers, renumber
from edms_backup.restore.index import index_all
from edms_backup.restore.journal import Journal, RestoreRecord
from edms_backup.restore.keymap import KeyMap
from edms_backup.restore.load import find_moves, load
from edms_backup.restore.packagekeys import package_registry
from edms_backup.restore.plan import build_plan
from edms_backup.restore.recover import settle
from edms_backup.restore.redirect import redirect
from edms_backup.restore.report import Outcome, RestorePlan, RestoreReport, RestoreRequest
from edms_backup.restore.target import Target, choose_scope
from edms_backup.restore.validate import validate, verdict
from edms_backup.schema.drift import find_drift
from edms_backup.schema.inventory import Inventory
from edms_backup.storage.roots import FileRoot

_PATIENCE = 3.0
"""Seconds that a server is given to end what a lost session had begun."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoreTools:
    """What a restore works with; the service puts it together."""

    engines: Mapping[str, Engine]
    registry: KeyRegistry
    build_inventory: Callable[[KeyRegistry], Inventory]
    roots: Mapping[str, FileRoot]
    state_directory: Path
    reporter: Reporter
    clock: Callable[[], datetime.datetime]
    make_safety_package: Callable[[], str]
    """Makes a package of everything inside the open transactions; returns its name."""
    mark: Callable[[str, str], None]
    """(alias, run) writes the marker row that tells a later start that the transaction committed."""
    is_marked: Callable[[str, str], bool]
    """(alias, run) asks for that row."""
    may_settle: Callable[[], bool]
    """Whether no session of the server works on a restore any more."""
    end_sessions: bool
    """Whether sessions that are kept in the database end with the restore."""
    fingerprints: Mapping[str, str]
    """Names of secrets to fingerprints."""
    configuration: Mapping[str, object]
    """``USE_TZ`` and ``TIME_ZONE`` of this site."""
    run_id: str = ""
    """Under this id the restore stands in journal and marker; empty: a new one."""


@dataclass(slots=True)
class _Prepared:
    """One restore, planned."""

    target: Target
    keymap: KeyMap
    followers: Followers
    files: ScopedFiles
    plan: RestorePlan


def run_plan(request: RestoreRequest, package: PackageReader, tools: RestoreTools) -> RestorePlan:
    """Return what a restore would do; a consistent look, nothing is written.

    Raises ``UnknownModel``, ``UsageError`` or ``MissingTable``.
    """
    target, findings = _open_target(request, package, tools)
    with ExitStack() as stack:
        for alias in target.aliases:
            stack.enter_context(tools.engines[alias].freeze([s for s in target.specs if s.using == alias]))
        prepared = stack.enter_context(_prepare(request, package, tools, target, findings))
        return prepared.plan


def run_restore(
    request: RestoreRequest, package: PackageReader, tools: RestoreTools, *, undoes: str = ""
) -> RestoreReport:
    """Restore, prove and commit, or leave everything as it was.

    Raises ``PlanBlocked`` or ``PlanStale`` before the first write, ``ValidationFailed``, ``LoadFailed`` or
    another ``EdmsBackupError`` after a complete rollback.
    """
    started = time.monotonic()
    target, findings = _open_target(request, package, tools)
    record = _record(request, package, tools, target, undoes)
    journal = journals.new_journal(tools.state_directory, record.run_id)
    staged = StagedFiles(journal, tools.roots)
    try:
        with ExitStack() as transactions:
            for alias in target.aliases:
                own = [spec for spec in target.specs if spec.using == alias]
                transactions.enter_context(tools.engines[alias].transaction(own))
            with _prepare(request, package, tools, target, findings) as prepared:
                _refuse(prepared.plan, request)
                report, record = _work(request, prepared, record, journal, staged, tools)
    except BaseException as error:
        # Whatever happened, and wherever: the marker in the database knows whether the rows are in.
        if not stands_all_the_same(error, _settle_afresh(journal, target, tools)):
            raise
    try:
        after = _finish(record, journal, staged, target, package, tools)
    except BaseException as error:
        said = unfinished(error, record, _settle_afresh(journal, target, tools))
        if said is None:
            raise
        raise said from error
    return replace(report, findings=(*report.findings, *after), seconds=time.monotonic() - started)


def _settle_afresh(journal: Journal, target: Target, tools: RestoreTools) -> str:
    """Bring files into the state of the rows, asked of the database on a new connection; return that state.

    The old one may still be inside of a transaction whose commit was interrupted. Where the server still works
    on it, its lock is taken; when that lasts, the next command settles the run instead (``running``).
    """
    journal.close()
    if not journal.folder.exists():
        return journals.ROLLED_BACK
    patience = time.monotonic() + _PATIENCE
    while True:
        for alias in target.aliases:
            tools.engines[alias].begin_anew()
        if tools.may_settle():
            return settle(journal, tools.roots, tools.is_marked)
        if time.monotonic() > patience:
            return journals.RUNNING
        time.sleep(_PATIENCE / 20)


def _open_target(
    request: RestoreRequest, package: PackageReader, tools: RestoreTools
) -> tuple[Target, list[Finding]]:
    """Look at the site with the package's keys; a missing table ends it here."""
    registry = package_registry(package.manifest, tools.registry)
    inventory = tools.build_inventory(registry)
    specs, findings = choose_scope(request, package.manifest, inventory)
    if request.exact:
        specs = [replace(spec, append_only=False) for spec in specs]
        inventory = Inventory({**inventory.specs, **{spec.label: spec for spec in specs}})
    drift = [finding for finding in find_drift(specs) if finding.severity >= Severity.ERROR]
    if drift:
        raise MissingTable(drift[0].message, hint=drift[0].hint, findings=drift)
    target = Target(
        engines=tools.engines, inventory=inventory, registry=registry, specs=tuple(specs), roots=tools.roots
    )
    if len(target.aliases) > 1:
        findings.append(_several_databases(target))
    return target, findings


def _several_databases(target: Target) -> Finding:
    return Finding(
        code="several_databases",
        severity=Severity.WARNING,
        message=f"Databases {', '.join(target.aliases)} commit one after the other; there is no common switch.",
        hint="Make sure that nothing stops the process during the commit.",
    )


@contextmanager
def _prepare(
    request: RestoreRequest,
    package: PackageReader,
    tools: RestoreTools,
    target: Target,
    findings: list[Finding],
) -> Iterator[_Prepared]:
    """Index both sides and plan; the key map lives in a private folder that goes with the block."""
    with tempfile.TemporaryDirectory(prefix="edms-restore-") as folder:
        keymap = KeyMap(Path(folder) / "keys.sqlite3")
        try:
            index_all(package, target, keymap, request.mode, tools.reporter)
            found = Findings(list(findings))
            found.extend(keep_entries(target, keymap))
            found.extend(settle_conflicts(target, keymap, request.mode))
            found.extend(redirect(package, target, keymap))
            issued = {entry.label: entry.sequence or 0 for entry in package.manifest.models}
            found.extend(assign_keys(target, keymap, request.mode, issued))
            found.extend(chance_findings(keymap))
            found.extend(need_findings(keymap))
            found.extend(unfit_findings(keymap))
            followers = find_followers(target, keymap, request.mode)
            found.extend(followers.findings)
            files = ScopedFiles(package, keymap.wants_file if request.files else None)
            counts, file_findings = plan_files(files, tools.roots, tools.reporter)
            found.extend(file_findings)
            found.extend(look_around(package, target, tools.fingerprints, tools.configuration))
            plan = build_plan(request, package, target, keymap, counts, list(found))
            yield _Prepared(target, keymap, followers, files, plan)
        finally:
            keymap.close()


def _refuse(plan: RestorePlan, request: RestoreRequest) -> None:
    if request.plan_digest and request.plan_digest != plan.digest:
        raise PlanStale(
            "Package or site changed since the plan was shown; nothing was written.",
            hint="Look at the new plan and confirm it.",
        )
    if plan.blocked:
        blocking = [finding for finding in plan.findings if finding.severity >= Severity.ERROR]
        more = f" ({len(blocking) - 1} more)" if len(blocking) > 1 else ""
        raise PlanBlocked(blocking[0].message + more, hint=blocking[0].hint, findings=plan.findings)


def _work(
    request: RestoreRequest,
    prepared: _Prepared,
    record: RestoreRecord,
    journal: Journal,
    staged: StagedFiles,
    tools: RestoreTools,
) -> tuple[RestoreReport, RestoreRecord]:
    """Everything between the plan and the commit. Raises to roll back."""
    target, keymap, plan, package = prepared.target, prepared.keymap, prepared.plan, prepared.files.package
    safety = tools.make_safety_package() if request.safety_package else ""
    record = replace(record, safety_package=safety)
    journal.write(record)
    staged.stage(prepared.files, tools.reporter)
    renumber(prepared.followers, target)
    load(package, target, keymap, request.mode, find_moves(target, keymap), tools.reporter)
    apply_changes(prepared.followers, target)
    counts = plan.models
    findings = Findings(list(plan.findings))
    findings.extend(validate(package, target, keymap, request.mode, counts, tools.reporter))
    staged.place_new()
    findings.extend(check_files(prepared.files, tools.roots, journal, plan.files))
    proof = verdict(counts, plan.files)
    if findings.blocking:
        raise ValidationFailed(
            f"The restored data is not what the package promised ({proof}); everything was rolled back. "
            f"First difference: {findings.blocking[0].message}",
            hint="Please report this with the findings: a restore that validates its own plan should not get here.",
            findings=tuple(findings),
        )
    _raise_sequences(target, package, tools, transactional=True)
    if tools.end_sessions:
        findings.extend(end_sessions())
    for alias in target.aliases:
        tools.mark(alias, record.run_id)
    record = replace(record, verdict=proof)
    journal.write(record)
    return (
        RestoreReport(
            outcome=Outcome.COMMITTED,
            package=plan.package,
            package_id=plan.package_id,
            mode=request.mode,
            models=counts,
            files=plan.files,
            findings=tuple(findings),
            seconds=0.0,
            verdict=proof,
            safety_package=safety,
            run_id=record.run_id,
            plan_digest=plan.digest,
            samples=plan.samples,
            locks=plan.locks,
            slower=plan.slower,
            privileges=plan.privileges,
        ),
        record,
    )


def _raise_sequences(
    target: Target, package: PackageReader, tools: RestoreTools, *, transactional: bool
) -> None:
    """Let sequences continue above what either side had."""
    entries = {entry.label: entry for entry in package.manifest.models}
    for alias in target.aliases:
        engine = tools.engines[alias]
        if engine.features.ddl_sequences is transactional:
            continue
        least = []
        for spec in target.specs:
            if spec.using == alias and isinstance(spec.model._meta.pk, models.AutoField):
                here = engine.sequence(spec) or 0
                least.append((spec, max(here, entries[spec.label].sequence or 0)))
        engine.raise_sequences(least)


def _finish(
    record: RestoreRecord,
    journal: Journal,
    staged: StagedFiles,
    target: Target,
    package: PackageReader,
    tools: RestoreTools,
) -> list[Finding]:
    """After the commit: switch files, close the journal, let go of what the process remembers."""
    staged.switch()
    journal.close()
    now = tools.clock().astimezone(datetime.UTC).isoformat()
    journal.write(replace(record, state=journals.COMMITTED, committed_at=now))
    try:
        _raise_sequences(target, package, tools, transactional=False)
    except Error:  # the connection may have been lost right after the commit; what is raised once is kept
        for alias in target.aliases:
            tools.engines[alias].disconnect()
        _raise_sequences(target, package, tools, transactional=False)
    forget(target.specs)
    return list(analyze(tools.engines, target.specs))


def _record(
    request: RestoreRequest, package: PackageReader, tools: RestoreTools, target: Target, undoes: str
) -> RestoreRecord:
    return RestoreRecord(
        run_id=tools.run_id or uuid.uuid4().hex,
        package=package.name,
        package_id=package.manifest.header.package_id,
        mode=request.mode.value,
        state=journals.RUNNING,
        started_at=tools.clock().astimezone(datetime.UTC).isoformat(),
        aliases=tuple(target.aliases),
        undoes=undoes,
    )
