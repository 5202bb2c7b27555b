"""Configuration of the app `placeholders`."""

from django.apps import AppConfig


class PlaceholdersConfig(AppConfig):
    """Placeholders and templates."""

    name = "apps.placeholders"
    label = "placeholders"
    verbose_name = "Placeholders and templates"
