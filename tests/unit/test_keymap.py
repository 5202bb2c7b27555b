"""The key map by itself: many rows, rows without a name, rows that have one name, numbers that are taken."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from edms_backup.restore import ledger
from edms_backup.restore.keymap import LIVE, PACKAGE, Duplicate, KeyMap, content_key, pack

LABEL, OTHER = "zoo.Tag", "zoo.Author"
ONE, TWO = b"1" * 32, b"2" * 32
PackageRow = tuple[bytes | None, bytes, bytes, bytes | None]
LiveRow = tuple[bytes | None, bytes, bytes]


@pytest.fixture
def keymap(tmp_path: Path) -> Iterator[KeyMap]:
    made = KeyMap(tmp_path / "keys.sqlite3")
    yield made
    made.close()


def packed(name: object, pk: object, content: bytes = ONE) -> PackageRow:
    return None if name is None else pack([name]), pack(pk), content, None


def live(name: object, pk: object, content: bytes = ONE) -> LiveRow:
    return packed(name, pk, content)[:3]


@pytest.mark.parametrize("between", [0, 1, 998, 999, 1000, 2500])
def test_a_key_that_is_there_twice_is_named_however_far_apart_the_rows_are(
    keymap: KeyMap, between: int
) -> None:
    rows = [
        packed("twice", 1),
        *(packed(number, 10 + number) for number in range(between)),
        packed("twice", 2),
    ]

    with pytest.raises(Duplicate) as package:
        keymap.add_package(LABEL, rows)
    with pytest.raises(Duplicate) as site:
        keymap.add_live(OTHER, [row[:3] for row in rows])

    assert package.value.args == (LABEL, pack(["twice"]))
    assert site.value.args == (OTHER, pack(["twice"]))


def test_equal_keys_of_two_models_and_of_two_sides_are_no_duplicates(keymap: KeyMap) -> None:
    for label in (LABEL, OTHER):
        keymap.add_package(label, [packed("a", 1)])
        keymap.add_live(label, [live("a", 2)])
    found = keymap.look_up(OTHER, [pack(["a"])])[pack(["a"])]

    assert (found.src, found.live, found.same) == (1, 2, True)
    assert ledger.counts(keymap, OTHER)["expected"] == ledger.counts(keymap, OTHER)["before"] == 1


@pytest.mark.parametrize("number", [1, 999, 1000, 1001, 2000])
def test_all_rows_arrive(keymap: KeyMap, number: int) -> None:
    keymap.add_package(LABEL, [packed(name, name) for name in range(number)])
    keymap.add_live(LABEL, [live(name, name, TWO) for name in range(number)])

    counted = ledger.counts(keymap, LABEL)
    assert (counted["expected"], counted["before"], counted["changed"]) == (number, number, number)


@pytest.mark.parametrize("number", [0, 1, 399, 400, 401, 800, 801])
def test_as_many_rows_are_found_as_are_asked_for(keymap: KeyMap, number: int) -> None:
    keymap.add_package(LABEL, [packed(name, name + 1) for name in range(900)])
    asked = [pack([name]) for name in range(number)]
    keymap.keep_package_keys(LABEL)

    assert {key: row.src for key, row in keymap.look_up(LABEL, asked).items()} == {
        pack([name]): name + 1 for name in range(number)
    }
    pks = [pack(pk) for pk in range(1, number + 1)]
    assert set(keymap.look_up_src(LABEL, pks)) == set(keymap.look_up_target(LABEL, pks)) == set(pks)
    assert keymap.look_up_live(LABEL, pks) == {}


def test_a_second_row_with_one_key_is_a_stranger_where_strangers_go(keymap: KeyMap) -> None:
    keymap.add_package(LABEL, [packed("a", 7)])
    keymap.add_live(LABEL, [live("a", 1), live("b", 2), live("a", 3)], surplus=True)

    assert keymap.ambiguous == {LABEL}
    assert sorted(keymap.live_pks(LABEL)) == [1, 2, 3]
    assert list(keymap.live_pks(LABEL, known=True)) == [1]
    assert sorted(keymap.live_pks(LABEL, known=False)) == [2, 3]
    assert {pk for _, pk, _ in keymap.survivors(LABEL)} == {2, 3}


def test_keys_that_name_one_row_each_are_not_ambiguous(keymap: KeyMap) -> None:
    keymap.add_live(LABEL, [live("a", 1), live("b", 2)], surplus=True)

    assert keymap.ambiguous == set()


def test_rows_without_a_name_are_paired_by_content_as_often_as_both_sides_have_it(keymap: KeyMap) -> None:
    keymap.add_package(LABEL, [packed(None, 1, ONE), packed(None, 2, TWO), packed(None, 3, ONE)])
    keymap.add_live(LABEL, [live(None, 11, ONE), live(None, 12, ONE), live(None, 13, ONE)])

    keys = [content_key(ONE, ordinal) for ordinal in range(3)]
    found = keymap.look_up(LABEL, keys)
    assert [(found[key].src, found[key].live) for key in keys] == [(1, 11), (3, 12), (None, 13)]
    assert [pk for _, pk, _ in keymap.survivors(LABEL)] == [13]
    assert keymap.look_up(LABEL, [content_key(TWO)])[content_key(TWO)].live is None


def test_rows_without_a_name_count_for_themselves_in_each_model(keymap: KeyMap) -> None:
    for label in (LABEL, OTHER):
        keymap.add_package(label, [packed(None, 1)])
        keymap.add_live(label, [live(None, 2)])

        assert ledger.counts(keymap, label)["same"] == 1


def test_a_new_row_takes_its_number_along_unless_any_row_of_the_site_has_it(keymap: KeyMap) -> None:
    keymap.add_package(
        LABEL, [packed("known", 5), packed("free", 6), packed("taken", 1), packed("swapped", 2)]
    )
    keymap.add_live(LABEL, [live("known", 1), live("stranger", 2)])
    keymap.add_live(OTHER, [live("elsewhere", 6)])
    keymap.keep_live_keys(LABEL)
    keymap.take_free_keys(LABEL)

    found = keymap.look_up(LABEL, [pack([name]) for name in ("known", "free", "taken", "swapped")])
    targets = {"known": 1, "free": 6, "taken": None, "swapped": None}
    assert {key: row.target for key, row in found.items()} == {pack([n]): pk for n, pk in targets.items()}
    assert sorted(src for _, src, _ in keymap.without_target(LABEL)) == [1, 2]


@pytest.mark.parametrize(
    ("src", "site", "greatest"),
    [(3, 9, 9), (9, 3, 9), (None, 4, 4), (4, None, 4), ("x", "y", 0), (10, 9, 10)],
)
def test_the_greatest_number_of_both_sides(keymap: KeyMap, src: object, site: object, greatest: int) -> None:
    if src is not None:
        keymap.add_package(LABEL, [packed("a", src)])
    if site is not None:
        keymap.add_live(LABEL, [live("b", site)])
    keymap.add_live(OTHER, [live("elsewhere", 100)])

    assert keymap.greatest(LABEL) == greatest
    assert keymap.greatest("zoo.Nothing") == 0


def test_survivors_are_told_whether_a_row_of_the_package_has_their_number(keymap: KeyMap) -> None:
    keymap.add_package(LABEL, [packed("a", 1), packed("b", 2)])
    keymap.add_live(LABEL, [live("a", 2), live("c", 1), live("d", 3)])

    assert list(keymap.survivors(LABEL)) == [(pack(["c"]), 1, True), (pack(["d"]), 3, False)]


@pytest.mark.parametrize("number", [1, 999, 1000, 1001, 2001])
def test_every_unique_value_is_compared(keymap: KeyMap, number: int) -> None:
    keymap.add_package(LABEL, [packed(f"p{name}", name) for name in range(number)])
    keymap.add_live(LABEL, [live(f"l{name}", name) for name in range(number)])
    for name in range(number):
        keymap.add_unique(LABEL, PACKAGE, pack([f"p{name}"]), [(0, pack(name)), (1, pack(-1 - name))])
        keymap.add_unique(LABEL, LIVE, pack([f"l{name}"]), [(0, pack(name)), (1, pack(name))])
    keymap.flush()

    found = {(rule, ours, theirs, known) for rule, ours, theirs, known in ledger.clashes(keymap, LABEL)}
    assert found == {(0, pack([f"p{name}"]), pack([f"l{name}"]), False) for name in range(number)}


def test_a_row_does_not_clash_with_itself_and_a_known_one_is_told(keymap: KeyMap) -> None:
    keymap.add_package(LABEL, [packed("a", 1), packed("b", 2)])
    keymap.add_live(LABEL, [live("a", 1), live("b", 2)])
    for name, ours, theirs in (("a", "x", "x"), ("b", "y", "z")):
        keymap.add_unique(LABEL, PACKAGE, pack([name]), [(0, pack(ours))])
        keymap.add_unique(LABEL, LIVE, pack([name]), [(0, pack(theirs))])
    keymap.flush()
    assert list(ledger.clashes(keymap, LABEL)) == []

    keymap.add_unique(LABEL, LIVE, pack(["a"]), [(0, pack("y"))])
    keymap.flush()
    assert list(ledger.clashes(keymap, LABEL)) == [(0, pack(["b"]), pack(["a"]), True)]


def test_the_row_that_is_there_twice_after_a_load_is_the_one_that_is_named(keymap: KeyMap) -> None:
    keymap.add_package(LABEL, [packed("new", 1), packed("twice", 2)])
    for name, pk in (("new", 11), ("twice", 12)):
        keymap.set_target(LABEL, pack([name]), pk)

    with pytest.raises(Duplicate) as found:
        keymap.add_after(LABEL, [live("new", 11), live("twice", 12), live("twice", 13)])

    assert found.value.args == (LABEL, pack(["twice"]))
