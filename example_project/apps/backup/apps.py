"""Configuration of the app `backup`."""

from django.apps import AppConfig


class FormerBackupConfig(AppConfig):
    """Former backup feature."""

    name = "apps.backup"
    label = "backup"
    verbose_name = "Former backup feature"
