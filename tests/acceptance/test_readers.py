"""The fast way to read rows, beside the plain one, on the real EDMS and every database."""

import pytest

from tests.acceptance.conftest import inside
from tests.sites import SiteFactory

pytestmark = pytest.mark.slow


def test_the_engine_reads_what_the_plain_reader_reads(make_site: SiteFactory, vendor: str) -> None:
    compared = inside(make_site(vendor, seeded=True), "compare_readers")
    assert compared["rows"] > 500
    assert compared["differing"] == []
