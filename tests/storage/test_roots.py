"""Where document files live: names that nobody may trust, durable writing, and storages with their own ways."""

import errno
import io
import os
from pathlib import Path

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage, InMemoryStorage

from edms_backup.errors import MalformedPackage, StoreFull, StoreUnavailable
from edms_backup.storage.roots import DirectoryRoot, FileRoot, StorageRoot, file_roots
from tests.storage.faulty import RenamingStorage, TimelessStorage


@pytest.fixture(params=["directory", "storage"])
def root(request: pytest.FixtureRequest, tmp_path: Path) -> FileRoot:
    if request.param == "directory":
        return DirectoryRoot("media", tmp_path / "media")
    return StorageRoot("default", InMemoryStorage())


def test_a_file_comes_back_as_it_was_written(root: FileRoot) -> None:
    assert not root.exists("a/b.pdf")
    with pytest.raises(FileNotFoundError):
        root.open("a/b.pdf")
    root.write("a/b.pdf", io.BytesIO(b"first"))
    before = root.signature("a/b.pdf")
    root.write("a/b.pdf", io.BytesIO(b"second, longer"))
    assert root.signature("a/b.pdf") != before
    with root.open("a/b.pdf") as file:
        assert file.read() == b"second, longer"
    root.delete("a/b.pdf")
    root.delete("a/b.pdf")
    assert not root.exists("a/b.pdf")


@pytest.mark.pitfall(66)
@pytest.mark.parametrize("name", ["", "/etc/x", "\\x", "../x", "a/../../x", "a\\..\\x", "C:/x", "a\0b"])
def test_names_that_lead_out_are_refused_everywhere(root: FileRoot, name: str) -> None:
    uses = (
        lambda: root.open(name),
        lambda: root.exists(name),
        lambda: root.signature(name),
        lambda: root.write(name, io.BytesIO(b"")),
        lambda: root.delete(name),
    )
    for use in uses:
        with pytest.raises(MalformedPackage):
            use()


@pytest.mark.pitfall(66)
def test_links_do_not_lead_out(tmp_path: Path) -> None:
    (tmp_path / "secret").mkdir()
    (tmp_path / "media").mkdir()
    (tmp_path / "media" / "link").symlink_to(tmp_path / "secret")
    root = DirectoryRoot("media", tmp_path / "media")
    with pytest.raises(MalformedPackage):
        root.write("link/x", io.BytesIO(b"data"))
    assert list((tmp_path / "secret").iterdir()) == []


@pytest.mark.fault
def test_a_full_disk_leaves_the_old_content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = DirectoryRoot("media", tmp_path)
    root.write("x", io.BytesIO(b"old"))

    def fsync(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(StoreFull):
        root.write("x", io.BytesIO(b"new"))
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"old"]


@pytest.mark.pitfall(64)
@pytest.mark.fault
def test_a_storage_that_chooses_another_name_is_an_error(tmp_path: Path) -> None:
    root = StorageRoot("odd", RenamingStorage(location=tmp_path))
    with pytest.raises(StoreUnavailable, match="another name"):
        root.write("x", io.BytesIO(b"data"))
    assert list(tmp_path.iterdir()) == []


def test_a_storage_without_times_has_a_signature(tmp_path: Path) -> None:
    root = StorageRoot("timeless", TimelessStorage(location=tmp_path))
    root.write("x", io.BytesIO(b"data"))
    assert root.signature("x") == (4, None, None)


@pytest.mark.parametrize(
    "name",
    ["a.pdf", "x/b.pdf", "x//b.pdf", "./a.pdf", "x/./b.pdf", "a.pdf/", ".", "gone", "a.pdf/below", "n" * 300],
)
def test_plain_files_are_found_where_the_storage_finds_them(tmp_path: Path, name: str) -> None:
    class Own(FileSystemStorage):
        def exists(self, name: str) -> bool:
            return super().exists(name)

    storage, own = FileSystemStorage(location=tmp_path), Own(location=tmp_path)
    for there in ("a.pdf", "x/b.pdf"):
        storage.save(there, ContentFile(there.encode()))
    plain, asked = StorageRoot("default", storage), StorageRoot("default", own)
    assert (plain.plain, asked.plain) == (True, False)
    assert plain._path(name) == storage.path(name)
    found = []
    for root in (plain, asked):
        try:
            with root.open(name) as file:
                found.append((file.read(), root.signature(name).size))
        except OSError as error:
            found.append(type(error))
    assert found[0] == found[1]


def test_a_plain_file_has_the_signature_of_a_file(tmp_path: Path) -> None:
    storage = FileSystemStorage(location=tmp_path)
    root = StorageRoot("default", storage)
    storage.save("x", ContentFile(b"data"))
    assert root.signature("x") == DirectoryRoot("media", tmp_path).signature("x")


def test_declared_directories_go_before_storages(tmp_path: Path) -> None:
    storage = FileSystemStorage(location=tmp_path)
    roots = file_roots({"media": str(tmp_path)}, lambda: {"media": storage, "default": storage})
    assert {name: type(root) for name, root in roots.items()} == {
        "media": DirectoryRoot,
        "default": StorageRoot,
    }
