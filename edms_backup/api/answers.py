"""What goes out: documents made of the service's values, and the same as serializers for the schema.

No id that counts, no path, no secret: packages, runs and uploads have uuids, people their names.
"""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from edms_backup.api.problems import without_paths
from edms_backup.service import (
    Announcement,
    Entry,
    PackageDetail,
    PackageSummary,
    Run,
    RunKind,
    RunState,
)

_OF_A_RUN = (
    "id",
    "kind",
    "state",
    "step",
    "done",
    "total",
    "unit",
    "subject",
    "attempt",
    "reason",
    "created_at",
    "started_at",
    "ended_at",
    "heartbeat_at",
    "cancel_requested_at",
)
_NOT_SHOWN = ("may_grant", "output")
_OF_AN_ENTRY = ("sequence", "at", "call", "what", "phase", "subject", "result", "code", "name", "origin")


def of_package(summary: PackageSummary) -> dict[str, Any]:
    """Return a package as a line of a list; one that cannot be read has no id."""
    document = without_paths(summary.to_dict())
    return {**document, "id": summary.id or None}


def of_detail(detail: PackageDetail) -> dict[str, Any]:
    """Return a package with what its manifest says, but for checksums of members and what tells of secrets."""
    manifest = detail.manifest
    files = manifest.files
    return {
        **of_package(detail.summary),
        "format_version": manifest.format_version,
        "software": dict(manifest.software),
        "databases": [{"alias": one.alias, "vendor": one.vendor} for one in manifest.databases],
        "contents": [
            {
                "model": model.label,
                "rows": model.rows,
                "tier": model.tier,
                "fate": model.fate,
                "key": ", ".join(model.key.paths),
            }
            for model in manifest.models
        ],
        "stored_files": {"bytes": files.bytes, "contents": files.contents},
        "exclusions": [{"model": one.label, "reason": one.reason} for one in manifest.exclusions],
        "findings": without_paths(list(manifest.findings)),
    }


def of_run(run: Run) -> dict[str, Any]:
    """Return a run: who asked for what, how far it is. Its report is a call of its own."""
    document = run.to_dict()
    error = without_paths(document["error"]) if document["error"] else None
    if error is not None:
        error.pop("findings", None)
    request = {name: value for name, value in document["request"].items() if name not in _NOT_SHOWN}
    return {
        **{name: without_paths({name: document[name]})[name] for name in _OF_A_RUN},
        "actor": run.actor_name,
        "origin": run.origin.partition(" ")[0],
        "request": without_paths(request),
        "exit_code": run.exit_code,
        "error": error,
    }


def of_report(run: Run) -> dict[str, Any]:
    """Return how a run ended, or what came up so far."""
    found = run.to_dict()
    document = without_paths({name: found[name] for name in ("report", "findings", "error")})
    return {"id": str(run.pk), "kind": run.kind, "state": run.state, **document}


def of_upload(upload: Announcement, limit: int) -> dict[str, Any]:
    """Return an announced upload."""
    return {
        "id": str(upload.id),
        "bytes": upload.length,
        "sha256": upload.sha256,
        "received": upload.received,
        "limit": limit,
    }


def of_entry(entry: Entry) -> dict[str, Any]:
    """Return an entry of the audit trail."""
    document = entry.to_dict()
    shown: dict[str, Any] = without_paths(
        {name: document[name] for name in (*_OF_AN_ENTRY, "address", "reason", "details")}
        | {"sha256": entry.digest}
    )
    return shown


# -- the same, for the schema ----------------------------------------------------------------------


class Problem(serializers.Serializer[Any]):
    """Problem details (RFC 9457)."""

    type = serializers.CharField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    code = serializers.CharField(help_text="Stable; docs/errors.md lists those that are not HTTP's own.")
    detail = serializers.CharField()
    hint = serializers.CharField(required=False)
    findings = serializers.ListField(child=serializers.DictField(), required=False)
    holder = serializers.DictField(required=False, help_text="The run that is in the way.")
    errors = serializers.JSONField(required=False)  # type: ignore[assignment]


class PackageAnswer(serializers.Serializer[Any]):
    """A package of the store."""

    id = serializers.UUIDField(allow_null=True)
    name = serializers.CharField()
    kind = serializers.CharField(allow_blank=True)
    label = serializers.CharField(allow_blank=True)  # type: ignore[assignment]
    created_at = serializers.CharField(allow_blank=True)
    bytes = serializers.IntegerField()
    rows = serializers.IntegerField()
    models = serializers.IntegerField()
    files = serializers.IntegerField()
    missing_files = serializers.IntegerField()
    readable = serializers.BooleanField()
    problem = serializers.CharField(allow_blank=True)


class PackageDetailAnswer(PackageAnswer):
    """A package with what its manifest says."""

    format_version = serializers.IntegerField()
    software = serializers.DictField(child=serializers.CharField())
    databases = serializers.ListField(child=serializers.DictField())
    contents = serializers.ListField(child=serializers.DictField())
    stored_files = serializers.DictField()
    exclusions = serializers.ListField(child=serializers.DictField())
    findings = serializers.ListField(child=serializers.DictField())


class _Page(serializers.Serializer[Any]):
    """Where some of a list stand in it."""

    total = serializers.IntegerField()
    limit = serializers.IntegerField()
    offset = serializers.IntegerField()


class PackagePage(_Page):
    """Some of the packages, the newest first."""

    results = PackageAnswer(many=True)


class RunAnswer(serializers.Serializer[Any]):
    """A run."""

    id = serializers.UUIDField()
    kind = serializers.ChoiceField(choices=RunKind.values)
    state = serializers.ChoiceField(choices=RunState.values)
    step = serializers.CharField(allow_blank=True)
    done = serializers.IntegerField()
    total = serializers.IntegerField(allow_null=True)
    unit = serializers.CharField(allow_blank=True)
    subject = serializers.CharField(allow_blank=True)
    attempt = serializers.IntegerField()
    actor = serializers.CharField(allow_blank=True)
    origin = serializers.CharField(allow_blank=True)
    reason = serializers.CharField(allow_blank=True)
    request = serializers.DictField()
    created_at = serializers.DateTimeField()
    started_at = serializers.DateTimeField(allow_null=True)
    ended_at = serializers.DateTimeField(allow_null=True)
    heartbeat_at = serializers.DateTimeField(allow_null=True)
    cancel_requested_at = serializers.DateTimeField(allow_null=True)
    exit_code = serializers.IntegerField(allow_null=True)
    error = serializers.DictField(allow_null=True)


class RunPageAnswer(_Page):
    """Some of the runs, the newest first."""

    results = RunAnswer(many=True)


class ReportAnswer(serializers.Serializer[Any]):
    """How a run ended."""

    id = serializers.UUIDField()
    kind = serializers.ChoiceField(choices=RunKind.values)
    state = serializers.ChoiceField(choices=RunState.values)
    report = serializers.DictField(allow_null=True)
    findings = serializers.ListField(child=serializers.DictField())
    error = serializers.DictField(allow_null=True)


class UploadAnswer(serializers.Serializer[Any]):
    """An announced upload."""

    id = serializers.UUIDField()
    bytes = serializers.IntegerField()
    sha256 = serializers.CharField()
    received = serializers.BooleanField()
    limit = serializers.IntegerField()


class StatusAnswer(serializers.Serializer[Any]):
    """How backups stand."""

    status = serializers.CharField()
    site = serializers.CharField(allow_blank=True)
    at = serializers.DateTimeField()
    package = serializers.CharField(allow_blank=True)
    packages = serializers.IntegerField(allow_null=True)
    bytes = serializers.IntegerField(allow_null=True)
    checks = serializers.ListField(child=serializers.DictField())


class AuditPage(_Page):
    """Some of the entries, the newest first."""

    results = serializers.ListField(child=serializers.DictField())


class AuditAnswer(serializers.Serializer[Any]):
    """Whether the audit trail is what was written."""

    ok = serializers.BooleanField()
    entries = serializers.IntegerField()
    chain = serializers.CharField(allow_blank=True)
    anchor = serializers.CharField(allow_blank=True, help_text="The newest entry. Keep it elsewhere.")
    database = serializers.BooleanField(help_text="Whether the copy in the database was compared.")
    findings = serializers.ListField(child=serializers.DictField())
