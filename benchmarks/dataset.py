"""Fills an archive with any number of objects, the same ones every time.

Half of the rows hang on documents (versions, signatures, steps, comments, readings), a third are the audit
trail. Run as a program inside of a site: ``python -m benchmarks.dataset fill 100000``.
"""

import argparse
import datetime
import itertools
import random
import uuid
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import django

SHARES = {
    "Document": 0.10,
    "Version": 0.20,
    "Signature": 0.12,
    "Step": 0.10,
    "Comment": 0.08,
    "Reading": 0.05,
    "Entry": 0.34,
}
"""Of all objects; people, categories and the like make up the rest."""
SETUP = ("Department", "Person", "Category", "Tag", "Template")
CHUNK = 2000
EPOCH = datetime.datetime(2020, 1, 1, 8, tzinfo=datetime.UTC)
WORDS = [
    "batch",
    "record",
    "deviation",
    "sterile",
    "filling",
    "line",
    "cleaning",
    "validation",
    "protocol",
    "annex",
    "supplier",
    "audit",
    "change",
    "control",
    "training",
    "matrix",
    "calibration",
    "stability",
    "sample",
    "release",
    "Prüfplan",
    "Rückstellmuster",
    "procédé",
    "étiquette",
    "«draft»",
]
ROUGH = {"Person": 0.006, "Category": 0.002, "Department": 0.0004, "Tag": 0.001, "Template": 0.0006}
CHANGES = {
    "document": "title = CONCAT(title, '*')",
    "version": "remark = CONCAT(remark, '*')",
    "signature": "meaning = 'reviewed anew'",
    "step": "note = CONCAT(note, '*')",
    "comment": "text = CONCAT(text, '*')",
    "reading": "minutes = minutes + 1",
    "entry": "action = 'changed'",
}
"""Table to what makes a row differ."""


class Maker:
    """Makes the rows of one archive. ``base`` is added to every primary key."""

    def __init__(self, objects: int, base: int = 0) -> None:
        self.base = base
        self.with_files = False
        self.random = random.Random(20_26)
        self.counts = {name: max(3, int(objects * share)) for name, share in {**ROUGH, **SHARES}.items()}

    def pk(self, number: int) -> int:
        """Return the primary key of the object with a number, which counts from one."""
        return number + self.base

    def any_pk(self, model: str) -> int:
        """Return the primary key of some row of a model."""
        return self.pk(self.random.randint(1, self.counts[model]))

    def text(self, words: int) -> str:
        """Return so many words."""
        return " ".join(self.random.choices(WORDS, k=words))

    def moment(self) -> datetime.datetime:
        """Return a moment of the years that the archive covers."""
        return EPOCH + datetime.timedelta(microseconds=self.random.randrange(5 * 365 * 86_400_000_000))

    def uuid(self) -> uuid.UUID:
        """Return a uuid, the same in every run."""
        return uuid.UUID(int=self.random.getrandbits(128), version=4)

    def department(self, n: int) -> tuple[Any, ...]:
        return f"DEP-{n:04d}", self.text(2)

    def person(self, n: int) -> tuple[Any, ...]:
        joined = self.moment().date()
        return (
            f"p{n:06d}",
            self.text(2),
            f"p{n:06d}@example.com",
            self.any_pk("Department"),
            joined,
            n % 17 > 0,
        )

    def category(self, n: int) -> tuple[Any, ...]:
        return f"CAT-{n:05d}", self.text(3), self.pk(self.random.randint(1, n - 1)) if n > 4 else None

    def tag(self, n: int) -> tuple[Any, ...]:
        return (f"tag {n}",)

    def template(self, n: int) -> tuple[Any, ...]:
        return f"TPL-{n:04d}", self.text(120), {"margins": [n % 9, 2.5], "header": self.text(3)}

    def document(self, n: int) -> tuple[Any, ...]:
        created = self.moment()
        supersedes = self.pk(self.random.randint(1, n - 1)) if n > 1 and n % 9 == 0 else None
        return (
            f"SOP-{n:07d}",
            self.text(7),
            self.any_pk("Category"),
            self.any_pk("Template") if n % 3 else None,
            self.any_pk("Person"),
            supersedes,
            ("draft", "effective", "obsolete")[n % 3],
            created.date() if n % 4 else None,
            created,
            created + datetime.timedelta(seconds=n),
            n % 300 + 1,
            Decimal(n % 10_000_00) / 100 if n % 5 else None,
            {"language": "en", "copies": n % 7, "printed": n % 2 == 0} if n % 6 else {},
            f"scans/{n % 100:02d}/{n}.pdf" if self.with_files else "",
        )

    def version(self, n: int) -> tuple[Any, ...]:
        documents = self.counts["Document"]
        digest = f"{self.random.getrandbits(256):064x}"
        return (
            self.pk((n - 1) % documents + 1),
            (n - 1) // documents + 1,
            self.any_pk("Person"),
            self.text(9),
            digest,
            self.random.randrange(10**8),
            self.moment(),
        )

    def signature(self, n: int) -> tuple[Any, ...]:
        signer = self.pk(n % self.counts["Person"] + 1)
        version = self.pk((n - 1) % self.counts["Version"] + 1)
        return version, signer, ("author", "review", "approval")[n % 3], self.moment(), self.uuid()

    def step(self, n: int) -> tuple[Any, ...]:
        documents = self.counts["Document"]
        done = self.moment() if n % 2 else None
        ordinal = (n - 1) // documents + 1
        return (
            self.pk((n - 1) % documents + 1),
            ordinal,
            self.any_pk("Person"),
            EPOCH.date(),
            done,
            self.text(4),
        )

    def comment(self, n: int) -> tuple[Any, ...]:
        return (
            self.uuid(),
            self.any_pk("Version"),
            self.any_pk("Person"),
            self.text(15) + '\n"x"',
            self.moment(),
        )

    def reading(self, n: int) -> tuple[Any, ...]:
        version = self.pk((n - 1) % self.counts["Version"] + 1)
        return version, self.pk(n % self.counts["Person"] + 1), self.moment(), self.random.random() * 90

    def entry(self, n: int) -> tuple[Any, ...]:
        model = ("Document", "Version", "Document", "Signature")[n % 4]
        details = (
            {"ip": f"10.0.{n % 250}.{n % 199}", "old": self.text(2), "new": self.text(2)} if n % 3 else {}
        )
        action = ("viewed", "changed", "signed")[n % 3]
        return self.uuid(), self.moment(), self.any_pk("Person"), action, model, self.any_pk(model), details


def write_files(count: int) -> None:
    """Fill an empty site with documents that have a file each: mostly small, a few large, none compressible."""
    from django.apps import apps
    from django.conf import settings

    maker = Maker(count * 10)
    maker.with_files = True
    models = {model.__name__: model for model in apps.get_app_config("records").get_models()}
    for name in (*SETUP, "Document"):
        put(models[name], rows_of(maker, models[name], {}))
    for number in range(1, count + 1):
        path = settings.MEDIA_ROOT / f"scans/{number % 100:02d}/{number}.pdf"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(maker.random.randbytes(int(maker.random.lognormvariate(9.7, 1.2))))


def rows_of(maker: Maker, model: Any, types: dict[str, int]) -> Iterator[tuple[Any, ...]]:
    """Yield the values of a table's columns, primary key first."""
    make = getattr(maker, model.__name__.lower())
    for number in range(1, maker.counts[model.__name__] + 1):
        values = [
            types.get(v, v) if model.__name__ == "Entry" and isinstance(v, str) else v for v in make(number)
        ]
        yield maker.pk(number), *values


def links_of(maker: Maker) -> Iterator[tuple[int, int, int]]:
    """Yield about one and a half tags for each document."""
    serial = itertools.count(1)
    for document in range(1, maker.counts["Document"] + 1):
        tags = maker.random.sample(range(1, maker.counts["Tag"] + 1), k=document % 3)
        for tag in tags:
            yield maker.pk(next(serial)), maker.pk(document), maker.pk(tag)


def fill(objects: int, *, base: int = 0, only: tuple[str, ...] = ()) -> None:
    """Fill the tables of an empty site; ``only`` names the models that it gets."""
    from django.apps import apps
    from django.contrib.contenttypes.models import ContentType
    from django.db import transaction

    models = {model.__name__: model for model in apps.get_app_config("records").get_models()}
    types = {
        name: ContentType.objects.get_for_model(models[name]).pk
        for name in ("Document", "Version", "Signature")
    }
    maker = Maker(objects, base)
    with transaction.atomic():
        for name in (*SETUP, *SHARES):
            if not only or name in only:
                put(models[name], rows_of(maker, models[name], types))
        if not only:
            put(models["Document"].tags.through, links_of(maker))  # type: ignore[attr-defined]
    settle(models)


def put(model: Any, rows: Iterator[tuple[Any, ...]]) -> None:
    """Insert rows past the ORM."""
    from django.db import connection

    from edms_backup.engines.writing import RowInsert

    columns = model._meta.local_concrete_fields
    insert = RowInsert(model, columns, connection)
    names = [column.attname for column in columns]
    with connection.cursor() as cursor:
        while chunk := [dict(zip(names, row, strict=True)) for row in itertools.islice(rows, CHUNK)]:
            cursor.executemany(insert.sql, insert.parameters(chunk))


def settle(models: dict[str, Any]) -> None:
    """Let sequences follow, and the planner know the tables."""
    from django.core.management.color import no_style
    from django.db import connection

    with connection.cursor() as cursor:
        for statement in connection.ops.sequence_reset_sql(no_style(), list(models.values())):
            cursor.execute(statement)
        if connection.vendor == "postgresql":
            cursor.execute("ANALYZE")


def change(every: int) -> None:
    """Make every n-th row of the larger tables differ."""
    from django.db import connection

    with connection.cursor() as cursor:
        for table, change_of in CHANGES.items():
            # SQLite learned CONCAT in 3.44.
            with_bars = change_of.replace("CONCAT(", "(").replace(", '*'", " || '*'")
            assignment = with_bars if connection.vendor == "sqlite" else change_of
            cursor.execute(f"UPDATE records_{table} SET {assignment} WHERE MOD(id, {every}) = 0")


def lengthen(megabytes: int) -> None:
    """Give one template a text of so many megabytes, bound in one piece as an application would."""
    from django.db import connection

    with connection.cursor() as cursor:
        text = (WORDS[0] + " ") * (megabytes * 1_000_000 // (len(WORDS[0]) + 1))
        cursor.execute("UPDATE records_template SET body = %s WHERE code = 'TPL-0001'", (text,))


def main() -> None:
    """Fill or change the site that the settings name."""
    parser = argparse.ArgumentParser()
    commands = parser.add_subparsers(dest="command", required=True)
    filling = commands.add_parser("fill")
    filling.add_argument("objects", type=int)
    filling.add_argument("--base", type=int, default=0)
    filling.add_argument(
        "--setup", action="store_true", help="only departments, people, categories and the like"
    )
    writing = commands.add_parser("files")
    writing.add_argument("count", type=int)
    changing = commands.add_parser("change")
    changing.add_argument("every", type=int)
    lengthening = commands.add_parser("lengthen")
    lengthening.add_argument("megabytes", type=int)
    options = parser.parse_args()
    django.setup()
    if options.command == "fill":
        fill(options.objects, base=options.base, only=SETUP if options.setup else ())
    elif options.command == "files":
        write_files(options.count)
    elif options.command == "lengthen":
        lengthen(options.megabytes)
    else:
        change(options.every)


if __name__ == "__main__":
    main()
