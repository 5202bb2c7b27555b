"""The audit trail and the other records that nobody may change."""

from datetime import timedelta
from typing import Any

from apps.demo.content import PDF_TYPE, pdf
from apps.demo.factories.audit import (
    AuditConfigurationFactory,
    AuditEventFactory,
    AuditQueryLogFactory,
    AuditTrailFactory,
    ComplianceEventFactory,
    ComplianceReportFactory,
    DatabaseChangeLogFactory,
    DataIntegrityCheckFactory,
    LoginAuditFactory,
    SystemEventFactory,
    UserSessionFactory,
)
from apps.demo.prose import BROWSERS
from apps.demo.rows import link
from apps.demo.source import later

from .site import Site


def tell(site: Site) -> None:
    """Write the records."""
    for name in ("Default", "Strikt (21 CFR 11)"):
        AuditConfigurationFactory(
            name=name,
            retention_days=2**31 - 1 if name == "Default" else 0,
            created_by=site.user("admin"),
            metadata={"models": ["documents.Document"], "except": None},
        )
    _entries(site)
    _changes(site)
    _sessions(site)
    _events(site)
    _reports(site)


def document_values(document: Any) -> dict[str, Any]:
    """Return a document's values as the audit trail keeps them: with database ids of other rows."""
    return {
        "id": document.pk,
        "document_number": document.document_number,
        "author": document.author_id,
        "reviewer": document.reviewer_id,
        "status": document.status,
        "effective_date": document.effective_date.isoformat() if document.effective_date else None,
    }


def _entries(site: Site) -> None:
    """Write entries about documents, users and workflows, about a deleted document, and about nothing."""
    for index, (number, document) in enumerate(site.documents.items()):
        values = document_values(document)
        for action in ("CREATE", "UPDATE") if index % 3 else ("CREATE", "UPDATE", "APPROVE"):
            entry = AuditTrailFactory(
                subject=document,
                action=action,
                user=document.author if action == "CREATE" else site.user("reviewer"),
                ip_address="192.0.2.17" if index % 2 else "2001:db8::17",
                user_agent=BROWSERS[index % len(BROWSERS)],
                old_values={} if action == "CREATE" else {**values, "status": "DRAFT"},
                new_values=values,
                field_changes={
                    "status": {"new": document.status, "old": None if action == "CREATE" else "DRAFT"}
                },
                description=f"{action}: „{document.title}“",
                request_path=f"/documents/{document.pk}/",
                request_method="POST",
                metadata={"document_number": number, "document_id": document.pk, "Δ": [0.1, 1e-7, 2**53 + 1]},
            )
            site.trail.append(entry)
    for subject in (
        site.user("leaver"),
        site.user("author"),
        site.workflows["POL-2019-0001"],
        site.roles["User Admin"],
    ):
        site.trail.append(AuditTrailFactory(subject=subject, user=site.user("admin"), module="S1"))
    AuditTrailFactory(
        subject=site.gone,
        action="DELETE",
        severity="WARNING",
        user=site.user("admin"),
        old_values={"id": site.gone.pk, "document_number": site.gone.document_number},
        description="Deleted for good",
    )
    AuditTrailFactory(
        action="LOGIN_FAILED", severity="WARNING", user_display_name="", ip_address="203.0.113.9"
    )
    AuditTrailFactory(
        action="EXPORT",
        subject=None,
        content_type=site.trail[0].content_type,
        user=site.user("auditor"),
        object_id=None,
    )
    AuditTrailFactory(
        action="PURGE", severity="CRITICAL", is_tampered=True, verification_status="FAILED", checksum=""
    )
    AuditTrailFactory(
        action="VIEW", content_type=site.trail[0].content_type, object_id="not-a-number", description=""
    )


def _changes(site: Site) -> None:
    """Log changes of rows, one of a document that has gone and one without a content type."""
    subjects = [
        *list(site.documents.values())[:11],
        site.user("author"),
        site.user("locked"),
        site.workflows["BMR-2024-0117"],
    ]
    for index, subject in enumerate(subjects):
        DatabaseChangeLogFactory(
            subject=subject,
            operation="INSERT" if index % 2 else "UPDATE",
            user=site.user("author") if index % 4 else None,
            old_values={} if index % 2 else {"manager": site.user("reviewer").pk, "updated_at": None},
            new_values={
                "id": subject.pk,
                "author_id": site.user("author").pk,
                "nested": {"list": [[], {}, "", None]},
            },
            action="" if index % 3 else "save",
            session_id="" if index % 2 else None,
            integrity_hash=f"{index:064x}" if index % 2 else None,
        )
    DatabaseChangeLogFactory(subject=site.gone, operation="DELETE", user=site.user("admin"))
    DatabaseChangeLogFactory(table_name="django_session", operation="TRUNCATE", record_id="*")


def _sessions(site: Site) -> None:
    """Let people sign in, or try to."""
    for index, user in enumerate(site.users.values()):
        if user.username in ("edms_system", "kiosk"):
            continue
        active = index % 3 == 0
        session = UserSessionFactory.build(
            session_key=f"demosession{index:021d}",
            user=user,
            is_active=active,
            user_agent=BROWSERS[index % len(BROWSERS)],
        )
        session.logout_timestamp = None if active else later(session.last_activity, microseconds=1)
        UserSessionFactory.store(session)
        LoginAuditFactory(user=user, user_agent=BROWSERS[index % len(BROWSERS)] if index % 2 else None)
    LoginAuditFactory(user=site.user("locked"), success=False, failure_reason="")
    LoginAuditFactory(username="root", success=False, failure_reason="Unknown user", ip_address=None)
    LoginAuditFactory(username="Robert'); DROP TABLE users;--", success=False, failure_reason="Unknown user")
    for index in range(4):
        AuditQueryLogFactory(
            user=site.user("auditor"),
            query_type=("VIEW", "SEARCH", "EXPORT", "REPORT")[index],
            query_description="" if index == 0 else "Wer hat SOP‑2025‑0004 geändert?",
            filters_applied={"document": [d.pk for d in list(site.documents.values())[:index]], "user": None},
            records_accessed=index * 1000,
            purpose="Inspektion" if index else "",
        )


def _events(site: Site) -> None:
    """Record events of the system, of compliance, and of the business."""
    for index, kind in enumerate(("STARTUP", "SHUTDOWN", "BACKUP", "RESTORE", "MAINTENANCE", "ERROR")):
        SystemEventFactory(
            event_type=kind,
            description="" if index == 0 else f"{kind.lower()} – Knoten №{index}",
            details={"version": "1.4.2", "uptime": 86400.25 * index, "workers": [None] * index},
            severity="ERROR" if kind == "ERROR" else "INFO",
        )
    for index, kind in enumerate(("VALIDATION", "DEVIATION", "CAPA", "INSPECTION")):
        ComplianceEventFactory(
            event_type=kind,
            description=f"{kind.capitalize()} 2025‑{index:03d}: Temperatur 26 °C > 25 °C",
            user=site.user("reviewer") if index % 2 else None,
            resolution_status=("OPEN", "IN_PROGRESS", "RESOLVED", "CLOSED")[index],
        )
    for index in range(3):
        event = AuditEventFactory(
            title=f"Freigabe {index + 1}",
            primary_user=site.user("approver"),
            duration=None if index == 2 else timedelta(days=index, microseconds=1),
            is_successful=index != 2,
            error_message="Timeout ⏱" if index == 2 else "",
            business_process="release",
        )
        link(
            event,
            "involved_users",
            [site.user(name) for name in ("author", "reviewer", "leaver")[: index + 1]],
        )
        link(event, "related_audit_logs", site.trail[index * 5 : index * 5 + 3])


def _reports(site: Site) -> None:
    """Write reports, one with a file, and check the integrity of the records."""
    lines = [f"{entry.action} {entry.object_representation}" for entry in site.trail[:20]]
    stored = site.shelf.put(
        "reports/Compliance report Q1 2025.pdf", pdf("Compliance report Q1 2025", lines), PDF_TYPE
    )
    ComplianceReportFactory(
        name="Q1 2025 – alle Änderungen",
        generated_by=site.user("auditor"),
        file_path=stored.path,
        file_size=stored.size,
        report_checksum=stored.checksum,
        report_data={"rows": len(site.trail), "by_user": {"author": 18, "日本": None}},
        digital_signature="MEUCIQD…",
    )
    ComplianceReportFactory(
        name="Failed",
        report_type="CUSTOM",
        status="FAILED",
        generated_by=site.user("auditor"),
        file_size=2**62,
    )
    for index, status in enumerate(("PASSED", "FAILED", "RUNNING")):
        DataIntegrityCheckFactory(
            check_type=("CHECKSUM", "FOREIGN_KEY", "FILES")[index],
            status=status,
            items_checked=24 * index,
            items_failed=index % 2,
            findings=[{"document": site.gone.pk, "problem": "fehlt"}] if status == "FAILED" else [],
            execution_time=None if status == "RUNNING" else timedelta(seconds=index, microseconds=999999),
            triggered_by=site.user("admin") if index else None,
            is_automated=index == 0,
        )
