"""Settings of the example EDMS.

The environment decides where it runs: DATABASE_URL (an SQLite file without it) and EDMS_DATA_DIR (database
file, media, older stored documents and backup packages).
"""

import importlib.metadata
import importlib.util
import json
import os
from pathlib import Path

import django

from edms.backup import backup_settings
from edms.database import database_from_url

BASE_DIR = Path(__file__).resolve().parent.parent
EDMS_DATA_DIR = Path(os.environ.get("EDMS_DATA_DIR") or BASE_DIR / "data").resolve()
EDMS_DATA_DIR.mkdir(parents=True, exist_ok=True)


def _celery_beat_fits() -> bool:
    """Whether django-celery-beat is installed and its own requirements admit this Django."""
    if (
        importlib.util.find_spec("django_celery_beat") is None
        or importlib.util.find_spec("packaging") is None
    ):
        return False
    from packaging.requirements import Requirement  # noqa: PLC0415

    needs = [Requirement(line) for line in importlib.metadata.requires("django-celery-beat") or []]
    return all(
        need.specifier.contains(django.get_version(), prereleases=True)
        for need in needs
        if need.name.lower() == "django" and (need.marker is None or need.marker.evaluate())
    )


SECRET_KEY = os.environ.get("EDMS_SECRET_KEY", "only-for-the-example-project-never-for-a-site")
DEBUG = False
ALLOWED_HOSTS = ["localhost", "127.0.0.1", "testserver"]
SITE_ID = 1

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.sites",
    "edms_backup",
    "apps.users",
    "apps.documents",
    "apps.workflows",
    "apps.audit",
    "apps.security",
    "apps.placeholders",
    "apps.settings",
    "apps.scheduler",
    "apps.backup",
    "apps.demo",
]
CELERY_BEAT_INSTALLED = _celery_beat_fits()
if CELERY_BEAT_INSTALLED:
    INSTALLED_APPS.append("django_celery_beat")

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]
ROOT_URLCONF = "edms.urls"
WSGI_APPLICATION = "edms.wsgi.application"

DATABASES = {"default": database_from_url(os.environ.get("DATABASE_URL"), EDMS_DATA_DIR)}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
AUTH_USER_MODEL = "users.User"

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True

STATIC_URL = "static/"
MEDIA_URL = "media/"
MEDIA_ROOT = EDMS_DATA_DIR / "media"

# Mail stays in memory. Django 6.1 deprecates the older of the two names.
if django.VERSION >= (6, 1):
    MAILERS = {"default": {"BACKEND": "django.core.mail.backends.locmem.EmailBackend"}}
else:
    EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
DEFAULT_FROM_EMAIL = "edms@example.com"

# MariaDB has no conditional unique constraints; Django leaves the one on notification templates out there.
SILENCED_SYSTEM_CHECKS = ["models.W036"]

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"console": {"class": "logging.StreamHandler", "level": "WARNING"}},
    "root": {"handlers": ["console"], "level": "WARNING"},
}

EDMS_BACKUP = backup_settings(EDMS_DATA_DIR, MEDIA_ROOT)

# Who carries out what is submitted: see docs/settings.md of the backup app. Without EDMS_JOBS, a process.
EDMS_BACKUP["JOBS"] = os.environ.get("EDMS_JOBS") or "process"
if EDMS_BACKUP["JOBS"].startswith("tasks"):
    INSTALLED_APPS += ["django_tasks_db"] if django.VERSION >= (6,) else ["django_tasks", "django_tasks_db"]
    TASKS = {"default": {"BACKEND": "django_tasks_db.DatabaseBackend"}}

# How often the REST interface may be called, as JSON: see API_RATES in docs/settings.md.
if os.environ.get("EDMS_API_RATES"):
    EDMS_BACKUP["API_RATES"] = json.loads(os.environ["EDMS_API_RATES"])
