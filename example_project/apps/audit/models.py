"""The audit trail and the reports, checks and events around it."""

import hashlib

from django.conf import settings
from django.contrib.contenttypes.fields import GenericForeignKey
from django.contrib.contenttypes.models import ContentType
from django.db import models

from apps.identity import IdentifiedModel

from . import choices


class AuditConfiguration(IdentifiedModel):
    """What the audit trail records and how long it is kept."""

    name = models.CharField(max_length=100, unique=True)
    description = models.TextField(blank=True)
    enable_field_tracking = models.BooleanField(default=True)
    enable_relationship_tracking = models.BooleanField(default=True)
    track_create = models.BooleanField(default=True)
    track_update = models.BooleanField(default=True)
    track_delete = models.BooleanField(default=True)
    retention_days = models.IntegerField(default=2555)
    compress_old_records = models.BooleanField(default=True)
    async_logging = models.BooleanField(default=True)
    batch_size = models.IntegerField(default=100)
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT)
    metadata = models.JSONField(default=dict, blank=True)

    class Meta:
        db_table = "audit_configurations"
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class AuditTrail(IdentifiedModel):
    """One audit record. Points at any object by content type and text id."""

    timestamp = models.DateTimeField(auto_now_add=True)
    action = models.CharField(max_length=30, blank=True)
    severity = models.CharField(max_length=10, choices=choices.Severity, default=choices.Severity.INFO)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True)
    user_display_name = models.CharField(max_length=200, blank=True)
    session_id = models.CharField(max_length=40, blank=True)
    ip_address = models.GenericIPAddressField(null=True, blank=True)
    user_agent = models.TextField(blank=True)
    content_type = models.ForeignKey(ContentType, on_delete=models.PROTECT, null=True, blank=True)
    object_id = models.CharField(max_length=100, null=True, blank=True)
    object_representation = models.CharField(max_length=200, blank=True)
    field_changes = models.JSONField(default=dict, blank=True)
    old_values = models.JSONField(default=dict, blank=True)
    new_values = models.JSONField(default=dict, blank=True)
    description = models.TextField(blank=True)
    module = models.CharField(max_length=10, blank=True)
    request_path = models.CharField(max_length=500, blank=True)
    request_method = models.CharField(max_length=10, blank=True)
    checksum = models.CharField(max_length=64, blank=True)
    is_tampered = models.BooleanField(default=False)
    verification_status = models.CharField(
        max_length=20, choices=choices.VerificationStatus, default=choices.VerificationStatus.VERIFIED
    )
    metadata = models.JSONField(default=dict, blank=True)
    content_object = GenericForeignKey("content_type", "object_id")

    class Meta:
        db_table = "audit_trail"
        ordering = ["-timestamp"]

    def __str__(self) -> str:
        return f"{self.action} {self.object_representation}"

    def calculate_checksum(self) -> str:
        """SHA-256 over time, action, user, object and changes."""
        parts = [self.timestamp, self.action, self.user_id, self.object_id, self.field_changes]
        return hashlib.sha256("|".join(str(part) for part in parts).encode()).hexdigest()

    def save(self, *args, **kwargs) -> None:
        """Add the checksum. It is computed before the database row gets its time, as it has always been."""
        if not self.checksum:
            self.checksum = self.calculate_checksum()
        super().save(*args, **kwargs)

    def natural_key(self) -> tuple:
        """Return uuid and time; a copy that cuts microseconds no longer matches."""
        return (str(self.uuid), self.timestamp.isoformat())

    @classmethod
    def get_by_natural_key(cls, uuid, timestamp):
        """Find the row. Django asks the manager for this method, so nothing ever calls it here."""
        return cls.objects.get(uuid=uuid, timestamp=timestamp)


class AuditQueryLog(IdentifiedModel):
    """Somebody looked at the audit trail."""

    timestamp = models.DateTimeField(auto_now_add=True)
    query_type = models.CharField(max_length=20, choices=choices.QueryType)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT)
    ip_address = models.GenericIPAddressField(null=True, blank=True)
    user_agent = models.TextField(blank=True)
    session_id = models.CharField(max_length=40, blank=True)
    query_description = models.TextField(blank=True)
    filters_applied = models.JSONField(default=dict, blank=True)
    records_accessed = models.IntegerField(default=0)
    date_from = models.DateTimeField(null=True, blank=True)
    date_to = models.DateTimeField(null=True, blank=True)
    purpose = models.CharField(max_length=200, blank=True)
    metadata = models.JSONField(default=dict, blank=True)

    class Meta:
        db_table = "audit_query_logs"
        ordering = ["-timestamp"]

    def __str__(self) -> str:
        return self.query_type


class ComplianceReport(IdentifiedModel):
    """A report for an inspection, with an optional file named by a text path."""

    name = models.CharField(max_length=200)
    report_type = models.CharField(max_length=30, choices=choices.ReportType)
    description = models.TextField(blank=True)
    date_from = models.DateTimeField()
    date_to = models.DateTimeField()
    filters = models.JSONField(default=dict, blank=True)
    generated_at = models.DateTimeField(auto_now_add=True)
    generated_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT)
    status = models.CharField(
        max_length=20, choices=choices.ReportStatus, default=choices.ReportStatus.GENERATING
    )
    report_data = models.JSONField(default=dict, blank=True)
    summary_stats = models.JSONField(default=dict, blank=True)
    file_path = models.CharField(max_length=500, blank=True)
    file_size = models.BigIntegerField(default=0)
    report_checksum = models.CharField(max_length=64, blank=True)
    digital_signature = models.TextField(blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    is_archived = models.BooleanField(default=False)
    archived_at = models.DateTimeField(null=True, blank=True)
    metadata = models.JSONField(default=dict, blank=True)

    class Meta:
        db_table = "compliance_reports"
        ordering = ["-generated_at"]

    def __str__(self) -> str:
        return self.name


class DataIntegrityCheck(IdentifiedModel):
    """A run of a data integrity check."""

    check_type = models.CharField(max_length=20, choices=choices.CheckType)
    started_at = models.DateTimeField(auto_now_add=True)
    completed_at = models.DateTimeField(null=True, blank=True)
    scope = models.CharField(max_length=200, blank=True)
    parameters = models.JSONField(default=dict, blank=True)
    status = models.CharField(max_length=20, choices=choices.CheckStatus, default=choices.CheckStatus.RUNNING)
    items_checked = models.IntegerField(default=0)
    items_passed = models.IntegerField(default=0)
    items_failed = models.IntegerField(default=0)
    findings = models.JSONField(default=list, blank=True)
    recommendations = models.TextField(blank=True)
    triggered_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True
    )
    is_automated = models.BooleanField(default=False)
    execution_time = models.DurationField(null=True, blank=True)
    metadata = models.JSONField(default=dict, blank=True)

    class Meta:
        db_table = "data_integrity_checks"
        ordering = ["-started_at"]

    def __str__(self) -> str:
        return self.check_type


class SystemEvent(IdentifiedModel):
    """Something that the system did by itself."""

    event_type = models.CharField(max_length=20, choices=choices.SystemEventType)
    timestamp = models.DateTimeField(auto_now_add=True)
    description = models.TextField(blank=True)
    details = models.JSONField(default=dict, blank=True)
    severity = models.CharField(max_length=10, choices=choices.Severity, default=choices.Severity.INFO)

    class Meta:
        db_table = "system_events"
        ordering = ["-timestamp"]

    def __str__(self) -> str:
        return self.event_type

    def natural_key(self) -> tuple:
        """Return uuid and time; a copy that cuts microseconds no longer matches."""
        return (str(self.uuid), self.timestamp.isoformat())

    @classmethod
    def get_by_natural_key(cls, uuid, timestamp):
        """Find the row. Django asks the manager for this method, so nothing ever calls it here."""
        return cls.objects.get(uuid=uuid, timestamp=timestamp)


class LoginAudit(IdentifiedModel):
    """A login, successful or not."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True)
    username = models.CharField(max_length=150)
    timestamp = models.DateTimeField(auto_now_add=True)
    success = models.BooleanField()
    ip_address = models.GenericIPAddressField(null=True, blank=True)
    user_agent = models.TextField(null=True, blank=True)
    failure_reason = models.CharField(max_length=200, null=True, blank=True)

    class Meta:
        db_table = "login_audit"
        ordering = ["-timestamp"]

    def __str__(self) -> str:
        return self.username


class UserSession(IdentifiedModel):
    """A session of a user, as the audit trail sees it."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE)
    session_key = models.CharField(max_length=40, unique=True)
    ip_address = models.GenericIPAddressField()
    user_agent = models.TextField(blank=True)
    login_timestamp = models.DateTimeField(auto_now_add=True)
    last_activity = models.DateTimeField(auto_now=True)
    logout_timestamp = models.DateTimeField(null=True, blank=True)
    is_active = models.BooleanField(default=True)

    class Meta:
        db_table = "user_sessions_audit"
        ordering = ["-login_timestamp"]

    def __str__(self) -> str:
        return self.session_key


class DatabaseChangeLog(IdentifiedModel):
    """Old and new values of a changed row. Content type and text id, but no descriptor for them."""

    timestamp = models.DateTimeField(auto_now_add=True)
    table_name = models.CharField(max_length=100, blank=True)
    operation = models.CharField(max_length=20, blank=True)
    record_id = models.CharField(max_length=100, blank=True)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True)
    old_values = models.JSONField(default=dict, blank=True)
    new_values = models.JSONField(default=dict, blank=True)
    content_type = models.ForeignKey(ContentType, on_delete=models.PROTECT, null=True, blank=True)
    object_id = models.CharField(max_length=100, null=True, blank=True)
    action = models.CharField(max_length=30, null=True, blank=True)
    ip_address = models.GenericIPAddressField(null=True, blank=True)
    session_id = models.CharField(max_length=40, null=True, blank=True)
    integrity_hash = models.CharField(max_length=64, null=True, blank=True)

    class Meta:
        db_table = "database_change_log"
        ordering = ["-timestamp"]

    def __str__(self) -> str:
        return f"{self.operation} {self.table_name}"


class ComplianceEvent(IdentifiedModel):
    """A deviation, validation step or inspection."""

    event_type = models.CharField(max_length=20, choices=choices.ComplianceEventType)
    timestamp = models.DateTimeField(auto_now_add=True)
    description = models.TextField(blank=True)
    severity = models.CharField(max_length=10, choices=choices.Severity, default=choices.Severity.INFO)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True)
    resolution_status = models.CharField(
        max_length=20, choices=choices.ResolutionStatus, default=choices.ResolutionStatus.OPEN
    )

    class Meta:
        db_table = "compliance_events"
        ordering = ["-timestamp"]

    def __str__(self) -> str:
        return self.event_type


class AuditEvent(IdentifiedModel):
    """A business event that bundles several audit records."""

    event_type = models.CharField(max_length=30, blank=True)
    title = models.CharField(max_length=200)
    description = models.TextField(blank=True)
    started_at = models.DateTimeField(auto_now_add=True)
    completed_at = models.DateTimeField(null=True, blank=True)
    duration = models.DurationField(null=True, blank=True)
    primary_user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="primary_audit_events"
    )
    is_successful = models.BooleanField(default=True)
    error_message = models.TextField(blank=True)
    business_process = models.CharField(max_length=100, blank=True)
    compliance_impact = models.TextField(blank=True)
    metadata = models.JSONField(default=dict, blank=True)
    involved_users = models.ManyToManyField(settings.AUTH_USER_MODEL, blank=True, related_name="audit_events")
    related_audit_logs = models.ManyToManyField("AuditTrail", blank=True, related_name="audit_events")

    class Meta:
        db_table = "audit_events"
        ordering = ["-started_at"]

    def __str__(self) -> str:
        return self.title
