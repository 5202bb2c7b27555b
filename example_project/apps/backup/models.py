"""Records of the EDMS's own former backup feature: configurations, jobs, health checks, plans."""

from django.conf import settings
from django.db import models

from apps.identity import IdentifiedModel

from . import choices


class BackupConfiguration(IdentifiedModel):
    """A configured backup of the EDMS's former backup feature. The name is not unique."""

    name = models.CharField(max_length=200)
    description = models.TextField(blank=True)
    backup_type = models.CharField(max_length=20, choices=choices.BackupType)
    frequency = models.CharField(max_length=20, choices=choices.Frequency)
    schedule_time = models.TimeField()
    schedule_days = models.JSONField(default=list, blank=True)
    retention_days = models.PositiveIntegerField(default=30)
    max_backups = models.PositiveIntegerField(default=10)
    storage_path = models.CharField(max_length=500, blank=True)
    compression_enabled = models.BooleanField(default=True)
    encryption_enabled = models.BooleanField(default=True)
    status = models.CharField(
        max_length=20, choices=choices.ConfigurationStatus, default=choices.ConfigurationStatus.ACTIVE
    )
    is_enabled = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="created_backup_configs"
    )

    class Meta:
        db_table = "backup_configurations"
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    def natural_key(self) -> tuple:
        """Return the name, although it is not unique."""
        return (self.name,)

    @classmethod
    def get_by_natural_key(cls, name):
        """Find the row. Django asks the manager for this method, so nothing ever calls it here."""
        return cls.objects.get(name=name)


class BackupJob(IdentifiedModel):
    """One run of a configured backup."""

    configuration = models.ForeignKey(
        "BackupConfiguration", on_delete=models.CASCADE, related_name="backup_jobs"
    )
    job_name = models.CharField(max_length=200)
    backup_type = models.CharField(max_length=20, choices=choices.BackupType)
    started_at = models.DateTimeField(null=True, blank=True)
    completed_at = models.DateTimeField(null=True, blank=True)
    duration = models.DurationField(null=True, blank=True)
    status = models.CharField(max_length=20, choices=choices.JobStatus, default=choices.JobStatus.PENDING)
    backup_file_path = models.CharField(max_length=500, blank=True)
    backup_size = models.BigIntegerField(null=True, blank=True)
    compression_ratio = models.FloatField(null=True, blank=True)
    error_message = models.TextField(blank=True)
    retry_count = models.PositiveIntegerField(default=0)
    max_retries = models.PositiveIntegerField(default=3)
    checksum = models.CharField(max_length=64, blank=True)
    is_valid = models.BooleanField(default=False)
    validation_errors = models.JSONField(default=list, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    triggered_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        related_name="triggered_backups",
        null=True,
        blank=True,
    )

    class Meta:
        db_table = "backup_jobs"
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return self.job_name

    def natural_key(self) -> tuple:
        """Return configuration name and uuid."""
        return (self.configuration.name, str(self.uuid))

    @classmethod
    def get_by_natural_key(cls, configuration_name, uuid):
        """Find the row. Django asks the manager for this method, so nothing ever calls it here."""
        return cls.objects.get(configuration__name=configuration_name, uuid=uuid)


class RestoreJob(IdentifiedModel):
    """One restore of a backup."""

    backup_job = models.ForeignKey("BackupJob", on_delete=models.PROTECT, related_name="restore_jobs")
    restore_type = models.CharField(max_length=20, choices=choices.RestoreType)
    target_location = models.CharField(max_length=500, blank=True)
    restore_options = models.JSONField(default=dict, blank=True)
    started_at = models.DateTimeField(null=True, blank=True)
    completed_at = models.DateTimeField(null=True, blank=True)
    duration = models.DurationField(null=True, blank=True)
    status = models.CharField(max_length=20, choices=choices.JobStatus, default=choices.JobStatus.PENDING)
    restored_items_count = models.PositiveIntegerField(default=0)
    failed_items_count = models.PositiveIntegerField(default=0)
    error_message = models.TextField(blank=True)
    restore_log = models.TextField(blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="requested_restores"
    )
    approved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        related_name="approved_restores",
        null=True,
        blank=True,
    )

    class Meta:
        db_table = "restore_jobs"
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"{self.restore_type} {self.status}"

    def natural_key(self) -> tuple:
        """Return configuration name, job uuid and own uuid."""
        return (self.backup_job.configuration.name, str(self.backup_job.uuid), str(self.uuid))

    @classmethod
    def get_by_natural_key(cls, configuration_name, job_uuid, uuid):
        """Find the row. Django asks the manager for this method, so nothing ever calls it here."""
        return cls.objects.get(
            backup_job__configuration__name=configuration_name, backup_job__uuid=job_uuid, uuid=uuid
        )


class HealthCheck(IdentifiedModel):
    """Result of a health check."""

    check_name = models.CharField(max_length=200)
    check_type = models.CharField(max_length=20, choices=choices.HealthCheckType)
    status = models.CharField(max_length=20, choices=choices.HealthStatus)
    response_time = models.FloatField(null=True, blank=True)
    message = models.TextField()
    details = models.JSONField(default=dict, blank=True)
    metrics = models.JSONField(default=dict, blank=True)
    checked_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "health_checks"
        ordering = ["-checked_at"]

    def __str__(self) -> str:
        return f"{self.check_name}: {self.status}"


class SystemMetric(IdentifiedModel):
    """One measured value of the system."""

    metric_name = models.CharField(max_length=200)
    metric_type = models.CharField(max_length=30, blank=True)
    value = models.FloatField()
    unit = models.CharField(max_length=20, blank=True)
    warning_threshold = models.FloatField(null=True, blank=True)
    critical_threshold = models.FloatField(null=True, blank=True)
    status = models.CharField(
        max_length=20, choices=choices.MetricStatus, default=choices.MetricStatus.NORMAL
    )
    metadata = models.JSONField(default=dict, blank=True)
    recorded_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "system_metrics"
        ordering = ["-recorded_at"]

    def __str__(self) -> str:
        return f"{self.metric_name}: {self.value}"


class DisasterRecoveryPlan(IdentifiedModel):
    """A written plan for a disaster."""

    name = models.CharField(max_length=200)
    description = models.TextField(blank=True)
    disaster_type = models.CharField(max_length=30, blank=True)
    recovery_procedures = models.TextField(blank=True)
    estimated_recovery_time = models.DurationField()
    required_resources = models.JSONField(default=list, blank=True)
    responsible_team = models.JSONField(default=list, blank=True)
    emergency_contacts = models.JSONField(default=list, blank=True)
    status = models.CharField(max_length=20, choices=choices.PlanStatus, default=choices.PlanStatus.DRAFT)
    version = models.CharField(max_length=20, default="1.0")
    last_tested = models.DateTimeField(null=True, blank=True)
    test_results = models.TextField(blank=True)
    next_test_due = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="created_dr_plans"
    )
    approved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        related_name="approved_dr_plans",
        null=True,
        blank=True,
    )

    class Meta:
        db_table = "disaster_recovery_plans"
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name
