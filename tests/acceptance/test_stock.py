"""The same cycle with Django's own dumpdata and loaddata: what they lose, kept as a test.

This is why the app exists. An EDMS whose models have natural keys in the wrong place, whose receivers do not
look at ``raw``, whose audit records name rows by ids in text columns and whose default managers hide rows is
nothing unusual, and stock fixtures cannot bring it back: not into an empty database, and not into a site that
has been re-initialised. They do not fail in the same way twice; each test here pins one way.

Should a test of this file fail because a release of Django got better at it: good. Look at which, and whether
the detour that the app takes is still needed.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.acceptance.comparing import added, lost
from tests.acceptance.conftest import Stories, Story, inside
from tests.acceptance.independent import NOWHERE, Image, read_image
from tests.sites import Site, SiteFactory, SiteTemplates

pytestmark = pytest.mark.slow

NOT_DUMPED = ("-e", "sessions", "-e", "edms_backup")
THE_CORE = (
    "documents.document",
    "documents.documentversion",
    "workflows.documentworkflow",
    "workflows.documenttransition",
    "users.userrole",
)


@dataclass(frozen=True)
class Fixtures:
    """What dumpdata writes of the seeded site."""

    hiding: Path
    """With natural keys, and without what default managers hide."""
    natural: Path
    """With natural keys, rows of all managers."""
    numbered: Path
    """With the primary keys of the database."""


@pytest.fixture(scope="session")
def fixtures(site_templates: SiteTemplates, tmp_path_factory: pytest.TempPathFactory) -> Fixtures:
    """Give the fixtures of the site whose image is the story's ``before``."""
    directory = tmp_path_factory.mktemp("fixtures")
    site = site_templates.site("sqlite", seeded=True)
    natural = ("--natural-foreign", "--natural-primary")
    for name, options in {
        "hiding": natural,
        "natural": ("--all", *natural),
        "numbered": ("--all",),
    }.items():
        site.manage("dumpdata", *options, *NOT_DUMPED, "--output", directory / f"{name}.json")
    return Fixtures(*(directory / f"{name}.json" for name in ("hiding", "natural", "numbered")))


@pytest.fixture
def story(stories: Stories) -> Story:
    """Give the story of SQLite: fixtures do not depend on the vendor."""
    return stories("sqlite")


def refusal(site: Site, fixture: Path) -> str:
    """Return what loaddata says when it fails; nothing has been loaded then."""
    done = site.manage("loaddata", fixture, check=False)
    assert done.returncode != 0
    assert site.query("SELECT count(*) FROM documents WHERE document_number LIKE 'SOP%'") == [(0,)]
    return done.stderr


def test_dumpdata_leaves_hidden_rows_out(fixtures: Fixtures, story: Story) -> None:
    """Without a word, and successfully: the default manager shows documents in use only."""
    dumped = json.loads(fixtures.hiding.read_text(encoding="utf-8"))
    numbers = {
        record["fields"]["document_number"] for record in dumped if record["model"] == "documents.document"
    }

    missing = {name[2:-2] for name in story.before.named("documents.Document")} - numbers
    assert missing == {"SOP-2015-0007", "SOP-2025-0008"}


@pytest.mark.parametrize("options", [(), ("--all",)], ids=["default-managers", "base-managers"])
def test_the_app_is_no_hindrance(make_site: SiteFactory, options: tuple[str, ...]) -> None:
    """A site that has the app can be dumped whole: the model without a table has no rows to ask for."""
    site = make_site("sqlite", seeded=True)
    site.manage("edms_backup", "create")

    dumped = json.loads(site.manage("dumpdata", *options).stdout)

    assert {"documents.document", "edms_backup.auditevent"} <= {record["model"] for record in dumped}


def test_a_natural_fixture_does_not_load(fixtures: Fixtures, make_site: SiteFactory) -> None:
    """Django asks the manager for get_by_natural_key; the models have it as a class method."""
    said = refusal(make_site("sqlite"), fixtures.natural)

    assert "“['Document Viewer']” value must be an integer" in said
    assert "(users.role:pk=None)" in said


def test_a_numbered_fixture_does_not_load_into_an_empty_site(
    fixtures: Fixtures, make_site: SiteFactory
) -> None:
    """Receivers take a loaded row for a saved one and look for what has not been loaded yet."""
    assert "Document matching query does not exist" in refusal(make_site("sqlite"), fixtures.numbered)


def test_a_numbered_fixture_does_not_load_into_a_new_site(fixtures: Fixtures, story: Story) -> None:
    """The new site has made its defaults already, under other ids."""
    site = story.copy(story.disaster, "numbered")

    assert "UNIQUE constraint failed: auth_group.name" in refusal(site, fixtures.numbered)


def test_record_by_record_the_core_is_lost(
    fixtures: Fixtures, story: Story, make_site: SiteFactory, tmp_path: Path
) -> None:
    """Skipping what fails, as tools around loaddata do, brings back everything but what matters."""
    empty = make_site("sqlite")
    counts = inside(empty, "load_record_by_record", fixtures.natural, tmp_path / "image.json")
    after = read_image(tmp_path / "image.json")

    assert [counts[label][0] for label in THE_CORE] == [0, 0, 0, 0, 0]
    assert all(counts[label][1] > 10 for label in THE_CORE)
    loaded, given = (sum(count[which] for count in counts.values()) for which in (0, 1))
    assert given - loaded > 450
    # All states of documents have become one without a code: the code is the key, and is left out as such.
    assert len(story.before.rows["workflows.DocumentState"]) == 14
    assert [row.name for row in after.rows["workflows.DocumentState"]] == ['[""]']
    # Receivers that do not look at raw have written rows of their own.
    assert len(added(story.before, after).rows["security.SecurityEvent"]) > 0
    assert all(story.before.files.get(path) != content for path, content in after.files.items())


def test_what_goes_in_is_not_what_was(fixtures: Fixtures, story: Story, tmp_path: Path) -> None:
    """Into a new site: microseconds go, and audit records lead to nowhere or to something else."""
    site = story.copy(story.disaster, "record-by-record")
    counts = inside(site, "load_record_by_record", fixtures.natural, tmp_path / "image.json")
    after = read_image(tmp_path / "image.json")

    assert [counts[label][0] for label in THE_CORE] == [0, 0, 0, 0, 0]
    assert counts["audit.systemevent"][0] == counts["audit.systemevent"][1] > 0
    cut = changed("audit.SystemEvent", "timestamp", story.before, after)
    assert len(cut) == counts["audit.systemevent"][0]
    assert all(now.removesuffix("000+00:00") == then[: len(now) - 9] for then, now in cut)
    led_away = changed("audit.AuditTrail", "object_id", story.before, after)
    assert len(led_away) >= 5
    assert any(then.startswith("-> documents.Document") for then, _ in led_away)
    assert all(now.startswith(NOWHERE) or now != then for then, now in led_away)
    assert len(list(lost(story.before, after))) > 700


def changed(label: str, column: str, before: Image, after: Image) -> list[tuple[str, str]]:
    """Return old and new values of a column in rows that are in both images, where they differ."""
    pairs = [
        (row.values[column], after.named(label)[name].values[column])
        for name, row in before.named(label).items()
        if name in after.named(label)
    ]
    return [(then, now) for then, now in pairs if then != now]
