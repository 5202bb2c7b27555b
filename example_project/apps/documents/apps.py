"""Configuration of the app `documents`."""

from django.apps import AppConfig


class DocumentsConfig(AppConfig):
    """Documents."""

    name = "apps.documents"
    label = "documents"
    verbose_name = "Documents"

    def ready(self) -> None:
        """Connect the receivers."""
        from . import signals  # noqa: F401, PLC0415
