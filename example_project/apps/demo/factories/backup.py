"""Factories for what the EDMS remembers of its former backups."""

from datetime import time, timedelta

import factory

from .base import Moment, RawFactory, Uuid, after, end


class BackupConfigurationFactory(RawFactory):
    """Plans of backups; names may repeat."""

    class Meta:
        model = "backup.BackupConfiguration"

    uuid = Uuid()
    name = "daily_full_backup"
    description = ""
    backup_type = "FULL"
    frequency = "DAILY"
    schedule_time = time(2, 0)
    schedule_days = factory.LazyFunction(list)
    storage_path = "/srv/edms/backups"
    created_at = Moment()
    updated_at = after("created_at", days=1, microseconds=51)
    created_by = factory.SubFactory("apps.demo.factories.users.UserFactory")


class BackupJobFactory(RawFactory):
    """Backups that were made, or tried."""

    class Meta:
        model = "backup.BackupJob"

    uuid = Uuid()
    configuration = factory.SubFactory(BackupConfigurationFactory)
    job_name = factory.Sequence(lambda number: f"daily_full_backup_{number:04d}")
    backup_type = factory.SelfAttribute("configuration.backup_type")
    created_at = Moment()
    started_at = after("created_at", seconds=1, microseconds=3)
    duration = timedelta(minutes=14, seconds=3, microseconds=141592)
    completed_at = end("started_at", "duration")
    status = "COMPLETED"
    backup_file_path = ""
    error_message = ""
    checksum = ""
    validation_errors = factory.LazyFunction(list)


class RestoreJobFactory(RawFactory):
    """Restores that were made, or tried."""

    class Meta:
        model = "backup.RestoreJob"

    uuid = Uuid()
    backup_job = factory.SubFactory(BackupJobFactory)
    restore_type = "FULL_RESTORE"
    target_location = ""
    restore_options = factory.LazyFunction(dict)
    status = "COMPLETED"
    error_message = ""
    restore_log = ""
    created_at = Moment()
    requested_by = factory.SubFactory("apps.demo.factories.users.UserFactory")


class HealthCheckFactory(RawFactory):
    """Results of health checks."""

    class Meta:
        model = "backup.HealthCheck"

    uuid = Uuid()
    check_name = "Database"
    check_type = "DATABASE"
    status = "HEALTHY"
    response_time = 12.75
    message = ""
    details = factory.LazyFunction(dict)
    metrics = factory.LazyFunction(dict)
    checked_at = Moment()


class SystemMetricFactory(RawFactory):
    """Measurements of the system."""

    class Meta:
        model = "backup.SystemMetric"

    uuid = Uuid()
    metric_name = "disk_usage"
    metric_type = "STORAGE"
    value = 61.5
    unit = "%"
    metadata = factory.LazyFunction(dict)
    recorded_at = Moment()


class DisasterRecoveryPlanFactory(RawFactory):
    """Plans for the worst day."""

    class Meta:
        model = "backup.DisasterRecoveryPlan"

    uuid = Uuid()
    name = "Plan"
    description = ""
    disaster_type = "HARDWARE_FAILURE"
    recovery_procedures = ""
    estimated_recovery_time = timedelta(hours=4)
    required_resources = factory.LazyFunction(list)
    responsible_team = factory.LazyFunction(list)
    emergency_contacts = factory.LazyFunction(list)
    test_results = ""
    created_at = Moment()
    updated_at = after("created_at", days=10, microseconds=53)
    created_by = factory.SubFactory("apps.demo.factories.users.UserFactory")
