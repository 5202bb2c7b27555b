"""Workflows: the generic ones over any object, and the document workflow with its states."""

from django.conf import settings
from django.contrib.contenttypes.fields import GenericForeignKey
from django.contrib.contenttypes.models import ContentType
from django.db import models

from apps.identity import IdentifiedModel

from . import choices


class WorkflowType(IdentifiedModel):
    """A kind of workflow that an administrator can start."""

    name = models.CharField(max_length=100, unique=True)
    workflow_type = models.CharField(max_length=20, choices=choices.WorkflowKind)
    description = models.TextField(blank=True)
    is_active = models.BooleanField(default=True)
    requires_approval = models.BooleanField(default=True)
    allows_parallel = models.BooleanField(default=False)
    auto_transition = models.BooleanField(default=False)
    timeout_days = models.PositiveIntegerField(null=True, blank=True)
    reminder_days = models.PositiveIntegerField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT)
    metadata = models.JSONField(default=dict, blank=True)

    class Meta:
        db_table = "workflow_types"
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class WorkflowInstance(IdentifiedModel):
    """A running workflow over any object; the reference is generic with a text id."""

    workflow_type = models.ForeignKey("WorkflowType", on_delete=models.PROTECT, related_name="instances")
    state = models.CharField(max_length=50, default="DRAFT")
    content_type = models.ForeignKey(ContentType, on_delete=models.CASCADE)
    object_id = models.CharField(max_length=100, blank=True)
    initiated_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="initiated_workflows"
    )
    current_assignee = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        related_name="assigned_workflows",
        null=True,
        blank=True,
    )
    started_at = models.DateTimeField(auto_now_add=True)
    completed_at = models.DateTimeField(null=True, blank=True)
    due_date = models.DateTimeField(null=True, blank=True)
    is_active = models.BooleanField(default=True)
    is_completed = models.BooleanField(default=False)
    completion_reason = models.CharField(max_length=200, blank=True)
    workflow_data = models.JSONField(default=dict, blank=True)
    metadata = models.JSONField(default=dict, blank=True)
    content_object = GenericForeignKey("content_type", "object_id")

    class Meta:
        db_table = "workflow_instances"
        ordering = ["-started_at"]

    def __str__(self) -> str:
        return f"{self.workflow_type} {self.state}"


class WorkflowTransition(IdentifiedModel):
    """One step of a generic workflow, with the states as plain text."""

    workflow_instance = models.ForeignKey(
        "WorkflowInstance", on_delete=models.CASCADE, related_name="transitions"
    )
    from_state = models.CharField(max_length=100, blank=True)
    to_state = models.CharField(max_length=100, blank=True)
    transition_name = models.CharField(max_length=100, blank=True)
    transitioned_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="workflow_transitions"
    )
    transitioned_at = models.DateTimeField(auto_now_add=True)
    ip_address = models.GenericIPAddressField(null=True, blank=True)
    user_agent = models.TextField(blank=True)
    session_id = models.CharField(max_length=40, blank=True)
    comment = models.TextField(blank=True)
    transition_data = models.JSONField(default=dict, blank=True)
    metadata = models.JSONField(default=dict, blank=True)

    class Meta:
        db_table = "workflow_transitions"
        ordering = ["-transitioned_at"]

    def __str__(self) -> str:
        return f"{self.from_state} -> {self.to_state}"


class WorkflowRule(IdentifiedModel):
    """A rule that a workflow type evaluates."""

    workflow_type = models.ForeignKey("WorkflowType", on_delete=models.CASCADE, related_name="rules")
    name = models.CharField(max_length=100)
    description = models.TextField(blank=True)
    rule_type = models.CharField(max_length=20, choices=choices.RuleType)
    conditions = models.JSONField(default=dict, blank=True)
    actions = models.JSONField(default=dict, blank=True)
    is_active = models.BooleanField(default=True)
    execution_order = models.PositiveIntegerField(default=100)
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT)
    metadata = models.JSONField(default=dict, blank=True)

    class Meta:
        db_table = "workflow_rules"
        ordering = ["execution_order", "name"]

    def __str__(self) -> str:
        return self.name


class WorkflowNotification(IdentifiedModel):
    """A message to a participant of a generic workflow."""

    workflow_instance = models.ForeignKey(
        "WorkflowInstance", on_delete=models.CASCADE, related_name="notifications"
    )
    notification_type = models.CharField(max_length=20, choices=choices.NotificationType)
    recipient = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="workflow_notifications"
    )
    subject = models.CharField(max_length=255)
    message = models.TextField()
    notification_data = models.JSONField(default=dict, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    sent_at = models.DateTimeField(null=True, blank=True)
    status = models.CharField(
        max_length=20, choices=choices.NotificationStatus, default=choices.NotificationStatus.PENDING
    )
    error_message = models.TextField(blank=True)
    is_read = models.BooleanField(default=False)
    read_at = models.DateTimeField(null=True, blank=True)
    channels = models.JSONField(default=list, blank=True)
    metadata = models.JSONField(default=dict, blank=True)

    class Meta:
        db_table = "workflow_notifications"
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return self.subject


class WorkflowTemplate(IdentifiedModel):
    """A blueprint of states and transitions for some document types."""

    name = models.CharField(max_length=100, unique=True)
    description = models.TextField(blank=True)
    workflow_type = models.CharField(max_length=20, choices=choices.WorkflowKind)
    states_config = models.JSONField(default=dict, blank=True)
    transitions_config = models.JSONField(default=dict, blank=True)
    tasks_config = models.JSONField(default=dict, blank=True)
    rules_config = models.JSONField(default=dict, blank=True)
    is_active = models.BooleanField(default=True)
    is_default = models.BooleanField(default=False)
    version = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT)
    metadata = models.JSONField(default=dict, blank=True)
    document_types = models.ManyToManyField(
        "documents.DocumentType", blank=True, related_name="workflow_templates"
    )

    class Meta:
        db_table = "workflow_templates"
        ordering = ["name"]
        unique_together = [("name", "version")]

    def __str__(self) -> str:
        return self.name


class DocumentState(models.Model):
    """A state of the document workflow. The code is the primary key; names repeat."""

    code = models.CharField(max_length=50, primary_key=True)
    name = models.CharField(max_length=100)
    description = models.TextField(blank=True)
    is_initial = models.BooleanField(default=False)
    is_final = models.BooleanField(default=False)

    class Meta:
        db_table = "workflow_document_states"
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    def natural_key(self) -> tuple:
        """Return the code, which is the primary key as well."""
        return (self.code,)

    @classmethod
    def get_by_natural_key(cls, code):
        """Find the row. Django asks the manager for this method, so nothing ever calls it here."""
        return cls.objects.get(code=code)


class DocumentWorkflow(IdentifiedModel):
    """The workflow of one document."""

    document = models.OneToOneField("documents.Document", on_delete=models.CASCADE, related_name="workflow")
    workflow_type = models.CharField(
        max_length=50, choices=choices.WorkflowKind, default=choices.WorkflowKind.REVIEW
    )
    current_state = models.ForeignKey("DocumentState", on_delete=models.PROTECT, related_name="workflows")
    initiated_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="initiated_document_workflows"
    )
    current_assignee = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        related_name="assigned_document_workflows",
        null=True,
        blank=True,
    )
    selected_reviewer = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        related_name="selected_reviewer_workflows",
        null=True,
        blank=True,
    )
    selected_approver = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        related_name="selected_approver_workflows",
        null=True,
        blank=True,
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    due_date = models.DateTimeField(null=True, blank=True)
    effective_date = models.DateField(null=True, blank=True)
    obsoleting_date = models.DateField(null=True, blank=True)
    workflow_data = models.JSONField(default=dict, blank=True)
    up_version_reason = models.TextField(blank=True)
    obsoleting_reason = models.TextField(blank=True)
    termination_reason = models.TextField(blank=True)
    is_terminated = models.BooleanField(default=False)
    last_approved_state = models.CharField(max_length=50, blank=True)

    class Meta:
        db_table = "document_workflows"
        ordering = ["-updated_at"]

    def __str__(self) -> str:
        return f"{self.document.document_number} {self.workflow_type}"

    def natural_key(self) -> tuple:
        """Return document number and kind of workflow."""
        return (self.document.document_number, self.workflow_type)

    @classmethod
    def get_by_natural_key(cls, document_number, workflow_type):
        """Find the row. Django asks the manager for this method, so nothing ever calls it here."""
        return cls.objects.get(document__document_number=document_number, workflow_type=workflow_type)


class DocumentTransition(IdentifiedModel):
    """One step of a document workflow. Steps with equal content do occur."""

    workflow = models.ForeignKey("DocumentWorkflow", on_delete=models.CASCADE, related_name="transitions")
    from_state = models.ForeignKey("DocumentState", on_delete=models.PROTECT, related_name="transitions_from")
    to_state = models.ForeignKey("DocumentState", on_delete=models.PROTECT, related_name="transitions_to")
    transitioned_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="document_transitions"
    )
    transitioned_at = models.DateTimeField(auto_now_add=True)
    comment = models.TextField(blank=True)
    transition_data = models.JSONField(default=dict, blank=True)

    class Meta:
        db_table = "document_transitions"
        ordering = ["-transitioned_at"]

    def __str__(self) -> str:
        return f"{self.from_state_id} -> {self.to_state_id}"

    def natural_key(self) -> tuple:
        """Return the workflow's key and the database id, which no other database knows."""
        return (*self.workflow.natural_key(), str(self.id))

    @classmethod
    def get_by_natural_key(cls, document_number, workflow_type, transition_id):
        """Find the row. Django asks the manager for this method, so nothing ever calls it here."""
        return cls.objects.get(
            workflow__document__document_number=document_number,
            workflow__workflow_type=workflow_type,
            id=transition_id,
        )
