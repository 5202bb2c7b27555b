"""Settings of the tests: the example project's, made quick and kept away from anybody's real data.

The default database is on the server that ``DATABASE_URL`` names (SQLite when unset), but is never the one
named.
"""

import atexit
import os
import shutil
import sys
import tempfile
from pathlib import Path

EXAMPLE_PROJECT = Path(__file__).resolve().parent.parent / "example_project"
if str(EXAMPLE_PROJECT) not in sys.path:
    sys.path.insert(0, str(EXAMPLE_PROJECT))

# Set, not defaulted: a data directory that the developer's shell names must not be written to. Each process,
# so each xdist worker too, has its own, which goes when the process ends.
os.environ["EDMS_DATA_DIR"] = tempfile.mkdtemp(prefix="edms-backup-tests-")
atexit.register(shutil.rmtree, os.environ["EDMS_DATA_DIR"], ignore_errors=True)

from edms.settings import *  # noqa: E402

# Models that no sane site has; only here, never in the example project.
INSTALLED_APPS = [*INSTALLED_APPS, "tests.zoo"]

# The first hashes new passwords, and quickly; the others still verify those that come out of a package.
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.MD5PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]

# A server's test database has a name of its own for each process: one that is there already is never dropped,
# and two runs do not meet. SQLite's is in memory.
if not DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    DATABASES["default"]["TEST"] = {
        **DATABASES["default"].get("TEST", {}),
        "NAME": f"edms_test_default_{os.getpid()}",
    }
