"""Fixtures that every test may use, and the lines that say which databases took part.

Databases: ``vendor`` (parametrised), ``database_url(vendor)``. Whole sites: ``make_site(vendor, name)``.
"""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests import browsers, databases
from tests.sites import Site, SiteFactory, SiteTemplates, build_site

DatabaseFactory = Callable[[str], str]
VERSIONS = pytest.StashKey[dict[str, str]]()


def pytest_configure(config: pytest.Config) -> None:
    """Refuse to start with databases that were asked for and are not there."""
    missing = databases.missing_vendors()
    if missing and databases.required():
        names = ", ".join(databases.SERVER_VARIABLES[vendor] for vendor in missing)
        raise pytest.UsageError(f"{databases.REQUIRE_VARIABLE} is set, and {names} is not")
    if browsers.missing() and browsers.required():
        raise pytest.UsageError(f"{browsers.REQUIRE_VARIABLE} is set, and {browsers.missing()}")
    versions = {}
    for vendor in databases.VENDORS:
        if vendor in missing:
            continue
        try:
            versions[vendor] = databases.server_version(vendor)
        except databases.DRIVER_ERRORS as error:
            variable = databases.SERVER_VARIABLES[vendor]
            raise pytest.UsageError(f"{variable} names a server that does not answer: {error}") from error
    config.stash[VERSIONS] = versions
    coverage_plugin = config.pluginmanager.getplugin("_cov")
    if missing and coverage_plugin is not None:
        # The engines of absent vendors cannot be covered; pytest_terminal_summary says so.
        coverage_plugin.options.cov_fail_under = 0


def pytest_report_header(config: pytest.Config) -> str:
    """Name the databases of this run."""
    present = ", ".join(f"{vendor} {version}" for vendor, version in config.stash[VERSIONS].items())
    absent = ", ".join(databases.missing_vendors())
    return f"databases: {present}" + (f" (without {absent})" if absent else "")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say which databases did not take part, and whether a browser did, and how to bring them in."""
    if browsers.missing():
        terminalreporter.section("browser left out")
        terminalreporter.line(f"The pages of the admin were not clicked through: {browsers.missing()}.")
    missing = databases.missing_vendors()
    if not missing:
        return
    terminalreporter.section("databases left out")
    for vendor in missing:
        variable = databases.SERVER_VARIABLES[vendor]
        terminalreporter.line(f"{vendor}: its tests were skipped; set {variable} to the address of a server")
    if terminalreporter.config.pluginmanager.hasplugin("_cov"):
        terminalreporter.line("The coverage threshold holds for all databases together and was not applied.")


@pytest.fixture(params=databases.VENDORS)
def vendor(request: pytest.FixtureRequest) -> str:
    """Run the test once for each database vendor; skipped, with the reason, where the vendor is absent."""
    name: str = request.param
    skip_unless_present(name)
    return name


def skip_unless_present(vendor: str) -> None:
    """Skip the running test when no server of this vendor takes part in the run."""
    if vendor in databases.missing_vendors():
        pytest.skip(f"no {vendor}: {databases.SERVER_VARIABLES[vendor]} is not set")


@pytest.fixture(scope="session")
def database_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DatabaseFactory]:
    """Give a function that makes a fresh, empty database of a vendor and returns its URL.

    All of them are dropped at the end of the session.
    """
    directory = tmp_path_factory.mktemp("databases")
    made: list[str] = []

    def make(vendor: str) -> str:
        skip_unless_present(vendor)
        made.append(databases.create_database(vendor, directory))
        return made[-1]

    yield make
    for url in made:
        databases.drop_database(url)


@pytest.fixture(scope="session")
def site_templates(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SiteTemplates]:
    """Give the sites that others begin as copies of."""
    templates = SiteTemplates(tmp_path_factory.mktemp("templates"))
    yield templates
    templates.drop()


@pytest.fixture
def make_site(tmp_path: Path, site_templates: SiteTemplates) -> Iterator[SiteFactory]:
    """Give a function that makes a site, ``make_site(vendor, name="site", migrated=True, seeded=False)``.

    Each site has a new database and a data directory of its own, ``tmp_path / name``; the databases are
    dropped after the test. With ``seeded`` it holds the rows and files of ``seed_demo``. With
    ``migrated=False`` the database is empty and ``site.migrate()`` fills it.
    """
    made: list[str] = []

    def make(vendor: str, name: str = "site", *, migrated: bool = True, seeded: bool = False) -> Site:
        skip_unless_present(vendor)
        template = site_templates.site(vendor, seeded=seeded) if migrated or seeded else None
        made.append(databases.create_database(vendor, tmp_path, template and template.database_url))
        data_dir = tmp_path / name
        if template is None:
            data_dir.mkdir()
        else:
            shutil.copytree(template.data_dir, data_dir)
        return build_site(vendor, made[-1], data_dir)

    yield make
    for url in made:
        databases.drop_database(url)
