"""Values that the choice fields of this app take."""

from django.db import models


class SourceType(models.TextChoices):
    """How a document came into the system."""

    ORIGINAL_DIGITAL = "original_digital", "Original digital draft"
    SCANNED_ORIGINAL = "scanned_original", "Scanned original"
    SCANNED_COPY = "scanned_copy", "Scanned copy"
    EXTERNAL = "external", "External document"


class DocumentStatus(models.TextChoices):
    """Stations of a document's life."""

    DRAFT = "DRAFT", "Draft"
    PENDING_REVIEW = "PENDING_REVIEW", "Pending review"
    UNDER_REVIEW = "UNDER_REVIEW", "Under review"
    REVIEW_COMPLETED = "REVIEW_COMPLETED", "Review completed"
    PENDING_APPROVAL = "PENDING_APPROVAL", "Pending approval"
    UNDER_APPROVAL = "UNDER_APPROVAL", "Under approval"
    APPROVED = "APPROVED", "Approved"
    APPROVED_PENDING_EFFECTIVE = "APPROVED_PENDING_EFFECTIVE", "Approved, pending effective"
    EFFECTIVE = "EFFECTIVE", "Effective"
    SCHEDULED_FOR_OBSOLESCENCE = "SCHEDULED_FOR_OBSOLESCENCE", "Scheduled for obsolescence"
    OBSOLETE = "OBSOLETE", "Obsolete"
    SUPERSEDED = "SUPERSEDED", "Superseded"
    TERMINATED = "TERMINATED", "Terminated"


class Priority(models.TextChoices):
    """Urgency of a document."""

    LOW = "low", "Low"
    NORMAL = "normal", "Normal"
    HIGH = "high", "High"
    URGENT = "urgent", "Urgent"


class DependencyType(models.TextChoices):
    """Why one document needs another."""

    REFERENCE = "REFERENCE", "Reference"
    TEMPLATE = "TEMPLATE", "Template"
    SUPERSEDES = "SUPERSEDES", "Supersedes"
    INCORPORATES = "INCORPORATES", "Incorporates"
    SUPPORTS = "SUPPORTS", "Supports"
    IMPLEMENTS = "IMPLEMENTS", "Implements"


class AccessType(models.TextChoices):
    """What a reader did with a document."""

    VIEW = "VIEW", "View"
    DOWNLOAD = "DOWNLOAD", "Download"
    PRINT = "PRINT", "Print"
    EDIT = "EDIT", "Edit"
    EXPORT = "EXPORT", "Export"


class CommentType(models.TextChoices):
    """Purpose of a comment."""

    GENERAL = "GENERAL", "General"
    REVIEW = "REVIEW", "Review"
    APPROVAL = "APPROVAL", "Approval"
    SUGGESTION = "SUGGESTION", "Suggestion"
    QUESTION = "QUESTION", "Question"
    ISSUE = "ISSUE", "Issue"


class AttachmentType(models.TextChoices):
    """Role of a file beside the document."""

    REFERENCE = "REFERENCE", "Reference"
    APPENDIX = "APPENDIX", "Appendix"
    FORM = "FORM", "Form"
    EVIDENCE = "EVIDENCE", "Evidence"
    TRAINING = "TRAINING", "Training material"
    OTHER = "OTHER", "Other"
