"""The table of mistakes fits the code and ``docs/pitfalls.md``; ``make mutants ARGS=--sabotage`` makes them."""

import re
from pathlib import Path

import pytest

from tests.mutants.sabotage import Sabotage, function_around, table
from tests.pitfalls.test_catalogue import NUMBERS, PAGE, ROOT, functions, named

MISTAKES, WITHOUT = table()
SHOWN = {test for mistake in MISTAKES for test in mistake.tests}
NOT_SHOWN = {test for reason in WITHOUT for test in reason.tests}


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: f"{mistake.entries[0]}: {mistake.mistake}")
def test_a_mistake_can_be_made(mistake: Sabotage) -> None:
    """Its text stands in the file once, and what stands there instead is Python."""
    mutant = mistake.mutant()
    assert mutant.source != (ROOT / mistake.file).read_text(encoding="utf-8")
    compile(mutant.source, mistake.file, "exec", dont_inherit=True)
    assert mistake.vendor in ("sqlite", "postgresql", "mariadb")
    assert not mistake.mistake.endswith(".")


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: f"{mistake.entries[0]}: {mistake.mistake}")
def test_a_mistake_names_tests_of_its_entries(mistake: Sabotage) -> None:
    on_page = {entry: set(named(entry)) for entry in mistake.entries}
    assert set(mistake.tests) <= set().union(*on_page.values())
    for entry, tests in on_page.items():
        assert tests & set(mistake.tests), f"no test of {entry} has to fail"
    for test in mistake.tests:
        path, _, name = test.partition("::")
        assert name in functions(path)


@pytest.mark.parametrize("number", NUMBERS)
def test_an_entry_has_a_mistake_or_a_reason(number: str) -> None:
    mistaken = any(number in mistake.entries for mistake in MISTAKES)
    excused = [reason.why for reason in WITHOUT if number in reason.entries]
    assert mistaken + len(excused) == 1
    assert all(why.endswith(".") for why in excused)


def test_every_test_of_the_page_has_to_fail_under_some_mistake_or_has_a_reason() -> None:
    tests = {test for number in NUMBERS for test in named(number)}
    assert tests - SHOWN - NOT_SHOWN == set()
    assert SHOWN.isdisjoint(NOT_SHOWN)
    assert tests >= NOT_SHOWN


def test_the_page_marks_the_tests_that_were_seen_failing() -> None:
    marks = re.findall(r"`(tests/[\w/]+\.py::\w+)`( ✗)?", PAGE.read_text(encoding="utf-8"))
    assert {test for test, mark in marks if mark} == SHOWN
    assert {test for test, mark in marks if not mark} == NOT_SHOWN


def test_what_is_spoiled_inside_of_a_method_is_exchanged_alone() -> None:
    source = "X = 1\nclass A:\n    y = 2\n    def b(self):\n        return 3\ndef c():\n    if X:\n        return 4\n"
    places = {"X": 1, "y": 3, "def b": 4, "return 3": 5, "return 4": 8}
    found = {name: function_around(source, line, line) for name, line in places.items()}
    assert found == {"X": "", "y": "", "def b": "", "return 3": "A.b", "return 4": "c"}


def test_a_text_that_is_there_twice_or_not_at_all_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("x = 1\nx = 1\n")
    for old, times in (("x = 1", 2), ("y", 0)):
        mistake = Sabotage(("1",), "wrong", "a.py", old, "z", ())
        with pytest.raises(ValueError, match=f"a.py holds this {times} times"):
            mistake.mutant(tmp_path)
