"""Factories for tasks that people plan."""

import factory

from .base import Moment, RawFactory, after


class ScheduledTaskFactory(RawFactory):
    """Tasks with a time; nothing about them is unique."""

    class Meta:
        model = "scheduler.ScheduledTask"

    name = factory.Sequence(lambda number: f"Task {number}")
    description = ""
    created_at = Moment()
    scheduled_time = after("created_at", days=14)
