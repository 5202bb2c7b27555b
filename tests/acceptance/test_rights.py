"""The EDMS's own roles are rights: a plan says so, on each database."""

import json
from typing import Any

import pytest

from tests.sites import Site, SiteFactory

pytestmark = pytest.mark.slow

TAKE_ROLES = """
from apps.users.models import Role, User, UserRole
UserRole.objects.all().delete()
Role.objects.filter(pk=Role.objects.first().pk).update(description="less than before")
User.objects.filter(username="author").update(password="!")
"""


def privileges(site: Site) -> dict[str, Any]:
    """Return what the latest package would give to whom."""
    said = site.manage("edms_backup", "restore", "latest", "--dry-run", "--json").stdout
    found: dict[str, Any] = json.loads(said)["privileges"]
    return found


def test_roles_of_the_edms_are_told_by_a_plan(vendor: str, make_site: SiteFactory) -> None:
    site = make_site(vendor, seeded=True)
    site.manage("edms_backup", "create")
    assert privileges(site) == {"total": 0, "gained": [], "changes": []}
    site.manage("shell", "-v", "0", "-c", TAKE_ROLES)

    found = privileges(site)

    gains = {change["model"]: change["gains"] for change in found["changes"]}
    assert gains["users.Role"] == ["rows of users.Role"]
    assert gains["users.UserRole"] == ["rows of users.UserRole"]
    (author,) = [change for change in found["changes"] if change["model"] == "users.User"]
    assert (author["key"], author["sign_in"]) == ("author", True)
    assert {"roles", "group Document Authors"} <= set(author["holds"])
    said = site.manage("edms_backup", "restore", "latest", "--dry-run").stdout
    assert "  users.UserRole  gains rows of users.UserRole\n" in said
    assert "  users.User author  somebody else may sign in, and holds " in said
