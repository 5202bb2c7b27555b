"""The zoo, as the unit tests keep it, and as those of the pitfalls take it from database to database."""

from tests.pitfalls.conftest import lone_zoo, stages, travel
from tests.unit.conftest import pristine, transactional_db, zoo

__all__ = ["lone_zoo", "pristine", "stages", "transactional_db", "travel", "zoo"]
