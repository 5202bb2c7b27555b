"""The sites that other tests stand on: each its own, each as the real ``migrate`` would leave it."""

from typing import Any

import pytest

from tests.faults.sampling import EVERYTHING
from tests.sites import Site, SiteFactory


def test_a_site_begins_as_migrate_leaves_it(make_site: SiteFactory, vendor: str) -> None:
    if vendor != "sqlite" and not EVERYTHING:
        pytest.skip("migrations take long on a server; EDMS_FAULTS=1 lets it run")
    copied = make_site(vendor, "copied")
    migrated = make_site(vendor, "migrated", migrated=False)
    migrated.migrate()

    assert copied.manage("migrate", "--check").returncode == 0
    assert copied.manage("inspectdb").stdout == migrated.manage("inspectdb").stdout
    assert constraints(copied) == constraints(migrated)
    assert copied.query("SELECT count(*) FROM django_content_type") == migrated.query(
        "SELECT count(*) FROM django_content_type"
    )


def test_sites_share_nothing(make_site: SiteFactory, vendor: str) -> None:
    first, second = make_site(vendor, "first"), make_site(vendor, "second")

    first.query("UPDATE django_site SET name = %s", ("changed",))

    assert second.query("SELECT count(*) FROM django_site WHERE name = 'changed'") == [(0,)]
    assert first.data_dir != second.data_dir


def constraints(site: Site) -> list[tuple[Any, ...]]:
    """Return foreign keys and unique constraints as the database itself describes them."""
    statement = {
        "sqlite": "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY sql",
        "postgresql": "SELECT conrelid::regclass::text, pg_get_constraintdef(oid) FROM pg_constraint"
        " WHERE connamespace = 'public'::regnamespace ORDER BY 1, 2",
        "mariadb": "SELECT table_name, constraint_name, constraint_type FROM"
        " information_schema.table_constraints WHERE table_schema = database() ORDER BY 1, 2, 3",
    }[site.vendor]
    return site.query(statement)


def test_a_seeded_site_brings_rows_and_files(make_site: SiteFactory, vendor: str) -> None:
    site = make_site(vendor, seeded=True)

    [(documents,)] = site.query("SELECT count(*) FROM documents")
    assert documents > 0
    assert any(path.is_file() for path in site.data_dir.rglob("*"))
