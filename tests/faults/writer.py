"""People at work while a package is made: a program in the environment of a site, until it is told to stop.

Each transaction either moves an amount between two rows, or inserts a document, its version and its audit
record together, whose file is there already. Whoever sees a part of one has not looked at one moment.
"""

import random
import sys
import time
from pathlib import Path

import django
from django.db import OperationalError, models, transaction

PAIR = ("SOP-2025-0003", "SOP-2025-0004")
PREFIX = "BUSY-"


def move(chance: random.Random) -> None:
    """Move an amount between two rows."""
    from apps.documents.models import Document

    amount = chance.randrange(1, 1000)
    documents = Document.all_objects
    with transaction.atomic():
        # Both in the same order in every process: no deadlocks.
        documents.filter(document_number=PAIR[0]).update(file_size=models.F("file_size") - amount)
        documents.filter(document_number=PAIR[1]).update(file_size=models.F("file_size") + amount)


def write(number: str) -> None:
    """Write a file, and insert three rows that belong together and name it."""
    from django.conf import settings

    from apps.audit.models import AuditTrail
    from apps.documents.models import Document, DocumentVersion

    name = f"documents/{number}.txt"
    (Path(settings.MEDIA_ROOT) / name).write_text(number)
    model = Document.all_objects.get(document_number=PAIR[0])
    with transaction.atomic():
        document = Document.all_objects.create(
            document_number=number,
            title=number,
            document_type=model.document_type,
            document_source=model.document_source,
            author=model.author,
            file_path=name,
        )
        DocumentVersion.objects.get_or_create(
            document=document, version_major=1, version_minor=0, defaults={"created_by": model.author}
        )
        AuditTrail.objects.create(action="BUSY", object_representation=number, description=number)


def main(name: str, stop: Path, pause: float) -> None:
    """Write until ``stop`` is there, with a pause of so many seconds after each two transactions."""
    django.setup()
    chance = random.Random(name)
    number = 0
    while not stop.exists():
        number += 1
        try:
            move(chance)
            write(f"{PREFIX}{name}-{number}")
        except OperationalError as error:
            # SQLite refuses who reads first and writes then while another one writes; people try again.
            if "locked" not in str(error) and "Deadlock" not in str(error):
                raise
        time.sleep(pause)
    sys.stdout.write(str(number))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), float(sys.argv[3]))
