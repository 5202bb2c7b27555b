"""``path("backup-status/", include("edms_backup.monitoring.urls"))``: JSON for probes, metrics for Prometheus."""

from __future__ import annotations

from django.urls import path

from edms_backup.monitoring.views import metrics, status

app_name = "edms_backup_monitoring"
urlpatterns = [
    path("", status, name="status"),
    path("metrics", metrics, name="metrics"),
]
