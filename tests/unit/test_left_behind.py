"""References that lead out of a restore: to rows that go, and to rows without a name that are not in it."""

import pytest

from edms_backup.findings import Severity
from edms_backup.restore.report import Mode
from tests.unit.conftest import Zoo
from tests.zoo import models as zoo_models


@pytest.fixture
def trail(zoo: Zoo) -> Zoo:
    """Give a zoo whose notes are a trail: those that the package does not know survive a replace."""
    zoo.configure(MODELS={"zoo.Note": {"append_only": True}})
    zoo_models.Note.objects.create(code="old", subject=zoo_models.Tag.objects.create(code="kept"))
    zoo.create("zoo.Tag", "zoo.Note")
    return zoo


def test_a_note_on_a_row_that_goes_is_told_and_keeps_its_id(trail: Zoo) -> None:
    gone = zoo_models.Tag.objects.create(code="gone")
    zoo_models.Note.objects.create(code="new", subject=gone)

    report = trail.restore(Mode.REPLACE)

    (finding,) = [f for f in report.findings if f.code == "generic_reference_lost"]
    assert (finding.severity, finding.model, finding.field) == (Severity.WARNING, "zoo.Note", "subject")
    assert report.exit_code == 0
    assert (report.models["zoo.Note"].left, report.models["zoo.Tag"].deleted) == (1, 1)
    assert zoo_models.Note.objects.get(code="new").object_id == gone.pk
    assert not zoo_models.Tag.objects.filter(code="gone").exists()


def test_a_note_on_a_row_that_stays_is_nothing_to_tell(trail: Zoo) -> None:
    zoo_models.Note.objects.create(code="new", subject=zoo_models.Tag.objects.get(code="kept"))
    zoo_models.Note.objects.create(code="nothing", object_id=None, content_type=None)

    report = trail.restore(Mode.REPLACE)

    assert report.findings == ()
    assert zoo_models.Note.objects.get(code="new").subject == zoo_models.Tag.objects.get(code="kept")


@pytest.mark.parametrize("mode", Mode)
def test_links_to_rows_without_a_name_that_are_not_restored_stay_ids(zoo: Zoo, mode: Mode) -> None:
    zoo.populate("linked_twins")
    links = zoo_models.Pin.readings.through.objects.order_by("pin__code", "reading_id")
    before = list(links.values_list("pin__code", "reading_id"))
    assert before
    zoo.create("zoo.Pin")
    zoo_models.Pin.objects.all().delete()

    report = zoo.restore(mode)

    assert "missing_reference" not in {finding.code for finding in report.findings}
    assert list(links.values_list("pin__code", "reading_id")) == before


@pytest.mark.parametrize("mode", Mode)
def test_a_model_without_a_table_has_no_rows_that_could_follow(zoo: Zoo, mode: Mode) -> None:
    """``zoo.View`` refers to vehicles, and lives nowhere: as do models that ``Meta.required_db_features`` rules out."""
    zoo_models.Vehicle.objects.create(code="a")
    zoo.create("zoo.Vehicle")
    zoo_models.Vehicle.objects.all().delete()
    zoo_models.Vehicle.objects.create(code="b")

    zoo.restore(mode)

    assert zoo_models.Vehicle.objects.filter(code="a").exists()
