"""How far a run gets is told truthfully: every step says how much it is, counts up to it, and ends."""

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from edms_backup.create.report import CreateRequest
from edms_backup.events import Event, Progress, StepFinished, StepStarted
from edms_backup.service import BackupService
from tests.unit.conftest import Zoo
from tests.zoo import models as zoo_models


class Recorder:
    """A reporter that remembers."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def emit(self, event: Event) -> None:
        self.events.append(event)

    def step(self, name: str) -> tuple[tuple[int | None, str], list[tuple[int, str]], int]:
        """Return (total, unit), (done, subject) of each progress, and what was done in the end."""
        (started,) = [e for e in self.events if isinstance(e, StepStarted) and e.step == name]
        (finished,) = [e for e in self.events if isinstance(e, StepFinished) and e.step == name]
        assert finished.seconds >= 0
        assert self.events.index(started) < self.events.index(finished)
        said = [(e.done, e.subject) for e in self.events if isinstance(e, Progress) and e.step == name]
        assert all(one < other for (one, _), (other, _) in pairwise(said)), "it only ever grows"
        return (started.total, started.unit), said, finished.done


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
def service(zoo: Zoo, recorder: Recorder, tmp_path: Path, settings: Any) -> BackupService:
    """Give a service that tells, and a site with three tags and two files."""
    media = tmp_path / "media"
    (media / "zoo").mkdir(parents=True)
    settings.MEDIA_ROOT = str(media)
    zoo.configure(FILE_ROOTS={"media": str(media), "legacy": str(tmp_path / "legacy")})
    for code in "abc":
        zoo_models.Tag.objects.create(code=code)
    for code in "de":
        (media / f"zoo/{code}.txt").write_bytes(code.encode())
        zoo_models.Specimen.objects.create(code=code, file=f"zoo/{code}.txt")
    zoo.choose("fields")
    return BackupService.from_settings(recorder)


def test_a_package_is_made_read_back_and_verified(service: BackupService, recorder: Recorder) -> None:
    report = service.create(CreateRequest(models=("zoo.Tag", "zoo.Specimen")))
    size = Path(service.settings.directory or "", report.package).stat().st_size

    assert recorder.step("dump")[::2] == ((5, "rows"), 5)
    assert recorder.step("files")[::2] == ((2, "files"), 2)
    (total, unit), said, done = recorder.step("digest")
    assert (total, unit, done) == (size, "bytes", size)
    assert 0 < said[-1][0] <= size
    assert said[-1][1] == "MANIFEST.json", "of members that are read together, the last one"


def test_a_restore_counts_rows_and_files(service: BackupService, recorder: Recorder, zoo: Zoo) -> None:
    zoo.package = service.create(CreateRequest(models=("zoo.Tag", "zoo.Specimen"))).package
    zoo_models.Specimen.objects.all().delete()
    recorder.events.clear()

    service.restore(zoo.request(files=True))

    total, said, done = recorder.step("plan")
    assert (total, done, said[-1][0]) == ((5, "rows"), 5, 5)
    assert {subject for _, subject in said} == {"zoo.Tag", "zoo.Specimen"}
    assert recorder.step("load") == ((2, "rows"), [(2, "zoo.Specimen")], 2)
    total, said, done = recorder.step("validate")
    assert (total, done, said[-1][0]) == ((5, "rows"), 5, 5)
    for step in ("compare files", "stage files"):
        assert recorder.step(step) == ((2, "files"), [(1, "zoo/d.txt"), (2, "zoo/e.txt")], 2)
    assert [e.step for e in recorder.events if isinstance(e, StepStarted)][1:] == [
        "plan",
        "compare files",
        "stage files",
        "load",
        "validate",
    ]
