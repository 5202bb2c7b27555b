"""More rows than are taken at a time: what lies on both sides of a border between batches is restored alike."""

import pytest

from edms_backup.restore import load
from edms_backup.restore.keymap import _BATCH
from edms_backup.restore.report import Mode
from tests.unit.conftest import Zoo
from tests.zoo import models as zoo_models

MANY = _BATCH + 1
LABELS = ("zoo.Tag", "zoo.Article", "zoo.Folder")


def grow(count: int, *, parents: int, start: int) -> None:
    """Make folders in a tree, and articles that each have the tag of their number and the next one."""
    folder, article, tag = zoo_models.Folder, zoo_models.Article, zoo_models.Tag
    numbers = range(count)
    folder.objects.bulk_create(
        folder(pk=start + n, code=f"f{n}", parent_id=start + n // parents if n else None) for n in numbers
    )
    tag.objects.bulk_create(tag(pk=start + n, code=f"t{n}") for n in numbers)
    article.objects.bulk_create(article(pk=start + n, code=f"a{n}") for n in numbers)
    through = article.tags.through
    through.objects.bulk_create(
        through(article_id=start + n, tag_id=start + (n + more) % count) for n in numbers for more in (0, 1)
    )


def picture() -> tuple[list[tuple[str, str]], ...]:
    """Return which folder is in which, and which article has which tag."""
    through = zoo_models.Article.tags.through.objects
    return (
        sorted(zoo_models.Folder.objects.values_list("code", "parent__code"), key=repr),
        sorted(through.values_list("article__code", "tag__code")),
    )


@pytest.mark.parametrize("mode", Mode)
def test_more_rows_than_one_batch(zoo: Zoo, mode: Mode) -> None:
    assert load.BATCH < MANY
    zoo.choose("tree")
    grow(MANY, parents=2, start=1)
    before = picture()
    zoo.create(*LABELS)
    for model in (zoo_models.Article, zoo_models.Tag, zoo_models.Folder):
        model.objects.all().delete()
    # Other numbers, other parents, and a few rows are gone: at the beginning, around the borders, at the end.
    grow(MANY, parents=3, start=300)
    for number in (0, 499, 500, 501, 999, MANY - 1):
        zoo_models.Tag.objects.filter(code=f"t{number}").delete()
        zoo_models.Article.objects.filter(code=f"a{number}").delete()

    report = zoo.restore(mode)

    assert picture() == before
    assert report.verdict.startswith(f"{3 * MANY}/{3 * MANY} rows identical")
    for label in ("zoo.Tag", "zoo.Article"):
        assert (report.models[label].inserted, report.models[label].after) == (6, MANY)
    assert report.models["zoo.Folder"].updated == sum(n // 2 != n // 3 for n in range(MANY))
    again = zoo.plan(mode)
    assert (again.changes, again.samples) == (0, {})
