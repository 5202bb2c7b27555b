"""Primary keys that hide in plain columns and in JSON, followed where settings declare them.

A declaration is a column and a path below it (empty for the column itself); ``*`` stands for every member
of a list or object. Each value found is noted beside the row with its concrete path, so that a package
says which value is a reference, and a restore puts the target's primary key in the same place.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from edms_backup.schema.spec import SoftRef

Path = tuple[str | int, ...]


def occurrences(value: Any, pattern: tuple[str, ...], path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Yield (concrete path, value) of every place below ``value`` that ``pattern`` leads to.

    Only texts and whole numbers can be primary keys; other values, and paths that lead nowhere, are passed.
    """
    if not pattern:
        if isinstance(value, int | str) and not isinstance(value, bool) and value != "":
            yield path, value
        return
    step, rest = pattern[0], pattern[1:]
    if isinstance(value, Mapping):
        names = list(value) if step == "*" else [step]
        for name in names:
            if name in value:
                yield from occurrences(value[name], rest, (*path, name))
    elif isinstance(value, list) and step == "*":
        for position, item in enumerate(value):
            yield from occurrences(item, rest, (*path, position))


def reference_name(soft: SoftRef, path: Path) -> str:
    """Return the name under which a reference stands among a row's references."""
    return ".".join([soft.field, *(str(step) for step in path)])


def put(value: Any, path: Sequence[str | int], new: Any) -> Any:
    """Return ``value`` with ``new`` at ``path``; the original is not touched.

    The type stays: an id that was text stays text. Raises ``LookupError`` when the path leads nowhere.
    """
    if not path:
        return new
    changed = copy.deepcopy(value)
    place = changed
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = str(new) if isinstance(place[path[-1]], str) else new
    return changed
