"""Engines beside each other, and beside the plain way, on the real EDMS and every database."""

import pytest

from tests.acceptance.conftest import inside
from tests.sites import SiteFactory

pytestmark = pytest.mark.slow


def test_the_engine_reads_what_the_plain_reader_reads(make_site: SiteFactory, vendor: str) -> None:
    compared = inside(make_site(vendor, seeded=True), "compare_readers")
    assert compared["rows"] > 500
    assert compared["differing"] == []


def test_engines_keep_their_promises(make_site: SiteFactory, vendor: str) -> None:
    """What they insert, update and delete is the same, too."""
    own = {"mariadb": "mysql"}.get(vendor, vendor)
    assert inside(make_site(vendor, seeded=True), "put_engines_to_the_test") == [own, "generic"]
