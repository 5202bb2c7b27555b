"""Packages in Django storages: which of them are plain directories, and what becomes of bad uploads."""

import errno
import io
from collections.abc import Callable
from pathlib import Path

import pytest
from django.test import override_settings

from edms_backup.errors import ConfigurationError, StoreFull, StoreUnavailable, UsageError
from edms_backup.storage import DirectoryStore, DjangoStore, get_store
from tests.storage.conftest import Seal
from tests.storage.faulty import OwnWayStorage, ServiceError

NAME = "site-20250131T235959Z.edms.zip"
MakeStore = Callable[[str], DjangoStore]


def test_a_plain_file_system_storage_is_a_directory(tmp_path: Path) -> None:
    backend = {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"location": str(tmp_path / "here")},
    }
    with override_settings(STORAGES={"packages": backend}):
        store = get_store(directory=tmp_path / "unused", storage="packages")
    assert isinstance(store, DirectoryStore)
    assert (store.path, store.name) == (tmp_path / "here", "packages")


def test_a_storage_with_its_own_ways_is_not_bypassed(
    in_storages: MakeStore, tmp_path: Path, seal: Seal
) -> None:
    in_storages("OwnWayStorage")
    store = get_store(directory=tmp_path / "state", storage="packages", workdir=tmp_path / "work")
    assert isinstance(store, DjangoStore)
    store.publish(seal(store, NAME, b"\x00\x01"), NAME)
    assert (tmp_path / "remote" / NAME).read_bytes() == b"\xff\xfe"


def test_without_an_alias_the_directory_counts(tmp_path: Path) -> None:
    store = get_store(directory=tmp_path)
    assert isinstance(store, DirectoryStore)
    assert store.path == tmp_path


def test_an_unknown_alias_is_a_configuration_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="nowhere"):
        get_store(directory=tmp_path, storage="nowhere")


@pytest.mark.pitfall(70)
@pytest.mark.fault
@pytest.mark.parametrize(
    ("storage", "error", "text"),
    [
        ("FullStorage", StoreFull, "No space left"),
        ("LyingStorage", StoreUnavailable, "other bytes"),
        ("UnreadableStorage", StoreUnavailable, "access denied"),
        ("RenamingStorage", UsageError, "already"),
    ],
)
def test_a_bad_upload_leaves_nothing_behind(
    in_storages: MakeStore, seal: Seal, tmp_path: Path, storage: str, error: type[Exception], text: str
) -> None:
    store = in_storages(storage)
    local = seal(store, NAME, b"some bytes")
    with pytest.raises(error, match=text):
        store.publish(local, NAME)
    assert list((tmp_path / "remote").iterdir()) == []
    assert local.read_bytes() == b"some bytes"


@pytest.mark.pitfall(70)
@pytest.mark.fault
def test_a_service_that_does_not_answer_is_a_store_that_is_unavailable(
    in_storages: MakeStore, seal: Seal
) -> None:
    store = in_storages("DeadStorage")
    local = seal(store, NAME)
    uses = (
        store.list,
        lambda: store.stat(NAME),
        lambda: store.open(NAME),
        lambda: store.delete(NAME),
        lambda: store.publish(local, NAME),
    )
    for use in uses:
        with pytest.raises(StoreUnavailable, match="connection timed out"):
            use()


def test_a_storage_without_times_is_sorted_by_the_names(in_storages: MakeStore, seal: Seal) -> None:
    store = in_storages("TimelessStorage")
    for name in (NAME, NAME.replace("2025", "2026")):
        store.publish(seal(store, name), name)
    assert [ref.name for ref in store.list()] == [NAME.replace("2025", "2026"), NAME]


def test_fetching_leaves_no_copy(in_storages: MakeStore, seal: Seal, tmp_path: Path) -> None:
    store = in_storages("OwnWayStorage")
    store.publish(seal(store, NAME, b"data"), NAME)
    with store.open(NAME) as file:
        assert file.read() == b"data"
        assert list((tmp_path / "work").iterdir()) == []


@pytest.mark.fault
def test_a_full_disk_while_fetching(
    in_storages: MakeStore, seal: Seal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = in_storages("OwnWayStorage")
    store.publish(seal(store, NAME, b"data"), NAME)

    class Full(io.BytesIO):
        def write(self, data: object) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("edms_backup.storage.django_storage.scratch_file", lambda directory: Full())
    with pytest.raises(StoreFull, match="fetched"):
        store.open(NAME)


@pytest.mark.fault
def test_a_package_that_cannot_be_fetched(in_storages: MakeStore, tmp_path: Path) -> None:
    store = in_storages("UnreadableStorage")
    (tmp_path / "remote").mkdir()
    (tmp_path / "remote" / NAME).write_bytes(b"data")
    with pytest.raises(StoreUnavailable, match="access denied"):
        store.open(NAME)


@pytest.mark.fault
def test_what_a_storage_refuses_is_reported(
    in_storages: MakeStore, seal: Seal, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = in_storages("OwnWayStorage")
    store.publish(seal(store, NAME), NAME)

    def refuse(self: object, name: str) -> None:
        raise ServiceError("not allowed")

    monkeypatch.setattr(OwnWayStorage, "delete", refuse)
    with pytest.raises(StoreUnavailable, match="not allowed"):
        store.delete(NAME)
    monkeypatch.setattr(OwnWayStorage, "size", refuse)
    with pytest.raises(StoreUnavailable, match="not allowed"):
        store.list()
