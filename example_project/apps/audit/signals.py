"""Receivers of the audit trail.

None of them looks at `raw`: rows that a fixture brings are audited like rows that a user writes. A restore
has to cope with that.
"""

import hashlib
import json

from django.contrib.auth import get_user_model
from django.contrib.auth.signals import user_logged_in, user_login_failed
from django.contrib.contenttypes.models import ContentType
from django.db.models.signals import m2m_changed, post_delete, post_save, pre_save
from django.dispatch import receiver

from apps.audit import receiver_log
from apps.audit.models import DatabaseChangeLog, LoginAudit
from apps.audit.trail import changed_values, field_values, write_record
from apps.documents.models import Document
from apps.users.models import UserRole


@receiver(pre_save)
def store_original_instance(sender, instance, raw=False, using=None, **kwargs) -> None:
    """Keep the stored row beside every row of any model that is about to be written."""
    receiver_log.record("store_original_instance", sender, instance, raw)
    instance._original = None
    if instance.pk is not None and not instance._state.adding:
        instance._original = sender._base_manager.using(using).filter(pk=instance.pk).first()


@receiver(post_save, sender=Document)
def audit_document_changes(sender, instance, created=False, raw=False, **kwargs) -> None:
    """Write an audit record for every saved document, and old and new values for a changed one."""
    receiver_log.record("audit_document_changes", sender, instance, raw)
    original = getattr(instance, "_original", None)
    old = field_values(original) if original is not None else {}
    new = field_values(instance)
    write_record(
        "DOCUMENT_CREATE" if created else "DOCUMENT_UPDATE",
        instance,
        user=instance.author,
        field_changes={} if created else changed_values(old, new),
        metadata={"document_number": instance.document_number},
    )
    if created:
        return
    DatabaseChangeLog.objects.create(
        table_name=sender._meta.db_table,
        operation="UPDATE",
        record_id=str(instance.pk),
        old_values=old,
        new_values=new,
        content_type=ContentType.objects.get_for_model(sender),
        object_id=str(instance.pk),
        action="UPDATE",
        integrity_hash=hashlib.sha256(json.dumps([old, new], sort_keys=True).encode()).hexdigest(),
    )


@receiver(post_delete, sender=Document)
def audit_document_deletion(sender, instance, **kwargs) -> None:
    """Write an audit record for a deleted document; it points at a row that is gone."""
    receiver_log.record("audit_document_deletion", sender, instance)
    write_record("DOCUMENT_DELETE", instance, old_values=field_values(instance))


@receiver(post_delete, sender=UserRole)
def audit_user_role_removal(sender, instance, **kwargs) -> None:
    """Write an audit record when a user loses a role."""
    receiver_log.record("audit_user_role_removal", sender, instance)
    write_record("ROLE_REMOVED", instance)


@receiver(m2m_changed, sender=get_user_model().groups.through)
def audit_group_membership(sender, instance, action="", pk_set=None, **kwargs) -> None:
    """Write an audit record when a user joins or leaves groups."""
    if action not in {"post_add", "post_remove", "post_clear"}:
        return
    receiver_log.record("audit_group_membership", sender, instance)
    write_record("GROUPS_CHANGED", instance, metadata={"change": action, "ids": sorted(pk_set or ())})


@receiver(user_logged_in)
def audit_login(sender, request, user, **kwargs) -> None:
    """Write a row for a login."""
    receiver_log.record("audit_login", sender, user)
    LoginAudit.objects.create(
        user=user, username=user.get_username(), success=True, ip_address=_address(request)
    )


@receiver(user_login_failed)
def audit_failed_login(sender, credentials, request=None, **kwargs) -> None:
    """Write a row for a login that was refused."""
    receiver_log.record("audit_failed_login", get_user_model(), None)
    LoginAudit.objects.create(
        username=str(credentials.get("username", ""))[:150],
        success=False,
        ip_address=_address(request),
        failure_reason="invalid credentials",
    )


def _address(request) -> str | None:
    """Return the address that a request comes from, when there is a request."""
    return request.META.get("REMOTE_ADDR") if request is not None else None
