"""Running a document through its workflow."""

from django.db import transaction

from apps.documents.choices import DocumentStatus
from apps.documents.models import Document
from apps.workflows.choices import WorkflowKind
from apps.workflows.models import DocumentState, DocumentTransition, DocumentWorkflow

NEXT_STATES: dict[str, set[str]] = {
    "DRAFT": {"PENDING_REVIEW", "TERMINATED"},
    "PENDING_REVIEW": {"UNDER_REVIEW", "DRAFT", "TERMINATED"},
    "UNDER_REVIEW": {"REVIEW_COMPLETED", "DRAFT"},
    "REVIEW_COMPLETED": {"PENDING_APPROVAL", "DRAFT"},
    "PENDING_APPROVAL": {"UNDER_APPROVAL", "DRAFT"},
    "UNDER_APPROVAL": {"APPROVED", "APPROVED_PENDING_EFFECTIVE", "EFFECTIVE", "DRAFT"},
    "APPROVED": {"APPROVED_PENDING_EFFECTIVE", "EFFECTIVE"},
    "APPROVED_PENDING_EFFECTIVE": {"EFFECTIVE"},
    "EFFECTIVE": {"PENDING_OBSOLETION", "SCHEDULED_FOR_OBSOLESCENCE", "OBSOLETE", "SUPERSEDED"},
    "PENDING_OBSOLETION": {"SCHEDULED_FOR_OBSOLESCENCE", "OBSOLETE", "EFFECTIVE"},
    "SCHEDULED_FOR_OBSOLESCENCE": {"OBSOLETE", "EFFECTIVE"},
}


class TransitionRefused(Exception):
    """The workflow does not lead from its state to the wanted one."""


@transaction.atomic
def start(document: Document, by, kind: str = WorkflowKind.REVIEW) -> DocumentWorkflow:
    """Start the workflow of a document in the initial state; the reviewer is next."""
    return DocumentWorkflow.objects.create(
        document=document,
        workflow_type=kind,
        current_state=DocumentState.objects.get(is_initial=True),
        initiated_by=by,
        current_assignee=document.reviewer,
        selected_reviewer=document.reviewer,
        selected_approver=document.approver,
    )


@transaction.atomic
def move(workflow: DocumentWorkflow, to_state: str, by, comment: str = "") -> DocumentTransition:
    """Take a workflow one step further and the status of its document with it.

    Args:
        workflow: The workflow to move.
        to_state: Code of the wanted state.
        by: Who does it.
        comment: Why.

    Raises:
        TransitionRefused: The step is not allowed from the current state.
        DocumentState.DoesNotExist: There is no such state.
    """
    from_code = workflow.current_state_id
    if to_state not in NEXT_STATES.get(from_code, set()):
        raise TransitionRefused(f"{workflow}: no step from {from_code} to {to_state}")
    workflow.current_state = DocumentState.objects.get(code=to_state)
    workflow.current_assignee = _whose_turn(workflow)
    workflow.save()
    document = workflow.document
    if to_state in DocumentStatus.values:
        document.status = to_state
        document.save()
    return DocumentTransition.objects.create(
        workflow=workflow,
        from_state_id=from_code,
        to_state_id=to_state,
        transitioned_by=by,
        comment=comment,
        transition_data={"document_number": document.document_number},
    )


def _whose_turn(workflow: DocumentWorkflow):
    """Return the user who has to act in the current state, or None."""
    code = workflow.current_state_id
    if code in {"PENDING_REVIEW", "UNDER_REVIEW"}:
        return workflow.selected_reviewer
    if code in {"REVIEW_COMPLETED", "PENDING_APPROVAL", "UNDER_APPROVAL"}:
        return workflow.selected_approver
    return workflow.document.author if code == "DRAFT" else None
