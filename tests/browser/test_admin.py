"""Somebody clicks through the section of the admin: a backup, a bad day, a restore, an undo."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.browser.conftest import PASSWORD, Served, Visitor

pytestmark = pytest.mark.slow

BROKEN = """[...document.querySelectorAll(".eb-table code")]
    .filter((one) => one.getClientRects().length > 1).map((one) => one.textContent)"""
"""Names in tables that go over the end of a line, each part with a border of its own."""
LOW = 32
"""Pixels; a button that is no higher has no room around its text."""


def packages(served: Served) -> list[Path]:
    return sorted((served.site.data_dir / "backups").glob("*.edms.zip"))


def documents(served: Served) -> list[Any]:
    return served.site.query("SELECT count(*), min(id) FROM documents")


def make_backup(somebody: Visitor, label: str) -> None:
    somebody.come("add/")
    somebody.page.fill("#id_label", label)
    somebody.page.fill("#id_reason", "a rehearsal")
    somebody.press("Make the backup")
    somebody.until("were sealed and read back")


def confirm(somebody: Visitor, button: str, name: str = "Archive North") -> None:
    somebody.page.fill("#id_typed", name)
    if somebody.page.locator("#id_password").count():
        somebody.page.fill("#id_password", PASSWORD)
    somebody.press(button)


def test_a_backup_a_bad_day_a_restore_and_an_undo(visit: Any, served: Served) -> None:
    ann = visit()
    ann.come()
    ann.look("overview-empty")
    ann.come("add/")
    ann.look("create")
    make_backup(ann, "before the upgrade")
    ann.look("create-done")
    ann.come("all/")
    ann.look("packages")
    ann.page.click("#content table a")
    ann.look("package")
    with ann.page.expect_download() as download:
        ann.page.get_by_role("link", name="Download").click()
    assert Path(download.value.path()).read_bytes() == packages(served)[0].read_bytes()
    before = documents(served)

    served.manage("system_reinit", "--shift-ids", "--yes", "--admin-password", PASSWORD)
    assert documents(served) != before
    ann.come("restore/")
    ann.look("restore-1-choose")
    ann.press("Verify this package")
    ann.until("Every byte is what was sealed")
    ann.look("restore-2-verified")
    ann.page.get_by_label("Replace").check()
    ann.press("Make the plan")
    ann.until("What will be lost")
    ann.look("restore-3-plan")
    assert ann.page.evaluate(BROKEN) == []
    confirm(ann, "Restore", "Archive South")
    ann.until("That is not the name of this site")
    assert documents(served) != before
    ann.look("restore-3-wrong-name")
    confirm(ann, "Restore")
    ann.until("were read again after the restore and are identical")
    ann.look("restore-5-proof")
    assert documents(served) == before

    ann.press("Undo this restore …")
    ann.until("What was entered since is lost")
    ann.look("undo-plan")
    confirm(ann, "Undo the restore")
    ann.until("were read again after the restore and are identical")
    ann.look("undo-done")
    assert documents(served) != before
    look_back(ann, served)


def look_back(ann: Visitor, served: Served) -> None:
    """Look at the pages that tell what was done."""
    ann.come()
    ann.look("overview")
    ann.page.goto(f"{served.url}/admin/edms_backup/run/")
    ann.look("runs")
    ann.page.goto(f"{served.url}/admin/edms_backup/auditevent/")
    assert "a rehearsal" not in ann.text()
    ann.look("audit")
    button = ann.page.get_by_role("button", name="Verify the audit trail").bounding_box()
    assert button["height"] > LOW, "a button of the list pages looks like those of ours"
    ann.page.click("#result_list tbody th a")
    ann.look("audit-entry")


def test_the_same_without_script(visit: Any, served: Served) -> None:
    bob = visit(script=False)
    make_backup(bob, "without script")
    before = documents(served)
    served.manage("system_reinit", "--shift-ids", "--yes", "--admin-password", PASSWORD)
    bob.come("restore/")
    bob.press("Verify this package")
    bob.until("Every byte is what was sealed")
    bob.press("Make the plan")
    bob.until("What will be lost")
    confirm(bob, "Restore")
    bob.until("were read again after the restore and are identical")
    assert documents(served)[0][0] >= before[0][0]


def test_a_package_that_is_damaged_is_refused(visit: Any, served: Served, tmp_path: Path) -> None:
    served.manage("edms_backup", "create")
    damaged = tmp_path / "damaged.edms.zip"
    content = bytearray(packages(served)[0].read_bytes())
    content[len(content) // 4] ^= 1
    damaged.write_bytes(content)
    text = tmp_path / "letter.txt"
    text.write_text("Dear all")
    before = documents(served)
    ann = visit()
    ann.come("restore/")
    ann.page.set_input_files("#id_package", str(damaged))
    ann.press("Upload and verify")
    ann.until("he upload is damaged")
    ann.look("upload-damaged")
    assert "Make the plan" not in ann.text()
    ann.come("restore/")
    ann.page.set_input_files("#id_package", str(text))
    ann.press("Upload and verify")
    ann.until("nothing of it was kept")
    ann.look("upload-no-package")
    shutil.copy(damaged, packages(served)[0])
    ann.come("restore/")
    ann.press("Verify this package")
    ann.until("failed")
    ann.look("verify-damaged")
    assert "Make the plan" not in ann.text()
    assert documents(served) == before
    assert len(packages(served)) == 1
    ann.come("all/")
    assert "✗ damaged" in ann.text()
    ann.look("packages-damaged")


def test_a_second_run_is_refused_and_the_first_is_named(visit: Any, served: Served) -> None:
    waiting = (
        "from edms_backup.service import *; s = BackupService.from_settings();"
        "s.queue(RunKind.CREATE, CreateRequest(label='first'), backend='celery')"
    )
    served.manage("shell", "-v", "0", "-c", waiting)
    ann = visit()
    ann.come()
    ann.look("overview-running")
    ann.come("add/")
    ann.press("Make the backup")
    ann.until("The run that is in the way")
    ann.look("refused")
    ann.page.click("h2 + p a")
    ann.until("Waits for a worker")
    ann.look("run-waiting")
    ann.press("Cancel")
    ann.until("cancelled")
    ann.look("run-cancelled")
    assert packages(served) == []


def test_deleting_asks_for_the_password(visit: Any, served: Served) -> None:
    served.manage("edms_backup", "create", "--label", "old")
    ann = visit()
    ann.come("all/")
    ann.page.click("#content table a")
    ann.page.get_by_role("link", name="Delete …").click()
    ann.look("delete")
    ann.page.fill("#id_password", "not it")
    ann.press("Delete this package")
    ann.until("That is not your password")
    assert len(packages(served)) == 1
    ann.page.fill("#id_password", PASSWORD)
    ann.press("Delete this package")
    ann.until("succeeded")
    assert packages(served) == []


def test_in_german(visit: Any, served: Served) -> None:
    served.manage("edms_backup", "create")
    eva = visit(language="de")
    eva.come()
    assert "Letzte gute Sicherung" in eva.text()
    eva.look("overview-german")
