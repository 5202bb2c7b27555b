"""Values that the choice fields of this app take."""

from django.db import models


class RoleModule(models.TextChoices):
    """Part of the EDMS that a role belongs to."""

    O1 = "O1", "Document management"
    S1 = "S1", "User management"
    S2 = "S2", "Audit trail"
    S3 = "S3", "Scheduler"
    S4 = "S4", "Backup and health"
    S5 = "S5", "Workflow settings"
    S6 = "S6", "Placeholder management"
    S7 = "S7", "Settings"


class PermissionLevel(models.TextChoices):
    """What a role may do in its module."""

    READ = "read", "Read"
    WRITE = "write", "Write"
    REVIEW = "review", "Review"
    APPROVE = "approve", "Approve"
    ADMIN = "admin", "Admin"


class DeviceType(models.TextChoices):
    """Kind of second factor."""

    TOTP = "totp", "Authenticator app"
    SMS = "sms", "Text message"
    EMAIL = "email", "E-mail"
    BACKUP = "backup", "Backup codes"
