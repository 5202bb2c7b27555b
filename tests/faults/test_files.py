"""Files that are not as the rows say: the package is made, the exit code is 3, and each of them is named."""

import json
import os
import time
from pathlib import Path

import pytest

from edms_backup.package import PackageReader
from tests.faults.arena import REMOVED, Arena, Rehearsal
from tests.faults.states import STORE, state_of
from tests.sites import Site

pytestmark = pytest.mark.fault

SPOILED = ("documents/SOP-2025-0003.pdf", "documents/2025/SOP-2025-0004.docx")


def test_missing_files(arena: Arena, changed: Site, stage: Rehearsal) -> None:
    changed.query("UPDATE documents SET file_path = '../outside.txt' WHERE document_number = 'SOP-2025-0003'")
    changed.query("UPDATE documents SET file_path = '/etc/passwd' WHERE document_number = 'SOP-2025-0004'")
    (changed.data_dir / "outside.txt").write_text("not for packages")
    before = state_of(changed)

    made = stage.run("create", "--json")

    assert made.code == 3, made.said
    found = {(finding["code"], finding.get("member")): finding for finding in made.document["findings"]}
    for name in REMOVED:
        finding = found["missing_file", name.removeprefix("media/")]
        assert finding["severity"] == "defect"
        assert finding["model"] == "documents.Document"
        assert finding["key"]
        assert finding["field"] == "file_path"
    for name in ("../outside.txt", "/etc/passwd"):
        assert found["file_outside_root", name]["severity"] == "defect"
    package = changed.data_dir / STORE / made.document["package"]
    with PackageReader.open(package) as reader:
        entries = {entry.name: entry for entry in reader.files()}
        assert entries["../outside.txt"].missing if "../outside.txt" in entries else True
        packed = [reader.open_content(entry).read() for entry in entries.values() if not entry.missing]
    assert not [content for content in packed if b"not for packages" in content or b"root:" in content]
    assert stage.run("verify", package.name).code == 3

    changed.query("UPDATE documents SET title = 'changed again'")
    done = stage.run("restore", package.name, "--yes", "--json")

    assert done.code == 3, done.said
    codes = [finding["code"] for finding in done.document["findings"]]
    assert codes.count("file_was_missing") >= len(REMOVED)
    assert set(before.differences(state_of(changed))) <= {"django_session"}


def test_a_file_that_is_not_what_its_row_says(arena: Arena, changed: Site, stage: Rehearsal) -> None:
    made = stage.run("create", "--json")

    assert made.code == 3
    found = [finding for finding in made.document["findings"] if finding["code"] == "checksum_differs"]
    assert {finding["member"] for finding in found} >= set(SPOILED)
    assert {finding["severity"] for finding in found} == {"defect"}
    # What was there is packed as it was.
    package = changed.data_dir / STORE / made.document["package"]
    with PackageReader.open(package) as reader:
        (entry,) = [entry for entry in reader.files() if entry.name == SPOILED[0]]
        assert reader.open_content(entry).read() == b"another content"


def test_a_file_that_changes_while_it_is_read(arena: Arena, changed: Site) -> None:
    """Somebody writes into it all the time: the package holds one whole state of it, or says that it does not."""
    target = changed.data_dir / "media" / SPOILED[0]
    target.write_bytes(b"." * 3_000_000)
    writer = os.fork()
    if writer == 0:
        with target.open("r+b", buffering=0) as file:
            until = time.monotonic() + 60
            letter = 0
            while time.monotonic() < until:
                letter = (letter + 1) % 20
                file.seek(letter * 100_000)
                file.write(bytes([65 + letter]))
                time.sleep(0.001)  # who sleeps in between is woken in time, however busy the machine is
        os._exit(0)
    try:
        done = changed.manage("edms_backup", "create", "--json", "--models", "documents", check=False)
    finally:
        os.kill(writer, 9)
        os.waitpid(writer, 0)
    assert done.returncode == 3, done.stdout
    findings = json.loads(done.stdout)["findings"]
    unstable = [finding for finding in findings if finding["code"] == "unstable_file"]
    assert [finding["member"] for finding in unstable] == [SPOILED[0]]
    package: Path = changed.data_dir / STORE / json.loads(done.stdout)["package"]
    with PackageReader.open(package) as reader:
        (entry,) = [entry for entry in reader.files() if entry.name == SPOILED[0]]
    assert entry.missing
