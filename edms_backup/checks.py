"""Django system checks: what is wrong with settings and natural keys, before a backup needs them.

Ids are stable and documented in ``docs/checks.md``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.apps.config import AppConfig
from django.core import checks

from edms_backup.conf import setting_mistakes
from edms_backup.errors import EdmsBackupError
from edms_backup.findings import Finding, Severity
from edms_backup.service import BackupService

_IDS = {
    "key_method_unusable": "edms_backup.W010",
    "key_not_on_manager": "edms_backup.W011",
    "key_by_method": "edms_backup.W012",
    "key_not_unique": "edms_backup.W013",
    "key_holds_clock": "edms_backup.I014",
    "key_nullable": "edms_backup.W015",
    "keyless_model": "edms_backup.I016",
}


@checks.register("edms_backup")
def check_settings(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[checks.CheckMessage]:
    """Report every mistake in ``EDMS_BACKUP``."""
    return [
        checks.Error(str(mistake), hint=mistake.hint or None, id="edms_backup.E001")
        for mistake in setting_mistakes()
    ]


# Only with `check --deploy`: what is worth knowing once need not be read before every command.
@checks.register("edms_backup", deploy=True)
def check_natural_keys(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[checks.CheckMessage]:
    """Report what the models alone tell about natural keys; ``edms_backup check`` looks at the rows too."""
    if setting_mistakes():
        return []  # reported already, and nothing can be said beyond them
    try:
        findings = BackupService.from_settings().audit_models()
    except EdmsBackupError as error:
        return [checks.Error(str(error), hint=error.hint or None, id="edms_backup.E002")]
    return [_message(finding) for finding in findings if finding.code in _IDS]


def _message(finding: Finding) -> checks.CheckMessage:
    kind = checks.Warning if finding.severity >= Severity.WARNING else checks.Info
    return kind(finding.message, hint=finding.hint or None, obj=finding.model, id=_IDS[finding.code])
