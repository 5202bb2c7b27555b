"""What two images of an EDMS have in common, and what not."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator

from tests.acceptance.independent import Image, Row


def differences(expected: Image, actual: Image, *, keys: bool = False) -> list[str]:
    """Return what the two images do not have in common, in words; empty when they are equal.

    Args:
        expected: The image that ought to be.
        actual: The image that is.
        keys: Primary keys have to be equal too.
    """
    found = list(lost(expected, actual, keys=keys))
    for label, rows in added(expected, actual).rows.items():
        found += [f"{label} {row.name}: only in the second" for row in rows]
    for what in ("files", "unnamed"):
        ours, theirs = getattr(expected, what), getattr(actual, what)
        found += [f"{what} {path}: only in the second" for path in theirs if path not in ours]
        if what == "unnamed":
            found += _lost_files(ours, theirs, what)
    return found


def lost(expected: Image, actual: Image, *, keys: bool = False) -> Iterator[str]:
    """Yield what of the first image is not in the second, or is there with another content."""
    for label, rows in expected.rows.items():
        theirs = _by_name(actual.rows.get(label, []))
        for name, ours in _by_name(rows).items():
            yield from _row_differences(f"{label} {name}", ours, theirs.get(name, []), keys)
    yield from _lost_files(expected.files, actual.files, "files")


def added(first: Image, second: Image) -> Image:
    """Return the rows of the second image whose names, or whose nth twin of a name, the first has not."""
    result = Image()
    for label, rows in second.rows.items():
        known = Counter(row.name for row in first.rows.get(label, []))
        for row in rows:
            known[row.name] -= 1
            if known[row.name] < 0:
                result.rows.setdefault(label, []).append(row)
    return result


def _by_name(rows: Iterable[Row]) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        found[row.name].append(row)
    return found


def _row_differences(subject: str, ours: list[Row], theirs: list[Row], keys: bool) -> Iterator[str]:
    if len(theirs) < len(ours):
        yield f"{subject}: {len(theirs)} of {len(ours)} in the second"
    # Rows of one name have one content: either there is one of them, or their content is the name.
    for ours_row, theirs_row in zip(_sorted(ours), _sorted(theirs), strict=False):
        if keys and ours_row.key != theirs_row.key:
            yield f"{subject}: primary key {ours_row.key} in the first, {theirs_row.key} in the second"
        for column in ours_row.values.keys() | theirs_row.values.keys():
            pair = [row.values.get(column, "no such column") for row in (ours_row, theirs_row)]
            if pair[0] != pair[1]:
                yield f"{subject}.{column}: {pair[0]} in the first, {pair[1]} in the second"


def _sorted(rows: list[Row]) -> list[Row]:
    return sorted(rows, key=lambda row: (len(row.key), row.key))


def _lost_files(ours: dict[str, str], theirs: dict[str, str], what: str) -> Iterator[str]:
    for path, content in ours.items():
        there = theirs.get(path, "not named")
        if there != content:
            yield f"{what} {path}: {content} in the first, {there} in the second"
