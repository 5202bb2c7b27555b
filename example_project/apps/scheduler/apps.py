"""Configuration of the app `scheduler`."""

from django.apps import AppConfig


class SchedulerConfig(AppConfig):
    """Scheduler."""

    name = "apps.scheduler"
    label = "scheduler"
    verbose_name = "Scheduler"
