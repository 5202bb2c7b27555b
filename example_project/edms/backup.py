"""What the backup app has to be told about this site."""

from pathlib import Path
from typing import Any

# Older paths begin with storage/documents/ and are relative to the data directory, all others to the media.
ROOTS_BY_PREFIX = [("storage/documents/", "legacy"), ("", "media")]

PATH_FIELDS: dict[str, dict[str, Any]] = {
    "documents.Document.file_path": {"sha256": "file_checksum", "size": "file_size"},
    "documents.DocumentVersion.file_path": {"sha256": "file_checksum", "size": "file_size"},
    "documents.DocumentAttachment.file_path": {"sha256": "file_checksum", "size": "file_size"},
    "documents.DocumentType.template_path": {},
    "placeholders.DocumentTemplate.file_path": {},
    "placeholders.DocumentGeneration.output_file_path": {"sha256": "file_checksum", "size": "file_size"},
    "audit.ComplianceReport.file_path": {"sha256": "report_checksum", "size": "file_size"},
}

# Only where the model's own natural_key() does not travel, or where no unique field gives a key.
NATURAL_KEYS: dict[str, list[str]] = {
    "documents.DocumentComment": ["uuid"],
    "workflows.DocumentTransition": ["uuid"],
    "workflows.DocumentWorkflow": ["document"],
    "audit.AuditTrail": ["uuid"],
    "audit.SystemEvent": ["uuid"],
    "backup.BackupConfiguration": ["uuid"],
    "backup.BackupJob": ["uuid"],
    "backup.RestoreJob": ["uuid"],
    "scheduler.ScheduledTask": ["name", "scheduled_time"],
    # What people know a template by; a re-initialised site gives its defaults other uuids.
    "settings.NotificationTemplate": ["template_type", "event_type", "name", "is_default"],
    # One row, whose primary key is always 1.
    "documents.SystemConfiguration": ["pk"],
}

# What was recorded after a backup stays, even when a restore replaces everything else.
AUDIT_MODELS = [
    "audit.AuditTrail",
    "audit.ComplianceEvent",
    "audit.DatabaseChangeLog",
    "audit.LoginAudit",
    "audit.SystemEvent",
]

# Their rows are rights: a restore over the web that adds or changes some needs a superuser.
GRANTING_MODELS = ["users.Role", "users.UserRole"]


def backup_settings(data_dir: Path, media_root: Path) -> dict[str, Any]:
    """Return the value of EDMS_BACKUP for a site that keeps its data in this directory."""
    return {
        "DIRECTORY": data_dir / "backups",
        "FILE_ROOTS": {"media": media_root, "legacy": data_dir},
        "PATH_FIELDS": {name: {"roots": ROOTS_BY_PREFIX, **columns} for name, columns in PATH_FIELDS.items()},
        "NATURAL_KEYS": NATURAL_KEYS,
        "MODELS": {
            **{label: {"append_only": True} for label in AUDIT_MODELS},
            **{label: {"grants": True} for label in GRANTING_MODELS},
        },
    }
