"""Configuration of the app `security`."""

from django.apps import AppConfig


class SecurityConfig(AppConfig):
    """Security."""

    name = "apps.security"
    label = "security"
    verbose_name = "Security"

    def ready(self) -> None:
        """Connect the receivers."""
        from . import signals  # noqa: F401, PLC0415
