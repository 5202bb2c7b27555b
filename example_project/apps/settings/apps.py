"""Configuration of the app `settings`."""

from django.apps import AppConfig


class SettingsConfig(AppConfig):
    """Settings."""

    name = "apps.settings"
    label = "settings"
    verbose_name = "Settings"
