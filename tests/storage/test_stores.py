"""What every store promises, checked on each kind of store."""

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from edms_backup.errors import PackageNotFound, UsageError
from edms_backup.storage import SUFFIX, PackageStore, check_name, is_safety, package_name
from tests.storage.conftest import Seal

NAME = "site-20250131T235959Z.edms.zip"


def test_a_published_package_is_there_with_its_bytes(store: PackageStore, seal: Seal) -> None:
    data = bytes(range(256)) * 5000
    local = seal(store, NAME, data)
    published = store.publish(local, NAME)
    assert (published.name, published.size) == (NAME, len(data))
    assert abs(datetime.now(UTC) - published.modified) < timedelta(minutes=1)
    assert not local.exists()
    assert store.list() == [store.stat(NAME)] == [published]
    with store.open(NAME) as file:
        assert file.read() == data
        file.seek(-10, 2)
        assert file.read() == data[-10:]


def test_an_existing_package_is_never_overwritten(store: PackageStore, seal: Seal) -> None:
    store.publish(seal(store, NAME, b"first"), NAME)
    second = seal(store, NAME, b"second")
    with pytest.raises(UsageError, match="already"):
        store.publish(second, NAME)
    with store.open(NAME) as file:
        assert file.read() == b"first"
    assert second.read_bytes() == b"second"


def test_unfinished_packages_are_not_listed(store: PackageStore, seal: Seal) -> None:
    seal(store, NAME)
    assert store.list() == []
    with pytest.raises(PackageNotFound):
        store.open(NAME)


def test_a_store_that_was_never_written_is_empty(store: PackageStore) -> None:
    assert store.list() == []
    assert store.leftovers() == ()
    with pytest.raises(PackageNotFound):
        store.stat(NAME)


def test_the_newest_package_comes_first(store: PackageStore, seal: Seal) -> None:
    start = datetime(2025, 1, 31, tzinfo=UTC)
    names = [package_name(start + timedelta(days=day), site) for day, site in enumerate("bca")]
    for name in (names[1], names[2], names[0]):
        store.publish(seal(store, name), name)
    store.publish(seal(store, f"handmade{SUFFIX}"), f"handmade{SUFFIX}")
    assert [ref.name for ref in store.list()] == [f"handmade{SUFFIX}", *reversed(names)]


def test_packages_of_one_second_are_in_the_order_of_their_making(store: PackageStore, seal: Seal) -> None:
    instant = datetime(2025, 1, 31, tzinfo=UTC)
    names = [package_name(instant, package_id) for package_id in ("cccccccc", "aaaaaaaa", "bbbbbbbb")]
    for name in names:
        store.publish(seal(store, name), name)
        time.sleep(0.02)
    assert [ref.name for ref in store.list()] == list(reversed(names))


def test_a_deleted_package_is_gone(store: PackageStore, seal: Seal) -> None:
    store.publish(seal(store, NAME), NAME)
    store.delete(NAME)
    assert store.list() == []
    with pytest.raises(PackageNotFound):
        store.delete(NAME)


@pytest.mark.parametrize(
    "name",
    [
        "",
        SUFFIX,
        "package.zip",
        f".hidden{SUFFIX}",
        f"../escape{SUFFIX}",
        f"a/b{SUFFIX}",
        f"a\\b{SUFFIX}",
        f"a\0b{SUFFIX}",
        f"a\nb{SUFFIX}",
        "x" * 200 + SUFFIX,
    ],
)
def test_names_that_could_leave_the_store_are_refused(store: PackageStore, seal: Seal, name: str) -> None:
    local = seal(store, "any")
    for use in (lambda: store.publish(local, name), lambda: store.open(name), lambda: store.delete(name)):
        with pytest.raises(UsageError, match="cannot be the name of a package"):
            use()
    assert local.exists()


def test_names_made_here_are_allowed_and_tell_their_kind() -> None:
    instant = datetime(2025, 1, 31, 23, 59, 59, 7, tzinfo=UTC)
    package_id = "1a2b3c4d-0000-4000-8000-000000000000"
    backup = package_name(instant, package_id)
    safety = package_name(instant, package_id, kind="safety")
    assert check_name(backup) == "edms-20250131T235959Z-1a2b3c4d.edms.zip"
    assert check_name(safety) == "safety-20250131T235959Z-1a2b3c4d.edms.zip"
    assert (is_safety(backup), is_safety(safety)) == (False, True)


def test_free_space_is_a_number_or_unknown(store: PackageStore) -> None:
    free = store.free_space()
    assert free is None or free > 0


def test_strangers_in_the_place_of_the_packages_are_not_listed(
    store: PackageStore, seal: Seal, tmp_path: Path
) -> None:
    store.publish(seal(store, NAME), NAME)
    for place in (tmp_path / "packages", tmp_path / "remote"):
        if place.is_dir():
            (place / "notes.txt").write_text("not a package")
            (place / f".hidden{SUFFIX}").write_text("not a package")
            (place / f"directory{SUFFIX}").mkdir()
            (place / f"a\nb{SUFFIX}").write_text("not a package")
    assert [ref.name for ref in store.list()] == [NAME]
