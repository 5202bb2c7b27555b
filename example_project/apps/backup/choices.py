"""Values that the choice fields of this app take."""

from django.db import models


class BackupType(models.TextChoices):
    """What a job backs up."""

    FULL = "FULL", "Full"
    INCREMENTAL = "INCREMENTAL", "Incremental"
    DIFFERENTIAL = "DIFFERENTIAL", "Differential"
    DATABASE = "DATABASE", "Database only"
    FILES = "FILES", "Files only"
    EXPORT = "EXPORT", "Export package"


class Frequency(models.TextChoices):
    """How often a job runs."""

    HOURLY = "HOURLY", "Hourly"
    DAILY = "DAILY", "Daily"
    WEEKLY = "WEEKLY", "Weekly"
    MONTHLY = "MONTHLY", "Monthly"
    ON_DEMAND = "ON_DEMAND", "On demand"


class ConfigurationStatus(models.TextChoices):
    """State of a configuration."""

    ACTIVE = "ACTIVE", "Active"
    INACTIVE = "INACTIVE", "Inactive"
    SUSPENDED = "SUSPENDED", "Suspended"


class JobStatus(models.TextChoices):
    """Progress of a job."""

    PENDING = "PENDING", "Pending"
    RUNNING = "RUNNING", "Running"
    COMPLETED = "COMPLETED", "Completed"
    FAILED = "FAILED", "Failed"
    CANCELLED = "CANCELLED", "Cancelled"
    TIMEOUT = "TIMEOUT", "Timed out"


class RestoreType(models.TextChoices):
    """What a restore brings back."""

    FULL_RESTORE = "FULL_RESTORE", "Everything"
    DATABASE_RESTORE = "DATABASE_RESTORE", "Database"
    FILES_RESTORE = "FILES_RESTORE", "Files"
    SELECTIVE_RESTORE = "SELECTIVE_RESTORE", "Selection"


class HealthCheckType(models.TextChoices):
    """What a health check looks at."""

    DATABASE = "DATABASE", "Database"
    STORAGE = "STORAGE", "Storage"
    APPLICATION = "APPLICATION", "Application"
    NETWORK = "NETWORK", "Network"
    SERVICES = "SERVICES", "Services"
    BACKUP_SYSTEM = "BACKUP_SYSTEM", "Backup system"
    SECURITY = "SECURITY", "Security"


class HealthStatus(models.TextChoices):
    """Outcome of a health check."""

    HEALTHY = "HEALTHY", "Healthy"
    WARNING = "WARNING", "Warning"
    CRITICAL = "CRITICAL", "Critical"
    UNKNOWN = "UNKNOWN", "Unknown"


class MetricStatus(models.TextChoices):
    """Where a metric stands against its thresholds."""

    NORMAL = "NORMAL", "Normal"
    WARNING = "WARNING", "Warning"
    CRITICAL = "CRITICAL", "Critical"


class PlanStatus(models.TextChoices):
    """State of a recovery plan."""

    DRAFT = "DRAFT", "Draft"
    APPROVED = "APPROVED", "Approved"
    ACTIVE = "ACTIVE", "Active"
    RETIRED = "RETIRED", "Retired"
