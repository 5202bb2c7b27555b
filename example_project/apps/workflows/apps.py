"""Configuration of the app `workflows`."""

from django.apps import AppConfig


class WorkflowsConfig(AppConfig):
    """Workflows."""

    name = "apps.workflows"
    label = "workflows"
    verbose_name = "Workflows"

    def ready(self) -> None:
        """Connect the receivers."""
        from . import signals  # noqa: F401, PLC0415
