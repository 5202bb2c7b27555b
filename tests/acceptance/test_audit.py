"""The trails and a restore, on each database: the host's own that are newer stay, and so does ours, untouched."""

import json
from pathlib import Path

import pytest

from tests.sites import Site, SiteFactory

pytestmark = pytest.mark.slow

LATER = """
from apps.audit.models import AuditTrail, LoginAudit, SystemEvent
from django.db import models
for model in (AuditTrail, LoginAudit, SystemEvent):
    row = model.objects.order_by("pk").first()
    assert row is not None, model
    row.pk = None
    row._state.adding = True
    if hasattr(row, "uuid"):
        import uuid
        row.uuid = uuid.uuid4()
    models.Model.save_base(row, raw=True, force_insert=True)
    print(f"{model._meta.label} {row.pk}")
"""
COUNT = """
from apps.audit.models import AuditTrail, LoginAudit, SystemEvent
from edms_backup.models import AuditEvent
import json
print(json.dumps({
    "host": {model._meta.label: sorted(map(str, model.objects.values_list("pk", flat=True)))
             for model in (AuditTrail, LoginAudit, SystemEvent)},
    "ours": list(AuditEvent.objects.order_by("sequence").values_list("line", flat=True)),
}))
"""


def look(site: Site) -> tuple[dict[str, list[str]], list[str], bytes]:
    """Return the host's audit rows, our rows, and our journal."""
    found = json.loads(site.manage("shell", "-v", "0", "-c", COUNT).stdout)
    (journal,) = Path(site.data_dir).rglob("trail.jsonl")
    return found["host"], found["ours"], journal.read_bytes()


def test_a_replace_leaves_what_trails_have_gained(vendor: str, make_site: SiteFactory) -> None:
    site = make_site(vendor, seeded=True)
    site.manage("edms_backup", "create")
    old_host, old_ours, old_journal = look(site)
    site.manage("shell", "-v", "0", "-c", LATER)
    later_host, _, _ = look(site)
    assert all(len(later_host[label]) == len(rows) + 1 for label, rows in old_host.items())

    report = json.loads(
        site.manage("edms_backup", "restore", "latest", "--mode", "replace", "--yes", "--json").stdout
    )

    host, ours, journal = look(site)
    assert host == later_host
    assert {label: report["models"][label]["left"] for label in host} == dict.fromkeys(host, 1)
    assert {label: report["models"][label]["deleted"] for label in host} == dict.fromkeys(host, 0)
    assert journal.startswith(old_journal)
    assert ours[: len(old_ours)] == old_ours
    assert [line + "\n" for line in map(str.rstrip, ours)] == journal.decode().splitlines(keepends=True)

    site.manage("edms_backup", "undo", "--yes")
    verified = json.loads(site.manage("edms_backup", "audit", "verify", "--json").stdout)
    assert (verified["ok"], verified["findings"], verified["entries"]) == (True, [], 6)


def test_a_site_that_is_initialised_anew_keeps_the_trail(vendor: str, make_site: SiteFactory) -> None:
    site = make_site(vendor, seeded=True)
    site.manage("edms_backup", "create")
    _, _, before = look(site)
    site.manage("system_reinit", "--shift-ids", "--yes")
    site.manage("edms_backup", "restore", "latest", "--yes")
    _, ours, journal = look(site)
    assert journal.startswith(before)
    verified = json.loads(site.manage("edms_backup", "audit", "verify", "--json").stdout)
    assert verified["ok"]
    assert len(ours) == verified["entries"] == 4
    status = site.manage("edms_backup", "status", check=False)
    assert status.returncode in (0, 1)
    assert status.stdout.startswith("EDMS BACKUP ")
