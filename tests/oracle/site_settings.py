"""Settings of a site that is made of apps of Django's tests. What it is made of stands in the environment."""

import os
from pathlib import Path

import dj_database_url

_home = Path(os.environ["EDMS_ORACLE_HOME"])
_apps = os.environ["EDMS_ORACLE_APPS"].split(",")

INSTALLED_APPS = [
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "django.contrib.sites",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.admin.apps.SimpleAdminConfig",
    "django.contrib.staticfiles",
    *dict.fromkeys(_apps),
    "edms_backup",
]
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]
DATABASES = {"default": dj_database_url.parse(os.environ["EDMS_ORACLE_URL"])}
# Tables are made from the models as they are: Django's test apps have no migrations.
MIGRATION_MODULES = {
    name: None
    for name in ("contenttypes", "auth", "sites", "sessions", "admin", "flatpages", "redirects", *_apps)
}
SECRET_KEY = "only for comparisons"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
DEFAULT_AUTO_FIELD = "django.db.models.AutoField"
USE_TZ = False
SITE_ID = 1
ROOT_URLCONF = "urls"
STATIC_URL = "static/"
MEDIA_ROOT = str(_home / "media")
EDMS_BACKUP = {"DIRECTORY": str(_home / "packages"), "STATE_DIRECTORY": str(_home / "state")}
