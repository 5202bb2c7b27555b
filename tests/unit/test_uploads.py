"""Packages that strangers send: quarantined, verified, taken in under a name of our own; handed out, deleted."""

import hashlib
import io
import os
import stat
import time
import uuid
from pathlib import Path

import pytest

from edms_backup.errors import (
    ChecksumMismatch,
    EdmsBackupError,
    IntegrityError,
    NotAPackage,
    PackageExists,
    PackageNotFound,
    PackageTooLarge,
    RunLocked,
    StoreFull,
    TruncatedPackage,
    UsageError,
)
from edms_backup.locks import RunLock
from edms_backup.models import Run
from edms_backup.storage.quarantine import KEPT
from tests.unit.conftest import Zoo
from tests.zoo import models as zoo_models


@pytest.fixture
def site(zoo: Zoo) -> Zoo:
    zoo_models.Tag.objects.create(code="t")
    zoo.create("zoo.Tag")
    return zoo


@pytest.fixture
def sent(site: Zoo) -> bytes:
    """Give the bytes of a package that the store does not have."""
    with site.service.open(site.package) as opened:
        data = opened.stream.read()
        assert opened.length == len(data)
    site.service.delete(site.package)
    return data


def waiting(zoo: Zoo) -> list[Path]:
    return sorted((zoo.service.settings.state_directory / "quarantine").glob("*"))


def test_an_upload_is_taken_in_and_can_be_restored(site: Zoo, sent: bytes) -> None:
    service = site.service
    upload = service.receive(
        io.BytesIO(sent), length=len(sent), sha256=hashlib.sha256(sent).hexdigest().upper()
    )
    (path,) = waiting(site)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert service.list() == []
    report = service.admit(upload)
    assert report.ok
    assert waiting(site) == []
    (summary,) = service.list()
    assert summary.name == report.package
    assert summary.name.startswith("received-")
    assert service.find(summary.id) == summary
    site.package = report.package
    zoo_models.Tag.objects.all().delete()
    assert site.restore().models["zoo.Tag"].inserted == 1
    assert Run.objects.get(kind="admit").state == "succeeded"


def test_latest_is_never_what_somebody_sent(site: Zoo, sent: bytes) -> None:
    service = site.service
    service.admit(service.receive(io.BytesIO(sent)))
    with pytest.raises(PackageNotFound):
        service.show("latest")
    own = site.create("zoo.Tag").package
    assert service.show("latest").summary.name == own


class Endless:
    """Sends bytes of a package for ever, and counts them."""

    def __init__(self) -> None:
        self.sent = 0

    def read(self, size: int = -1, /) -> bytes:
        self.sent += size
        return b"PK\3\4".ljust(size, b"x")


@pytest.mark.parametrize("announced", [None, 10, 5_000_000])
def test_what_is_too_large_is_refused_while_it_comes(site: Zoo, announced: int | None) -> None:
    site.configure(UPLOAD_LIMIT=3_000_000)
    source = Endless()
    expected = TruncatedPackage if announced == 10 else PackageTooLarge
    with pytest.raises(expected):
        site.service.receive(source, length=announced)
    assert source.sent <= 4 * (1 << 20)
    assert waiting(site) == []


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"", NotAPackage),
        (b"GIF89a", NotAPackage),
        (b"\x1f\x8b\x08", NotAPackage),
        (b"PK\3\4 and then nothing of a package", IntegrityError),
    ],
)
def test_what_is_no_package_is_refused(site: Zoo, data: bytes, error: type[EdmsBackupError]) -> None:
    service = site.service
    with pytest.raises(error):
        service.admit(service.receive(io.BytesIO(data)))
    assert waiting(site) == []
    assert [summary.name for summary in service.list()] == [site.package]


def test_an_upload_that_lies_about_itself(site: Zoo, sent: bytes) -> None:
    service = site.service
    for length in (len(sent) - 1, len(sent) + 1):
        with pytest.raises(TruncatedPackage):
            service.receive(io.BytesIO(sent), length=length)
    for digest in ("0" * 64, "é", "x"):
        with pytest.raises(ChecksumMismatch):
            service.receive(io.BytesIO(sent), sha256=digest)
    assert waiting(site) == []


@pytest.mark.parametrize("part", [0.1, 0.5, 0.9])
def test_a_damaged_upload_is_removed(site: Zoo, sent: bytes, part: float) -> None:
    data = bytearray(sent)
    data[int(len(data) * part)] ^= 4
    service = site.service
    with pytest.raises(IntegrityError):
        service.admit(service.receive(io.BytesIO(bytes(data))))
    assert waiting(site) == []
    assert service.list() == []
    assert Run.objects.get(kind="admit").state == "failed"


def test_a_damaged_upload_is_called_damaged_once(site: Zoo, sent: bytes) -> None:
    data = bytearray(sent)
    data[len(data) // 4] ^= 4
    service = site.service
    with pytest.raises(ChecksumMismatch) as refused:
        service.admit(service.receive(io.BytesIO(bytes(data))))
    said = refused.value.message
    assert said.startswith("Nothing was taken in: the upload is damaged; the damage lies in ")
    assert said.count("damaged") == 1
    assert refused.value.hint


def test_a_cut_upload_is_removed(site: Zoo, sent: bytes) -> None:
    service = site.service
    for length in (len(sent) // 2, len(sent) - 1):
        with pytest.raises(IntegrityError):
            service.admit(service.receive(io.BytesIO(sent[:length])))
    assert waiting(site) == []


def test_the_same_package_is_not_kept_twice(site: Zoo, sent: bytes) -> None:
    service = site.service
    first = service.admit(service.receive(io.BytesIO(sent)))
    with pytest.raises(PackageExists, match=first.package):
        service.admit(service.receive(io.BytesIO(sent)))
    assert len(service.list()) == 1


def test_an_upload_that_changes_after_it_was_verified(
    site: Zoo, sent: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    from edms_backup.service import packages

    service = site.service
    upload = service.receive(io.BytesIO(sent))
    sound = packages._sound

    def swapped(*args: object) -> str:
        package_id = sound(*args)  # type: ignore[arg-type]
        data = bytearray(sent)
        data[len(data) // 2] ^= 1
        waiting(site)[0].write_bytes(data)
        return package_id

    monkeypatch.setattr(packages, "_sound", swapped)
    with pytest.raises(IntegrityError):
        service.admit(upload)
    assert service.list() == []
    assert [path.name for path in Path(service.settings.directory).glob(".*") if path.is_file()] == []


@pytest.mark.parametrize(
    "upload", ["", "../../../etc/passwd", "5d0c4f0e-6b1a-4c55-9a53-0c9a3b1f2e77", "latest"]
)
def test_uploads_that_are_not_there(site: Zoo, upload: str) -> None:
    with pytest.raises(PackageNotFound):
        site.service.admit(upload)
    site.service.discard(upload)


def test_uploads_that_nobody_wants_go(site: Zoo, sent: bytes) -> None:
    service = site.service
    unwanted = service.receive(io.BytesIO(sent))
    service.discard(unwanted)
    assert waiting(site) == []
    service.receive(io.BytesIO(sent))
    (old,) = waiting(site)
    long_ago = time.time() - KEPT - 5
    os.utime(old, (long_ago, long_ago))
    new = service.receive(io.BytesIO(sent))
    assert [path.name for path in waiting(site)] == [f"{new}.upload"]


def test_a_full_disk_keeps_nothing(site: Zoo, sent: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    site.configure(AUDIT_REQUIRED=False)  # its disk is the same one
    monkeypatch.setattr("edms_backup.storage.quarantine.os.fsync", full)
    with pytest.raises(StoreFull):
        site.service.receive(io.BytesIO(sent))
    assert waiting(site) == []


@pytest.mark.parametrize("name", ["latest", "edms", "../x.edms.zip", "/etc/passwd", "", ".x.edms.zip"])
def test_only_a_whole_name_deletes_and_opens(site: Zoo, name: str) -> None:
    with pytest.raises(UsageError):
        site.service.delete(name)
    with pytest.raises(UsageError), site.service.open(name):
        pytest.fail("it was opened")
    assert [summary.name for summary in site.service.list()] == [site.package]


def test_a_package_is_deleted_once(site: Zoo) -> None:
    package = site.service.list()[0]
    report = site.service.delete(package.name)
    assert (report.package, report.id, report.bytes) == (package.name, package.id, package.bytes)
    with pytest.raises(PackageNotFound):
        site.service.delete(package.name)
    assert [run.state for run in Run.objects.filter(kind="delete").order_by("created_at")] == [
        "succeeded",
        "failed",
    ]


def test_nothing_is_deleted_while_somebody_may_read_it(site: Zoo) -> None:
    with RunLock(site.service.settings.state_directory, "restore"), pytest.raises(RunLocked):
        site.service.delete(site.package)
    assert site.service.verify(site.package).ok


def test_a_package_is_found_by_its_id_under_any_name(site: Zoo) -> None:
    service = site.service
    (package,) = service.list()
    path = Path(service.settings.directory, package.name)
    path.rename(path.with_name("renamed.edms.zip"))
    assert service.find(uuid.UUID(package.id)).name == "renamed.edms.zip"
    for wrong in ("latest", "renamed", str(uuid.uuid4()), ""):
        with pytest.raises(PackageNotFound):
            service.find(wrong)
