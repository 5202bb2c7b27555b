"""The multiplied part of the demo site: many ordinary documents with all that their lives leave behind.

Objects are built by the factories and inserted in batches, portion by portion, so that memory doesn't grow
with the scale.
"""

from collections.abc import Callable, Iterator
from datetime import timedelta
from itertools import pairwise
from typing import Any

from factory.django import DjangoModelFactory

from apps.demo.content import DOCX_TYPE, PDF_TYPE, docx, pdf
from apps.demo.factories.audit import AuditTrailFactory, DatabaseChangeLogFactory, LoginAuditFactory
from apps.demo.factories.backup import SystemMetricFactory
from apps.demo.factories.base import content_type_of
from apps.demo.factories.documents import (
    DocumentAccessLogFactory,
    DocumentCommentFactory,
    DocumentFactory,
    DocumentVersionFactory,
)
from apps.demo.factories.security import (
    DigitalSignatureFactory,
    PDFGenerationLogFactory,
    SecurityEventFactory,
)
from apps.demo.factories.users import UserFactory, UserRoleFactory
from apps.demo.factories.workflows import (
    DocumentTransitionFactory,
    DocumentWorkflowFactory,
    WorkflowInstanceFactory,
    WorkflowNotificationFactory,
    WorkflowTransitionFactory,
)
from apps.demo.prose import (
    BROWSERS,
    COMMENTS,
    DEPARTMENTS,
    FAMILY_NAMES,
    GIVEN_NAMES,
    PARAGRAPHS,
    REASONS,
    TITLES,
)
from apps.demo.rows import assign_keys, insert
from apps.demo.story.flows import WAY, way_to
from apps.demo.story.site import Site
from apps.demo.story.trail import document_values

DOCUMENTS_PER_STEP = 14
"""Documents that each further step of the scale adds; with what hangs on them, about 500 rows."""

STEPS_PER_PORTION = 10

MOST_FILES = 470
"""Documents get files of their own as long as there aren't more than this."""

PREFIXES = ("SOP", "WIN", "BMR", "REC", "FRM")
STATUSES = ("EFFECTIVE", "APPROVED", "DRAFT", "PENDING_REVIEW", "UNDER_APPROVAL", "OBSOLETE", "TERMINATED")
ACTIONS = ("CREATE", "UPDATE", "VIEW", "UPDATE", "DOWNLOAD", "VIEW", "APPROVE", "VIEW", "UPDATE")
READINGS = ("VIEW", "DOWNLOAD", "VIEW", "PRINT", "VIEW", "EXPORT")


def add(site: Site, scale: int, report: Callable[[str], object]) -> None:
    """Add what lies above scale 1; `report` is told how far it has got."""
    crowd = Crowd(site, documents=(scale - 1) * DOCUMENTS_PER_STEP)
    for first in range(1, scale, STEPS_PER_PORTION):
        steps = min(STEPS_PER_PORTION, scale - first)
        crowd.add_portion(steps)
        report(f"Scale {first + steps} of {scale}: {crowd.written} documents added.")


class Crowd:
    """Makes ordinary documents, one portion after another."""

    def __init__(self, site: Site, documents: int) -> None:
        self.site = site
        self.written = 0
        self.staff = [user for user in site.users.values() if user.is_active]
        self._hired = 0
        self._file_interval = max(6, -(-documents // MOST_FILES))

    def add_portion(self, steps: int) -> None:
        """Add the rows of some steps of the scale."""
        self._hire(steps)
        documents = [self._document() for _ in range(steps * DOCUMENTS_PER_STEP)]
        insert(documents)
        for factory, rows in self._lives(documents):
            factory.store(*rows)
        self._machines(steps)

    def _hire(self, count: int) -> None:
        """Hire people, and give each a role."""
        people = []
        for number in range(self._hired, self._hired + count):
            given, family = (
                GIVEN_NAMES[number % len(GIVEN_NAMES)],
                FAMILY_NAMES[number // 3 % len(FAMILY_NAMES)],
            )
            people.append(
                UserFactory.build(
                    username=f"staff{number:05d}",
                    employee_id=f"S-{number:05d}",
                    first_name=given,
                    last_name=family,
                    department=DEPARTMENTS[number % len(DEPARTMENTS)],
                    manager=self.staff[number % len(self.staff)],
                    is_active=number % 9 != 8,
                )
            )
        UserFactory.store(*people)
        self._hired += count
        self.staff += people
        roles = list(self.site.roles.values())
        UserRoleFactory.store(
            *(
                UserRoleFactory.build(user=person, role=roles[index % 4], assigned_by=self.site.user("admin"))
                for index, person in enumerate(people)
            )
        )

    def _person(self, purpose: str) -> Any:
        """Return somebody."""
        return self.site.source.choice(purpose, self.staff)

    def _document(self) -> Any:
        """Return another document, whose file is written if it gets one. Titles repeat all the time."""
        number = self.written
        self.written += 1
        prefix = PREFIXES[number % len(PREFIXES)]
        title = TITLES[number % len(TITLES)]
        columns: dict[str, Any] = {}
        if number % self._file_interval == 0:
            columns = self._file(f"{prefix}-2025-{number + 5000:06d}", title)
        status = STATUSES[number % len(STATUSES)]
        return DocumentFactory.build(
            document_number=f"{prefix}-2025-{number + 5000:06d}",
            title=title,
            status=status,
            document_type=self.site.types[prefix],
            document_source=self.site.sources["original_digital" if number % 4 else "scanned_copy"],
            author=self._person("author"),
            reviewer=self._person("reviewer") if status != "DRAFT" else None,
            approver=self._person("approver") if status in ("EFFECTIVE", "APPROVED") else None,
            version_major=2,
            is_active=status not in ("OBSOLETE", "TERMINATED"),
            reason_for_change=REASONS[number % len(REASONS)],
            description=PARAGRAPHS[number % len(PARAGRAPHS)],
            metadata={"pages": number % 40, "tags": ["GMP", None]},
            **columns,
        )

    def _file(self, number: str, title: str) -> dict[str, Any]:
        """Write a document's file and return the columns that describe it."""
        if len(self.site.shelf.paths) % 3 == 0:
            stored = self.site.shelf.put(
                f"documents/2025/{number}.docx", docx(title, [number, *PARAGRAPHS]), DOCX_TYPE
            )
        elif len(self.site.shelf.paths) % 3 == 1:
            path = f"storage/documents/2025/{number}.pdf"
            stored = self.site.shelf.put(path, pdf(title, [number, *PARAGRAPHS]), PDF_TYPE)
        else:
            stored = self.site.shelf.put(f"documents/2025/{number}.pdf", pdf(title, [number]), PDF_TYPE)
        return {**stored.columns(), "mime_type": stored.mime_type}

    def _lives(self, documents: list[Any]) -> Iterator[tuple[type[DjangoModelFactory], list[Any]]]:
        """Yield all that the documents' lives leave behind, parents before what refers to them."""
        yield DocumentVersionFactory, [row for document in documents for row in self._versions(document)]
        yield DocumentCommentFactory, [row for document in documents for row in self._comments(document)]
        yield DocumentAccessLogFactory, [row for document in documents for row in self._readings(document)]
        workflows = [self._workflow(document) for document in documents]
        yield DocumentWorkflowFactory, workflows
        yield DocumentTransitionFactory, [row for workflow in workflows for row in self._steps(workflow)]
        instances = [self._instance(document) for document in documents]
        yield WorkflowInstanceFactory, instances
        yield WorkflowTransitionFactory, [row for instance in instances for row in self._moves(instance)]
        yield WorkflowNotificationFactory, [row for instance in instances for row in self._messages(instance)]
        yield AuditTrailFactory, [row for document in documents for row in self._entries(document)]
        yield DatabaseChangeLogFactory, [row for document in documents for row in self._changes(document)]
        signatures = [self._signature(document) for document in documents if document.approver]
        yield DigitalSignatureFactory, signatures
        yield SecurityEventFactory, [self._signed(signature) for signature in signatures]
        yield (
            PDFGenerationLogFactory,
            [
                PDFGenerationLogFactory.build(document=document, user=self._person("pdf"))
                for document in documents
            ],
        )

    def _versions(self, document: Any) -> Iterator[Any]:
        """Yield the document's versions; the latest has the document's file."""
        yield DocumentVersionFactory.build(document=document, status="SUPERSEDED", version_comment="first")
        yield DocumentVersionFactory.build(
            document=document,
            version_major=2,
            status=document.status,
            file_name=document.file_name,
            file_path=document.file_path,
            file_size=document.file_size,
            file_checksum=document.file_checksum,
        )

    def _comments(self, document: Any) -> list[Any]:
        """Return a remark and two replies, parents first; every second thread's root has the highest key."""
        thread = [
            DocumentCommentFactory.build(
                document=document,
                author=self._person("comment"),
                subject=f"Re: {document.document_number}" if turn else "",
                content=self.site.source.choice("comment text", COMMENTS),
                is_internal=turn == 1,
            )
            for turn in range(3)
        ]
        if document.pk % 2:
            assign_keys(thread)
            thread.reverse()
        for reply in thread[1:]:
            reply.parent_comment = thread[0]
        if thread[0].pk is None:
            assign_keys(thread)
        return thread

    def _readings(self, document: Any) -> Iterator[Any]:
        """Yield who read the document."""
        for index, kind in enumerate(READINGS):
            yield DocumentAccessLogFactory.build(
                document=document,
                user=self._person("reader"),
                access_type=kind,
                user_agent=BROWSERS[index % len(BROWSERS)],
                ip_address=None if index == 5 else f"198.51.100.{document.pk % 250}",
                access_duration=timedelta(seconds=31 * index, microseconds=document.pk % 999_983),
            )

    def _workflow(self, document: Any) -> Any:
        """Return the document's workflow."""
        return DocumentWorkflowFactory.build(
            document=document,
            current_state=self.site.states[document.status],
            selected_reviewer=document.reviewer,
            selected_approver=document.approver,
            is_terminated=document.status == "TERMINATED",
            workflow_data={"author_id": document.author_id},
        )

    def _steps(self, workflow: Any) -> Iterator[Any]:
        """Yield four steps of the workflow at most; some are twins but for uuid and key."""
        way = list(
            pairwise(way_to(workflow.document.status) if workflow.document.status != "DRAFT" else WAY[:2])
        )
        for before, now in way[-3:]:
            step = DocumentTransitionFactory.build(
                workflow=workflow,
                from_state=self.site.states[before],
                to_state=self.site.states[now],
                transitioned_by=self._person("step"),
                comment="✓" if now == "APPROVED" else "",
            )
            yield step
        if workflow.document.pk % 3 == 0:
            yield DocumentTransitionFactory.build(
                workflow=workflow,
                from_state=step.from_state,
                to_state=step.to_state,
                transitioned_by=step.transitioned_by,
                transitioned_at=step.transitioned_at,
                comment=step.comment,
            )

    def _instance(self, document: Any) -> Any:
        """Return a general workflow about the document or its author."""
        kinds = list(self.site.workflow_types.values())
        return WorkflowInstanceFactory.build(
            subject=document if document.pk % 5 else document.author,
            workflow_type=kinds[document.pk % len(kinds)],
            initiated_by=document.author,
            current_assignee=document.reviewer,
            workflow_data={"document_id": document.pk},
        )

    def _moves(self, instance: Any) -> Iterator[Any]:
        """Yield the steps of a general workflow."""
        for name, before, now in (
            ("submit", "DRAFT", "PENDING_REVIEW"),
            ("review", "PENDING_REVIEW", "UNDER_REVIEW"),
            ("reject", "UNDER_REVIEW", "DRAFT"),
        ):
            yield WorkflowTransitionFactory.build(
                workflow_instance=instance, transition_name=name, from_state=before, to_state=now
            )

    def _messages(self, instance: Any) -> Iterator[Any]:
        """Yield what a general workflow told people."""
        for kind in ("ASSIGNMENT", "REMINDER"):
            yield WorkflowNotificationFactory.build(
                workflow_instance=instance,
                notification_type=kind,
                message="Ein Dokument wartet auf Sie.",
                notification_data={"instance": instance.pk},
            )

    def _entries(self, document: Any) -> Iterator[Any]:
        """Yield the document's audit trail."""
        values = document_values(document)
        subject = {"subject": None, "content_type": content_type_of(document), "object_id": str(document.pk)}
        for action in ACTIONS:
            yield AuditTrailFactory.build(
                **subject,
                action=action,
                user=self._person("audit") if action != "VIEW" else None,
                object_representation=f"{document.document_number} - {document.title}"[:200],
                new_values=values if action in ("CREATE", "UPDATE") else {},
                field_changes={"status": {"new": document.status, "old": None}} if action == "UPDATE" else {},
                metadata={"document_number": document.document_number},
            )

    def _changes(self, document: Any) -> Iterator[Any]:
        """Yield the changes of the document's row."""
        values = document_values(document)
        for operation in ("INSERT", "UPDATE", "UPDATE"):
            yield DatabaseChangeLogFactory.build(
                subject=document, operation=operation, user=document.author, old_values={}, new_values=values
            )

    def _signature(self, document: Any) -> Any:
        """Return the approver's signature."""
        return DigitalSignatureFactory.build(
            document=document, signer=document.approver, status="valid", is_valid=True
        )

    def _signed(self, signature: Any) -> Any:
        """Return the security event of a signature."""
        return SecurityEventFactory.build(
            event_type="signature_creation",
            title=f"Signature on {signature.document.document_number}",
            user=signature.signer,
            document=signature.document,
            signature=signature,
        )

    def _machines(self, steps: int) -> None:
        """Add what the machines wrote meanwhile."""
        rows = [
            LoginAuditFactory.build(user=self._person("login"), success=index % 12 != 11)
            for index in range(10 * steps)
        ]
        LoginAuditFactory.store(*rows)
        rows = [
            SystemMetricFactory.build(value=index / 7, metadata={"n": index}) for index in range(5 * steps)
        ]
        SystemMetricFactory.store(*rows)
