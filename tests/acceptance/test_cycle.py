"""Backup, disaster, restore: the whole way, by the real command, judged by code that knows nothing of it."""

import pytest

from tests.acceptance.comparing import added, differences, lost
from tests.acceptance.conftest import Stories, Story, image_of, inside
from tests.acceptance.independent import APPEND_ONLY, NOWHERE, Image, Row
from tests.acceptance.inside import DAY_ONE_DOCUMENT, DAY_ONE_GROUP, DAY_ONE_STRAY, DAY_ONE_USER
from tests.sites import Site

pytestmark = pytest.mark.slow

FRAMEWORK = {"contenttypes.ContentType", "auth.Permission"}
"""Rows that Django numbers anew with each database; nobody gives them the numbers of another one."""


def test_the_disaster_is_one(story: Story) -> None:
    """What follows proves nothing unless the new site differs in rows, ids, uuids and files."""
    before, between = story.before, story.between

    assert before.count > 800
    assert len(before.files) > 20
    assert [path for path, content in before.files.items() if content == "no file"] == []
    assert before.rows.keys() == between.rows.keys()
    assert [label for label, rows in before.rows.items() if not rows] == []
    for label in ("users.User", "auth.Group", "documents.DocumentType", "contenttypes.ContentType"):
        both = before.named(label).keys() & between.named(label).keys()
        assert both
        assert all(before.named(label)[name].key != between.named(label)[name].key for name in both)
    kinds = [image.named("documents.DocumentType")['["SOP"]'] for image in (before, between)]
    assert kinds[0].values["uuid"] != kinds[1].values["uuid"]
    assert not before.files.keys() & between.files.keys()


def test_merge_brings_everything_back_and_takes_nothing_away(story: Story) -> None:
    after = story.merged.image

    assert list(lost(story.before, after)) == []
    # What the package does not know is what the new site had before, each row as it was.
    ours = Image(rows=added(story.before, story.between).rows)
    assert {DAY_ONE_DOCUMENT, DAY_ONE_GROUP, DAY_ONE_USER} <= {
        name.strip('["]') for label in ours.rows for name in ours.named(label)
    }
    assert differences(ours, Image(rows=added(story.before, after).rows), keys=True) == []
    assert after.files == story.between.files | story.before.files
    assert after.unnamed.keys() == {DAY_ONE_STRAY}


def test_merge_leaves_the_keys_of_the_new_site_alone(story: Story) -> None:
    between, after = story.between, story.merged.image

    for label, rows in between.rows.items():
        keys = {row.name: row.key for row in after.rows[label]}
        assert {row.name: row.key for row in rows}.items() <= keys.items(), label


@pytest.mark.pitfall(30)
def test_an_empty_site_becomes_the_original(story: Story) -> None:
    assert differences(story.before, story.fresh.image) == []


def test_replace_makes_the_original_with_its_primary_keys(story: Story) -> None:
    after = story.replaced.image
    assert story.replaced.report["mode"] == "replace"
    newer = added(story.before, after).rows
    of_the_package = {
        label: [row for row in rows if row not in newer.get(label, [])] for label, rows in after.rows.items()
    }
    back = Image(rows=of_the_package, files=after.files)
    assert differences(story.before, back) == []
    assert differences(without(FRAMEWORK, story.before), without(FRAMEWORK, back), keys=True) == []

    # Nobody takes audit records away: those of the day after the disaster are still there, and only those.
    recorded = {
        label: rows for label, rows in added(story.before, story.between).rows.items() if label in APPEND_ONLY
    }
    assert recorded.keys() >= {"audit.AuditTrail", "audit.LoginAudit", "audit.DatabaseChangeLog"}
    assert newer.keys() == recorded.keys()
    for label, rows in recorded.items():
        now = {row.name: row.values for row in newer[label]}
        assert now == {row.name: without_the_gone(row, story.between, after) for row in rows}


def without(labels: set[str], image: Image) -> Image:
    """Return an image without some models."""
    rows = {label: rows for label, rows in image.rows.items() if label not in labels}
    return Image(rows=rows, files=image.files)


def without_the_gone(row: Row, between: Image, after: Image) -> dict[str, str]:
    """Return the values of an audit record when rows that it refers to may have gone meanwhile.

    References become NULL; the id of a generic one stays, and leads nowhere rather than to another row.
    """
    values = dict(row.values)
    for column, value in row.values.items():
        label, _, name = value.removeprefix("-> ").partition(" ")
        if value.startswith("-> ") and name not in after.named(label):
            key = between.named(label)[name].key
            values[column] = f"{NOWHERE}{key!r}" if column == "object_id" else "null"
    return values


@pytest.mark.pitfall(25)
def test_the_second_restore_changes_nothing(story: Story) -> None:
    again = story.again

    assert again.report["outcome"] == "committed"
    counts = again.report["models"].values()
    assert {count[what] for count in counts for what in ("inserted", "updated", "deleted", "refused")} == {0}
    assert {again.report["files"][what] for what in ("written", "replaced", "missing")} == {0}
    assert differences(story.merged.image, again.image, keys=True) == []


@pytest.mark.pitfall(60)
@pytest.mark.parametrize("how", ["merged", "replaced", "fresh"])
def test_no_table_numbers_its_next_row_as_an_old_one(story: Story, how: str) -> None:
    assert behind(getattr(story, how).site) == []


def behind(site: Site) -> list[str]:
    """Return the tables whose next primary key is one that a row may have already.

    PostgreSQL alone leaves its counters where they are when keys are given; the others are asked all the same
    by the inserts of ``test_afterwards.py``.
    """
    if site.vendor != "postgresql":
        return []
    owned = site.query(
        "SELECT quote_ident(t.relname), quote_ident(a.attname), quote_ident(s.relname)"
        " FROM pg_class s JOIN pg_depend d ON d.objid = s.oid AND d.deptype IN ('a', 'i')"
        " JOIN pg_class t ON t.oid = d.refobjid"
        " JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = d.refobjsubid WHERE s.relkind = 'S'"
    )
    assert len(owned) > 60
    following = " UNION ALL ".join(
        f"SELECT '{table}', (SELECT coalesce(max({column}), 0) FROM {table}) AS highest,"
        f" (SELECT last_value + is_called::int FROM {sequence}) AS following"
        for table, column, sequence in owned
    )
    rows = site.query(f"SELECT * FROM ({following}) AS counters WHERE following <= highest")
    return [f"{table}: {next_key} after {highest}" for table, highest, next_key in rows]


def test_from_vendor_to_vendor_and_back(stories: Stories) -> None:
    """SQLite to PostgreSQL to MariaDB to SQLite: nothing that one of them cannot tell apart gets lost."""
    start = stories("sqlite")
    package = start.package
    for number, vendor in enumerate(("postgresql", "mariadb", "sqlite")):
        here = stories(vendor)
        site = here.empty(f"travelled-{number}")
        site.manage("edms_backup", "restore", package, "--yes")
        if vendor != "sqlite":
            package = site.data_dir / "travelled.edms.zip"
            site.manage("edms_backup", "create", "--output", package)

    assert differences(start.before, image_of(site), keys=True) == []
    # Each site was filled with the same rows, whatever its vendor: the images can be compared at all.
    assert differences(start.before, stories("mariadb").before, keys=False) == []


@pytest.mark.pitfall(39)
def test_no_receiver_fires_and_no_mail_goes_out(story: Story) -> None:
    result = inside(story.copy(story.disaster, "quiet"), "restore_quietly", story.package)

    assert result["outcome"] == "committed"
    assert result["inserted"] > 400
    assert result["during"] == []
    assert result["mails"] == 0
    # They have not been lost either: the next document that is saved is recorded as ever.
    assert {"store_original_instance", "audit_document_changes"} <= set(result["after"])
