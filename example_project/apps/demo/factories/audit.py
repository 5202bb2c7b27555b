"""Factories for the audit trail, reports and events."""

from datetime import timedelta
from hashlib import sha256
from typing import Any

import factory

from .base import Moment, RawFactory, Uuid, after, content_type_of, end


def _checksum(timestamp: Any, action: str, user: Any, *rest: Any) -> str:
    """Return the checksum that the audit trail itself would give the entry."""
    parts = [timestamp, action, user.pk if user else None, *rest]
    return sha256("|".join(str(part) for part in parts).encode()).hexdigest()


class AuditConfigurationFactory(RawFactory):
    """What the audit trail records."""

    class Meta:
        model = "audit.AuditConfiguration"
        django_get_or_create = ("name",)

    uuid = Uuid()
    name = factory.Sequence(lambda number: f"Audit configuration {number}")
    description = ""
    created_at = Moment()
    updated_at = after("created_at", days=2, microseconds=19)
    created_by = factory.SubFactory("apps.demo.factories.users.UserFactory")
    metadata = factory.LazyFunction(dict)


class AuditTrailFactory(RawFactory):
    """Entries of the audit trail; `subject` is the row that the entry is about, or None."""

    class Meta:
        model = "audit.AuditTrail"
        exclude = ("subject",)

    subject = None
    uuid = Uuid()
    timestamp = Moment()
    action = "UPDATE"
    severity = "INFO"
    user = None
    user_display_name = factory.LazyAttribute(
        lambda row: f"{row.user.first_name} {row.user.last_name}" if row.user else "System"
    )
    session_id = ""
    ip_address = None
    user_agent = ""
    content_type = factory.LazyAttribute(lambda row: content_type_of(row.subject) if row.subject else None)
    object_id = factory.LazyAttribute(lambda row: str(row.subject.pk) if row.subject else None)
    object_representation = factory.LazyAttribute(lambda row: str(row.subject)[:200] if row.subject else "")
    field_changes = factory.LazyFunction(dict)
    old_values = factory.LazyFunction(dict)
    new_values = factory.LazyFunction(dict)
    description = ""
    module = "O1"
    request_path = ""
    request_method = ""
    checksum = factory.LazyAttribute(
        lambda row: _checksum(row.timestamp, row.action, row.user, row.object_id, row.field_changes)
    )
    metadata = factory.LazyFunction(dict)


class AuditQueryLogFactory(RawFactory):
    """Searches in the audit trail."""

    class Meta:
        model = "audit.AuditQueryLog"

    uuid = Uuid()
    timestamp = Moment()
    query_type = "SEARCH"
    user = factory.SubFactory("apps.demo.factories.users.UserFactory")
    ip_address = None
    user_agent = ""
    session_id = ""
    query_description = ""
    filters_applied = factory.LazyFunction(dict)
    purpose = ""
    metadata = factory.LazyFunction(dict)


class ComplianceReportFactory(RawFactory):
    """Reports for inspectors."""

    class Meta:
        model = "audit.ComplianceReport"

    uuid = Uuid()
    name = "Report"
    report_type = "CFR_PART_11"
    description = ""
    generated_at = Moment()
    date_from = after("generated_at", days=-90)
    date_to = after("generated_at", microseconds=-1)
    filters = factory.LazyFunction(dict)
    generated_by = factory.SubFactory("apps.demo.factories.users.UserFactory")
    status = "COMPLETED"
    report_data = factory.LazyFunction(dict)
    summary_stats = factory.LazyFunction(dict)
    file_path = ""
    report_checksum = ""
    digital_signature = ""
    metadata = factory.LazyFunction(dict)


class DataIntegrityCheckFactory(RawFactory):
    """Runs of the integrity check."""

    class Meta:
        model = "audit.DataIntegrityCheck"

    uuid = Uuid()
    check_type = "CHECKSUM"
    started_at = Moment()
    execution_time = timedelta(minutes=3, seconds=12, microseconds=345678)
    completed_at = end("started_at", "execution_time")
    scope = "documents"
    parameters = factory.LazyFunction(dict)
    status = "PASSED"
    findings = factory.LazyFunction(list)
    recommendations = ""
    metadata = factory.LazyFunction(dict)


class SystemEventFactory(RawFactory):
    """What happened to the system itself."""

    class Meta:
        model = "audit.SystemEvent"

    uuid = Uuid()
    event_type = "STARTUP"
    timestamp = Moment()
    description = ""
    details = factory.LazyFunction(dict)
    severity = "INFO"


class LoginAuditFactory(RawFactory):
    """Attempts to sign in, successful or not."""

    class Meta:
        model = "audit.LoginAudit"

    uuid = Uuid()
    user = None
    username = factory.LazyAttribute(lambda row: row.user.username if row.user else "nobody")
    timestamp = Moment()
    success = True
    ip_address = "198.51.100.4"
    user_agent = None
    failure_reason = None


class UserSessionFactory(RawFactory):
    """Sessions as the audit remembers them."""

    class Meta:
        model = "audit.UserSession"
        django_get_or_create = ("session_key",)

    uuid = Uuid()
    user = factory.SubFactory("apps.demo.factories.users.UserFactory")
    session_key = factory.Sequence(lambda number: f"audited{number:025d}")
    ip_address = "2001:db8::17"
    user_agent = ""
    login_timestamp = Moment()
    last_activity = after("login_timestamp", minutes=47, microseconds=999)
    logout_timestamp = None


class DatabaseChangeLogFactory(RawFactory):
    """Changes of rows; `subject` is the row that changed, or None."""

    class Meta:
        model = "audit.DatabaseChangeLog"
        exclude = ("subject",)

    subject = None
    uuid = Uuid()
    timestamp = Moment()
    table_name = factory.LazyAttribute(lambda row: row.subject._meta.db_table if row.subject else "documents")
    operation = "UPDATE"
    record_id = factory.LazyAttribute(lambda row: str(row.subject.pk) if row.subject else "0")
    user = None
    old_values = factory.LazyFunction(dict)
    new_values = factory.LazyFunction(dict)
    content_type = factory.LazyAttribute(lambda row: content_type_of(row.subject) if row.subject else None)
    object_id = factory.LazyAttribute(lambda row: str(row.subject.pk) if row.subject else None)
    action = None
    ip_address = None
    session_id = None
    integrity_hash = None


class ComplianceEventFactory(RawFactory):
    """Deviations and other events that quality assurance follows up."""

    class Meta:
        model = "audit.ComplianceEvent"

    uuid = Uuid()
    event_type = "DEVIATION"
    timestamp = Moment()
    description = ""
    severity = "INFO"
    user = None
    resolution_status = "OPEN"


class AuditEventFactory(RawFactory):
    """Business events that several entries of the audit trail belong to."""

    class Meta:
        model = "audit.AuditEvent"

    uuid = Uuid()
    event_type = "DOCUMENT_APPROVAL"
    title = "Approval"
    description = ""
    started_at = Moment()
    duration = timedelta(days=2, hours=3, microseconds=1)
    completed_at = end("started_at", "duration")
    primary_user = factory.SubFactory("apps.demo.factories.users.UserFactory")
    error_message = ""
    business_process = ""
    compliance_impact = ""
    metadata = factory.LazyFunction(dict)
