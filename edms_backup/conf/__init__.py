"""What a site says about its backups: ``EDMS_BACKUP`` in Django's settings, as one typed value.

Read when it is asked for, so that tests and consoles may change settings. A key or value that is not
understood is refused, never ignored: what a site meant to protect must not stay at home because of a typing
error. ``docs/settings.md`` describes every key.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core.exceptions import FieldDoesNotExist
from django.core.files.storage import FileSystemStorage, storages
from django.db import connections, models
from django.utils.module_loading import import_string

from edms_backup.conf.readers import (
    API_RATES,
    COMPRESSIONS,
    READERS,
    SETTING,
    base_directory,
    kind_of,
    unknown,
    wrong_value,
)
from edms_backup.conf.watching import KeepRuns, Notify, Secret, Thresholds, Webhook
from edms_backup.engines import GENERIC
from edms_backup.errors import ConfigurationError, EdmsBackupError
from edms_backup.package.compression import choose_codec
from edms_backup.schema.filefields import PathField
from edms_backup.schema.spec import ModelOptions

__all__ = [
    "COMPRESSIONS",
    "ENGINE_VARIABLE",
    "READERS",
    "SETTING",
    "KeepRuns",
    "Notify",
    "Secret",
    "Settings",
    "Thresholds",
    "Webhook",
    "get_settings",
    "secret_fingerprints",
    "setting_mistakes",
    "time_configuration",
]


ENGINE_VARIABLE = "EDMS_BACKUP_ENGINE"
"""Environment variable that names the engine of every database, whatever ``ENGINES`` says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The settings of a site, checked, with all defaults in place."""

    directory: Path
    """Where packages live, unless ``storage`` is set (``DIRECTORY``)."""
    state_directory: Path
    """Locks and journals; always a local directory (``STATE_DIRECTORY``)."""
    storage: str = ""
    """Alias of ``STORAGES`` where packages live instead (``STORAGE``)."""
    file_roots: dict[str, str] = field(default_factory=dict)
    """Names of base directories of document files (``FILE_ROOTS``)."""
    path_fields: dict[str, PathField] = field(default_factory=dict)
    """Text columns that hold paths of files, by ``app.Model.field`` (``PATH_FIELDS``)."""
    natural_keys: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Natural keys of models, by ``app.Model`` (``NATURAL_KEYS``)."""
    prefer_uuid: bool = False
    """Whether a unique uuid goes before numbers, codes and names (``PREFER_UUID``)."""
    models: dict[str, ModelOptions] = field(default_factory=dict)
    """What is said about models, by ``app.Model`` (``MODELS``)."""
    engines: dict[str, str] = field(default_factory=dict)
    """Database vendor or alias to the dotted path of an engine (``ENGINES``)."""
    compression: str = "auto"
    """One of ``COMPRESSIONS`` (``COMPRESSION``)."""
    create_jobs: int = 1
    """How many workers of a create dump models at the same time (``CREATE_JOBS``)."""
    after_restore: tuple[str, ...] = ("edms_backup.restore.aftercare.clear_caches",)
    """Dotted paths of what is called after a committed restore, in this order (``AFTER_RESTORE``)."""
    end_sessions: bool = True
    """Whether a restore ends every session that is kept in the database (``END_SESSIONS``)."""
    site_name: str = ""
    """How people call this site (``SITE_NAME``)."""
    jobs: str = "process"
    """Who carries out what is submitted (``JOBS``)."""
    upload_limit: int = 4 * 1024**3
    """The most bytes that an uploaded package may have (``UPLOAD_LIMIT``)."""
    audit_required: bool = True
    """Whether a call is refused when the audit trail cannot be written (``AUDIT_REQUIRED``)."""
    notify: Notify = field(default_factory=Notify)
    """Who is told of failures (``NOTIFY``)."""
    thresholds: Thresholds = field(default_factory=Thresholds)
    """From when on the state of backups is worrying (``STATUS``)."""
    keep_runs: KeepRuns = field(default_factory=KeepRuns)
    """Which folders of ended runs stay in the state directory (``KEEP_RUNS``)."""
    reauthentication_age: int = 600
    """Seconds for which a password that was typed again counts (``REAUTHENTICATION_AGE``)."""
    api_rates: dict[str, str] = field(default_factory=lambda: dict(API_RATES))
    """How often one user may call the REST interface, by kind of call (``API_RATES``)."""
    monitoring_token: Secret | None = None
    """What a monitoring system shows to be answered (``MONITORING_TOKEN``)."""

    @property
    def package_directory(self) -> Path | None:
        """Return the local directory of the packages, ``None`` when they live in a remote storage."""
        if not self.storage:
            return self.directory
        backend = storages[self.storage]
        return Path(backend.location) if isinstance(backend, FileSystemStorage) else None

    def refuse_public_directory(self, directory: Path | None = None) -> None:
        """Raise ``ConfigurationError`` when a web server hands out what lies in ``directory``.

        Without ``directory`` the places of the packages and of the state are meant. A package holds
        password hashes and every document: a URL must never lead to it.
        """
        places = [directory] if directory is not None else [self.package_directory, self.state_directory]
        for place in places:
            for what, public in _public_directories():
                if place is not None and _is_within(place, public):
                    raise ConfigurationError(
                        f"Packages must not be written to {place}: it lies in {what} ({public}), which is"
                        " served to visitors.",
                        hint=f"Point {SETTING}['DIRECTORY'] to a directory outside of it.",
                    )


def get_settings() -> Settings:
    """Return the settings as they are now; raises ``ConfigurationError`` for the first mistake."""
    found, mistakes = _read()
    if mistakes:
        raise mistakes[0]
    conf = Settings(**found)
    engine = os.environ.get(ENGINE_VARIABLE)
    return replace(conf, engines=dict.fromkeys(connections, _engine(engine))) if engine else conf


def _engine(name: str) -> str:
    """Return the dotted path of the engine that the environment names; raises ``ConfigurationError``."""
    path = GENERIC if name == "generic" else name
    try:
        import_string(path)
    except ImportError as error:
        raise ConfigurationError(
            f"{ENGINE_VARIABLE}={name} names no engine: {error}",
            hint="Say `generic`, or the dotted path of a class; or leave the variable away.",
        ) from error
    return path


def secret_fingerprints() -> dict[str, str]:
    """Return fingerprints of secrets: enough to tell that one differs, useless to find it out."""
    key = str(getattr(settings, "SECRET_KEY", "")).encode()
    return {"SECRET_KEY": hmac.new(key, b"edms_backup fingerprint", hashlib.sha256).hexdigest()[:16]}


def time_configuration() -> dict[str, object]:
    """Return the settings that say how times in rows are to be read."""
    return {"USE_TZ": bool(settings.USE_TZ), "TIME_ZONE": str(settings.TIME_ZONE)}


def setting_mistakes() -> list[ConfigurationError]:
    """Return everything that is wrong with the settings, including what only the models can tell."""
    found, mistakes = _read()
    if mistakes:
        return mistakes
    conf = Settings(**found)
    return [
        *_wrong_places(conf),
        *_wrong_models(conf),
        *_wrong_references(conf),
        *_wrong_path_fields(conf),
        *_wrong_imports(conf),
    ]


def _read() -> tuple[dict[str, Any], list[ConfigurationError]]:
    """Return the fields of ``Settings`` and what is wrong with them."""
    declared = getattr(settings, SETTING, {})
    if not isinstance(declared, Mapping):
        return {}, [wrong_value("", f"must be a dictionary, not {kind_of(declared)}")]
    mistakes = [unknown("", str(key), READERS) for key in declared if key not in READERS]
    found: dict[str, Any] = {}
    for key, (attribute, read) in READERS.items():
        if declared.get(key) is None:
            continue
        try:
            found[attribute] = read(declared[key], key)
        except ConfigurationError as mistake:
            mistakes.append(mistake)
    found.setdefault("directory", base_directory() / "backups")
    found.setdefault("state_directory", found["directory"] / ".state")
    mistakes += _undeclared_roots(found.get("path_fields", {}), found.get("file_roots", {}))
    return found, mistakes


def _undeclared_roots(
    path_fields: Mapping[str, PathField], roots: Mapping[str, str]
) -> Iterator[ConfigurationError]:
    known = {*roots, *storages.backends}
    for label, declared in path_fields.items():
        for _prefix, root in declared.roots:
            if root not in known:
                yield unknown(f"PATH_FIELDS[{label!r}]", root, sorted(known), what="root")


def _wrong_places(conf: Settings) -> Iterator[ConfigurationError]:
    if conf.storage and conf.storage not in storages.backends:
        yield unknown("STORAGE", conf.storage, sorted(storages.backends), what="alias of STORAGES")
        return
    try:
        conf.refuse_public_directory()
    except ConfigurationError as mistake:
        yield mistake


def _wrong_models(conf: Settings) -> Iterator[ConfigurationError]:
    for key, labels in (("NATURAL_KEYS", conf.natural_keys), ("MODELS", conf.models)):
        yield from (unknown(key, label, _all_labels(), what="model") for label in labels if not _find(label))


def _wrong_references(conf: Settings) -> Iterator[ConfigurationError]:
    for label, options in conf.models.items():
        model = _find(label)
        for reference in options.soft if model is not None else ():
            key = f"MODELS[{label!r}]['references']"
            assert model is not None
            columns = [
                c.name for c in model._meta.local_concrete_fields if not getattr(c, "generated", False)
            ]
            if reference.field not in columns:
                yield unknown(key, reference.field, columns, what=f"column of {label}")
            if _find(reference.target) is None:
                yield unknown(key, reference.target, _all_labels(), what="model")


def _wrong_path_fields(conf: Settings) -> Iterator[ConfigurationError]:
    for name, declared in conf.path_fields.items():
        label, _, column = name.rpartition(".")
        model = _find(label)
        if model is None:
            yield unknown("PATH_FIELDS", label, _all_labels(), what="model")
            continue
        for wanted in filter(None, (column, declared.sha256, declared.size)):
            try:
                model._meta.get_field(wanted)
            except FieldDoesNotExist:
                columns = [known.name for known in model._meta.concrete_fields]
                yield unknown(f"PATH_FIELDS[{name!r}]", wanted, columns, what=f"field of {model._meta.label}")


def _wrong_imports(conf: Settings) -> Iterator[ConfigurationError]:
    named = [(f"ENGINES[{name!r}]", path) for name, path in conf.engines.items()]
    named += [("AFTER_RESTORE", path) for path in conf.after_restore]
    for key, path in named:
        try:
            import_string(path)
        except ImportError as error:
            yield wrong_value(key, f"names {path}, which cannot be imported: {error}")
    try:
        choose_codec(conf.compression)
    except EdmsBackupError as error:
        yield ConfigurationError(f"{SETTING}['COMPRESSION']: {error.message}", hint=error.hint)


def _find(label: str) -> type[models.Model] | None:
    try:
        return apps.get_model(label)
    except (LookupError, ValueError):  # ValueError: not even of the form app.Model
        return None


def _all_labels() -> list[str]:
    return [model._meta.label for model in apps.get_models()]


def _public_directories() -> Iterator[tuple[str, Path]]:
    """Yield the directories that have a URL, with the setting that says so."""
    for name in ("MEDIA_ROOT", "STATIC_ROOT"):
        if getattr(settings, name, None):
            yield name, Path(getattr(settings, name))
    for entry in getattr(settings, "STATICFILES_DIRS", ()):
        yield "STATICFILES_DIRS", Path(entry[1] if isinstance(entry, list | tuple) else entry)
    for alias, declared in settings.STORAGES.items():
        # A location without a URL of its own inherits MEDIA_URL, and that says nothing.
        if declared.get("OPTIONS", {}).get("base_url") and isinstance(
            storage := storages[alias], FileSystemStorage
        ):
            yield f"STORAGES[{alias!r}]", Path(storage.location)


def _is_within(place: Path, directory: Path) -> bool:
    """Return whether ``place`` is ``directory`` or lies below it, wherever links lead."""
    return Path(os.path.realpath(place)).is_relative_to(os.path.realpath(directory))
