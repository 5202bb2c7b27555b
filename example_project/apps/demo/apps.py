"""Configuration of the demo app, which has no models of its own."""

from django.apps import AppConfig


class DemoConfig(AppConfig):
    """Demo content for the example EDMS."""

    name = "apps.demo"
    label = "demo"
    verbose_name = "Demo content"
