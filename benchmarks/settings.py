"""Settings of the site that is measured; the environment says where its database and its files are."""

import os
from pathlib import Path

import dj_database_url

DATA = Path(os.environ["BENCH_DATA_DIR"])
SECRET_KEY = "only-for-the-benchmark"
INSTALLED_APPS = ["django.contrib.contenttypes", "edms_backup", "benchmarks.records"]
DATABASES = {"default": dj_database_url.parse(os.environ["DATABASE_URL"])}
if DATABASES["default"]["ENGINE"].endswith("mysql"):
    import pymysql

    pymysql.version_info = (2, 2, 8, "final", 0)  # what Django asks of mysqlclient, in whose place it stands
    pymysql.install_as_MySQLdb()
    DATABASES["default"]["OPTIONS"] = {"charset": "utf8mb4"}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
TIME_ZONE = "UTC"
MEDIA_ROOT = DATA / "media"
EDMS_BACKUP = {"DIRECTORY": DATA / "packages", "STATE_DIRECTORY": DATA / "state"}
