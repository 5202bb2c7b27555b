"""What hangs on a document: dependencies, accesses, comments, attachments."""

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models

from apps.documents import choices
from apps.identity import IdentifiedModel


class DocumentDependency(IdentifiedModel):
    """A document that needs another one. Saving checks that no circle arises."""

    document = models.ForeignKey("Document", on_delete=models.CASCADE, related_name="dependencies")
    depends_on = models.ForeignKey("Document", on_delete=models.CASCADE, related_name="dependents")
    dependency_type = models.CharField(
        max_length=20, choices=choices.DependencyType, default=choices.DependencyType.REFERENCE
    )
    description = models.TextField(blank=True)
    is_critical = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT)
    is_active = models.BooleanField(default=True)
    metadata = models.JSONField(default=dict, blank=True)

    class Meta:
        db_table = "document_dependencies"
        ordering = ["-created_at"]
        unique_together = [("document", "depends_on", "dependency_type")]
        constraints = [
            models.CheckConstraint(
                condition=~models.Q(document=models.F("depends_on")), name="no_self_dependency"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.document.document_number} -> {self.depends_on.document_number}"

    def clean(self) -> None:
        """Refuse a dependency that closes a circle of the same kind.

        Raises:
            ValidationError: The document would depend on itself, directly or through others.
        """
        seen: set[int] = set()
        waiting = [self.depends_on_id]
        while waiting:
            current = waiting.pop()
            if current == self.document_id:
                raise ValidationError("Circular dependency.")
            if current in seen:
                continue
            seen.add(current)
            waiting.extend(
                DocumentDependency.objects.filter(
                    document_id=current, dependency_type=self.dependency_type, is_active=True
                ).values_list("depends_on_id", flat=True)
            )

    def save(self, *args, **kwargs) -> None:
        """Check for circles before every save."""
        self.clean()
        super().save(*args, **kwargs)

    def natural_key(self) -> tuple:
        """Return both document numbers and the kind."""
        return (self.document.document_number, self.depends_on.document_number, self.dependency_type)

    @classmethod
    def get_by_natural_key(cls, document_number, depends_on_number, dependency_type):
        """Find the row. Django asks the manager for this method, so nothing ever calls it here."""
        return cls.objects.get(
            document__document_number=document_number,
            depends_on__document_number=depends_on_number,
            dependency_type=dependency_type,
        )


class DocumentAccessLog(IdentifiedModel):
    """One access of a user to a document."""

    document = models.ForeignKey("Document", on_delete=models.CASCADE, related_name="access_logs")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="document_accesses"
    )
    access_type = models.CharField(max_length=20, choices=choices.AccessType)
    access_timestamp = models.DateTimeField(auto_now_add=True)
    ip_address = models.GenericIPAddressField(null=True, blank=True)
    user_agent = models.TextField(blank=True)
    session_id = models.CharField(max_length=40, blank=True)
    success = models.BooleanField(default=True)
    failure_reason = models.CharField(max_length=200, blank=True)
    document_version = models.CharField(max_length=20, blank=True)
    file_downloaded = models.BooleanField(default=False)
    access_duration = models.DurationField(null=True, blank=True)
    metadata = models.JSONField(default=dict, blank=True)

    class Meta:
        db_table = "document_access_logs"
        ordering = ["-access_timestamp"]

    def __str__(self) -> str:
        return f"{self.access_type} {self.access_timestamp:%Y-%m-%d}"


class DocumentComment(IdentifiedModel):
    """A remark on a document; replies hang below their parent."""

    document = models.ForeignKey("Document", on_delete=models.CASCADE, related_name="comments")
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="document_comments"
    )
    comment_type = models.CharField(
        max_length=20, choices=choices.CommentType, default=choices.CommentType.GENERAL
    )
    subject = models.CharField(max_length=200)
    content = models.TextField()
    page_number = models.PositiveIntegerField(null=True, blank=True)
    section = models.CharField(max_length=100, blank=True)
    line_reference = models.CharField(max_length=50, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    is_resolved = models.BooleanField(default=False)
    resolved_at = models.DateTimeField(null=True, blank=True)
    resolved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        related_name="resolved_comments",
        null=True,
        blank=True,
    )
    parent_comment = models.ForeignKey(
        "self", on_delete=models.CASCADE, related_name="replies", null=True, blank=True
    )
    is_internal = models.BooleanField(default=False)
    requires_response = models.BooleanField(default=False)
    metadata = models.JSONField(default=dict, blank=True)

    class Meta:
        db_table = "document_comments"
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return self.subject or self.content[:50]

    def natural_key(self) -> tuple:
        """Return document number and database id, which no other database knows."""
        return (self.document.document_number, str(self.id))

    @classmethod
    def get_by_natural_key(cls, document_number, comment_id):
        """Find the row. Django asks the manager for this method, so nothing ever calls it here."""
        return cls.objects.get(document__document_number=document_number, id=comment_id)


class DocumentAttachment(IdentifiedModel):
    """A further file that belongs to a document, named by a text path."""

    document = models.ForeignKey("Document", on_delete=models.CASCADE, related_name="attachments")
    name = models.CharField(max_length=255)
    description = models.TextField(blank=True)
    attachment_type = models.CharField(max_length=20, choices=choices.AttachmentType)
    file_name = models.CharField(max_length=255, blank=True)
    file_path = models.CharField(max_length=500, blank=True)
    file_size = models.BigIntegerField()
    file_checksum = models.CharField(max_length=64, blank=True)
    mime_type = models.CharField(max_length=100, blank=True)
    uploaded_at = models.DateTimeField(auto_now_add=True)
    uploaded_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT)
    is_active = models.BooleanField(default=True)
    is_public = models.BooleanField(default=True)
    requires_signature = models.BooleanField(default=False)
    version = models.PositiveIntegerField(default=1)
    metadata = models.JSONField(default=dict, blank=True)

    class Meta:
        db_table = "document_attachments"
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name
