"""Frozen dataclasses to JSON and back, strictly, guided by their annotations.

Only the shapes that the manifest uses are known: ``int``, ``str``, ``bool``, ``Any``, another record,
``X | None``, ``tuple[X, ...]``, ``list[X]`` and ``dict[str, X]``. Integers are never negative. Members
that the class does not have are ignored, so that later releases may add some within one format version.
"""

from __future__ import annotations

import dataclasses
import functools
import types
import typing
from collections.abc import Hashable
from typing import Any, TypeVar

__all__ = ["from_json", "to_json"]

Record = TypeVar("Record")


def to_json(value: Any) -> Any:
    """Return ``value``, a record or anything a record may hold, as JSON-ready values."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: to_json(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, dict):
        return {key: to_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [to_json(item) for item in value]
    return value


def from_json(cls: type[Record], value: Any, where: str) -> Record:
    """Return the record of class ``cls`` that ``value`` describes; raise ``ValueError`` naming the place."""
    if not isinstance(value, dict):
        raise ValueError(f"{where} is no object")
    shape, required = _shape(typing.cast(Hashable, cls))
    missing = required - value.keys()
    if missing:
        raise ValueError(f"{where} lacks {min(missing)}")
    known = {}
    for name, hint, scalar in shape:
        if name in value:
            item = value[name]
            # An index has a line for each file: what is of its type already costs no more than the question.
            fits = type(item) is scalar and not (scalar is int and item < 0)
            known[name] = item if fits else _convert(hint, item, f"{where}.{name}")
    return cls(**known)


@functools.cache
def _shape(cls: Any) -> tuple[list[tuple[str, Any, Any]], frozenset[str]]:
    """Return the fields of ``cls`` with annotation and, for scalars, type; and the names of those without a default."""
    required = frozenset(
        field.name
        for field in dataclasses.fields(cls)
        if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
    )
    hints = typing.get_type_hints(cls)
    scalars = {hint: hint for hint in (int, str, bool)} | {
        scalar | None: scalar for scalar in (int, str, bool)
    }
    return [(name, hint, scalars.get(hint)) for name, hint in hints.items()], required


def _convert(hint: Any, value: Any, where: str) -> Any:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if hint is Any:
        return value
    if origin is types.UnionType:
        return None if value is None else _convert(arguments[0], value, where)
    if origin in (tuple, list):
        return _convert_array(origin, arguments[0], value, where)
    if origin is dict:
        if not isinstance(value, dict):
            raise ValueError(f"{where} is no object")
        return {key: _convert(arguments[1], item, f"{where}.{key[:80]}") for key, item in value.items()}
    if dataclasses.is_dataclass(hint):
        return from_json(typing.cast(type[Any], hint), value, where)
    return _convert_scalar(hint, value, where)


def _convert_array(kind: Any, hint: Any, value: Any, where: str) -> Any:
    if not isinstance(value, list):
        raise ValueError(f"{where} is no array")
    return kind(_convert(hint, item, f"{where}[{index}]") for index, item in enumerate(value))


def _convert_scalar(hint: Any, value: Any, where: str) -> Any:
    # type() and not isinstance(): true is an int for Python, and never one for us.
    if type(value) is not hint:
        raise ValueError(f"{where} is no {hint.__name__}")
    if hint is int and value < 0:
        raise ValueError(f"{where} is negative")
    return value
