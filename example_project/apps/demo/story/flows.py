"""Workflows: of documents, and of other things."""

from itertools import pairwise
from typing import Any

from apps.demo.factories.workflows import (
    DocumentTransitionFactory,
    DocumentWorkflowFactory,
    WorkflowInstanceFactory,
    WorkflowNotificationFactory,
    WorkflowRuleFactory,
    WorkflowTemplateFactory,
    WorkflowTransitionFactory,
    WorkflowTypeFactory,
)
from apps.demo.rows import link
from apps.demo.source import later

from .site import Site

WAY = (
    "DRAFT",
    "PENDING_REVIEW",
    "UNDER_REVIEW",
    "REVIEW_COMPLETED",
    "PENDING_APPROVAL",
    "UNDER_APPROVAL",
    "APPROVED",
    "APPROVED_PENDING_EFFECTIVE",
    "EFFECTIVE",
    "SCHEDULED_FOR_OBSOLESCENCE",
    "OBSOLETE",
)
"""The states that a document passes when all goes well."""

TYPES = (
    ("Document review", "REVIEW", 30),
    ("Document approval", "APPROVAL", 14),
    ("Up‑versioning", "UP_VERSION", None),
    ("Obsolescence", "OBSOLETE", 2**31 - 1),
    ("Emergency approval", "APPROVAL", 3),
    ("Benutzerprüfung", "REVIEW", 0),
)


def way_to(status: str) -> list[str]:
    """Return the states that a document in state `status` has passed, that state included."""
    if status in WAY:
        return list(WAY[: WAY.index(status) + 1])
    return [*WAY[:9], status] if status == "SUPERSEDED" else ["DRAFT", status]


def tell(site: Site) -> None:
    """Let the workflows run."""
    for name, kind, days in TYPES:
        site.workflow_types[name] = WorkflowTypeFactory(
            name=name,
            workflow_type=kind,
            timeout_days=days,
            created_by=site.user("admin"),
            metadata={"escalation": {"to": ["reviewer"], "after": None}},
        )
    for number, document in site.documents.items():
        if number != "FRM-2025-0001":  # A draft that hasn't been submitted yet.
            _document_workflow(site, document)
    _instances(site)
    _rules_and_templates(site)


def _document_workflow(site: Site, document: Any) -> None:
    """Lead a document to its state; a reviewer who clicked twice leaves two equal steps."""
    workflow = DocumentWorkflowFactory(
        document=document,
        current_state=site.states[document.status],
        workflow_type="OBSOLETE" if "OBSOL" in document.status else "REVIEW",
        current_assignee=site.user("reviewer") if "REVIEW" in document.status else None,
        selected_reviewer=document.reviewer,
        selected_approver=document.approver,
        effective_date=document.effective_date,
        obsoleting_date=document.obsolescence_date,
        obsoleting_reason=document.obsolescence_reason,
        is_terminated=document.status == "TERMINATED",
        termination_reason="Doppelt angelegt" if document.status == "TERMINATED" else "",
        last_approved_state="APPROVED" if document.approver else "",
        workflow_data={"author_id": document.author_id, "steps": [], "history": {"DRAFT": None}},
    )
    site.workflows[document.document_number] = workflow
    for step, (before, now) in enumerate(pairwise(way_to(document.status))):
        # Long histories only for some documents, to keep the site small.
        if step > 3 and document.document_number[:3] not in ("POL", "BMR", "MAN"):
            continue
        transition = DocumentTransitionFactory(
            workflow=workflow,
            from_state=site.states[before],
            to_state=site.states[now],
            transitioned_by=document.author if step == 0 else site.user("reviewer"),
            comment="" if step % 2 else f"{before} ✓",
            transition_data={"ip": None, "signature": {"meaning": "Prüfung", "ok": True}},
        )
        if document.document_number == "SOP-2025-0003" and step in (1, 2):
            DocumentTransitionFactory(
                workflow=workflow,
                from_state=transition.from_state,
                to_state=transition.to_state,
                transitioned_by=transition.transitioned_by,
                transitioned_at=transition.transitioned_at,
                comment=transition.comment,
                transition_data=transition.transition_data,
            )


def _instances(site: Site) -> None:
    """Start general workflows on documents, a user, a document's workflow, and on a document long gone."""
    review, check = site.workflow_types["Document review"], site.workflow_types["Benutzerprüfung"]
    subjects = (
        (review, site.documents["SOP-2025-0005"]),
        (review, site.documents["WIN-2025-0001"]),
        (site.workflow_types["Obsolescence"], site.documents["SOP-2015-0007"]),
        (check, site.user("leaver")),
        (check, site.user("auditor")),
        (site.workflow_types["Document approval"], site.workflows["SOP-2025-0010"]),
        (review, site.gone),
    )
    for index, (kind, subject) in enumerate(subjects):
        done = index in (2, 6)
        instance = WorkflowInstanceFactory.build(
            subject=subject,
            workflow_type=kind,
            initiated_by=site.user("author"),
            current_assignee=None if done else site.user("reviewer"),
            state="COMPLETED" if done else "PENDING_REVIEW",
            is_active=not done,
            is_completed=done,
            completion_reason="Abgeschlossen" if done else "",
            workflow_data={"subject_id": subject.pk, "votes": [{"user": "reviewer", "vote": None}]},
        )
        instance.due_date = later(instance.started_at, days=30, microseconds=11)
        instance.completed_at = later(instance.started_at, days=9, microseconds=12) if done else None
        WorkflowInstanceFactory.store(instance)
        _steps(site, instance, index)


def _steps(site: Site, instance: Any, index: int) -> None:
    """Take two steps in a general workflow, the second one twice in the first workflow, and tell people."""
    first = WorkflowTransitionFactory(
        workflow_instance=instance, comment="Bitte prüfen", ip_address="192.0.2.17"
    )
    again = {"from_state": "PENDING_REVIEW", "to_state": instance.state, "transition_name": "review"}
    moment = later(first.transitioned_at, hours=3, microseconds=3)
    for _ in range(2 if index == 0 else 1):
        WorkflowTransitionFactory(workflow_instance=instance, transitioned_at=moment, **again)
    WorkflowNotificationFactory(
        workflow_instance=instance,
        recipient=site.user("reviewer"),
        subject=f"„{instance.workflow_type.name}“ waits for you",
        message="Guten Tag\n\nein Vorgang wartet auf Sie. 📬",
        is_read=index % 2 == 0,
        read_at=instance.due_date if index % 2 == 0 else None,
        channels=["email", "in_app"] if index else [],
        notification_data={"links": [None, "/documents/"], "count": index},
    )
    if index == 3:
        WorkflowNotificationFactory(
            workflow_instance=instance,
            recipient=site.user("kiosk"),
            notification_type="REMINDER",
            status="FAILED",
            sent_at=None,
            error_message="550 5.1.1 mailbox unavailable",
            message="",
        )


def _rules_and_templates(site: Site) -> None:
    """Write the rules and the blueprints."""
    for index, (name, kind) in enumerate(site.workflow_types.items()):
        WorkflowRuleFactory(
            workflow_type=kind,
            name="Remind" if index % 2 else "Escalate",
            rule_type="NOTIFICATION" if index % 2 else "ESCALATION",
            conditions={"all": [{"field": "age_days", "op": ">", "value": 7.5}, {"not": {"state": None}}]},
            actions={"notify": ["current_assignee"], "text": f"{name}: überfällig"},
            execution_order=10 * index,
            created_by=site.user("admin"),
        )
    for name, codes in (
        ("Standard review", ("SOP", "WIN", "POL")),
        ("Batch release", ("BMR",)),
        ("Nothing yet", ()),
    ):
        template = WorkflowTemplateFactory(
            name=name,
            created_by=site.user("admin"),
            states_config={"states": list(WAY[:4]), "initial": "DRAFT"},
            transitions_config={"DRAFT": {"submit": "PENDING_REVIEW"}, "PENDING_REVIEW": {}},
            is_default=name == "Standard review",
            version=2 if name == "Batch release" else 1,
        )
        link(template, "document_types", [site.types[code] for code in codes])
