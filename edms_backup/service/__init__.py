"""The one door: every face calls these methods, each one request in, one report out.

``BackupService.from_settings()`` puts everything together from Django's settings; tests hand in doubles.
Requests, plans and reports are exported from here, so that a face needs no other import.
``docs/python.md`` describes it with examples.

Reading order: ``parts`` (what the verbs work with), ``writing`` (create, plan, restore, undo), ``packages``
(list, find, show, verify, receive, admit, open, delete), ``runs`` (queue, carry_out, run, runs, cancel), ``site``
(inventory, check), ``watching`` (status, the audit trail), ``uploads`` (announced ones), ``people`` (who asks on the
web, and is it really them). Every call that changes something passes ``recorded``.
"""

from __future__ import annotations

from dataclasses import dataclass

from edms_backup.audit import Actor, AuditReport, Entry
from edms_backup.create.report import CreateReport, CreateRequest
from edms_backup.history import AdmitRequest, DeleteRequest, LookRequest, Request, UndoRequest, VerifyRequest
from edms_backup.models import Run, RunKind, RunState
from edms_backup.package.summary import PackageDetail, PackageSummary, VerifyReport
from edms_backup.restore.journal import RestoreRecord
from edms_backup.restore.report import (
    FileCounts,
    Mode,
    ModelCounts,
    Outcome,
    PrivilegeChange,
    PrivilegeDelta,
    RestorePlan,
    RestoreReport,
    RestoreRequest,
)
from edms_backup.schema.catalogue import CheckReport, InventoryEntry, InventoryReport
from edms_backup.service.packages import DeleteReport, OpenPackage
from edms_backup.service.runs import RunPage, Runs
from edms_backup.service.uploads import Uploads
from edms_backup.service.watching import Watching
from edms_backup.status import Check, Level, StatusReport
from edms_backup.storage.quarantine import Announcement

__all__ = [
    "Actor",
    "AdmitRequest",
    "Announcement",
    "AuditReport",
    "BackupService",
    "Check",
    "CheckReport",
    "CreateReport",
    "CreateRequest",
    "DeleteReport",
    "DeleteRequest",
    "Entry",
    "FileCounts",
    "InventoryEntry",
    "InventoryReport",
    "Level",
    "LookRequest",
    "Mode",
    "ModelCounts",
    "OpenPackage",
    "Outcome",
    "PackageDetail",
    "PackageSummary",
    "PrivilegeChange",
    "PrivilegeDelta",
    "Request",
    "RestorePlan",
    "RestoreRecord",
    "RestoreReport",
    "RestoreRequest",
    "Run",
    "RunKind",
    "RunPage",
    "RunState",
    "StatusReport",
    "UndoRequest",
    "VerifyReport",
    "VerifyRequest",
]


@dataclass(slots=True, kw_only=True)
class BackupService(Runs, Uploads, Watching):
    """Backs up and restores the site that Django is configured for."""
