"""Receivers that write security events, for loaded rows (`raw`) as well as for saved ones."""

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.db.models.signals import m2m_changed, post_delete, post_save
from django.dispatch import receiver

from apps.audit import receiver_log
from apps.security.choices import EventSeverity, SecurityEventType
from apps.security.models import DigitalSignature, EncryptionKey, SecurityEvent


@receiver(post_save, sender=EncryptionKey)
def log_encryption_key_event(sender, instance, created=False, raw=False, **kwargs) -> None:
    """Write a security event for a key that is registered or changed."""
    receiver_log.record("log_encryption_key_event", sender, instance, raw)
    SecurityEvent.objects.create(
        event_type=SecurityEventType.KEY_GENERATION if created else SecurityEventType.KEY_UPDATE,
        title=f"Key {instance.name} {'registered' if created else 'changed'}",
        user=instance.created_by,
        encryption_key=instance,
    )


@receiver(post_delete, sender=EncryptionKey)
def log_key_deletion(sender, instance, **kwargs) -> None:
    """Write a security event for a key that leaves the register."""
    receiver_log.record("log_key_deletion", sender, instance)
    SecurityEvent.objects.create(
        event_type=SecurityEventType.KEY_DELETION,
        severity=EventSeverity.HIGH,
        title=f"Key {instance.name} deleted",
        event_data={"key_id": instance.key_id},
    )


@receiver(post_save, sender=DigitalSignature)
def log_signature_event(sender, instance, created=False, raw=False, **kwargs) -> None:
    """Write a security event for a signature."""
    receiver_log.record("log_signature_event", sender, instance, raw)
    SecurityEvent.objects.create(
        event_type=(
            SecurityEventType.SIGNATURE_CREATION if created else SecurityEventType.SIGNATURE_VERIFICATION
        ),
        title=f"Signature by {instance.signer.username}",
        user=instance.signer,
        document=instance.document,
        signature=instance,
    )


@receiver(m2m_changed, sender=Group.permissions.through)
@receiver(m2m_changed, sender=get_user_model().user_permissions.through)
def log_permission_change(sender, instance, action="", pk_set=None, **kwargs) -> None:
    """Write a security event when a user or a group gains or loses permissions."""
    if action not in {"post_add", "post_remove", "post_clear"}:
        return
    receiver_log.record("log_permission_change", sender, instance)
    SecurityEvent.objects.create(
        event_type=SecurityEventType.ACCESS_CHANGE,
        title=f"Permissions of {instance} changed"[:200],
        event_data={"change": action, "permissions": sorted(pk_set or ())},
    )
