"""Then the EDMS works: what people do with it on the day after the restore."""

import pytest

from tests.acceptance.conftest import Story
from tests.acceptance.independent import NOWHERE
from tests.acceptance.inside import DAY_ONE_DOCUMENT

pytestmark = pytest.mark.slow


@pytest.fixture(params=["merged", "replaced"])
def kind(request: pytest.FixtureRequest) -> str:
    """Run the test at a site that was merged into, and at one whose content was replaced."""
    name: str = request.param
    return name


def test_the_edms_works_after_the_restore(story: Story, kind: str) -> None:
    done = getattr(story, f"{kind}_in_use")

    assert done["sign_in"] == {"admin at the door": True, "author as before": True, "admin as new": False}
    sizes = {
        name[2:-2]: int(row.values["file_size"].removeprefix("int "))
        for name, row in story.before.named("documents.Document").items()
        if row.values["file_path"] != 'text ""'
    }
    assert len(sizes) > 10
    assert {number: size for number, size in done["opened"].items() if number != DAY_ONE_DOCUMENT} == sizes
    assert done["workflow"] == ["PENDING_REVIEW", "UNDER_REVIEW", "UNDER_REVIEW", "reviewer@example.com"]
    assert done["new"] == {
        "numbers": ["SOP-2025-0011", "SOP-2025-0012"],
        "content": "first.txt",
        "versions": 1,
    }
    assert len(done["keys"]) == 6
    assert [label for label, (new, highest) in done["keys"].items() if new <= highest] == []


def test_audit_records_lead_to_the_documents_that_they_are_about(story: Story, kind: str) -> None:
    done = getattr(story, f"{kind}_in_use")

    led = {
        name[len('["UUID ') : -2]: row.values["object_id"].removeprefix('-> documents.Document ["')[:-2]
        for name, row in story.before.named("audit.AuditTrail").items()
        if row.values["object_id"].startswith("-> documents.Document ")
    }
    assert len(led) > 40
    assert led.items() <= done["records"].items()
    dangling = [
        name[len('["UUID ') : -2]
        for name, row in story.before.named("audit.AuditTrail").items()
        if row.values["object_id"].startswith(NOWHERE)
    ]
    assert len(dangling) == 2
    assert not set(dangling) & done["records"].keys()
