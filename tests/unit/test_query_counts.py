"""How many statements a command sends depends on the models, not on the rows. Timed tests would be noise."""

import re
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.contrib.contenttypes.models import ContentType
from django.db import connection

from edms_backup.restore.load import BATCH
from edms_backup.restore.report import Mode
from tests.unit.conftest import Zoo
from tests.zoo import models as animals

LABELS = ("zoo.Tag", "zoo.Author", "zoo.Article", "zoo.Authorship", "zoo.Folder", "zoo.Note")
FEW, MANY = 7, BATCH - 1
"""Below one batch: then not even the number of batches differs."""


def grow(count: int) -> None:
    """Make rows with references of every kind: to others, to themselves, many to many, generic."""
    numbers = range(count)
    tags = animals.Tag.objects.bulk_create(animals.Tag(code=f"t{n}") for n in numbers)
    authors = animals.Author.objects.bulk_create(animals.Author(code=f"w{n}") for n in numbers)
    articles = animals.Article.objects.bulk_create(animals.Article(code=f"a{n}") for n in numbers)
    through = animals.Article.tags.through
    through.objects.bulk_create(through(article=articles[n], tag=tags[n // 2]) for n in numbers)
    animals.Authorship.objects.bulk_create(
        animals.Authorship(code=f"s{n}", article=articles[n], author=authors[n]) for n in numbers
    )
    for n in numbers:
        animals.Folder.objects.create(
            code=f"f{n}", parent=animals.Folder.objects.filter(code=f"f{n // 2}").first()
        )
    kind = ContentType.objects.get_for_model(animals.Article)
    animals.Note.objects.bulk_create(
        animals.Note(code=f"n{n}", content_type=kind, object_id=articles[n].pk) for n in numbers
    )


def shrink() -> None:
    for model in (
        animals.Note,
        animals.Folder,
        animals.Authorship,
        animals.Article,
        animals.Author,
        animals.Tag,
    ):
        model.objects.all().delete()


@contextmanager
def counted() -> Iterator[Counter[str]]:
    """Count statements; one that is sent for many rows at once counts as one."""
    found: Counter[str] = Counter()

    def note(execute: Any, sql: Any, *rest: Any) -> Any:
        # The number of a savepoint, and values that stand in the statement, are not what it is.
        found[re.sub(r"""["`]s[0-9]+_x[0-9]+["`]|VALUES .*""", "", str(sql), flags=re.DOTALL)[:60]] += 1
        return execute(sql, *rest)

    with connection.execute_wrapper(note):
        yield found


def statements(zoo: Zoo, count: int, action: str) -> Counter[str]:
    """Return the statements of one command on so many rows of each model."""
    grow(count)
    zoo.create(*LABELS)
    prepare: dict[str, Callable[[], object]] = {
        "restore into empty tables": shrink,
        "merge of changed rows": lambda: animals.Authorship.objects.update(share=1),
        "replace": lambda: animals.Author.objects.filter(code="w1").delete(),
    }
    prepare.get(action, bool)()
    with counted() as found:
        zoo.create(*LABELS) if action == "create" else zoo.restore(
            Mode.REPLACE if action == "replace" else Mode.MERGE
        )
    shrink()
    return found


@pytest.mark.parametrize(
    "action",
    ["create", "restore into empty tables", "merge of same rows", "merge of changed rows", "replace"],
)
def test_statements_do_not_grow_with_the_rows(zoo: Zoo, action: str) -> None:
    few, many = statements(zoo, FEW, action), statements(zoo, MANY, action)
    assert {sql: n for sql, n in many.items() if n > few[sql]} == {}
    assert sum(many.values()) <= 40 + 25 * len(LABELS)
