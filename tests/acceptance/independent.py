"""An image of the example EDMS that does not depend on ids; ``comparing`` compares two.

The eye of the acceptance tests. It shares no code and no opinion with the app it looks at: what names a row,
what refers to what and where files lie is written down here by hand, from the data model of the EDMS. A model
that is not written down is an error, so that nobody adds one unseen.

An image holds every row of every table: each column exactly, references, many-to-many links and generic
references as the names of what they lead to, and the SHA-256 of every file. Run as a program in the
environment of a site, ``python independent.py IMAGE`` writes the site's image.
"""

from __future__ import annotations

import datetime
import hashlib
import json
import sys
import uuid
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

NAMES: dict[str, tuple[str, ...] | None] = {
    "users.User": ("username",),
    "users.Role": ("name",),
    "users.UserRole": ("user", "role"),
    "users.MFADevice": ("uuid",),
    "documents.DocumentType": ("code",),
    "documents.DocumentSource": ("name",),
    "documents.Document": ("document_number",),
    "documents.DocumentVersion": ("document", "version_major", "version_minor"),
    "documents.DocumentDependency": ("document", "depends_on", "dependency_type"),
    "documents.DocumentAccessLog": ("uuid",),
    "documents.DocumentComment": ("uuid",),
    "documents.DocumentAttachment": ("uuid",),
    "documents.SystemConfiguration": (),
    "workflows.WorkflowType": ("name",),
    "workflows.WorkflowInstance": ("uuid",),
    "workflows.WorkflowTransition": ("uuid",),
    "workflows.WorkflowRule": ("uuid",),
    "workflows.WorkflowNotification": ("uuid",),
    "workflows.WorkflowTemplate": ("name",),
    "workflows.DocumentState": ("code",),
    "workflows.DocumentWorkflow": ("document",),
    "workflows.DocumentTransition": ("uuid",),
    "audit.AuditConfiguration": ("name",),
    "audit.AuditTrail": ("uuid",),
    "audit.AuditQueryLog": ("uuid",),
    "audit.ComplianceReport": ("uuid",),
    "audit.DataIntegrityCheck": ("uuid",),
    "audit.SystemEvent": ("uuid",),
    "audit.LoginAudit": ("uuid",),
    "audit.UserSession": ("session_key",),
    "audit.DatabaseChangeLog": ("uuid",),
    "audit.ComplianceEvent": ("uuid",),
    "audit.AuditEvent": ("uuid",),
    "security.EncryptionKey": ("key_id",),
    "security.PDFSigningCertificate": ("serial_number",),
    "security.PDFGenerationLog": ("uuid",),
    "security.DigitalSignature": ("uuid",),
    "security.SecurityEvent": ("uuid",),
    "security.CertificateAuthority": ("uuid",),
    "placeholders.PlaceholderDefinition": ("name",),
    "placeholders.DocumentTemplate": ("name", "version"),
    "placeholders.TemplatePlaceholder": ("template", "placeholder"),
    "placeholders.DocumentGeneration": ("uuid",),
    "placeholders.PlaceholderCache": ("placeholder", "cache_key"),
    "settings.SystemConfiguration": ("key",),
    "settings.UICustomization": ("uuid",),
    "settings.FeatureToggle": ("key",),
    "settings.ConfigurationHistory": ("uuid",),
    "settings.NotificationTemplate": ("template_type", "event_type", "is_default", "name"),
    "scheduler.ScheduledTask": ("name", "scheduled_time"),
    "backup.BackupConfiguration": ("uuid",),
    "backup.BackupJob": ("uuid",),
    "backup.RestoreJob": ("uuid",),
    "backup.HealthCheck": ("uuid",),
    "backup.SystemMetric": ("uuid",),
    "backup.DisasterRecoveryPlan": ("uuid",),
    "auth.Group": ("name",),
    "auth.Permission": ("content_type", "codename"),
    "contenttypes.ContentType": ("app_label", "model"),
    "sites.Site": ("domain",),
    "admin.LogEntry": None,
    "django_celery_beat.SolarSchedule": ("event", "latitude", "longitude"),
    "django_celery_beat.IntervalSchedule": None,
    "django_celery_beat.ClockedSchedule": None,
    "django_celery_beat.CrontabSchedule": None,
    "django_celery_beat.PeriodicTask": ("name",),
}
"""Model -> the fields that name a row among all sites; empty for a table of one row. Rows of models with None
have no name: they are known by their whole content, and there may be twins."""

LEFT_OUT = {
    "sessions.Session",  # sessions end with a disaster
    "django_celery_beat.PeriodicTasks",  # tells the scheduler to look again; no content of anybody
    "edms_backup.RestoreMarker",  # the tool's own bookkeeping
    "edms_backup.Run",
    "edms_backup.AuditEvent",
    "edms_backup.Package",
}
OPTIONAL_APPS = {"django_celery_beat"}

GENERIC_REFERENCES = {
    "workflows.WorkflowInstance": ("content_type", "object_id"),
    "audit.AuditTrail": ("content_type", "object_id"),
    "audit.DatabaseChangeLog": ("content_type", "object_id"),
    "admin.LogEntry": ("content_type", "object_id"),
}
"""Model -> the reference to a content type, and the column with the id of any row."""

PATH_COLUMNS = {
    "documents.Document": ("file_path",),
    "documents.DocumentVersion": ("file_path",),
    "documents.DocumentAttachment": ("file_path",),
    "documents.DocumentType": ("template_path",),
    "documents.SystemConfiguration": ("logo",),
    "placeholders.DocumentTemplate": ("file_path",),
    "placeholders.DocumentGeneration": ("output_file_path",),
    "audit.ComplianceReport": ("file_path",),
    "settings.UICustomization": ("uploaded_file",),
}
"""Model -> the columns whose text names a file."""

OLD_PATHS = "storage/documents/"
"""Paths that begin so are relative to the data directory, all others to the media directory."""

APPEND_ONLY = {
    "audit.AuditTrail",
    "audit.ComplianceEvent",
    "audit.DatabaseChangeLog",
    "audit.LoginAudit",
    "audit.SystemEvent",
}
"""Records that nobody may take away, not even by replacing everything."""

NOWHERE = "leads nowhere: "
"""How the id of a generic reference is described whose row is not there."""


@dataclass(frozen=True)
class Row:
    """One row: its name, its primary key, and every column and many-to-many link as text."""

    name: str
    key: str
    values: dict[str, str]


@dataclass
class Image:
    """A site's content."""

    rows: dict[str, list[Row]] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    """Path, as rows give it, -> SHA-256, or why there is none."""
    unnamed: dict[str, str] = field(default_factory=dict)
    """Files in the two directories that no row names."""

    @property
    def count(self) -> int:
        """Return the number of rows."""
        return sum(len(rows) for rows in self.rows.values())

    def named(self, label: str) -> dict[str, Row]:
        """Return the rows of a model by name."""
        return {row.name: row for row in self.rows.get(label, [])}

    def write(self, path: Path) -> None:
        """Write the image to a file."""
        path.write_text(json.dumps(asdict(self), ensure_ascii=False), encoding="utf-8")


def read_image(path: Path) -> Image:
    """Return the image in a file."""
    document = json.loads(path.read_text(encoding="utf-8"))
    rows = {label: [Row(**row) for row in rows] for label, rows in document["rows"].items()}
    return Image(rows=rows, files=document["files"], unnamed=document["unnamed"])


# -- taking the image, inside a site's process -----------------------------------------------------------


def as_text(value: Any, *, as_json: bool = False) -> str:
    """Return a column's value as a text that no other value has, whatever its type."""
    if as_json:
        return "json " + json.dumps(value, sort_keys=True, ensure_ascii=False)
    if value is None:
        return "null"
    kind = type(value)
    if kind is str:
        return "text " + json.dumps(value, ensure_ascii=False)
    if kind is datetime.datetime:
        return "instant " + value.astimezone(datetime.UTC).isoformat(timespec="microseconds")
    if kind is datetime.timedelta:
        return f"microseconds {value // datetime.timedelta(microseconds=1)}"
    if kind in (datetime.date, datetime.time):
        return f"{kind.__name__} {value.isoformat()}"
    if kind in (bool, int, float, Decimal, uuid.UUID, ZoneInfo):
        return f"{kind.__name__} {value!s}"
    raise TypeError(f"no text for a value of type {kind.__name__}")


class Describer:
    """Reads all tables of the site whose process this is, and describes the rows."""

    def __init__(self) -> None:
        """Read the tables."""
        from django.apps import apps

        installed = {model._meta.label: model for model in apps.get_models()}
        unknown = installed.keys() - NAMES.keys() - LEFT_OUT
        absent = {
            label for label in NAMES.keys() - installed.keys() if label.split(".")[0] not in OPTIONAL_APPS
        }
        if unknown or absent:
            raise LookupError(f"models without a name here: {sorted(unknown)}; not there: {sorted(absent)}")
        self.models = {label: installed[label] for label in NAMES if label in installed}
        self.tables: dict[str, dict[Any, dict[str, Any]]] = {}
        self.by_text: dict[str, dict[str, Any]] = {}
        for label, model in self.models.items():
            self.tables[label] = {row[model._meta.pk.attname]: row for row in _rows_of(model)}
            self.by_text[label] = {str(key): key for key in self.tables[label]}
        self._names: dict[tuple[str, Any], str] = {}
        self._labels = {
            key: next(
                (label for label in self.models if label.lower() == f"{row['app_label']}.{row['model']}"), ""
            )
            for key, row in self.tables["contenttypes.ContentType"].items()
        }

    def image(self) -> Image:
        """Return the image of the site."""
        image = Image()
        for label in self.models:
            links = dict(self._links(label))
            rows = [
                Row(
                    name=self.name(label, key),
                    key=str(key),
                    values=self.columns(label, key)
                    | {
                        relation: as_text(sorted(ends[key]), as_json=True) for relation, ends in links.items()
                    },
                )
                for key in self.tables[label]
            ]
            twins = [name for name, count in Counter(row.name for row in rows).items() if count > 1]
            if twins and NAMES[label] is not None:
                raise LookupError(f"{label}: several rows are called {twins[0]}")
            image.rows[label] = rows
            for column in PATH_COLUMNS.get(label, ()):
                paths = {row[column] for row in self.tables[label].values() if row[column]}
                image.files |= {path: _digest(place(path)) for path in paths}
        named = {place(path).resolve() for path in image.files}
        image.unnamed = {shown: _digest(path) for shown, path in _stored() if path.resolve() not in named}
        return image

    def name(self, label: str, key: Any) -> str:
        """Return the name of a row."""
        if (label, key) not in self._names:
            fields = NAMES[label]
            named = self.columns(label, key) if fields is None else self._name_parts(label, key, fields)
            self._names[label, key] = json.dumps(named, ensure_ascii=False, sort_keys=True)
        return self._names[label, key]

    def _name_parts(self, label: str, key: Any, fields: Iterable[str]) -> list[Any]:
        """Return the values of the naming fields, and the parts of their names for references."""
        parts: list[Any] = []
        for name in fields:
            column = self.models[label]._meta.get_field(name)
            value = self.tables[label][key][column.attname]
            if column.is_relation:
                target = column.related_model._meta.label
                parts.append(self._name_parts(target, value, NAMES[target] or ()))
            else:
                parts.append(value if isinstance(value, str | int) else as_text(value))
        return parts

    def columns(self, label: str, key: Any) -> dict[str, str]:
        """Return the row's columns as text, all but an automatic primary key."""
        from django.db import models

        meta, row = self.models[label]._meta, self.tables[label][key]
        kind, target = GENERIC_REFERENCES.get(label, ("", ""))
        found = {}
        for column in meta.concrete_fields:
            name, value = column.name, row[column.attname]
            if isinstance(column, models.AutoField):
                continue
            if name == target and value is not None:
                found[name] = self._generic(row[meta.get_field(kind).attname], value)
            elif column.is_relation and value is not None:
                found[name] = self._reference(column.related_model._meta.label, value)
            elif isinstance(column, models.JSONField):
                if column.null:
                    raise TypeError(f"{label}.{name}: NULL and JSON null look the same from here")
                found[name] = as_text(value, as_json=True)
            else:
                found[name] = as_text(value)
        return found

    def _reference(self, label: str, key: Any) -> str:
        if key not in self.tables[label]:
            return f"{NOWHERE}{label} {key}"
        return f"-> {label} {self.name(label, key)}"

    def _generic(self, content_type: Any, object_id: str) -> str:
        label = self._labels.get(content_type, "")
        key = self.by_text.get(label, {}).get(str(object_id))
        return f"{NOWHERE}{object_id!r}" if key is None else self._reference(label, key)

    def _links(self, label: str) -> Iterator[tuple[str, dict[Any, list[str]]]]:
        """Yield the many-to-many relations whose table is no model of its own, with the ends by row."""
        for relation in self.models[label]._meta.local_many_to_many:
            through = relation.remote_field.through
            if not through._meta.auto_created:
                continue
            near = through._meta.get_field(relation.m2m_field_name()).attname
            far = through._meta.get_field(relation.m2m_reverse_field_name()).attname
            ends: dict[Any, list[str]] = defaultdict(list)
            for row in _rows_of(through):
                ends[row[near]].append(self._reference(relation.related_model._meta.label, row[far]))
            yield relation.name, ends


def _rows_of(model: Any) -> Iterator[dict[str, Any]]:
    # The base manager: default managers may hide rows.
    names = [column.attname for column in model._meta.concrete_fields]
    yield from model._base_manager.order_by("pk").values(*names)


def place(path: str) -> Path:
    """Return where the file lies that a row names by this path."""
    from django.conf import settings

    return Path(settings.EDMS_DATA_DIR if path.startswith(OLD_PATHS) else settings.MEDIA_ROOT) / path


def _stored() -> Iterator[tuple[str, Path]]:
    """Yield every file in the two directories, with a path relative to the data directory."""
    from django.conf import settings

    base = Path(settings.EDMS_DATA_DIR)
    for directory in (Path(settings.MEDIA_ROOT), base / OLD_PATHS):
        for path in sorted(directory.rglob("*")):
            if not path.is_dir():
                yield str(path.relative_to(base)), path


def _digest(path: Path) -> str:
    return f"sha256 {hashlib.sha256(path.read_bytes()).hexdigest()}" if path.is_file() else "no file"


def main(target: str) -> None:
    """Write the image of the site that the environment describes."""
    import django

    django.setup()
    Describer().image().write(Path(target))


if __name__ == "__main__":
    main(sys.argv[1])
