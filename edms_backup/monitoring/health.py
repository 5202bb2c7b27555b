"""Health checks for django-health-check 4: name ``edms_backup.monitoring.health.BackupStatus`` in the view's checks.

Needs the extra: ``pip install "edms-backup[health]"``. Not for the probe by which a load balancer takes a site out of
service: a site whose backup is late still works.
"""

from __future__ import annotations

import dataclasses
import datetime

from edms_backup.errors import ConfigurationError, EdmsBackupError
from edms_backup.service import BackupService, Level

try:
    from health_check.base import HealthCheck
    from health_check.exceptions import ServiceUnavailable, ServiceWarning
except ImportError as error:
    raise ConfigurationError(
        "Health checks need the package django-health-check 4, which is not installed.",
        hint='pip install "edms-backup[health]"',
    ) from error


@dataclasses.dataclass
class BackupStatus(HealthCheck):  # type: ignore[misc]  # the package has no types
    """Whether backups are in order: all checks, or ``only`` one of them."""

    only: str | None = None
    """Name of one check: ``store``, ``package``, ``verify``, ``space``, ``runs``, ``queue`` or ``audit``."""
    timeout: datetime.timedelta = dataclasses.field(default=datetime.timedelta(seconds=10), repr=False)

    def run(self) -> None:
        """Raise what the worst of the checks deserves; what is said holds no path and no secret."""
        try:
            report = BackupService.from_settings().status()
        except EdmsBackupError as error:
            raise ServiceUnavailable(f"The status cannot be told ({error.code})") from error
        checks = [check for check in report.worrying if self.only in (None, check.name)]
        if not checks:
            return
        kind = ServiceUnavailable if checks[0].level is Level.CRITICAL else ServiceWarning
        raise kind(" ".join(check.message for check in checks))
