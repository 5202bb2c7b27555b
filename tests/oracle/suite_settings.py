"""Settings of Django's own test suite: our reader and writer of rows in the place of its own."""

import os

import dj_database_url
import django

_url = os.environ["EDMS_ORACLE_URL"]


def _database(alias: str) -> dict[str, object]:
    """A test database of its own for each process; SQLite's is in memory."""
    found = dict(dj_database_url.parse(_url))
    if str(found["ENGINE"]).endswith("sqlite3"):
        return {"ENGINE": found["ENGINE"]}
    return {**found, "TEST": {"NAME": f"edms_test_suite_{alias}_{os.getpid()}"}}


DATABASES = {alias: _database(alias) for alias in ("default", "other")}
SECRET_KEY = "only for comparisons"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
if django.VERSION < (6, 0):  # as Django's own settings for its tests have it
    DEFAULT_AUTO_FIELD = "django.db.models.AutoField"
USE_TZ = False
SERIALIZATION_MODULES = {"json": "tests.oracle.stand_in", "jsonl": "tests.oracle.stand_in_lines"}
TEST_RUNNER = "tests.oracle.suite_runner.OracleRunner"
