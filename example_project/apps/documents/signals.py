"""Receivers around documents.

None of them looks at `raw`, so rows that a fixture brings make versions and audit records as well, and a
loaded status change sets the dates of today.
"""

from django.db.models.signals import post_delete, post_save, pre_save
from django.dispatch import receiver
from django.utils import timezone

from apps.audit import receiver_log
from apps.audit.trail import changed_values, field_values, write_record
from apps.documents.choices import DocumentStatus
from apps.documents.models import (
    Document,
    DocumentAccessLog,
    DocumentAttachment,
    DocumentComment,
    DocumentDependency,
    DocumentVersion,
)


@receiver(pre_save, sender=Document)
def track_document_field_changes(sender, instance, raw=False, using=None, **kwargs) -> None:
    """Write an audit record with the fields of a document that are about to change."""
    receiver_log.record("track_document_field_changes", sender, instance, raw)
    stored = sender.all_objects.using(using).filter(pk=instance.pk).first() if instance.pk else None
    instance._previous_status = stored.status if stored else None
    if stored is None:
        return
    changes = changed_values(field_values(stored), field_values(instance))
    if changes:
        write_record("FIELD_CHANGE", instance, field_changes=changes)


@receiver(post_save, sender=Document)
def create_document_audit_record(sender, instance, created=False, raw=False, **kwargs) -> None:
    """Write an audit record for a saved document, and the first version of a new one."""
    receiver_log.record("create_document_audit_record", sender, instance, raw)
    write_record(
        "CREATE" if created else "UPDATE",
        instance,
        description=f"Document {'create' if created else 'update'}: {instance.document_number}",
        metadata={
            "document_number": instance.document_number,
            "title": instance.title,
            "status": instance.status,
            "version": instance.version,
            "author": instance.author.username,
            "document_type": instance.document_type.name,
        },
    )
    if created:
        DocumentVersion.objects.create(
            document=instance,
            version_major=instance.version_major,
            version_minor=instance.version_minor,
            version_comment="Initial version",
            file_name=instance.file_name,
            file_path=instance.file_path,
            file_size=instance.file_size,
            file_checksum=instance.file_checksum,
            created_by=instance.author,
            status=instance.status,
        )


@receiver(post_save, sender=Document)
def handle_status_changes(sender, instance, created=False, raw=False, **kwargs) -> None:
    """Set the date of a document that becomes effective or obsolete to today; supersede its predecessor."""
    receiver_log.record("handle_status_changes", sender, instance, raw)
    if created or instance.status == getattr(instance, "_previous_status", None):
        return
    this_document = sender.all_objects.filter(pk=instance.pk)
    if instance.status == DocumentStatus.EFFECTIVE:
        instance.effective_date = timezone.localdate()
        this_document.update(effective_date=instance.effective_date)
        sender.all_objects.filter(pk=instance.supersedes_id).update(status=DocumentStatus.SUPERSEDED)
    elif instance.status == DocumentStatus.OBSOLETE:
        instance.obsolete_date = timezone.localdate()
        this_document.update(obsolete_date=instance.obsolete_date)


@receiver(post_save, sender=DocumentAccessLog)
def create_access_audit_record(sender, instance, raw=False, **kwargs) -> None:
    """Write an audit record for an access."""
    receiver_log.record("create_access_audit_record", sender, instance, raw)
    write_record(instance.access_type, instance.document, user=instance.user)


@receiver(post_save, sender=DocumentComment)
def create_comment_audit_record(sender, instance, raw=False, **kwargs) -> None:
    """Write an audit record for a comment."""
    receiver_log.record("create_comment_audit_record", sender, instance, raw)
    write_record("COMMENT_ADDED", instance.document, user=instance.author)


@receiver(post_save, sender=DocumentAttachment)
def create_attachment_audit_record(sender, instance, raw=False, **kwargs) -> None:
    """Write an audit record for an attachment."""
    receiver_log.record("create_attachment_audit_record", sender, instance, raw)
    write_record("ATTACHMENT_ADDED", instance.document, user=instance.uploaded_by)


@receiver(post_save, sender=DocumentDependency)
def create_dependency_audit_record(sender, instance, raw=False, **kwargs) -> None:
    """Write an audit record for a dependency."""
    receiver_log.record("create_dependency_audit_record", sender, instance, raw)
    write_record("DEPENDENCY_ADDED", instance.document, user=instance.created_by)


@receiver(post_delete, sender=DocumentAttachment)
def create_attachment_removal_audit(sender, instance, **kwargs) -> None:
    """Write an audit record for an attachment that was removed."""
    receiver_log.record("create_attachment_removal_audit", sender, instance)
    write_record("ATTACHMENT_REMOVED", instance.document)


@receiver(post_delete, sender=DocumentDependency)
def create_dependency_removal_audit(sender, instance, **kwargs) -> None:
    """Write an audit record for a dependency that was removed."""
    receiver_log.record("create_dependency_removal_audit", sender, instance)
    write_record("DEPENDENCY_REMOVED", instance.document)
