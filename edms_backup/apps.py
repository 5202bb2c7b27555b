"""Django's entry point."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class EdmsBackupConfig(AppConfig):
    """Registers the system checks; touches no database."""

    name = "edms_backup"
    verbose_name = _("EDMS backup")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register the checks."""
        from edms_backup import checks  # noqa: F401  (checks need the app registry)
