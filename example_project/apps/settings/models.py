"""Settings, customizations, feature toggles and notification templates."""

from django.conf import settings
from django.db import models

from apps.identity import IdentifiedModel

from . import choices


class SystemConfiguration(IdentifiedModel):
    """One setting, by key. Not to be confused with the model of the same name in `documents`."""

    key = models.CharField(max_length=100, unique=True)
    display_name = models.CharField(max_length=200)
    description = models.TextField(blank=True)
    category = models.CharField(max_length=20, choices=choices.Category)
    setting_type = models.CharField(max_length=20, choices=choices.SettingType)
    value = models.TextField(blank=True)
    default_value = models.TextField(blank=True)
    validation_rules = models.JSONField(default=dict, blank=True)
    allowed_values = models.JSONField(default=list, blank=True)
    is_sensitive = models.BooleanField(default=False)
    requires_restart = models.BooleanField(default=False)
    is_user_configurable = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    updated_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        related_name="updated_settings",
        null=True,
        blank=True,
    )

    class Meta:
        db_table = "system_configurations"
        ordering = ["category", "display_name"]

    def __str__(self) -> str:
        return self.key


class UICustomization(IdentifiedModel):
    """A change of the user interface, with an uploaded file where it needs one."""

    name = models.CharField(max_length=200)
    description = models.TextField(blank=True)
    customization_type = models.CharField(max_length=20, choices=choices.CustomizationType)
    settings_data = models.JSONField(default=dict, blank=True)
    uploaded_file = models.FileField(upload_to="customizations/", null=True, blank=True)
    status = models.CharField(
        max_length=20, choices=choices.CustomizationStatus, default=choices.CustomizationStatus.DRAFT
    )
    is_default = models.BooleanField(default=False)
    target_departments = models.JSONField(default=list, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="created_customizations"
    )
    target_users = models.ManyToManyField(
        settings.AUTH_USER_MODEL, blank=True, related_name="targeted_customizations"
    )

    class Meta:
        db_table = "ui_customizations"
        ordering = ["customization_type", "name"]

    def __str__(self) -> str:
        return self.name


class FeatureToggle(IdentifiedModel):
    """A switch for a feature."""

    key = models.CharField(max_length=100, unique=True)
    name = models.CharField(max_length=200)
    description = models.TextField(blank=True)
    toggle_type = models.CharField(max_length=20, choices=choices.ToggleType)
    is_enabled = models.BooleanField(default=False)
    conditions = models.JSONField(default=dict, blank=True)
    target_roles = models.JSONField(default=list, blank=True)
    rollout_percentage = models.PositiveIntegerField(default=0)
    start_date = models.DateTimeField(null=True, blank=True)
    end_date = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="created_feature_toggles"
    )
    target_users = models.ManyToManyField(
        settings.AUTH_USER_MODEL, blank=True, related_name="targeted_toggles"
    )

    class Meta:
        db_table = "feature_toggles"
        ordering = ["name"]

    def __str__(self) -> str:
        return self.key


class ConfigurationHistory(IdentifiedModel):
    """One change of a setting."""

    configuration = models.ForeignKey(
        "SystemConfiguration", on_delete=models.CASCADE, related_name="change_history"
    )
    change_type = models.CharField(max_length=20, choices=choices.ChangeType)
    old_value = models.TextField(blank=True)
    new_value = models.TextField(blank=True)
    change_reason = models.TextField(blank=True)
    changed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="configuration_changes"
    )
    changed_at = models.DateTimeField(auto_now_add=True)
    ip_address = models.GenericIPAddressField(null=True, blank=True)

    class Meta:
        db_table = "configuration_history"
        ordering = ["-changed_at"]

    def __str__(self) -> str:
        return f"{self.change_type} {self.configuration}"


class NotificationTemplate(IdentifiedModel):
    """Text of a notification; at most one default per channel and event."""

    name = models.CharField(max_length=200)
    description = models.TextField(blank=True)
    template_type = models.CharField(max_length=20, choices=choices.NotificationChannel)
    event_type = models.CharField(max_length=30, choices=choices.NotificationEvent)
    subject_template = models.CharField(max_length=200, blank=True)
    body_template = models.TextField(blank=True)
    html_template = models.TextField(blank=True)
    available_variables = models.JSONField(default=list, blank=True)
    is_active = models.BooleanField(default=True)
    is_default = models.BooleanField(default=False)
    version = models.CharField(max_length=20, default="1.0")
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="created_notification_templates"
    )

    class Meta:
        db_table = "notification_templates"
        ordering = ["template_type", "event_type"]
        constraints = [
            models.UniqueConstraint(
                fields=["template_type", "event_type", "is_default"],
                condition=models.Q(is_default=True),
                name="unique_default_notification",
            ),
        ]

    def __str__(self) -> str:
        return self.name
