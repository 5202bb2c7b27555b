"""The zoo of the unit tests, for tests that look at what is recorded of it."""

import datetime

from tests.unit.conftest import inventory, pristine, transactional_db, zoo

NOW = datetime.datetime(2026, 1, 31, 12, tzinfo=datetime.UTC)

__all__ = ["NOW", "inventory", "pristine", "transactional_db", "zoo"]
