"""Values that the choice fields of this app take."""

from django.db import models


class Category(models.TextChoices):
    """Chapter of the settings."""

    SYSTEM = "SYSTEM", "System"
    SECURITY = "SECURITY", "Security"
    WORKFLOW = "WORKFLOW", "Workflow"
    NOTIFICATION = "NOTIFICATION", "Notification"
    UI = "UI", "User interface"
    BACKUP = "BACKUP", "Backup"
    INTEGRATION = "INTEGRATION", "Integration"


class SettingType(models.TextChoices):
    """Type of a setting's value."""

    STRING = "STRING", "Text"
    INTEGER = "INTEGER", "Integer"
    FLOAT = "FLOAT", "Decimal"
    BOOLEAN = "BOOLEAN", "Yes or no"
    JSON = "JSON", "JSON"
    PASSWORD = "PASSWORD", "Password"
    EMAIL = "EMAIL", "E-mail address"


class CustomizationType(models.TextChoices):
    """What a customization changes."""

    THEME = "THEME", "Theme"
    LOGO = "LOGO", "Logo"
    LAYOUT = "LAYOUT", "Layout"
    DASHBOARD = "DASHBOARD", "Dashboard"
    LANGUAGE = "LANGUAGE", "Language"


class CustomizationStatus(models.TextChoices):
    """State of a customization."""

    DRAFT = "DRAFT", "Draft"
    ACTIVE = "ACTIVE", "Active"
    INACTIVE = "INACTIVE", "Inactive"


class ToggleType(models.TextChoices):
    """Reason for a feature toggle."""

    RELEASE = "RELEASE", "Release"
    EXPERIMENT = "EXPERIMENT", "Experiment"
    OPERATIONAL = "OPERATIONAL", "Operational"
    PERMISSION = "PERMISSION", "Permission"


class ChangeType(models.TextChoices):
    """What happened to a setting."""

    CREATE = "CREATE", "Created"
    UPDATE = "UPDATE", "Updated"
    DELETE = "DELETE", "Deleted"
    RESET = "RESET", "Reset"


class NotificationChannel(models.TextChoices):
    """Way a notification travels."""

    EMAIL = "EMAIL", "E-mail"
    SMS = "SMS", "Text message"
    IN_APP = "IN_APP", "In the application"
    WEBHOOK = "WEBHOOK", "Webhook"


class NotificationEvent(models.TextChoices):
    """Occasion of a notification."""

    DOCUMENT_CREATED = "DOCUMENT_CREATED", "Document created"
    DOCUMENT_APPROVED = "DOCUMENT_APPROVED", "Document approved"
    DOCUMENT_REJECTED = "DOCUMENT_REJECTED", "Document rejected"
    DOCUMENT_EFFECTIVE = "DOCUMENT_EFFECTIVE", "Document effective"
    WORKFLOW_ASSIGNED = "WORKFLOW_ASSIGNED", "Workflow assigned"
    PASSWORD_EXPIRY = "PASSWORD_EXPIRY", "Password expires"
    SYSTEM_ALERT = "SYSTEM_ALERT", "System alert"
