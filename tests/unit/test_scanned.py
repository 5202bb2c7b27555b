"""What is cut out of a line is what decoding it gives, for every field, relation and key; the rest is decoded."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from edms_backup.package import PackageReader
from edms_backup.restore import index, scanned
from edms_backup.restore.keymap import KeyMap
from edms_backup.restore.pipeline import _open_target
from edms_backup.restore.report import RestoreRequest
from edms_backup.restore.scanned import ScannedRows
from edms_backup.restore.target import Target
from tests.unit.conftest import Zoo
from tests.zoo import models as animals
from tests.zoo import population

TABLES = ("rows", "uniques", "needs", "files", "dangling", "unfit", "ordinals")
Filled = dict[str, list[Any]]


@contextmanager
def opened(zoo: Zoo, **options: Any) -> Iterator[tuple[PackageReader, Target]]:
    """Open the zoo's package, and the site with its eyes."""
    request = RestoreRequest(package=zoo.package, **options)
    with zoo.service._package(zoo.package) as package:
        yield package, _open_target(request, package, zoo.service._restore_tools())[0]


def filled(package: PackageReader, target: Target, path: Path, fresh: set[str], few: float) -> Filled:
    """Return what a key map holds of the package; models with fewer than ``few`` rows are decoded."""
    keymap = KeyMap(path)
    keymap.fresh |= fresh
    target.scanners.clear()
    entries = {entry.label: entry for entry in package.manifest.models}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scanned, "FEW", few)
        for spec in target.specs:
            index._index_package(package, entries[spec.label], spec, target, keymap)
    keymap.flush()
    found = {table: sorted(keymap.ask(f"SELECT * FROM {table}")) for table in TABLES}
    keymap.close()
    path.unlink()
    return found


@pytest.fixture
def both(zoo: Zoo, tmp_path: Path) -> Callable[..., Filled]:
    """Give what compares both ways, and returns what they have in common."""

    def same(**options: Any) -> Filled:
        with opened(zoo, **options) as (package, target):
            labels = {spec.label for spec in target.specs}
            for fresh in (set(), labels):
                decoded = filled(package, target, tmp_path / "keys", fresh, float("inf"))
                assert filled(package, target, tmp_path / "keys", fresh, 0) == decoded
        return decoded

    return same


def share(zoo: Zoo, tmp_path: Path, label: str) -> float:
    """Return which part of a model's lines is not decoded."""
    with opened(zoo) as (package, target), pytest.MonkeyPatch.context() as patch:
        patch.setattr(scanned, "FEW", 0)
        entry = next(entry for entry in package.manifest.models if entry.label == label)
        spec = next(spec for spec in target.specs if spec.label == label)
        rows = ScannedRows(spec, entry, target, KeyMap(tmp_path / "share"))
        assert not rows.reason
        found = [each for segment in entry.segments for each in rows.scanner.scan(package.blocks(segment))]
    return sum(not isinstance(each, bytes) and rows.take(each) is not None for each in found) / len(found)


@pytest.mark.parametrize("family", population.FAMILIES)
def test_both_ways_fill_the_key_map_alike(zoo: Zoo, family: str, both: Callable[..., Filled]) -> None:
    zoo.populate(family)
    zoo.create()
    assert both()["rows"]


@pytest.mark.parametrize(
    ("family", "left"), [("links", "zoo.Tag"), ("generic", "zoo.Tag"), ("tree", "zoo.Folder")]
)
def test_rows_outside_of_the_scope_are_noted_alike(
    zoo: Zoo, family: str, left: str, both: Callable[..., Filled]
) -> None:
    zoo.populate(family)
    zoo.create()
    both(exclude=(left,) if left != "zoo.Folder" else ())


@pytest.mark.parametrize(
    ("label", "least"),
    [
        ("zoo.Specimen", 0.3),  # made of extremes
        ("zoo.Article", 0.9),
        ("zoo.Note", 0.5),  # some point at nothing
        ("zoo.Folder", 0.9),
        ("zoo.Whale", 0.9),
        ("zoo.Reading", 0.9),
        ("zoo.Language", 0.9),
    ],
)
def test_most_lines_are_not_decoded(zoo: Zoo, tmp_path: Path, label: str, least: float) -> None:
    family = next(
        name for name in population.FAMILIES if label.removeprefix("zoo.") in population.FAMILIES[name]
    )
    zoo.populate(family)
    zoo.create()
    assert share(zoo, tmp_path, label) >= least


def test_texts_of_every_kind_are_the_same(zoo: Zoo, both: Callable[..., Filled], tmp_path: Path) -> None:
    odd = [
        "",
        "null",
        '"',
        "\\",
        "\\u0041",
        "\n\t\b\f\r",
        "\x00\x01\x7f",
        "é€😀",
        '","text":"',
        "{}",
        "[]",
        "x" * 500,
    ]
    if connection.vendor == "postgresql":
        odd.remove("\x00\x01\x7f")
    for number, text in enumerate(odd):
        animals.Specimen.objects.create(code=f"s{number}", text=text, document={"a": [text, {"b": text}]})
    zoo.choose("fields")
    zoo.create()
    assert len(both()["rows"]) == len(odd)
    assert 0.3 < share(zoo, tmp_path, "zoo.Specimen") < 1
