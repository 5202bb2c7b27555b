"""``docs/pitfalls.md`` and the tests say the same: every entry, and each test that it names."""

import ast
import re
from collections import defaultdict
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
PAGE = ROOT / "docs" / "pitfalls.md"
NUMBERS = [*map(str, range(1, 100)), *(f"F{number}" for number in range(1, 20))]
WITHOUT_TEST = ("Not built yet", "Does not apply")


def entries() -> dict[str, list[str]]:
    """Return the cells of every entry by its number; a number that occurs twice is a mistake."""
    found: dict[str, list[str]] = {}
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        match = re.match(r"\| (F?\d+) \|", line)
        if match:
            assert match[1] not in found, f"{match[1]} occurs twice"
            found[match[1]] = [cell.strip() for cell in line.strip().strip("|").split(" | ")]
    return found


ENTRIES = entries()


def named(number: str) -> list[str]:
    """Return the tests that an entry names."""
    return re.findall(r"`(tests/[\w/]+\.py::\w+)`", ENTRIES[number][-1])


@cache
def functions(path: str) -> dict[str, ast.FunctionDef]:
    """Return the tests of a file by name."""
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    return {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_every_number_is_there_with_its_three_cells() -> None:
    assert list(ENTRIES) == NUMBERS
    for number, (_, problem, answer, *_) in ENTRIES.items():
        assert problem.endswith("."), number
        assert answer.endswith("."), number


@pytest.mark.parametrize("number", NUMBERS)
def test_an_entry_names_tests_that_exist_or_says_why_there_are_none(number: str) -> None:
    tests = named(number)
    assert bool(tests) is not ENTRIES[number][2].startswith(WITHOUT_TEST)
    for test in tests:
        path, _, name = test.partition("::")
        assert (ROOT / path).is_file(), test
        assert name in functions(path), test
        assert name.startswith("test_"), test


def marked() -> dict[str, set[str]]:
    """Return the numbers that tests carry as a marker, with the tests; markers of parameters as well."""
    found: dict[str, set[str]] = defaultdict(set)
    for file in sorted((ROOT / "tests").rglob("test_*.py")):
        path = file.relative_to(ROOT).as_posix()
        for name, function in functions(path).items():
            for decorator in function.decorator_list:
                match = re.fullmatch(r"pytest\.mark\.pitfall\('?(F?\d+)'?\)", ast.unparse(decorator))
                if match:
                    found[match[1]].add(f"{path}::{name}")
    from tests.pitfalls.test_references import FAMILIES

    for numbers in FAMILIES.values():
        for number in (*numbers, 25):
            found[str(number)].add(
                "tests/pitfalls/test_references.py::test_rows_come_back_under_other_numbers_on_every_database"
            )
    return found


def test_every_test_that_is_marked_and_every_entry_know_each_other() -> None:
    carriers = marked()
    assert set(carriers) <= set(NUMBERS)
    # Tests of crashes have no markers: they are named only.
    unmarked = [
        f"{number}: {test}"
        for number in NUMBERS
        for test in named(number)
        if not test.startswith("tests/faults/") and test not in carriers[number]
    ]
    assert unmarked == []
