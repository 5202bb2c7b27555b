"""The short form of ``make oracle``: some of Django's own tests with our reader and writer, some datasets."""

import os
from pathlib import Path

import pytest

from tests.conftest import skip_unless_present
from tests.oracle.apps import SHORT
from tests.oracle.differences import unneeded
from tests.oracle.runs import compare_app, difference_problems, run_suite, suite_problems
from tests.oracle.source import NoSource, django_tests
from tests.oracle.tables import Table, differences


@pytest.fixture(scope="module")
def tests_of_django() -> Path:
    """The tests of the Django in use; without them nothing can be compared, which CI does not accept."""
    try:
        return django_tests()
    except NoSource as error:
        if os.environ.get("CI") == "true":
            pytest.fail(f"the source distribution of Django cannot be had: {error}")
        pytest.skip(f"the source distribution of Django cannot be had: {error}")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["sqlite", "postgresql"])
def test_djangos_own_tests_pass_with_our_reader_and_writer(tests_of_django: Path, name: str) -> None:
    if name != "sqlite":
        skip_unless_present(name)

    told = run_suite(["serializers", "composite_pk"], name, tests_of_django)

    assert suite_problems(told) == []
    assert len(told["ours"]) > 90


@pytest.mark.slow
@pytest.mark.parametrize("app", SHORT)
def test_rows_of_djangos_tests_there_and_back(tests_of_django: Path, app: str) -> None:
    results = compare_app(app, "sqlite", tests_of_django, limit=2).results

    assert results
    assert [problem for result in results for problem in difference_problems(result)] == []


def test_a_difference_that_stands_in_no_list_is_a_problem() -> None:
    same: dict[str, str] = {}
    lost = {"shop_item.price": "'1', now '2'"}

    assert difference_problems({"name": "shop.tests.T", "stock": same, "replace": same, "merge": same}) == []
    (problem,) = difference_problems({"name": "shop.tests.T", "stock": same, "replace": lost, "merge": same})
    assert problem == "shop.tests.T, replace: shop_item.price: '1', now '2'"


def test_microseconds_are_excused_for_stock_and_not_for_us() -> None:
    lost = {"shop_item.at": "'2026-01-01 10:00:00.123456', now '2026-01-01 10:00:00.123000'"}

    assert difference_problems({"name": "x", "stock": lost, "replace": {}, "merge": {}}) == []
    assert len(difference_problems({"name": "x", "stock": {}, "replace": lost, "merge": {}})) == 1


def test_a_moment_in_other_words_is_excused_and_another_moment_is_not() -> None:
    padded = {"shop_item.at": "'2026-01-01 10:00:00.123', now '2026-01-01 10:00:00.123000'"}
    other = {"shop_item.at": "'2026-01-01 10:00:00.123', now '2026-01-01 10:00:00.124000'"}

    assert difference_problems({"name": "x", "stock": {}, "replace": padded, "merge": padded}) == []
    assert len(difference_problems({"name": "x", "stock": {}, "replace": other, "merge": padded})) == 1


def test_an_entry_that_nothing_shows_any_more_is_a_problem() -> None:
    shown = {"django_session": "1 rows, now 0: [] []"}
    ended: dict[str, object] = {
        "app": "admin_utils",
        "name": "x",
        "stock": {},
        "replace": shown,
        "merge": shown,
    }

    assert unneeded("sqlite", ["admin_utils"], [ended], methods=False) == []
    assert unneeded("sqlite", ["basic"], [], methods=False) == []
    assert unneeded("sqlite", ["admin_utils"], [{**ended, "merge": {}}], methods=False) == [
        "merge, sessions: is listed, but admin_utils does not show it any more"
    ]
    # What only test methods leave is missed only where they were run.
    assert unneeded("sqlite", ["custom_managers"], [], methods=False) == []
    assert len(unneeded("sqlite", ["custom_managers"], [], methods=True)) == 1


def test_tables_are_compared_cell_by_cell() -> None:
    before = {"t": Table(("id", "v"), [("1", "1")]), "gone": Table(("id",), [])}
    after = {"t": Table(("id", "v"), [("1", "1.0")]), "new": Table(("id",), [])}

    assert differences(before, before) == {}
    assert differences(before, after) == {
        "gone": "the table itself",
        "new": "the table itself",
        "t.v": "1, now 1.0",
    }
    fewer = {**before, "t": Table(("id", "v"), [])}
    assert list(differences(before, fewer)) == ["t"]


def test_a_deselected_test_that_passes_or_is_gone_is_a_problem() -> None:
    told = {"failures": {}, "unexpected": ["composite_pk.x"], "found": ["composite_pk.x"]}

    problems = suite_problems(told)

    assert "composite_pk.x is deselected, but passes" in problems
    gone = "composite_pk.tests.CompositePKFixturesTests.test_serialize_datetime"
    assert f"{gone} is deselected, but does not exist" in problems
