"""Factories for django_celery_beat, for sites that have it installed."""

from decimal import Decimal

import factory

from .base import Moment, RawFactory


class SolarScheduleFactory(RawFactory):
    """Schedules that follow the sun."""

    class Meta:
        model = "django_celery_beat.SolarSchedule"
        django_get_or_create = ("event", "latitude", "longitude")

    event = "sunrise"
    latitude = Decimal("47.559600")
    longitude = Decimal("7.588600")


class IntervalScheduleFactory(RawFactory):
    """Schedules that repeat after some time."""

    class Meta:
        model = "django_celery_beat.IntervalSchedule"

    every = 15
    period = "minutes"


class ClockedScheduleFactory(RawFactory):
    """Schedules that run once."""

    class Meta:
        model = "django_celery_beat.ClockedSchedule"

    clocked_time = Moment()


class CrontabScheduleFactory(RawFactory):
    """Schedules in the manner of cron; equal rows are allowed."""

    class Meta:
        model = "django_celery_beat.CrontabSchedule"

    minute = "0"
    hour = "2"
    day_of_week = "*"
    day_of_month = "*"
    month_of_year = "*"
    timezone = "Europe/Zurich"


class PeriodicTaskFactory(RawFactory):
    """Tasks that a schedule starts; give it exactly one of interval, crontab, solar, clocked."""

    class Meta:
        model = "django_celery_beat.PeriodicTask"
        django_get_or_create = ("name",)

    name = factory.Sequence(lambda number: f"task-{number}")
    task = "apps.documents.tasks.remind_of_reviews"
    args = "[]"
    kwargs = "{}"
    headers = "{}"
    date_changed = Moment()
    description = ""


class PeriodicTasksFactory(RawFactory):
    """The one row that tells the beat process when a task changed last."""

    class Meta:
        model = "django_celery_beat.PeriodicTasks"
        django_get_or_create = ("ident",)

    ident = 1
    last_update = Moment()
