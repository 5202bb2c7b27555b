"""Starting over: an EDMS as it is on its first day, in the database that is already there."""

from __future__ import annotations

import shutil

from django.apps import apps
from django.conf import settings
from django.contrib.auth.management import create_permissions
from django.contrib.auth.models import Group, Permission
from django.contrib.contenttypes.management import create_contenttypes
from django.contrib.contenttypes.models import ContentType
from django.contrib.sites.models import Site
from django.db import DEFAULT_DB_ALIAS, connection, models, transaction

from apps.documents.paths import LEGACY_PREFIX
from apps.settings.defaults import administrator, create_defaults
from apps.settings.sequences import move_sequences

EMPTIED_APPS = {
    "users",
    "documents",
    "workflows",
    "audit",
    "security",
    "placeholders",
    "settings",
    "scheduler",
    "backup",
    "admin",
    "sessions",
    "sites",
    "django_celery_beat",
}


def reinitialize(password: str, shift_ids: int = 0) -> None:
    """Empty the EDMS and make its defaults anew, with other primary keys and other uuids.

    Rows are deleted below Django's protection of references and without signals, in one transaction with
    the making of the defaults; stored files go after the commit.

    Args:
        password: Password of the new administrator.
        shift_ids: Distance between the primary keys in use and the new ones. When it is not zero, content
            types and permissions are made anew as well.

    Raises:
        django.db.IntegrityError: A table that is kept refers to one that is emptied, and cannot let go.
    """
    emptied = models_to_empty(with_content_types=bool(shift_ids))
    move_sequences(emptied, shift_ids)
    with connection.constraint_checks_disabled(), transaction.atomic():
        release_references(emptied)
        for model in emptied:
            model._base_manager.all()._raw_delete(DEFAULT_DB_ALIAS)
        ContentType.objects.clear_cache()
        if shift_ids:
            make_content_types()
        else:
            delete_custom_permissions()
        Site.objects.clear_cache()
        Site(pk=settings.SITE_ID, domain="example.com", name="example.com").save(force_insert=True)
        create_defaults(administrator(password), backwards=bool(shift_ids))
        connection.check_constraints()
        transaction.on_commit(remove_stored_files)


def models_to_empty(*, with_content_types: bool) -> list[type[models.Model]]:
    """Return the models whose tables are emptied, the tables of many-to-many relations included."""
    emptied = [
        model
        for model in apps.get_models(include_auto_created=True)
        if model._meta.managed and not model._meta.proxy and model._meta.app_label in EMPTIED_APPS
    ]
    emptied += [Group, Group.permissions.through]
    return [*emptied, Permission, ContentType] if with_content_types else emptied


def release_references(emptied: list[type[models.Model]]) -> None:
    """Take the references to emptied tables out of tables that are kept."""
    for model in apps.get_models(include_auto_created=True):
        if model in emptied or not model._meta.managed:
            continue
        for field in model._meta.concrete_fields:
            if field.is_relation and field.related_model in emptied:
                rows = model._base_manager.all()
                if field.null:
                    rows.update(**{field.name: None})
                else:
                    rows._raw_delete(DEFAULT_DB_ALIAS)


def delete_custom_permissions() -> None:
    """Delete the permissions that somebody made by hand: no model and no migration brings them back."""
    declared = {
        (model._meta.app_label, codename)
        for model in apps.get_models()
        for codename in (
            *(f"{action}_{model._meta.model_name}" for action in model._meta.default_permissions),
            *(codename for codename, _name in model._meta.permissions),
        )
    }
    for permission in Permission.objects.select_related("content_type"):
        if (permission.content_type.app_label, permission.codename) not in declared:
            permission.delete()


def make_content_types() -> None:
    """Make content types and permissions anew, the last app first."""
    for app_config in reversed(list(apps.get_app_configs())):
        create_contenttypes(app_config, verbosity=0, interactive=False)
        create_permissions(app_config, verbosity=0, interactive=False)


def remove_stored_files() -> None:
    """Remove everything below the media directory and the older base directory of documents."""
    for place in (settings.MEDIA_ROOT, settings.EDMS_DATA_DIR / LEGACY_PREFIX):
        place.mkdir(parents=True, exist_ok=True)
        for entry in place.iterdir():
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            else:
                entry.unlink()
