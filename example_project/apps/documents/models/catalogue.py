"""What the rest of the app refers to: types and sources of documents, and the company's name and logo."""

from django.conf import settings
from django.db import models

from apps.documents import choices
from apps.identity import IdentifiedModel


class DocumentType(IdentifiedModel):
    """A kind of document (SOP, policy, ...) with its numbering and retention rules."""

    name = models.CharField(max_length=100, unique=True)
    code = models.CharField(max_length=10, unique=True)
    description = models.TextField(blank=True)
    template_required = models.BooleanField(default=False)
    template_path = models.CharField(max_length=500, blank=True)
    approval_required = models.BooleanField(default=True)
    review_required = models.BooleanField(default=True)
    retention_years = models.IntegerField(default=7)
    numbering_prefix = models.CharField(max_length=10, blank=True)
    numbering_format = models.CharField(max_length=50, default="{prefix}-{year}-{sequence:04d}")
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="created_document_types"
    )
    metadata = models.JSONField(default=dict, blank=True)

    class Meta:
        db_table = "document_types"
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    def natural_key(self) -> tuple:
        """Return the code."""
        return (self.code,)

    @classmethod
    def get_by_natural_key(cls, code):
        """Find the row. Django asks the manager for this method, so nothing ever calls it here."""
        return cls.objects.get(code=code)


class DocumentSource(IdentifiedModel):
    """How documents enter the system: drafted, scanned, received."""

    name = models.CharField(max_length=100, unique=True)
    source_type = models.CharField(max_length=30, choices=choices.SourceType)
    description = models.TextField(blank=True)
    requires_verification = models.BooleanField(default=False)
    requires_signature = models.BooleanField(default=False)
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "document_sources"
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    def natural_key(self) -> tuple:
        """Return the name."""
        return (self.name,)

    @classmethod
    def get_by_natural_key(cls, name):
        """Find the row. Django asks the manager for this method, so nothing ever calls it here."""
        return cls.objects.get(name=name)


class SystemConfiguration(models.Model):
    """Company name and logo of the site: one row, always with primary key 1."""

    logo = models.FileField(upload_to="branding/", null=True, blank=True)
    company_name = models.CharField(max_length=200, default="Company Name")
    updated_at = models.DateTimeField(auto_now=True)
    updated_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        related_name="system_config_updates",
        null=True,
        blank=True,
    )

    class Meta:
        db_table = "system_configuration"

    def __str__(self) -> str:
        return self.company_name

    def save(self, *args, **kwargs) -> None:
        """Keep the table at one row."""
        self.pk = 1
        super().save(*args, **kwargs)

    def delete(self, *args, **kwargs) -> tuple[int, dict[str, int]]:
        """Keep the row: deleting does nothing."""
        return 0, {}
