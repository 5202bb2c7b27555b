"""The section of Django's admin: overview, packages, the walk of a restore, runs, the audit trail.

It decides nothing: what it shows comes from ``BackupService``, what it changes goes through
``edms_backup.tasks.submit``.

Reading order: ``pages`` (what a page knows, who may see it, how errors look), ``overview``, ``packages``,
``walk`` (choose, plan, apply, undo), ``runs``, ``trail``, ``site`` (what Django's admin has to know).
"""

from __future__ import annotations

from edms_backup.admin.site import AuditEventAdmin, PackageAdmin, RunAdmin

__all__ = ["AuditEventAdmin", "PackageAdmin", "RunAdmin"]
