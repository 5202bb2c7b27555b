"""How each key of ``EDMS_BACKUP`` is read: the value that it gives, or one sentence about what is wrong."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar

from django.conf import settings

from edms_backup.errors import ConfigurationError
from edms_backup.schema.filefields import PathField
from edms_backup.schema.spec import Fate, ModelOptions, OnConflict, SoftRef, Tier

SETTING = "EDMS_BACKUP"
COMPRESSIONS = ("auto", "zstd", "gzip", "none")

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
        value, key, ("fate", "reason", "tier", "append_only", "exclude", "on_conflict", "references")
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
    conflict = OnConflict(_choice(options.get("on_conflict", "fail"), f"{key}['on_conflict']", [*OnConflict]))
    return ModelOptions(
        fate=fate or None,
        reason=reason,
        tier=tier or None,
        append_only=append_only,
        on_conflict=conflict,
        soft=soft,
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


def _engines(value: Any, key: str) -> dict[str, str]:
    return _pairs(value, key, _name)


def _dotted_paths(value: Any, key: str) -> tuple[str, ...]:
    if not isinstance(value, list | tuple):
        raise wrong_value(key, f"must be a list of dotted paths, not {kind_of(value)}")
    return tuple(_name(item, key) for item in value)


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
    "SITE_NAME": ("site_name", _text),
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
