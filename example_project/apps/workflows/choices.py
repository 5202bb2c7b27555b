"""Values that the choice fields of this app take."""

from django.db import models


class WorkflowKind(models.TextChoices):
    """What a workflow does with its document."""

    REVIEW = "REVIEW", "Review"
    APPROVAL = "APPROVAL", "Approval"
    UP_VERSION = "UP_VERSION", "Up-versioning"
    OBSOLETE = "OBSOLETE", "Obsolescence"
    TERMINATE = "TERMINATE", "Termination"


class RuleType(models.TextChoices):
    """When a rule is evaluated."""

    CONDITION = "CONDITION", "Condition"
    VALIDATION = "VALIDATION", "Validation"
    NOTIFICATION = "NOTIFICATION", "Notification"
    ESCALATION = "ESCALATION", "Escalation"
    ASSIGNMENT = "ASSIGNMENT", "Assignment"


class NotificationType(models.TextChoices):
    """Occasion of a message to a participant."""

    ASSIGNMENT = "ASSIGNMENT", "Assignment"
    REMINDER = "REMINDER", "Reminder"
    ESCALATION = "ESCALATION", "Escalation"
    COMPLETION = "COMPLETION", "Completion"
    REJECTION = "REJECTION", "Rejection"


class NotificationStatus(models.TextChoices):
    """Delivery of a message."""

    PENDING = "PENDING", "Pending"
    SENT = "SENT", "Sent"
    FAILED = "FAILED", "Failed"
    CANCELLED = "CANCELLED", "Cancelled"
