"""Pitfalls 64 to 69: document files in place, on a plain directory. Crashes are in ``tests/faults``."""

import os
import stat
from pathlib import Path
from typing import Any

import pytest

from edms_backup.errors import ValidationFailed
from edms_backup.package import PackageReader
from edms_backup.restore.report import Mode
from tests.unit.conftest import Zoo
from tests.zoo import models as animals


@pytest.fixture
def media(lone_zoo: Zoo, tmp_path: Path, settings: Any) -> Path:
    """Give the directory of the zoo's documents."""
    place = tmp_path / "media"
    (place / "zoo").mkdir(parents=True)
    settings.MEDIA_ROOT = str(place)
    lone_zoo.configure(FILE_ROOTS={"media": str(place), "legacy": str(tmp_path / "legacy")})
    return place


def listing(place: Path) -> dict[str, bytes]:
    return {
        path.relative_to(place).as_posix(): path.read_bytes() for path in place.rglob("*") if path.is_file()
    }


@pytest.mark.pitfall(64)
@pytest.mark.parametrize("mode", Mode)
def test_a_file_keeps_its_name_whatever_lies_there(lone_zoo: Zoo, media: Path, mode: Mode) -> None:
    (media / "zoo/a.txt").write_bytes(b"of the package")
    (media / "zoo/gone.txt").write_bytes(b"gone")
    animals.Specimen.objects.create(code="a", file="zoo/a.txt")
    animals.Specimen.objects.create(code="gone", file="zoo/gone.txt")
    lone_zoo.create("zoo.Specimen", files=True)
    (media / "zoo/a.txt").write_bytes(b"another document of the same name")
    (media / "zoo/gone.txt").unlink()
    animals.Specimen.objects.all().delete()

    report = lone_zoo.restore(mode, files=True)

    assert listing(media) == {"zoo/a.txt": b"of the package", "zoo/gone.txt": b"gone"}
    assert (report.files.replaced, report.files.written) == (1, 1)
    assert set(animals.Specimen.objects.values_list("file", flat=True)) == {"zoo/a.txt", "zoo/gone.txt"}


@pytest.mark.pitfall(63)
def test_a_row_without_its_file_is_a_row(lone_zoo: Zoo, media: Path) -> None:
    (media / "zoo/stray.txt").write_bytes(b"no row names it")
    animals.Specimen.objects.create(code="a", file="zoo/missing.txt")
    made = lone_zoo.create("zoo.Specimen", files=True)
    assert (made.missing_files, made.exit_code) == (1, 3)
    assert [(f.code, f.member) for f in made.findings] == [("missing_file", "zoo/missing.txt")]
    animals.Specimen.objects.all().delete()

    report = lone_zoo.restore(files=True)

    assert animals.Specimen.objects.get().file.name == "zoo/missing.txt"
    assert [(f.code, f.member) for f in report.findings] == [("file_was_missing", "zoo/missing.txt")]
    assert listing(media) == {"zoo/stray.txt": b"no row names it"}


@pytest.mark.pitfall(66)
@pytest.mark.parametrize(
    "name",
    [
        "zoo/e\u0301 NFD.txt",
        "zoo/\u00e9 NFC.txt",
        "zoo/CON.txt",
        "zoo/" + "n" * 90,
        "zoo/ space .txt",
        "zoo/A.txt",
    ],
)
def test_names_of_every_kind(lone_zoo: Zoo, media: Path, name: str) -> None:
    (media / name).write_bytes(name.encode())
    (media / "zoo/a.txt").write_bytes(b"another case")
    for number, file in enumerate((name, "zoo/a.txt")):
        animals.Specimen.objects.create(code=f"s{number}", file=file)
    lone_zoo.create("zoo.Specimen", files=True)
    before = listing(media)
    for path in media.rglob("*.*"):
        path.unlink()
    (media / name).unlink(missing_ok=True)

    lone_zoo.restore(files=True)

    assert listing(media) == before


@pytest.mark.pitfall(67)
def test_modes_are_those_of_a_new_file(lone_zoo: Zoo, media: Path) -> None:
    """Mode, owner and times are the machine's, not the package's: the umask of the restore decides."""
    animals.Specimen.objects.create(code="a", file="zoo/a.txt")
    (media / "zoo/a.txt").write_bytes(b"x")
    (media / "zoo/a.txt").chmod(0o777)
    lone_zoo.create("zoo.Specimen", files=True)
    (media / "zoo/a.txt").unlink()
    before = os.umask(0o027)
    try:
        lone_zoo.restore(files=True)
    finally:
        os.umask(before)
    assert stat.S_IMODE((media / "zoo/a.txt").stat().st_mode) == 0o640


@pytest.mark.pitfall(68)
@pytest.mark.parametrize("mode", Mode)
def test_a_file_that_two_rows_share(lone_zoo: Zoo, media: Path, mode: Mode) -> None:
    (media / "zoo/shared.txt").write_bytes(b"shared")
    (media / "zoo/equal.txt").write_bytes(b"shared")
    for number, name in enumerate(("zoo/shared.txt", "zoo/shared.txt", "zoo/equal.txt")):
        animals.Specimen.objects.create(code=f"s{number}", file=name)
    lone_zoo.create("zoo.Specimen", files=True)
    with PackageReader.open(Path(lone_zoo.settings.EDMS_BACKUP["DIRECTORY"]) / lone_zoo.package) as package:
        entries = list(package.files())
    assert sorted(entry.name for entry in entries) == ["zoo/equal.txt", "zoo/shared.txt"]
    assert len({entry.member for entry in entries}) == 1
    # A row that goes takes no file with it: another one may name it, and nobody can know.
    animals.Specimen.objects.create(code="newer", file="zoo/shared.txt")
    (media / "zoo/equal.txt").unlink()

    lone_zoo.restore(mode, files=True)

    assert listing(media) == {"zoo/shared.txt": b"shared", "zoo/equal.txt": b"shared"}


@pytest.mark.pitfall(69)
def test_a_restore_that_fails_leaves_every_file_as_it_was(
    lone_zoo: Zoo, media: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("zoo/changed.txt", "zoo/gone.txt"):
        (media / name).write_bytes(b"of the package")
        animals.Specimen.objects.create(code=name, file=name)
    lone_zoo.create("zoo.Specimen", files=True)
    (media / "zoo/changed.txt").write_bytes(b"of today")
    (media / "zoo/gone.txt").unlink()
    animals.Specimen.objects.all().delete()
    before = listing(media)

    def refuse(*args: Any) -> Any:
        raise ValidationFailed("on purpose")

    monkeypatch.setattr("edms_backup.restore.pipeline.verdict", refuse)  # the last step before the commit
    with pytest.raises(ValidationFailed):
        lone_zoo.restore(files=True)

    assert listing(media) == before
    assert not animals.Specimen.objects.exists()
