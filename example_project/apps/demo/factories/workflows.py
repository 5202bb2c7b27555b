"""Factories for workflows: the general ones, and those of documents."""

import factory

from .base import Moment, RawFactory, Uuid, after, content_type_of


class WorkflowTypeFactory(RawFactory):
    """Kinds of workflows."""

    class Meta:
        model = "workflows.WorkflowType"
        django_get_or_create = ("name",)

    uuid = Uuid()
    name = factory.Sequence(lambda number: f"Workflow type {number}")
    workflow_type = "REVIEW"
    description = ""
    timeout_days = None
    reminder_days = None
    created_at = Moment()
    created_by = factory.SubFactory("apps.demo.factories.users.UserFactory")
    metadata = factory.LazyFunction(dict)


class WorkflowInstanceFactory(RawFactory):
    """Running and finished workflows; `subject` is the row that the workflow is about."""

    class Meta:
        model = "workflows.WorkflowInstance"
        exclude = ("subject",)

    subject = factory.SubFactory("apps.demo.factories.documents.DocumentFactory")
    uuid = Uuid()
    workflow_type = factory.SubFactory(WorkflowTypeFactory)
    state = "PENDING_REVIEW"
    content_type = factory.LazyAttribute(lambda row: content_type_of(row.subject))
    object_id = factory.LazyAttribute(lambda row: str(row.subject.pk))
    initiated_by = factory.SubFactory("apps.demo.factories.users.UserFactory")
    started_at = Moment()
    completion_reason = ""
    workflow_data = factory.LazyFunction(dict)
    metadata = factory.LazyFunction(dict)


class WorkflowTransitionFactory(RawFactory):
    """Steps of a workflow."""

    class Meta:
        model = "workflows.WorkflowTransition"

    uuid = Uuid()
    workflow_instance = factory.SubFactory(WorkflowInstanceFactory)
    from_state = "DRAFT"
    to_state = "PENDING_REVIEW"
    transition_name = "submit"
    transitioned_by = factory.SelfAttribute("workflow_instance.initiated_by")
    transitioned_at = Moment()
    ip_address = None
    user_agent = ""
    session_id = ""
    comment = ""
    transition_data = factory.LazyFunction(dict)
    metadata = factory.LazyFunction(dict)


class WorkflowRuleFactory(RawFactory):
    """What a kind of workflow does by itself."""

    class Meta:
        model = "workflows.WorkflowRule"

    uuid = Uuid()
    workflow_type = factory.SubFactory(WorkflowTypeFactory)
    name = "Remind"
    description = ""
    rule_type = "NOTIFICATION"
    conditions = factory.LazyFunction(dict)
    actions = factory.LazyFunction(dict)
    created_at = Moment()
    created_by = factory.SelfAttribute("workflow_type.created_by")
    metadata = factory.LazyFunction(dict)


class WorkflowNotificationFactory(RawFactory):
    """Messages that a workflow sends."""

    class Meta:
        model = "workflows.WorkflowNotification"

    uuid = Uuid()
    workflow_instance = factory.SubFactory(WorkflowInstanceFactory)
    notification_type = "ASSIGNMENT"
    recipient = factory.SelfAttribute("workflow_instance.initiated_by")
    subject = "A document waits for you"
    message = ""
    notification_data = factory.LazyFunction(dict)
    created_at = Moment()
    sent_at = after("created_at", seconds=4, microseconds=1)
    status = "SENT"
    error_message = ""
    channels = factory.LazyFunction(lambda: ["email"])
    metadata = factory.LazyFunction(dict)


class WorkflowTemplateFactory(RawFactory):
    """Blueprints of workflows."""

    class Meta:
        model = "workflows.WorkflowTemplate"
        django_get_or_create = ("name",)

    uuid = Uuid()
    name = factory.Sequence(lambda number: f"Workflow template {number}")
    description = ""
    workflow_type = "REVIEW"
    states_config = factory.LazyFunction(dict)
    transitions_config = factory.LazyFunction(dict)
    tasks_config = factory.LazyFunction(dict)
    rules_config = factory.LazyFunction(dict)
    created_at = Moment()
    created_by = factory.SubFactory("apps.demo.factories.users.UserFactory")
    metadata = factory.LazyFunction(dict)


class DocumentStateFactory(RawFactory):
    """States of documents; the code is the primary key, names may repeat."""

    class Meta:
        model = "workflows.DocumentState"
        django_get_or_create = ("code",)

    code = factory.Sequence(lambda number: f"STATE_{number}")
    name = "State"
    description = ""


class DocumentWorkflowFactory(RawFactory):
    """The workflow of one document."""

    class Meta:
        model = "workflows.DocumentWorkflow"

    uuid = Uuid()
    document = factory.SubFactory("apps.demo.factories.documents.DocumentFactory")
    workflow_type = "REVIEW"
    current_state = factory.SubFactory(DocumentStateFactory)
    initiated_by = factory.SelfAttribute("document.author")
    created_at = Moment()
    updated_at = after("created_at", hours=2, microseconds=5)
    workflow_data = factory.LazyFunction(dict)
    up_version_reason = ""
    obsoleting_reason = ""
    termination_reason = ""
    last_approved_state = ""


class DocumentTransitionFactory(RawFactory):
    """Steps of a document's workflow."""

    class Meta:
        model = "workflows.DocumentTransition"

    uuid = Uuid()
    workflow = factory.SubFactory(DocumentWorkflowFactory)
    from_state = factory.SubFactory(DocumentStateFactory)
    to_state = factory.SubFactory(DocumentStateFactory)
    transitioned_by = factory.SelfAttribute("workflow.initiated_by")
    transitioned_at = Moment()
    comment = ""
    transition_data = factory.LazyFunction(dict)
