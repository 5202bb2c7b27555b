"""The stores that the contract is tested on."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.test import override_settings

from edms_backup.storage import DirectoryStore, DjangoStore, PackageStore, partial_name

Seal = Callable[..., Path]


@pytest.fixture
def in_storages(tmp_path: Path) -> Iterator[Callable[[str], DjangoStore]]:
    """Give a function that makes a ``DjangoStore`` over one of the storages of ``faulty``."""
    active = []

    def make(class_name: str) -> DjangoStore:
        backend = {
            "BACKEND": f"tests.storage.faulty.{class_name}",
            "OPTIONS": {"location": str(tmp_path / "remote")},
        }
        override = override_settings(STORAGES={"packages": backend})
        override.enable()
        active.append(override)
        return DjangoStore("packages", workdir=tmp_path / "work")

    yield make
    for override in reversed(active):
        override.disable()


@pytest.fixture(params=["directory", "django"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> PackageStore:
    """Run the test on each kind of store."""
    if request.param == "directory":
        return DirectoryStore(tmp_path / "packages")
    made: PackageStore = request.getfixturevalue("in_storages")("OwnWayStorage")
    return made


@pytest.fixture
def seal() -> Seal:
    """Give a function that leaves a finished but unpublished file in a store's workspace."""

    def make(store: PackageStore, name: str, data: bytes = b"a package") -> Path:
        path = store.workspace() / partial_name(name)
        path.write_bytes(data)
        return path

    return make
