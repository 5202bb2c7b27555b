"""The app's name and label."""

from django.apps import AppConfig


class RecordsConfig(AppConfig):
    """Without migrations: the tables are made by ``migrate --run-syncdb``."""

    name = "benchmarks.records"
    label = "records"
    default_auto_field = "django.db.models.BigAutoField"
