"""Values that the choice fields of this app take."""

from django.db import models


class Severity(models.TextChoices):
    """Weight of an event."""

    INFO = "INFO", "Info"
    WARNING = "WARNING", "Warning"
    ERROR = "ERROR", "Error"
    CRITICAL = "CRITICAL", "Critical"


class VerificationStatus(models.TextChoices):
    """Outcome of the checksum check of an audit row."""

    VERIFIED = "VERIFIED", "Verified"
    PENDING = "PENDING", "Pending"
    FAILED = "FAILED", "Failed"


class QueryType(models.TextChoices):
    """How somebody looked at the audit trail."""

    VIEW = "VIEW", "View"
    SEARCH = "SEARCH", "Search"
    EXPORT = "EXPORT", "Export"
    REPORT = "REPORT", "Report"


class ReportType(models.TextChoices):
    """Subject of a compliance report."""

    CFR_PART_11 = "CFR_PART_11", "21 CFR Part 11"
    USER_ACTIVITY = "USER_ACTIVITY", "User activity"
    DOCUMENT_LIFECYCLE = "DOCUMENT_LIFECYCLE", "Document lifecycle"
    ACCESS_CONTROL = "ACCESS_CONTROL", "Access control"
    SIGNATURES = "SIGNATURES", "Signatures"
    CUSTOM = "CUSTOM", "Custom"


class ReportStatus(models.TextChoices):
    """Progress of a compliance report."""

    GENERATING = "GENERATING", "Generating"
    COMPLETED = "COMPLETED", "Completed"
    FAILED = "FAILED", "Failed"
    ARCHIVED = "ARCHIVED", "Archived"


class CheckType(models.TextChoices):
    """What an integrity check looks at."""

    CHECKSUM = "CHECKSUM", "Checksums"
    FOREIGN_KEY = "FOREIGN_KEY", "References"
    AUDIT_TRAIL = "AUDIT_TRAIL", "Audit trail"
    FILES = "FILES", "Stored files"


class CheckStatus(models.TextChoices):
    """Outcome of an integrity check."""

    RUNNING = "RUNNING", "Running"
    PASSED = "PASSED", "Passed"
    FAILED = "FAILED", "Failed"
    WARNING = "WARNING", "Warning"


class SystemEventType(models.TextChoices):
    """Kind of system event."""

    STARTUP = "STARTUP", "Start-up"
    SHUTDOWN = "SHUTDOWN", "Shutdown"
    BACKUP = "BACKUP", "Backup"
    RESTORE = "RESTORE", "Restore"
    MAINTENANCE = "MAINTENANCE", "Maintenance"
    NOTIFICATION = "NOTIFICATION", "Notification"
    ERROR = "ERROR", "Error"


class ComplianceEventType(models.TextChoices):
    """Kind of compliance event."""

    VALIDATION = "VALIDATION", "Validation"
    DEVIATION = "DEVIATION", "Deviation"
    CAPA = "CAPA", "Corrective action"
    INSPECTION = "INSPECTION", "Inspection"


class ResolutionStatus(models.TextChoices):
    """Where a compliance event stands."""

    OPEN = "OPEN", "Open"
    IN_PROGRESS = "IN_PROGRESS", "In progress"
    RESOLVED = "RESOLVED", "Resolved"
    CLOSED = "CLOSED", "Closed"
