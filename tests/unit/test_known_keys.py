"""The keys of models that Django and its usual companions leave without one; no database."""

import pytest
from django.apps import apps

from edms_backup.naturalkeys import KeyRegistry, KeySource

KEYS = {
    "auth.Permission": ("codename", "content_type"),
    "contenttypes.ContentType": ("app_label", "model"),
    "auth.Group": ("name",),
    "sites.Site": ("domain",),
    "django_celery_beat.IntervalSchedule": ("every", "period"),
    "django_celery_beat.ClockedSchedule": ("clocked_time",),
    "django_celery_beat.SolarSchedule": ("event", "latitude", "longitude"),
    "django_celery_beat.CrontabSchedule": (
        "minute",
        "hour",
        "day_of_week",
        "day_of_month",
        "month_of_year",
        "timezone",
    ),
    "django_celery_beat.PeriodicTask": ("name",),
}


@pytest.mark.parametrize("label", KEYS)
def test_models_of_others_are_named_by_what_an_administrator_would_say(label: str) -> None:
    """A package holds these names: another order or another column would make it unreadable for older sites."""
    if label.startswith("django_celery_beat.") and not apps.is_installed("django_celery_beat"):
        pytest.skip("django_celery_beat is not installed")
    key = KeyRegistry().of(apps.get_model(label))

    assert (key.source, key.components) == (KeySource.REGISTERED, KEYS[label])
    assert key.why == ""


def test_a_source_reads_the_same_in_every_package() -> None:
    """The word stands in manifests."""
    assert {source.name: source.value for source in KeySource} == {
        "SETTINGS": "settings",
        "REGISTERED": "registered",
        "DECLARED": "declared",
        "METHOD": "method",
        "CONSTRAINT": "constraint",
        "PRIMARY_KEY": "primary key",
        "CONTENT": "content",
    }
