"""Users, their roles and their second factors."""

from django.conf import settings
from django.contrib.auth.models import AbstractUser
from django.db import models

from apps.identity import IdentifiedModel

from . import choices


class User(IdentifiedModel, AbstractUser):
    """A person who works with the EDMS; logs in by user name."""

    employee_id = models.CharField(max_length=20, unique=True, null=True, blank=True)
    phone_number = models.CharField(max_length=20, null=True, blank=True)
    department = models.CharField(max_length=100, null=True, blank=True)
    position = models.CharField(max_length=100, null=True, blank=True)
    manager = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        related_name="subordinates",
        null=True,
        blank=True,
    )
    is_validated = models.BooleanField(default=False)
    validation_date = models.DateTimeField(null=True, blank=True)
    validation_expiry = models.DateTimeField(null=True, blank=True)
    password_changed_at = models.DateTimeField(auto_now_add=True)
    mfa_enabled = models.BooleanField(default=False)
    failed_login_attempts = models.IntegerField(default=0)
    account_locked_until = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        related_name="created_users",
        null=True,
        blank=True,
    )
    metadata = models.JSONField(default=dict, blank=True)

    class Meta:
        db_table = "users"
        ordering = ["username"]

    def save(self, *args, **kwargs) -> None:
        """Store an empty employee number as NULL, so that the unique column admits several of them."""
        self.employee_id = self.employee_id or None
        super().save(*args, **kwargs)


class Role(IdentifiedModel):
    """A set of rights in one module at one level; a module has one role per level."""

    name = models.CharField(max_length=100, unique=True)
    description = models.TextField(blank=True)
    module = models.CharField(max_length=2, choices=choices.RoleModule)
    permission_level = models.CharField(max_length=10, choices=choices.PermissionLevel)
    inherits_from = models.ForeignKey(
        "self", on_delete=models.CASCADE, related_name="inherited_by", null=True, blank=True
    )
    is_active = models.BooleanField(default=True)
    is_system_role = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        related_name="created_roles",
        null=True,
        blank=True,
    )
    metadata = models.JSONField(default=dict, blank=True)

    class Meta:
        db_table = "roles"
        ordering = ["module", "permission_level"]
        unique_together = [("module", "permission_level")]

    def __str__(self) -> str:
        return self.name

    def natural_key(self) -> tuple:
        """Return the name."""
        return (self.name,)

    @classmethod
    def get_by_natural_key(cls, name):
        """Find the row. Django asks the manager for this method, so nothing ever calls it here."""
        return cls.objects.get(name=name)


class UserRole(IdentifiedModel):
    """A role given to a user."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="user_roles")
    role = models.ForeignKey("Role", on_delete=models.CASCADE, related_name="role_users")
    assigned_at = models.DateTimeField(auto_now_add=True)
    assigned_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        related_name="assigned_roles",
        null=True,
        blank=True,
    )
    expires_at = models.DateTimeField(null=True, blank=True)
    is_active = models.BooleanField(default=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    revoked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        related_name="revoked_roles",
        null=True,
        blank=True,
    )
    assignment_reason = models.TextField(blank=True)
    revocation_reason = models.TextField(blank=True)
    metadata = models.JSONField(default=dict, blank=True)

    class Meta:
        db_table = "user_roles"
        ordering = ["-assigned_at"]
        unique_together = [("user", "role")]

    def __str__(self) -> str:
        return f"{self.user} as {self.role}"

    def natural_key(self) -> tuple:
        """Return user name and role name."""
        return (self.user.username, self.role.name)

    @classmethod
    def get_by_natural_key(cls, username, role_name):
        """Find the row. Django asks the manager for this method, so nothing ever calls it here."""
        return cls.objects.get(user__username=username, role__name=role_name)


class MFADevice(IdentifiedModel):
    """A second factor of a user. The secret and the backup codes are secrets in clear text."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="mfa_devices")
    device_type = models.CharField(max_length=10, choices=choices.DeviceType)
    name = models.CharField(max_length=100)
    secret_key = models.CharField(max_length=200, blank=True)
    backup_codes = models.JSONField(default=list, blank=True)
    phone_number = models.CharField(max_length=20, blank=True)
    email_address = models.EmailField(blank=True)
    is_active = models.BooleanField(default=True)
    is_verified = models.BooleanField(default=False)
    last_used_at = models.DateTimeField(null=True, blank=True)
    usage_count = models.IntegerField(default=0)
    created_at = models.DateTimeField(auto_now_add=True)
    verified_at = models.DateTimeField(null=True, blank=True)
    metadata = models.JSONField(default=dict, blank=True)

    class Meta:
        db_table = "mfa_devices"
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"{self.name} ({self.user})"
