"""The real commands on a real site, in processes of their own."""

import json
from pathlib import Path

import pytest

from edms_backup.storage import SUFFIX
from tests.sites import SiteFactory


def test_a_day_on_the_command_line(make_site: SiteFactory, tmp_path: Path) -> None:
    site = make_site("sqlite", seeded=True)
    made = site.manage("edms_backup", "create", "--label", "before", "--json", check=False)
    assert made.returncode == 0, made.stderr
    report = json.loads(made.stdout)
    assert report["package"].endswith(SUFFIX)

    listed = json.loads(site.manage("edms_backup", "list", "--json").stdout)
    assert [(one["name"], one["label"]) for one in listed["packages"]] == [(report["package"], "before")]

    shown = json.loads(site.manage("edms_backup", "show", "latest", "--json").stdout)
    assert shown["manifest"]["header"]["package_id"] == report["id"]
    assert report["package"] in site.manage("edms_backup", "show", "latest", "-v", "2").stdout
    assert json.loads(site.manage("edms_backup", "verify", "latest", "--json").stdout)["ok"] is True

    before = site.query("SELECT count(*) FROM document_comments")
    site.query("DELETE FROM document_comments")
    planned = json.loads(site.manage("edms_backup", "restore", "latest", "--dry-run", "--json").stdout)
    assert planned["outcome"] == "planned"
    assert planned["models"]["documents.DocumentComment"]["inserted"] == before[0][0] > 0

    refused = site.manage("edms_backup", "restore", "latest", check=False)
    assert refused.returncode == 2
    assert site.query("SELECT count(*) FROM document_comments") == [(0,)]

    restored = site.manage("edms_backup", "restore", report["package"][:-20], "--yes").stdout.splitlines()
    assert "rows identical" in restored[-1]
    assert "edms_backup undo --run " in restored[-2]
    assert site.query("SELECT count(*) FROM document_comments") == before

    undone = site.manage("edms_backup", *restored[-2].split("edms_backup ")[1].split(), "--yes")
    assert "rows identical" in undone.stdout.splitlines()[-1]
    assert site.query("SELECT count(*) FROM document_comments") == [(0,)]


@pytest.mark.parametrize("subcommand", ["inventory", "check"])
def test_looking_at_a_real_site(make_site: SiteFactory, subcommand: str) -> None:
    site = make_site("sqlite", seeded=True)
    text = site.manage("edms_backup", subcommand, check=False)
    document = site.manage("edms_backup", subcommand, "--json", check=False)
    assert text.returncode == document.returncode
    assert text.returncode in {0, 3}, text.stderr
    assert text.stdout
    assert "findings" in json.loads(document.stdout)


def test_a_damaged_package_and_a_missing_one(make_site: SiteFactory, tmp_path: Path) -> None:
    site = make_site("sqlite")
    path = tmp_path / "elsewhere.zip"
    assert site.manage("edms_backup", "create", "--output", path, check=False).returncode == 0
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    assert site.manage("edms_backup", "verify", path, check=False).returncode == 13
    refused = site.manage("edms_backup", "restore", path, "--yes", "--json", check=False)
    assert refused.returncode == 13
    assert json.loads(refused.stdout)["error"]["exit_code"] == 13
    assert site.manage("edms_backup", "verify", "nothing", check=False).returncode == 10
