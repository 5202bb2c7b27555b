"""What is asked of the past and of the state of backups: the audit trail, and whether all is in order."""

from __future__ import annotations

from dataclasses import replace

from edms_backup.audit import AuditReport, Entry
from edms_backup.conf import Secret
from edms_backup.notices import missing
from edms_backup.service.recorded import Recorded
from edms_backup.status import Level, StatusReport, assess

Entries = list[Entry]


class Watching(Recorded):
    """The verbs that watch."""

    __slots__ = ()

    def status(self, *, notify: bool = False) -> StatusReport:
        """Return how backups stand; no package is opened, no database is asked, and nothing is settled.

        With ``notify`` people are told, as settings say, when something is not in order.
        """
        report = assess(
            self.store,
            self._trail,
            self.settings.state_directory,
            self.settings.thresholds,
            site=self.settings.site_name,
            now=self.clock(),
        )
        if not notify or report.level is Level.OK:
            return report
        return replace(report, findings=tuple(self._told([missing(report.worrying)])))

    def audit_entries(self, *, last: int | None = None) -> Entries:
        """Return the entries of the audit trail, the oldest first; with ``last`` so many of the newest.

        Raises ``AuditUnavailable``.
        """
        entries = self._trail.entries()
        return entries if last is None else entries[-last:]

    def verify_audit(self, *, anchor: str = "") -> AuditReport:
        """Look whether the audit trail is what was written, on disk and in the database.

        ``anchor`` is what an earlier report gave and somebody kept elsewhere. Raises ``AuditUnavailable``.
        """
        return self._trail.verify(anchor)

    @property
    def monitoring_token(self) -> Secret | None:
        """Return where the token of monitoring systems is kept."""
        return self.settings.monitoring_token
