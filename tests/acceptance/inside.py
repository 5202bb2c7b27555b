"""What the acceptance tests let happen inside a site's own process, as people and programs would do it.

Run as a program in the environment of a site: ``python inside.py ACTION ARGUMENT…``. The result of the action
is written to standard output as JSON. Nothing of Django is imported before it is set up.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

DAY_ONE_DOCUMENT = "FRM-DAY-ONE"
DAY_ONE_USER = "newcomer"
DAY_ONE_GROUP = "First hour"
DAY_ONE_STRAY = "media/uploads/left over.txt"
NEW_TITLE = "Written after the restore"


def take_image(target: str) -> int:
    """Write the site's image; return the number of rows."""
    from tests.acceptance.independent import Describer

    image = Describer().image()
    image.write(Path(target))
    return image.count


def live_a_day(target: str) -> dict[str, Any]:
    """Use a new site for a day, so that there is something which no package knows; then write its image."""
    from django.conf import settings
    from django.contrib.auth.models import Group, Permission
    from django.contrib.contenttypes.models import ContentType
    from django.test import Client

    from apps.audit.models import AuditTrail
    from apps.documents.models import Document, DocumentSource, DocumentType
    from apps.documents.services import open_document, store_file
    from apps.settings.defaults import INITIAL_ADMIN_PASSWORD
    from apps.users.models import User
    from apps.workflows.models import DocumentTransition
    from apps.workflows.services import move, start

    signed_in = Client().login(username="admin", password=INITIAL_ADMIN_PASSWORD)
    admin = User.objects.get(username="admin")
    newcomer = User.objects.create_user(DAY_ONE_USER, password=None, manager=admin)
    group = Group.objects.create(name=DAY_ONE_GROUP)
    group.permissions.add(*Permission.objects.filter(codename__endswith="_document"))
    newcomer.groups.add(group)
    document = Document(
        document_number=DAY_ONE_DOCUMENT,
        title="Quality Policy",
        document_type=DocumentType.objects.get(code="FRM"),
        document_source=DocumentSource.objects.order_by("name")[0],
        author=newcomer,
        reviewer=admin,
    )
    store_file(document, "form.txt", b"day one")
    open_document(document, by=newcomer)
    workflow = start(document, newcomer)
    move(workflow, "PENDING_REVIEW", newcomer)
    # Where a file of the package belongs lies another one, and beside it one that nobody knows.
    for path in ("media/documents/SOP-2025-0003.pdf", DAY_ONE_STRAY):
        place = Path(settings.EDMS_DATA_DIR) / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(b"not what the package holds")
    AuditTrail.objects.create(
        action="VIEW", content_type=ContentType.objects.get_for_model(Document), object_id="not-a-number"
    )
    steps = DocumentTransition.objects.count()
    return {"rows": take_image(target), "signed_in": signed_in, "steps": steps}


def restore_quietly(package: str) -> dict[str, Any]:
    """Restore in this process; return which receivers fired and how many mails went out, then and later."""
    from django.core import mail

    from apps.audit import receiver_log
    from apps.documents.models import Document
    from edms_backup.service import BackupService, RestoreRequest

    service = BackupService.from_settings()
    receiver_log.clear()
    report = service.restore(RestoreRequest(package=package))
    during = [list(map(str, firing)) for firing in receiver_log.firings()]
    mails = len(getattr(mail, "outbox", []))
    Document.objects.order_by("pk")[0].save()
    return {
        "outcome": report.outcome.value,
        "inserted": sum(counts.inserted for counts in report.models.values()),
        "during": during,
        "mails": mails,
        "after": sorted({firing.receiver for firing in receiver_log.firings()}),
    }


def use_the_edms() -> dict[str, Any]:
    """Do what people do with an EDMS all day; return what came of it."""
    return {
        "sign_in": _sign_in(),
        "opened": _open_all_documents(),
        "records": _follow_audit_records(),
        "workflow": _move_a_workflow(),
        "new": _write_a_document(),
        "keys": _insert_rows(),
    }


def _sign_in() -> dict[str, bool]:
    """Sign in with old passwords, and with the one that the administrator of the new site had.

    Three times only: hashing a password is made to take long.
    """
    from django.contrib.auth import authenticate
    from django.test import Client

    from apps.demo.accounts import DEMO_PASSWORDS
    from apps.settings.defaults import INITIAL_ADMIN_PASSWORD

    client = Client()
    form = {"username": "admin", "password": DEMO_PASSWORDS["admin"], "next": "/admin/"}
    client.post("/admin/login/", form)
    return {
        "admin at the door": client.get("/admin/documents/document/").status_code == 200,
        "author as before": authenticate(username="author", password=DEMO_PASSWORDS["author"]) is not None,
        "admin as new": authenticate(username="admin", password=INITIAL_ADMIN_PASSWORD) is not None,
    }


def _open_all_documents() -> dict[str, int]:
    """Open each document that has a file; the service compares the stored checksum."""
    from apps.documents.models import Document
    from apps.documents.services import open_document
    from apps.users.models import User

    reader = User.objects.get(username="viewer")
    documents = Document.all_objects.exclude(file_path="")
    return {document.document_number: len(open_document(document, by=reader)) for document in documents}


def _follow_audit_records() -> dict[str, str]:
    """Return to which document each audit record leads that leads to one, by the record's uuid."""
    from apps.audit.models import AuditTrail
    from apps.documents.models import Document

    found = {}
    for record in AuditTrail.objects.exclude(object_id=None):
        # Through the field itself, as a view would.
        subject = record.content_object if str(record.object_id).isdigit() else None
        if isinstance(subject, Document):
            found[str(record.uuid)] = subject.document_number
    return found


def _move_a_workflow() -> list[str]:
    """Take the workflow of a document that waits for its review one step further."""
    from django.core import mail

    from apps.documents.models import Document
    from apps.workflows.services import move

    document = Document.objects.get(document_number="SOP-2025-0005")
    transition = move(document.workflow, "UNDER_REVIEW", document.reviewer, comment="Taken up")
    document.refresh_from_db()
    sent = [address for message in getattr(mail, "outbox", []) for address in message.to]
    return [transition.from_state_id, transition.to_state_id, document.status, *sent]


def _write_a_document() -> dict[str, Any]:
    """Write two documents of one type; return their numbers, and what the receivers made of the first."""
    from apps.documents.models import Document, DocumentSource, DocumentType
    from apps.documents.services import open_document, store_file
    from apps.users.models import User

    made = []
    for name in ("first.txt", "second.txt"):
        document = Document(
            title=NEW_TITLE,
            document_type=DocumentType.objects.get(code="SOP"),
            document_source=DocumentSource.objects.order_by("name")[0],
            author=User.objects.get(username="author"),
        )
        document.document_type.numbering_format = "{prefix}-2025-{sequence:04d}"
        made.append(store_file(document, name, name.encode()))
    first = made[0]
    return {
        "numbers": [document.document_number for document in made],
        "content": open_document(first).decode(),
        "versions": first.versions.count(),
    }


def _insert_rows() -> dict[str, list[int]]:
    """Insert a row into tables that number their rows; return the new key and the highest one before."""
    from django.contrib.auth.models import Group
    from django.contrib.sites.models import Site
    from django.db.models import Max

    from apps.audit.models import AuditTrail, LoginAudit
    from apps.users.models import Role, User

    new: list[tuple[Any, dict[str, Any]]] = [
        (User, {"username": "after-the-restore"}),
        (Role, {"name": "After the restore", "module": "S9", "permission_level": "read"}),
        (Group, {"name": "After the restore"}),
        (AuditTrail, {"action": "VIEW"}),
        (LoginAudit, {"username": "after-the-restore", "success": False}),
        (Site, {"domain": "after.example.com", "name": "After"}),
    ]
    found = {}
    for model, values in new:
        highest = model._base_manager.aggregate(highest=Max("pk"))["highest"] or 0
        found[model._meta.label] = [model._base_manager.create(**values).pk, highest]
    return found


def load_record_by_record(fixture: str, target: str) -> dict[str, list[int]]:
    """Load a fixture as somebody in need would: each record alone, again and again while any goes in.

    Writes the site's image; returns loaded and given records by model.
    """
    from django.core import serializers
    from django.core.exceptions import ObjectDoesNotExist
    from django.db import DatabaseError, transaction

    refusals = (serializers.base.DeserializationError, DatabaseError, ObjectDoesNotExist, ValueError)
    waiting = json.loads(Path(fixture).read_text(encoding="utf-8"))
    counts: dict[str, list[int]] = {}
    for record in waiting:
        counts.setdefault(record["model"], [0, 0])[1] += 1
    went_in = True
    while went_in:
        went_in, left = False, []
        for record in waiting:
            try:
                with transaction.atomic():
                    next(serializers.deserialize("python", [record])).save()
            except refusals:
                left.append(record)
            else:
                counts[record["model"]][0] += 1
                went_in = True
        waiting = left
    take_image(target)
    return counts


def compare_readers() -> dict[str, Any]:
    """Read every model in the plain way and in the engine's; return how many rows, and the models that differ."""
    from edms_backup.engines import GENERIC, get_engine
    from edms_backup.engines.reading import RowReader, Tally
    from edms_backup.naturalkeys import KeyRegistry
    from edms_backup.schema import build_inventory

    registry = KeyRegistry()
    inventory = build_inventory(registry)
    engine, generic = get_engine("default", {}), get_engine("default", {"default": GENERIC})
    rows, differing = 0, []
    with engine.freeze([]):
        for spec in inventory.included():
            plain, fast = Tally(), Tally()
            expected = list(RowReader(spec, registry, inventory, plain).rows())
            found = list(engine.rows(spec, registry, inventory, fast))
            rows += len(expected)
            if list(generic.rows(spec, registry, inventory, Tally())) != expected:
                differing.append(f"{spec.label} by the generic engine")
            if found != expected or repr(found) != repr(expected) or fast != plain:
                differing.append(spec.label)
    return {"rows": rows, "differing": differing}


def put_engines_to_the_test() -> list[str]:
    """Put the database's own engine and the generic one through the public suite; return their names."""
    from edms_backup.conf import get_settings
    from edms_backup.engines import GENERIC, get_engine
    from edms_backup.naturalkeys import KeyRegistry
    from edms_backup.schema import build_inventory
    from edms_backup.testing.engine_suite import EngineSuite

    registry = KeyRegistry(get_settings().natural_keys)
    names = []
    for overrides in ({}, {"default": GENERIC}):
        engine = get_engine("default", overrides)
        EngineSuite(engine, registry, build_inventory(registry)).run()
        names.append(engine.name)
    return names


ACTIONS: dict[str, Callable[..., Any]] = {
    action.__name__: action
    for action in (
        take_image,
        live_a_day,
        restore_quietly,
        use_the_edms,
        load_record_by_record,
        compare_readers,
        put_engines_to_the_test,
    )
}


def main(name: str, *arguments: str) -> None:
    """Do what is asked for and say what came of it."""
    import django

    django.setup()
    sys.stdout.write(json.dumps(ACTIONS[name](*arguments)))


if __name__ == "__main__":
    main(*sys.argv[1:])
