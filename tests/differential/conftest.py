"""The zoo, as the unit tests keep it."""

from tests.unit.conftest import pristine, transactional_db, zoo

__all__ = ["pristine", "transactional_db", "zoo"]
