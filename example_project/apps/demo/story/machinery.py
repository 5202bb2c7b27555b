"""What runs behind the EDMS: planned tasks, its former backups, the admin's log, a session."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from django.core import signing
from django.core.signing import b62_encode

from apps.demo.factories.backup import (
    BackupConfigurationFactory,
    BackupJobFactory,
    DisasterRecoveryPlanFactory,
    HealthCheckFactory,
    RestoreJobFactory,
    SystemMetricFactory,
)
from apps.demo.factories.contrib import LogEntryFactory, SessionFactory, SiteFactory
from apps.demo.factories.scheduler import ScheduledTaskFactory
from apps.demo.source import EPOCH

from .site import Site


def tell(site: Site) -> None:
    """Start the machines."""
    _plans(site)
    _backups(site)
    _measurements(site)
    _admin_log(site)
    for domain, name in (("example.com", "Example EDMS"), ("xn--mller-kva.example", "Müller EDMS")):
        SiteFactory(domain=domain, name=name)
    _session(site)


def _plans(site: Site) -> None:
    """Plan tasks: two of one name, and one in the last second that a four-digit year has."""
    for name, moment in (
        ("Periodic review", EPOCH + timedelta(days=400, microseconds=1)),
        ("Periodic review", EPOCH + timedelta(days=800, microseconds=2)),
        ("Archivierung", datetime(9999, 12, 31, 23, 59, 58, 999999, tzinfo=UTC)),
    ):
        ScheduledTaskFactory(name=name, scheduled_time=moment, description="" if "A" in name else "jährlich")


def _backups(site: Site) -> None:
    """Remember the former backups: two plans of one name, jobs that failed, a restore."""
    admin = site.user("admin")
    plans = [
        BackupConfigurationFactory(created_by=admin),
        BackupConfigurationFactory(created_by=admin, is_enabled=False, status="INACTIVE"),
        BackupConfigurationFactory(
            name="weekly_export",
            backup_type="EXPORT",
            frequency="WEEKLY",
            schedule_days=[6],
            schedule_time=time(23, 59, 59, 999999),
            max_backups=12,
            created_by=admin,
        ),
    ]
    jobs = [
        BackupJobFactory(
            job_name=f"{plans[index % 3].name}_{index:04d}",
            configuration=plans[index % 3],
            status="FAILED" if index % 3 == 2 else "COMPLETED",
            is_valid=index % 3 != 2,
            backup_size=None if index % 3 == 2 else 2**33 + index,
            compression_ratio=None if index % 2 else 0.1 + index / 7,
            error_message="Unsupported backup type: EXPORT" if index % 3 == 2 else "",
            validation_errors=[{"code": index, "detail": None}] if index % 3 == 2 else [],
            triggered_by=admin if index % 2 else None,
        )
        for index in range(6)
    ]
    RestoreJobFactory(
        backup_job=jobs[0],
        requested_by=admin,
        restored_items_count=559,
        failed_items_count=5,
        restore_options={"overwrite": False, "skip": [], "target": None},
        restore_log="559 of 564\n",
    )
    DisasterRecoveryPlanFactory(
        name="Serverraum überflutet",
        disaster_type="FLOOD",
        recovery_procedures="1. Ruhe bewahren\n2. Paket prüfen\n3. Wiederherstellen",
        estimated_recovery_time=timedelta(days=1, hours=4, microseconds=1),
        required_resources=["server", {"people": 2}, None],
        responsible_team=[admin.username],
        emergency_contacts=[{"name": "Jürgen Müller", "phone": "+41 31 555 01 01"}],
        created_by=admin,
    )


def _measurements(site: Site) -> None:
    """Measure: floats that have no short decimal form, very large ones and very small ones."""
    for index, kind in enumerate(("DATABASE", "STORAGE", "APPLICATION", "BACKUP_SYSTEM", "SECURITY")):
        HealthCheckFactory(
            check_name=kind.capitalize(),
            check_type=kind,
            status=("HEALTHY", "WARNING", "CRITICAL")[index % 3],
            response_time=None if index == 4 else index / 3,
            message="" if index == 0 else f"{kind}: {index} Fehler",
            details={"free": 10**15 + index, "ratio": index / 7},
        )
    for index, value in enumerate((61.5, 1 / 3, 1e300, -0.0, 5e-324, 1e15, 0.1 + 0.2)):
        SystemMetricFactory(
            metric_name=f"metric_{index}",
            value=value,
            unit="" if index % 2 else "%",
            warning_threshold=None if index % 2 else 80.0,
            metadata={"host": "edms‑1", "day": str(date(2024, 2, 29))},
        )


def _admin_log(site: Site) -> None:
    """Log what happened in the admin; two entries are twins, and one is about a document that has gone."""
    admin = site.user("admin")
    documents = list(site.documents.values())
    twin: dict[str, Any] = {
        "user": admin,
        "action_time": EPOCH + timedelta(days=12, microseconds=987654),
        "content_type": site.trail[0].content_type,
        "object_id": str(documents[4].pk),
        "object_repr": str(documents[4])[:200],
        "change_message": '[{"changed": {"fields": ["Status"]}}]',
    }
    LogEntryFactory(**twin)
    LogEntryFactory(user=admin, object_repr="Reports", action_flag=3)
    LogEntryFactory(**twin)
    LogEntryFactory(**{**twin, "object_id": str(site.gone.pk), "action_flag": 3, "action_time": EPOCH})
    LogEntryFactory(
        user=site.user("reviewer"), object_id="", object_repr="", change_message="Geändert: Größe 📏"
    )


class _FixedSigner(signing.TimestampSigner):
    """A signer for whom it is always the same moment."""

    def timestamp(self) -> str:
        """Return that moment."""
        return b62_encode(int(EPOCH.timestamp()))


def _session(site: Site) -> None:
    """Keep the reviewer signed in."""
    store, reviewer = SessionStore(), site.user("reviewer")
    values = {
        SESSION_KEY: str(reviewer.pk),
        BACKEND_SESSION_KEY: "django.contrib.auth.backends.ModelBackend",
        HASH_SESSION_KEY: reviewer.get_session_auth_hash(),
    }
    SessionFactory(
        session_key="demosession000000000000000000001",
        session_data=_FixedSigner(salt=store.key_salt).sign_object(
            values, serializer=store.serializer, compress=False
        ),
        expire_date=EPOCH + timedelta(days=3650, microseconds=5),
    )
