"""Tables of this app: never part of a package, never restored.

A ``Run`` is one execution of a verb. Its row is history for people and faces; while the run lasts, and after
whatever a restore did to the database, its folder in the state directory tells what is true (``history/``).
"""

from __future__ import annotations

import datetime
import uuid
from collections.abc import Iterable, Mapping
from typing import Any, NoReturn

from django.db import connections, models
from django.utils.translation import gettext_lazy as _

from edms_backup.engines.errors import mapped
from edms_backup.errors import EXIT_DEFECTS, EXIT_OK, AppendOnly, MissingTable


class RunKind(models.TextChoices):
    """What a run does."""

    CREATE = "create", _("create")
    RESTORE = "restore", _("restore")
    UNDO = "undo", _("undo")
    DELETE = "delete", _("delete")
    ADMIT = "admit", _("admit an upload")
    PLAN = "plan", _("plan")
    VERIFY = "verify", _("verify")
    CHECK = "check", _("check the site")
    INVENTORY = "inventory", _("list the models")

    @property
    def writes(self) -> bool:
        """Return whether such a run changes packages or the site: one of these at a time."""
        return self not in (RunKind.PLAN, RunKind.VERIFY, RunKind.CHECK, RunKind.INVENTORY)


class RunState(models.TextChoices):
    """How far a run is."""

    QUEUED = "queued", _("queued")
    RUNNING = "running", _("running")
    SUCCEEDED = "succeeded", _("succeeded")
    DEFECTS = "defects", _("done, with defects")
    FAILED = "failed", _("failed")
    CANCELLED = "cancelled", _("cancelled")
    LOST = "lost", _("lost")

    @property
    def ended(self) -> bool:
        """Return whether nothing will come any more."""
        return self not in (RunState.QUEUED, RunState.RUNNING)


class Run(models.Model):
    """One execution of a verb: who asked for what, how far it is, how it ended."""

    id = models.UUIDField(_("id"), primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(_("kind"), max_length=16, choices=RunKind.choices)
    request = models.JSONField(_("request"), default=dict)
    state = models.CharField(_("state"), max_length=16, choices=RunState.choices, default=RunState.QUEUED)
    step = models.CharField(_("step"), max_length=32, blank=True)
    done = models.BigIntegerField(_("done"), default=0)
    total = models.BigIntegerField(_("total"), null=True, blank=True)
    unit = models.CharField(_("unit"), max_length=16, blank=True)
    subject = models.CharField(_("subject"), max_length=255, blank=True)
    backend = models.CharField(_("carried out by"), max_length=16, blank=True)
    worker = models.CharField(_("worker"), max_length=255, blank=True)
    attempt = models.PositiveSmallIntegerField(_("attempt"), default=0)
    actor_id = models.CharField(_("user id"), max_length=64, blank=True)
    actor_name = models.CharField(_("who"), max_length=150, blank=True)
    origin = models.CharField(_("from where"), max_length=255, blank=True)
    reason = models.TextField(_("why"), blank=True)
    idempotency_key = models.CharField(_("idempotency key"), max_length=128, blank=True, db_index=True)
    findings = models.JSONField(_("findings"), default=list)
    report = models.JSONField(_("report"), null=True, blank=True)
    error = models.JSONField(_("error"), null=True, blank=True)
    created_at = models.DateTimeField(_("asked for"), db_index=True)
    started_at = models.DateTimeField(_("begun"), null=True, blank=True)
    ended_at = models.DateTimeField(_("ended"), null=True, blank=True)
    heartbeat_at = models.DateTimeField(_("last sign of life"), null=True, blank=True)
    cancel_requested_at = models.DateTimeField(_("asked to stop"), null=True, blank=True)

    class Meta:
        verbose_name = _("run")
        verbose_name_plural = _("runs")
        ordering = ("-created_at",)
        default_permissions = ("view",)
        # Of packages too, which are no rows: every permission of this app that gives a right to act stands here.
        permissions = (
            ("view_package", "Can see packages and their manifests"),
            ("create_package", "Can make packages"),
            ("upload_package", "Can send packages to the store"),
            ("download_package", "Can download packages, with all that is in them"),
            ("verify_package", "Can verify packages"),
            ("restore_package", "Can restore packages, and undo a restore"),
            ("delete_package", "Can delete packages"),
        )

    def __str__(self) -> str:
        """Return kind, state and id."""
        return f"{self.kind} {self.state} {self.id}"

    @property
    def ended(self) -> bool:
        """Return whether nothing will come any more."""
        return RunState(self.state).ended

    @property
    def writes(self) -> bool:
        """Return whether the run changes packages or the site."""
        return RunKind(self.kind).writes

    @property
    def exit_code(self) -> int | None:
        """Return what the command line ended or would have ended with; ``None`` for a run that has not ended."""
        if not self.ended:
            return None
        if self.error is not None:
            return int(self.error.get("exit_code", 1))
        return EXIT_DEFECTS if self.state == RunState.DEFECTS else EXIT_OK

    def to_dict(self) -> dict[str, Any]:
        """Return the run as JSON-ready values. Where a process ran (``worker``) is for operators only."""
        document: dict[str, Any] = {}
        for column in self._meta.concrete_fields:
            value = getattr(self, column.attname)
            if isinstance(value, datetime.datetime):
                value = value.astimezone(datetime.UTC).isoformat().replace("+00:00", "Z")
            document[column.attname] = str(value) if isinstance(value, uuid.UUID) else value
        return document


class NoRows(models.Manager["Package"]):
    """Never asks the database, which has no such table: ``dumpdata`` and others go through every model."""

    def get_queryset(self) -> models.QuerySet[Package]:
        """Return nothing."""
        return super().get_queryset().none()


class Package(models.Model):
    """An entry for packages in the index of Django's admin. It has no table: the store is the catalogue."""

    objects = NoRows()

    class Meta:
        managed = False
        base_manager_name = "objects"
        verbose_name = _("backup")
        verbose_name_plural = _("backups")
        default_permissions = ()  # those of packages stand at ``Run``

    def __str__(self) -> str:
        """Return the id; there is never one."""
        return str(self.pk)


class RestoreMarker(models.Model):
    """Written inside the transaction of a restore: whoever finds it knows that the restore committed."""

    run_id = models.CharField(max_length=32, primary_key=True)
    committed_at = models.DateTimeField()

    class Meta:
        verbose_name = "restore marker"
        verbose_name_plural = "restore markers"

    def __str__(self) -> str:
        """Return the run."""
        return self.run_id


class AuditEvents(models.QuerySet["AuditEvent"]):
    """Rows of the trail: they can be added and read."""

    def update(self, **values: Any) -> NoReturn:
        """Refuse."""
        raise _append_only()

    def delete(self) -> NoReturn:
        """Refuse."""
        raise _append_only()


class AuditEvent(models.Model):
    """One entry of the audit trail, copied from the journal on disk; never changed, never deleted."""

    chain = models.CharField(_("trail"), max_length=32)
    sequence = models.BigIntegerField(_("number"))
    at = models.CharField(_("when"), max_length=32)
    call = models.CharField(_("call"), max_length=32, db_index=True)
    what = models.CharField(_("what"), max_length=32)
    phase = models.CharField(_("phase"), max_length=16)
    subject = models.TextField(_("about"), blank=True)
    result = models.CharField(_("result"), max_length=16, blank=True)
    code = models.CharField(_("code"), max_length=64, blank=True)
    name = models.TextField(_("who"), blank=True)
    user_id = models.TextField(_("user id"), blank=True)
    origin = models.CharField(_("by what way"), max_length=16, blank=True)
    address = models.TextField(_("from where"), blank=True)
    reason = models.TextField(_("why"), blank=True)
    line = models.TextField(_("line of the journal"))

    objects = AuditEvents.as_manager()

    class Meta:
        verbose_name = _("audit entry")
        verbose_name_plural = _("audit entries")
        ordering = ("-id",)
        base_manager_name = "objects"
        default_permissions = ("view",)
        permissions = (("view_status", "Can see whether backups are in order"),)
        constraints = (models.UniqueConstraint(fields=("chain", "sequence"), name="edms_backup_audit_place"),)

    def __str__(self) -> str:
        """Return number, call and phase."""
        return f"{self.sequence} {self.what} {self.phase}"

    @classmethod
    def of(cls, entry: Mapping[str, Any], line: bytes) -> AuditEvent:
        """Return the row of an entry, by its members and its line in the journal; nothing is written."""
        columns = {column.attname for column in cls._meta.concrete_fields} - {"id", "line"}
        return cls(**{name: storable(entry[name]) for name in columns}, line=line.decode())

    def tells(self, entry: Mapping[str, Any], line: bytes) -> bool:
        """Return whether the row is what the entry of the journal is."""
        wanted = type(self).of(entry, line)
        names = [column.attname for column in self._meta.concrete_fields if not column.primary_key]
        return all(getattr(self, name) == getattr(wanted, name) for name in names)

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Add the row; raises ``AppendOnly`` for one that is there already."""
        if not self._state.adding:
            raise _append_only()
        super().save(*args, **{**kwargs, "force_insert": True})

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Refuse."""
        raise _append_only()


def storable(value: Any) -> Any:
    """Return texts as every database takes them: what callers typed may hold NUL, or halves of characters."""
    if isinstance(value, dict):
        return {storable(name): storable(item) for name, item in value.items()}
    if isinstance(value, list):
        return [storable(item) for item in value]
    if not isinstance(value, str):
        return value
    return value.encode("utf-8", "backslashreplace").decode().replace("\0", "\\x00")


def _append_only() -> AppendOnly:
    return AppendOnly("An entry of the audit trail can be neither changed nor deleted.")


def mark(alias: str, run_id: str, committed_at: datetime.datetime) -> None:
    """Write the marker of a run, inside the open transaction of a database."""
    if connections[alias].timezone is None:  # USE_TZ is off: the column holds plain times
        committed_at = committed_at.astimezone(datetime.UTC).replace(tzinfo=None)
    marker = RestoreMarker(run_id=run_id, committed_at=committed_at)
    RestoreMarker._base_manager.using(alias).bulk_create([marker])  # no signal: hosts listen to every model


def is_marked(alias: str, run_id: str) -> bool:
    """Return whether the run committed in that database; raises ``DatabaseUnavailable``."""
    with mapped(alias):
        return RestoreMarker.objects.using(alias).filter(run_id=run_id).exists()


def require_marker_table(aliases: Iterable[str]) -> None:
    """Raise ``MissingTable`` where a marker would have no place: such a restore could not be settled after a crash."""
    table = RestoreMarker._meta.db_table
    for alias in aliases:
        with mapped(alias):
            present = connections[alias].introspection.table_names()
        if table not in present:
            raise MissingTable(
                f"Database {alias} has no table {table}, which a restore needs.",
                hint=f"Run `manage.py migrate edms_backup --database {alias}`.",
            )
