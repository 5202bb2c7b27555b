"""The site that threats are tried on: that of the REST interface, with packages that can be forged."""

import pytest

from tests.api.conftest import boss, caller
from tests.api.conftest import site as api_site
from tests.unit.conftest import Zoo, pristine, transactional_db, zoo

__all__ = ["api_site", "boss", "caller", "pristine", "site", "transactional_db", "zoo"]


@pytest.fixture
def site(api_site: Zoo) -> Zoo:
    """Give a site with three tags whose packages are not compressed, so that they can be forged by hand."""
    api_site.configure(COMPRESSION="none", MODELS={})
    return api_site
