"""Receivers of document workflows. They write system events and send mail, for loaded rows as well."""

from django.core.mail import send_mail
from django.db.models.signals import post_save
from django.dispatch import receiver

from apps.audit import receiver_log
from apps.audit.choices import SystemEventType
from apps.audit.models import SystemEvent
from apps.workflows.models import DocumentTransition, DocumentWorkflow


@receiver(post_save, sender=DocumentWorkflow)
def log_workflow_creation(sender, instance, created=False, raw=False, **kwargs) -> None:
    """Write a system event for a new workflow."""
    receiver_log.record("log_workflow_creation", sender, instance, raw)
    if created:
        SystemEvent.objects.create(
            event_type=SystemEventType.NOTIFICATION, description=f"Workflow started: {instance}"
        )


@receiver(post_save, sender=DocumentTransition)
def log_workflow_transition(sender, instance, created=False, raw=False, **kwargs) -> None:
    """Tell the one whose turn it is that a workflow has moved."""
    receiver_log.record("log_workflow_transition", sender, instance, raw)
    assignee = instance.workflow.current_assignee
    if assignee is not None and assignee.email:
        number = instance.workflow.document.document_number
        send_mail(f"{number} is now {instance.to_state}", "Please sign in.", None, [assignee.email])
