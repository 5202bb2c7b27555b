"""Tasks that run at a given time."""

from django.db import models


class ScheduledTask(models.Model):
    """A task that is to run once at a given time. It has no unique field at all."""

    name = models.CharField(max_length=200)
    description = models.TextField(blank=True)
    scheduled_time = models.DateTimeField()
    completed = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-scheduled_time"]

    def __str__(self) -> str:
        return self.name
