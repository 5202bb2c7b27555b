"""Sites to let things go wrong in."""

from collections.abc import Iterator

import pytest

from tests.faults.arena import Arena, Rehearsal, rehearsal
from tests.sites import Site, SiteTemplates


@pytest.fixture(scope="session")
def arenas(
    site_templates: SiteTemplates, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Arena]]:
    """Give the arenas by vendor; each makes its sites when they are asked for."""
    made = {
        vendor: Arena(vendor, site_templates, tmp_path_factory.mktemp(f"arena-{vendor}"))
        for vendor in ("sqlite", "postgresql", "mariadb")
    }
    yield made
    for arena in made.values():
        arena.drop()


@pytest.fixture
def arena(vendor: str, arenas: dict[str, Arena]) -> Arena:
    """Give the arena of each vendor in turn."""
    return arenas[vendor]


@pytest.fixture
def changed(arena: Arena) -> Iterator[Site]:
    """Give a copy of the changed site, with the package of the time before in its store."""
    site = arena.copy(arena.changed)
    yield site
    arena.discard(site)


@pytest.fixture
def stage(changed: Site) -> Iterator[Rehearsal]:
    """Give a rehearsal in the changed site."""
    with rehearsal(changed) as running:
        yield running
