"""Placeholders, document templates and what was made from them."""

from django.conf import settings
from django.db import models

from apps.identity import IdentifiedModel

from . import choices


class PlaceholderDefinition(IdentifiedModel):
    """A placeholder that templates may use."""

    name = models.CharField(max_length=100, unique=True)
    display_name = models.CharField(max_length=200)
    description = models.TextField(blank=True)
    placeholder_type = models.CharField(max_length=20, choices=choices.PlaceholderType)
    data_source = models.CharField(max_length=30, choices=choices.DataSource)
    source_field = models.CharField(max_length=100)
    format_string = models.CharField(max_length=100, blank=True)
    date_format = models.CharField(max_length=50, default="%Y-%m-%d")
    default_value = models.TextField(blank=True)
    validation_rules = models.JSONField(default=dict, blank=True)
    is_active = models.BooleanField(default=True)
    requires_permission = models.CharField(max_length=50, blank=True)
    cache_duration = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="created_placeholders"
    )

    class Meta:
        db_table = "placeholder_definitions"
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


class DocumentTemplate(IdentifiedModel):
    """A template of a document, in versions; the file is named by a text path."""

    name = models.CharField(max_length=200)
    description = models.TextField(blank=True)
    template_type = models.CharField(max_length=20, choices=choices.TemplateType)
    file_path = models.CharField(max_length=500, blank=True)
    output_filename_pattern = models.CharField(max_length=200, default="{DOC_NUMBER}_{DOC_TITLE}")
    processing_rules = models.JSONField(default=dict, blank=True)
    version = models.CharField(max_length=20, default="1.0")
    status = models.CharField(
        max_length=20, choices=choices.TemplateStatus, default=choices.TemplateStatus.DRAFT
    )
    is_default = models.BooleanField(default=False)
    usage_count = models.PositiveIntegerField(default=0)
    last_used = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="created_templates"
    )
    placeholders = models.ManyToManyField(
        "PlaceholderDefinition", through="TemplatePlaceholder", blank=True, related_name="templates"
    )

    class Meta:
        db_table = "document_templates"
        ordering = ["name", "version"]
        constraints = [
            models.UniqueConstraint(fields=["name", "version"], name="unique_template_version"),
        ]

    def __str__(self) -> str:
        return f"{self.name} {self.version}"


class TemplatePlaceholder(IdentifiedModel):
    """Use of a placeholder in a template: the explicit table of the many-to-many relation."""

    template = models.ForeignKey(
        "DocumentTemplate", on_delete=models.CASCADE, related_name="template_placeholders"
    )
    placeholder = models.ForeignKey(
        "PlaceholderDefinition", on_delete=models.CASCADE, related_name="template_usages"
    )
    is_required = models.BooleanField(default=True)
    default_value = models.TextField(blank=True)
    validation_rules = models.JSONField(default=dict, blank=True)
    order = models.PositiveIntegerField(default=0)
    format_override = models.CharField(max_length=100, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "template_placeholders"
        ordering = ["order", "placeholder__name"]
        constraints = [
            models.UniqueConstraint(fields=["template", "placeholder"], name="unique_template_placeholder"),
        ]

    def __str__(self) -> str:
        return f"{self.template}: {self.placeholder}"


class DocumentGeneration(IdentifiedModel):
    """A document made from a template."""

    template = models.ForeignKey("DocumentTemplate", on_delete=models.PROTECT, related_name="generations")
    source_document = models.ForeignKey(
        "documents.Document", on_delete=models.SET_NULL, related_name="generations", null=True, blank=True
    )
    output_format = models.CharField(max_length=20, blank=True)
    context_data = models.JSONField(default=dict, blank=True)
    generation_options = models.JSONField(default=dict, blank=True)
    status = models.CharField(max_length=20, choices=choices.RunStatus, default=choices.RunStatus.PENDING)
    output_file_path = models.CharField(max_length=500, blank=True)
    output_filename = models.CharField(max_length=200, blank=True)
    file_size = models.PositiveIntegerField(null=True, blank=True)
    file_checksum = models.CharField(max_length=64, blank=True)
    started_at = models.DateTimeField(null=True, blank=True)
    completed_at = models.DateTimeField(null=True, blank=True)
    processing_time = models.DurationField(null=True, blank=True)
    error_message = models.TextField(blank=True)
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="document_generations"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "document_generations"
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return self.output_filename


class PlaceholderCache(IdentifiedModel):
    """Cached value of a placeholder; can be thrown away at any time."""

    placeholder = models.ForeignKey(
        "PlaceholderDefinition", on_delete=models.CASCADE, related_name="cache_entries"
    )
    cache_key = models.CharField(max_length=255)
    cached_value = models.TextField(blank=True)
    context_hash = models.CharField(max_length=64, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    hit_count = models.PositiveIntegerField(default=0)

    class Meta:
        db_table = "placeholder_cache"
        ordering = ["-created_at"]
        constraints = [
            models.UniqueConstraint(fields=["placeholder", "cache_key"], name="unique_cache_entry"),
        ]

    def __str__(self) -> str:
        return self.cache_key
