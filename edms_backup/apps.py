"""Django's entry point."""

from __future__ import annotations

from django.apps import AppConfig


class EdmsBackupConfig(AppConfig):
    """Registers the system checks; touches no database."""

    name = "edms_backup"
    verbose_name = "EDMS backup"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register the checks."""
        from edms_backup import checks  # noqa: F401  (checks need the app registry)
