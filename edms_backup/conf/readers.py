"""How each key of ``EDMS_BACKUP`` is read: the value that it gives, or one sentence about what is wrong."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from django.conf import settings

from edms_backup.conf.watching import OCCASIONS, KeepRuns, Notify, Secret, Thresholds, Webhook
from edms_backup.errors import ConfigurationError
from edms_backup.schema.filefields import PathField
from edms_backup.schema.spec import Fate, ModelOptions, OnConflict, SoftRef, Tier

SETTING = "EDMS_BACKUP"
API_RATES = {
    "read": "300/minute",
    "write": "60/minute",
    "costly": "20/minute",
    "transfer": "120/minute",
    "password": "10/minute",
}
"""How often one user may call the REST interface, by kind of call."""
_RATE = re.compile("[1-9][0-9]{0,5}/(second|minute|hour|day)")
COMPRESSIONS = ("auto", "zstd", "gzip", "none")

_HTTPS_HINT = "For http:// inside of a network that is trusted, say 'allow_http': True."

Value = TypeVar("Value")


def base_directory() -> Path:
    """Return the directory that relative paths count from."""
    return Path(getattr(settings, "BASE_DIR", None) or Path.cwd()).absolute()


def _text(value: Any, key: str) -> str:
    if not isinstance(value, str):
        raise wrong_value(key, f"must be a text, not {kind_of(value)}")
    return value


def _name(value: Any, key: str) -> str:
    if not _text(value, key).strip():
        raise wrong_value(key, "must not be empty")
    return str(value)


def _flag(value: Any, key: str) -> bool:
    if not isinstance(value, bool):
        raise wrong_value(key, f"must be True or False, not {kind_of(value)}")
    return value


def _directory(value: Any, key: str) -> Path:
    if not isinstance(value, str | os.PathLike) or not os.fspath(value):
        raise wrong_value(key, f"must be the path of a directory, not {kind_of(value)}")
    return base_directory() / Path(os.fspath(value))


def _choice(value: Any, key: str, choices: Sequence[str]) -> str:
    if value not in choices:
        raise wrong_value(key, f"must be one of {', '.join(choices)}, not {value!r}")
    return str(value)


def _compression(value: Any, key: str) -> str:
    return _choice(value, key, COMPRESSIONS)


def _pairs(value: Any, key: str, read: Callable[[Any, str], Value]) -> dict[str, Value]:
    """Read a dictionary with texts as its keys."""
    if not isinstance(value, Mapping):
        raise wrong_value(key, f"must be a dictionary, not {kind_of(value)}")
    if not all(isinstance(name, str) and name.strip() for name in value):
        raise wrong_value(key, "has a key that is empty or no text")
    return {name: read(item, f"{key}[{name!r}]") for name, item in value.items()}


def _labels(value: Any, key: str, read: Callable[[Any, str], Value], shape: str) -> dict[str, Value]:
    """Read a dictionary whose keys name models or fields; ``shape`` is what they look like."""
    found = _pairs(value, key, read)
    seen: set[str] = set()
    for label in found:
        if label.count(".") != shape.count(".") or not all(label.split(".")):
            raise wrong_value(key, f"names {label!r}, which does not look like {shape}")
        if label.lower() in seen:
            raise wrong_value(key, f"names {label!r} twice")
        seen.add(label.lower())
    return found


def _file_roots(value: Any, key: str) -> dict[str, str]:
    found = _pairs(value, key, _directory)
    for name in found:
        if ":" in name or "/" in name:
            raise wrong_value(key, f"names a root {name!r}; the name of a root holds neither ':' nor '/'")
    return {name: str(path) for name, path in found.items()}


def _natural_keys(value: Any, key: str) -> dict[str, tuple[str, ...]]:
    return _labels(value, key, _fields, "app.Model")


def _fields(value: Any, key: str) -> tuple[str, ...]:
    if isinstance(value, str):
        value = [value]
    if not isinstance(value, list | tuple) or not value:
        raise wrong_value(key, f"must be the name of a field or a list of them, not {kind_of(value)}")
    names = tuple(_name(item, key) for item in value)
    if len(set(names)) != len(names):
        raise wrong_value(key, "names a field twice")
    return names


def _path_fields(value: Any, key: str) -> dict[str, PathField]:
    return _labels(value, key, _path_field, "app.Model.field")


def _path_field(value: Any, key: str) -> PathField:
    options = _options(value, key, ("roots", "sha256", "size"))
    roots = options.get("roots", [])
    if not isinstance(roots, list | tuple) or not roots:
        raise wrong_value(key, "needs 'roots', a list of pairs (prefix, name of a root)")
    pairs = []
    for pair in roots:
        if not isinstance(pair, list | tuple) or len(pair) != len(("prefix", "root")):
            raise wrong_value(f"{key}['roots']", f"must hold pairs (prefix, name of a root), not {pair!r}")
        pairs.append((_text(pair[0], f"{key}['roots']"), _name(pair[1], f"{key}['roots']")))
    return PathField(
        roots=tuple(pairs),
        sha256=_text(options.get("sha256") or "", f"{key}['sha256']"),
        size=_text(options.get("size") or "", f"{key}['size']"),
    )


def _model_options(value: Any, key: str) -> dict[str, ModelOptions]:
    return _labels(value, key, _model, "app.Model")


def _model(value: Any, key: str) -> ModelOptions:
    options = _options(
        value,
        key,
        ("fate", "reason", "tier", "append_only", "exclude", "on_conflict", "references", "grants"),
    )
    if "exclude" in options:
        if "fate" in options or "reason" in options:
            raise wrong_value(
                key, "has 'exclude', which is fate and reason in one, beside 'fate' or 'reason'"
            )
        options |= {"fate": Fate.EXCLUDED.value, "reason": _name(options["exclude"], f"{key}['exclude']")}
    fate = options.get("fate") and Fate(_choice(options["fate"], f"{key}['fate']", [*Fate]))
    tier = options.get("tier") and Tier(_choice(options["tier"], f"{key}['tier']", [*Tier]))
    reason = _text(options.get("reason") or "", f"{key}['reason']")
    if fate is Fate.EXCLUDED and not reason.strip():
        raise wrong_value(key, "is excluded without a 'reason'; it will stand in every package")
    append_only = _flag(options.get("append_only", False), f"{key}['append_only']")
    soft = _soft_references(options.get("references", {}), f"{key}['references']")
    if key.lower().startswith("models['edms_backup.") and fate not in (None, Fate.EXCLUDED):
        raise wrong_value(key, "is a table of this app, which no package holds and no restore touches")
    conflict = OnConflict(_choice(options.get("on_conflict", "fail"), f"{key}['on_conflict']", [*OnConflict]))
    if append_only and conflict is OnConflict.TAKE:
        raise wrong_value(key, "is append-only: no row of it gives way, so 'on_conflict' cannot be 'take'")
    return ModelOptions(
        fate=fate or None,
        reason=reason,
        tier=tier or None,
        append_only=append_only,
        on_conflict=conflict,
        soft=soft,
        grants=_flag(options.get("grants", False), f"{key}['grants']"),
    )


def _soft_references(value: Any, key: str) -> tuple[SoftRef, ...]:
    """Read ``{"column.path.*.id": "app.Model"}``."""
    found = []
    for place, target in _pairs(value, key, _name).items():
        column, *path = place.split(".")
        if not column or not all(path):
            raise wrong_value(key, f"names {place!r}, which does not look like column.step.step")
        found.append(SoftRef(column, tuple(path), target))
    return tuple(found)


def _options(value: Any, key: str, known: Sequence[str]) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise wrong_value(key, f"must be a dictionary, not {kind_of(value)}")
    for name in value:
        if name not in known:
            raise unknown(key, str(name), known)
    return dict(value)


def _jobs(value: Any, key: str) -> str:
    """Read ``process``, ``tasks``, ``tasks:ALIAS``, ``celery``, ``celery:QUEUE``, or a dotted path."""
    text = _name(value, key)
    backend, _, where = text.partition(":")
    if backend in ("tasks", "celery") and (where or ":" not in text):
        return text
    if text == "process" or ("." in text and ":" not in text):
        return text
    raise wrong_value(
        key, f"must be 'process', 'tasks', 'celery' or the dotted path of a function, not {value!r}"
    )


def _size(value: Any, key: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value <= 0:
        raise wrong_value(key, f"must be a number of bytes greater than 0, not {value!r}")
    return value


def _workers(value: Any, key: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value <= 0:
        raise wrong_value(key, f"must be a number of workers, 1 or more, not {value!r}")
    return value


def _seconds(value: Any, key: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value <= 86_400:
        raise wrong_value(key, f"must be a number of seconds, at most a day, not {value!r}")
    return value


def _rates(value: Any, key: str) -> dict[str, str]:
    """Read how often kinds of calls are allowed; those that are not named keep their defaults."""
    options = _options(value, key, list(API_RATES))
    for name, rate in options.items():
        if not isinstance(rate, str) or not _RATE.fullmatch(rate):
            raise wrong_value(f"{key}[{name!r}]", f"must be like '30/minute', not {rate!r}")
    return {**API_RATES, **options}


def _engines(value: Any, key: str) -> dict[str, str]:
    return _pairs(value, key, _name)


def _dotted_paths(value: Any, key: str) -> tuple[str, ...]:
    if not isinstance(value, list | tuple):
        raise wrong_value(key, f"must be a list of dotted paths, not {kind_of(value)}")
    return tuple(_name(item, key) for item in value)


def _secret(value: Any, key: str) -> Secret:
    """Read ``{"environment": "NAME"}`` or ``{"file": "/path"}``: a secret never stands in settings itself."""
    options = _options(value, key, ("environment", "file"))
    if len(options) != 1:
        raise wrong_value(key, "needs just one of 'environment' (the name of a variable) and 'file' (a path)")
    ((kind, place),) = options.items()
    return Secret(
        kind=kind, place=str(_directory(place, key)) if kind == "file" else _name(place, key), key=key
    )


def _notify(value: Any, key: str) -> Notify:
    options = _options(value, key, ("mail", "webhook", "on"))
    on = options.get("on", ["failure", "missing"])
    if not isinstance(on, list | tuple):
        raise wrong_value(f"{key}['on']", f"must be a list, not {kind_of(on)}")
    mail = options.get("mail", [])
    if not isinstance(mail, list | tuple) or not all(isinstance(one, str) and "@" in one for one in mail):
        raise wrong_value(f"{key}['mail']", "must be a list of mail addresses")
    return Notify(
        mail=tuple(mail),
        webhook=_webhook(options["webhook"], f"{key}['webhook']") if options.get("webhook") else None,
        on=frozenset(_choice(one, f"{key}['on']", OCCASIONS) for one in on),
    )


def _webhook(value: Any, key: str) -> Webhook:
    options = _options(value, key, ("url", "secret", "timeout", "attempts", "allow_http"))
    plain = _flag(options.get("allow_http", False), f"{key}['allow_http']")
    url = _name(options.get("url"), f"{key}['url']")
    schemes = ("https", "http") if plain else ("https",)
    if urlsplit(url).scheme not in schemes or not urlsplit(url).hostname:
        raise wrong_value(f"{key}['url']", "must begin with https:// and name a host", _HTTPS_HINT)
    return Webhook(
        url=url,
        secret=_secret(options["secret"], f"{key}['secret']") if options.get("secret") else None,
        timeout=_number(options.get("timeout", 10), f"{key}['timeout']"),
        attempts=int(_number(options.get("attempts", 3), f"{key}['attempts']")),
    )


def _number(value: Any, key: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1e9:
        raise wrong_value(key, f"must be a number above 0, not {value!r}")
    return float(value)


def _thresholds(value: Any, key: str) -> Thresholds:
    """Read pairs (warning, critical) by name; ``None`` switches one off."""
    known = [one.name for one in fields(Thresholds)]
    found: dict[str, tuple[float, float] | None] = {}
    for name, pair in _options(value, key, known).items():
        place = f"{key}[{name!r}]"
        if pair is None:
            found[name] = None
            continue
        if not isinstance(pair, list | tuple) or len(pair) != len(("warning", "critical")):
            raise wrong_value(place, "must be a pair (warning, critical), or None")
        warning, critical = (_number(one, place) for one in pair)
        if (warning < critical) is (name == "free_packages"):
            raise wrong_value(place, "has its warning beyond its critical value")
        found[name] = (warning, critical)
    return Thresholds(**found)


def _keep_runs(value: Any, key: str) -> KeepRuns:
    """Read how many of the newest runs, and for how many days all of them, keep their folders."""
    options = _options(value, key, [one.name for one in fields(KeepRuns)])
    for name, count in options.items():
        if isinstance(count, bool) or not isinstance(count, int) or not 0 < count <= 100_000:
            raise wrong_value(f"{key}[{name!r}]", f"must be a number from 1 to 100000, not {count!r}")
    return KeepRuns(**options)


READERS: dict[str, tuple[str, Callable[[Any, str], Any]]] = {
    "DIRECTORY": ("directory", _directory),
    "STORAGE": ("storage", _text),
    "STATE_DIRECTORY": ("state_directory", _directory),
    "FILE_ROOTS": ("file_roots", _file_roots),
    "PATH_FIELDS": ("path_fields", _path_fields),
    "NATURAL_KEYS": ("natural_keys", _natural_keys),
    "PREFER_UUID": ("prefer_uuid", _flag),
    "MODELS": ("models", _model_options),
    "ENGINES": ("engines", _engines),
    "AFTER_RESTORE": ("after_restore", _dotted_paths),
    "END_SESSIONS": ("end_sessions", _flag),
    "COMPRESSION": ("compression", _compression),
    "CREATE_JOBS": ("create_jobs", _workers),
    "SITE_NAME": ("site_name", _text),
    "JOBS": ("jobs", _jobs),
    "UPLOAD_LIMIT": ("upload_limit", _size),
    "AUDIT_REQUIRED": ("audit_required", _flag),
    "NOTIFY": ("notify", _notify),
    "STATUS": ("thresholds", _thresholds),
    "KEEP_RUNS": ("keep_runs", _keep_runs),
    "REAUTHENTICATION_AGE": ("reauthentication_age", _seconds),
    "API_RATES": ("api_rates", _rates),
    "MONITORING_TOKEN": ("monitoring_token", _secret),
}
"""Every key: the field of ``Settings`` that it fills, and how it is read."""


def wrong_value(key: str, problem: str, hint: str = "") -> ConfigurationError:
    """Return the error for a key whose value is wrong; ``problem`` completes the sentence."""
    head, bracket, rest = key.partition("[")
    place = f"{SETTING}[{head!r}]{bracket}{rest}" if key else SETTING
    return ConfigurationError(f"{place} {problem}.", hint=hint or "docs/settings.md describes every key.")


def unknown(
    key: str, name: str, known: Sequence[str] | Mapping[str, Any], *, what: str = "key"
) -> ConfigurationError:
    """Return the error for a name that nobody knows, with the nearest one that is known."""
    by_lower = {candidate.lower(): candidate for candidate in known}
    near = get_close_matches(name.lower(), by_lower, n=1)
    hint = f"Did you mean {by_lower[near[0]]}?" if near else f"Known: {', '.join(list(known)[:20])}."
    return wrong_value(key, f"names {name!r}, which is no {what}", hint)


def kind_of(value: Any) -> str:
    """Return what a value is, for people."""
    return "None" if value is None else type(value).__name__
