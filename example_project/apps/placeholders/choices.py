"""Values that the choice fields of this app take."""

from django.db import models


class PlaceholderType(models.TextChoices):
    """Subject of a placeholder."""

    DOCUMENT = "DOCUMENT", "Document"
    USER = "USER", "User"
    WORKFLOW = "WORKFLOW", "Workflow"
    SYSTEM = "SYSTEM", "System"
    DATE = "DATE", "Date"
    CUSTOM = "CUSTOM", "Custom"
    CONDITIONAL = "CONDITIONAL", "Conditional"


class DataSource(models.TextChoices):
    """Where the value of a placeholder comes from."""

    DOCUMENT_MODEL = "DOCUMENT_MODEL", "Document"
    USER_MODEL = "USER_MODEL", "User"
    WORKFLOW_MODEL = "WORKFLOW_MODEL", "Workflow"
    SYSTEM_CONFIG = "SYSTEM_CONFIG", "System configuration"
    COMPUTED = "COMPUTED", "Computed"
    STATIC = "STATIC", "Static"


class TemplateType(models.TextChoices):
    """File format of a template."""

    DOCX = "DOCX", "Word document"
    PDF = "PDF", "PDF"
    HTML = "HTML", "HTML"
    TEXT = "TEXT", "Text"
    EMAIL = "EMAIL", "E-mail"


class TemplateStatus(models.TextChoices):
    """State of a template."""

    DRAFT = "DRAFT", "Draft"
    ACTIVE = "ACTIVE", "Active"
    INACTIVE = "INACTIVE", "Inactive"
    ARCHIVED = "ARCHIVED", "Archived"


class RunStatus(models.TextChoices):
    """Progress of a document generation."""

    PENDING = "PENDING", "Pending"
    PROCESSING = "PROCESSING", "Processing"
    COMPLETED = "COMPLETED", "Completed"
    FAILED = "FAILED", "Failed"
    CANCELLED = "CANCELLED", "Cancelled"
