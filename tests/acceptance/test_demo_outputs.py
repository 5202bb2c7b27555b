"""What programs and people read off the command: JSON documents with promised keys, and the verdict."""

import json
import re
import zipfile
from typing import Any

import pytest

from tests.acceptance.conftest import Stories, Story

pytestmark = pytest.mark.slow

VERDICT = re.compile(
    r"(?P<rows>\d+)/(?P=rows) rows identical in (?P<models>\d+) models, (?P<files>\d+)/(?P=files) files identical"
)
COUNTS = {"expected", "before", "after", "inserted", "updated", "unchanged", "deleted", "refused"}


@pytest.fixture
def told(stories: Stories) -> Story:
    """Give the story of SQLite: what is printed does not depend on the vendor."""
    return stories("sqlite")


def only_document(text: str) -> dict[str, Any]:
    """Return the one JSON document that a text is; fails when there is anything before or behind it."""
    document = json.loads(text)
    assert isinstance(document, dict)
    return document


def test_create_says_what_it_made(told: Story) -> None:
    created = only_document(told.created)

    assert {"package", "id", "rows", "files", "bytes", "seconds", "findings"} <= created.keys()
    assert created["bytes"] == told.package.stat().st_size
    assert created["rows"] == told.before.count
    assert created["files"] == len(told.before.files)
    assert created["seconds"] > 0
    assert [finding for finding in created["findings"] if finding["severity"] in ("error", "defect")] == []


def test_restore_says_what_it_did(told: Story) -> None:
    report = only_document(told.merged.said)

    assert {"outcome", "mode", "models", "files", "findings", "seconds"} <= report.keys()
    assert (report["outcome"], report["mode"]) == ("committed", "merge")
    assert all(counts.keys() >= COUNTS for counts in report["models"].values())
    for label, counts in report["models"].items():
        # The ledger against what somebody else counted before and after.
        assert counts["expected"] == len(told.before.rows[label]), label
        assert counts["before"] == len(told.between.rows[label]), label
        assert counts["after"] == len(told.merged.image.rows[label]), label
        assert counts["inserted"] + counts["updated"] + counts["unchanged"] == counts["expected"], label
        assert (counts["deleted"], counts["refused"]) == (0, 0), label
    assert report["models"].keys() == told.before.rows.keys()


def test_the_verdict_names_every_row_and_file(told: Story) -> None:
    report = only_document(told.merged.said)
    last_line = told.fresh.said.strip().splitlines()[-1]

    for text in (report["verdict"], last_line):
        found = VERDICT.search(text)
        assert found, text
        assert int(found["rows"]) == told.before.count
        assert int(found["models"]) == len(told.before.rows)
        assert int(found["files"]) == len(told.before.files)


def test_verify_says_whether_the_package_is_intact(told: Story) -> None:
    good = only_document(told.fresh.site.manage("edms_backup", "verify", told.package, "--json").stdout)
    assert good.keys() >= {"ok", "findings"}
    assert good["ok"] is True
    assert good["findings"] == []


def test_verify_says_that_a_package_is_damaged(told: Story) -> None:
    damaged = told.package.with_name("damaged.edms.zip")
    content = bytearray(told.package.read_bytes())
    with zipfile.ZipFile(told.package) as archive:
        # In the middle of a member: what stands around it, and says what it is, can still be read.
        member = max(
            archive.infolist(), key=lambda info: info.compress_size * ("MANIFEST" not in info.filename)
        )
    content[member.header_offset + 30 + len(member.filename) + member.compress_size // 2] ^= 1
    damaged.write_bytes(content)

    done = told.fresh.site.manage("edms_backup", "verify", damaged, "--json", check=False)

    document = only_document(done.stdout)
    assert done.returncode == 13
    assert document["ok"] is False
    assert document["findings"]
