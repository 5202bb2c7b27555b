"""Schedules and periodic tasks, for sites that have django_celery_beat installed."""

from decimal import Decimal

from apps.demo.factories.celery_beat import (
    ClockedScheduleFactory,
    CrontabScheduleFactory,
    IntervalScheduleFactory,
    PeriodicTaskFactory,
    PeriodicTasksFactory,
    SolarScheduleFactory,
)

from .site import Site


def tell(site: Site) -> None:
    """Fill the tables of django_celery_beat; two crontabs are equal, which its tables allow."""
    sunrise = SolarScheduleFactory(latitude=Decimal("-33.868800"), longitude=Decimal("151.209300"))
    often = IntervalScheduleFactory(every=15, period="minutes")
    IntervalScheduleFactory(every=15, period="minutes")
    once = ClockedScheduleFactory()
    night = CrontabScheduleFactory()
    CrontabScheduleFactory()
    weekly = CrontabScheduleFactory(minute="*/15", hour="3", day_of_week="0", timezone="Asia/Tokyo")
    for name, schedule in (
        ("Sonnenaufgang", {"solar": sunrise}),
        ("remind-of-reviews", {"interval": often}),
        ("archive", {"clocked": once, "one_off": True}),
        ("nightly", {"crontab": night, "queue": "", "priority": 9}),
        ("weekly", {"crontab": weekly, "enabled": False, "description": "月曜日", "expire_seconds": 3600}),
    ):
        PeriodicTaskFactory(name=name, args='["ä", 1]', kwargs='{"days": null}', **schedule)
    PeriodicTasksFactory()
