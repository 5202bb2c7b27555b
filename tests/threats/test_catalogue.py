"""``docs/threats.md`` and the tests say the same: every row of the catalogue, and each test that it names."""

import re

import pytest

from tests.pitfalls.test_catalogue import ROOT, functions

PAGE = ROOT / "docs" / "threats.md"
IDS = [f"A{number}" for number in range(1, 31)]
LATER = ("A1", "A2", "A3", "A4", "A7", "A27", "A30")
"""Archive and cryptography: each says why it is left."""


def rows() -> dict[str, list[str]]:
    """Return the cells of every row by its id; an id that occurs twice is a mistake."""
    found: dict[str, list[str]] = {}
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        if match := re.match(r"\| (A\d+) \|", line):
            assert match[1] not in found, f"{match[1]} occurs twice"
            found[match[1]] = [cell.strip() for cell in line.strip().strip("|").split(" | ")]
    return found


ROWS = rows()


def test_every_row_is_there_and_says_what_it_is_about() -> None:
    assert sorted(ROWS, key=IDS.index) == IDS
    for name, (_, attack, answer, *_) in ROWS.items():
        assert attack.endswith("."), name
        assert answer.endswith("."), name


@pytest.mark.parametrize("name", IDS)
def test_a_row_names_tests_that_exist_or_is_left_for_later(name: str) -> None:
    if name in LATER:
        assert len(ROWS[name]) == 3
        assert ROWS[name][2].startswith(("Archive. ", "Cryptography. "))
        return
    tests = re.findall(r"`([^`]+)`", ROWS[name][3])
    assert tests
    for test in tests:
        path, _, function = test.partition("::")
        assert (ROOT / path).is_file(), test
        assert function in functions(path), test
        assert function.startswith("test_"), test


def test_every_test_of_this_folder_stands_on_the_page() -> None:
    page = PAGE.read_text(encoding="utf-8")
    here = ROOT / "tests" / "threats"
    written = {
        f"tests/threats/{file.name}::{name}"
        for file in here.glob("test_*.py")
        if file.name != "test_catalogue.py"
        for name in functions(f"tests/threats/{file.name}")
        if name.startswith("test_")
    }
    assert written
    assert [test for test in sorted(written) if f"`{test}`" not in page] == []
