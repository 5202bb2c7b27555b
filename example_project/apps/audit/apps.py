"""Configuration of the app `audit`."""

from django.apps import AppConfig


class AuditConfig(AppConfig):
    """Audit trail."""

    name = "apps.audit"
    label = "audit"
    verbose_name = "Audit trail"

    def ready(self) -> None:
        """Connect the receivers."""
        from . import signals  # noqa: F401, PLC0415
