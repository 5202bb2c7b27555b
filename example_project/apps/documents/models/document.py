"""Documents and their versions."""

from pathlib import Path

from django.conf import settings
from django.db import models
from django.utils import timezone

from apps.documents import choices
from apps.documents.numbering import next_document_number
from apps.documents.paths import absolute_path, sha256_of
from apps.identity import IdentifiedModel


class DocumentManager(models.Manager):
    """The default manager: lists show documents in use. `Document.all_objects` has the withdrawn ones too."""

    def get_queryset(self) -> models.QuerySet:
        """Leave out documents that are no longer active."""
        return super().get_queryset().filter(is_active=True)


class Document(IdentifiedModel):
    """A controlled document. The file is named by a text path; see `full_file_path`."""

    document_number = models.CharField(max_length=50, unique=True)
    title = models.CharField(max_length=255)
    description = models.TextField(blank=True)
    keywords = models.CharField(max_length=500, blank=True)
    version_major = models.PositiveIntegerField(default=1)
    version_minor = models.PositiveIntegerField(default=0)
    document_type = models.ForeignKey("DocumentType", on_delete=models.PROTECT, related_name="documents")
    document_source = models.ForeignKey("DocumentSource", on_delete=models.PROTECT, related_name="documents")
    status = models.CharField(
        max_length=30, choices=choices.DocumentStatus, default=choices.DocumentStatus.DRAFT
    )
    priority = models.CharField(max_length=10, choices=choices.Priority, default=choices.Priority.NORMAL)
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="authored_documents"
    )
    reviewer = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        related_name="reviewed_documents",
        null=True,
        blank=True,
    )
    approver = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        related_name="approved_documents",
        null=True,
        blank=True,
    )
    file_name = models.CharField(max_length=255, blank=True)
    file_path = models.CharField(max_length=500, blank=True)
    file_size = models.BigIntegerField(null=True, blank=True)
    file_checksum = models.CharField(max_length=64, blank=True)
    mime_type = models.CharField(max_length=100, blank=True)
    is_encrypted = models.BooleanField(default=False)
    encryption_metadata = models.JSONField(default=dict, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    review_date = models.DateTimeField(null=True, blank=True)
    approval_date = models.DateTimeField(null=True, blank=True)
    effective_date = models.DateField(null=True, blank=True)
    review_due_date = models.DateField(null=True, blank=True)
    obsolete_date = models.DateField(null=True, blank=True)
    obsolescence_date = models.DateField(null=True, blank=True)
    obsolescence_reason = models.TextField(blank=True)
    obsoleted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        related_name="obsoleted_documents",
        null=True,
        blank=True,
    )
    reason_for_change = models.TextField(blank=True)
    change_summary = models.TextField(blank=True)
    supersedes = models.ForeignKey(
        "self", on_delete=models.SET_NULL, related_name="superseded_by", null=True, blank=True
    )
    is_active = models.BooleanField(default=True)
    requires_training = models.BooleanField(default=False)
    is_controlled = models.BooleanField(default=True)
    search_vector = models.TextField(blank=True)
    metadata = models.JSONField(default=dict, blank=True)

    objects = DocumentManager()
    all_objects = models.Manager()

    class Meta:
        db_table = "documents"
        ordering = ["-created_at"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(version_major__gte=1, version_major__lte=99), name="valid_major_version"
            ),
            models.CheckConstraint(
                condition=models.Q(version_minor__gte=0, version_minor__lte=99), name="valid_minor_version"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.document_number} - {self.title} (v{self.version})"

    @property
    def version(self) -> str:
        """Version as it is printed: 01.00."""
        return f"{self.version_major:02d}.{self.version_minor:02d}"

    @property
    def full_file_path(self) -> Path | None:
        """Place of the document's file, or None for a document without one."""
        return absolute_path(self.file_path) if self.file_path else None

    def save(self, *args, **kwargs) -> None:
        """Give a new document its number, and a stored file its size and checksum where they are missing."""
        if not self.document_number:
            self.document_number = next_document_number(self.document_type, timezone.localdate().year)
        place = self.full_file_path
        if place is not None and not self.file_checksum and place.is_file():
            self.file_checksum = sha256_of(place)
            self.file_size = place.stat().st_size
        super().save(*args, **kwargs)

    def natural_key(self) -> tuple:
        """Return the document number."""
        return (self.document_number,)

    @classmethod
    def get_by_natural_key(cls, document_number):
        """Find the row. Django asks the manager for this method, so nothing ever calls it here."""
        return cls.objects.get(document_number=document_number)


class DocumentVersion(IdentifiedModel):
    """One version in the history of a document; a receiver makes the first one."""

    document = models.ForeignKey("Document", on_delete=models.CASCADE, related_name="versions")
    version_major = models.PositiveIntegerField()
    version_minor = models.PositiveIntegerField()
    version_comment = models.TextField(blank=True)
    file_name = models.CharField(max_length=255, blank=True)
    file_path = models.CharField(max_length=500, blank=True)
    file_size = models.BigIntegerField(null=True, blank=True)
    file_checksum = models.CharField(max_length=64, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT)
    status = models.CharField(max_length=30, blank=True)
    change_summary = models.TextField(blank=True)
    reason_for_change = models.TextField(blank=True)
    metadata = models.JSONField(default=dict, blank=True)

    class Meta:
        db_table = "document_versions"
        ordering = ["-version_major", "-version_minor", "-created_at"]
        unique_together = [("document", "version_major", "version_minor")]

    def __str__(self) -> str:
        return f"{self.document.document_number} v{self.version_major:02d}.{self.version_minor:02d}"

    def natural_key(self) -> tuple:
        """Return document number and version."""
        return (self.document.document_number, self.version_major, self.version_minor)

    @classmethod
    def get_by_natural_key(cls, document_number, version_major, version_minor):
        """Find the row. Django asks the manager for this method, so nothing ever calls it here."""
        return cls.objects.get(
            document__document_number=document_number,
            version_major=version_major,
            version_minor=version_minor,
        )
