"""A package adds to an audit trail; it changes and deletes nothing there, in neither mode."""

from typing import Any

import pytest

from edms_backup.errors import PlanBlocked
from edms_backup.findings import Severity
from edms_backup.restore.report import Mode, Outcome
from edms_backup.service import CreateRequest
from tests.unit.conftest import Zoo
from tests.zoo.models import AuditDetail, AuditLine, Hall, Rate
from tests.zoo.portrait import portrait

TRAIL = {"zoo.AuditLine": {"append_only": True}, "zoo.AuditDetail": {"append_only": True}}


@pytest.fixture
def trail(zoo: Zoo) -> Zoo:
    """Give a package of halls and of a trail with three lines, each with a detail."""
    zoo.configure(MODELS=TRAIL)
    zoo.choose("trail")
    for code in ("north", "south"):
        Hall.objects.create(code=code)
    write("one", "two", "three")
    zoo.package = zoo.service.create(CreateRequest(models=zoo.labels, files=False)).package
    return zoo


def write(*codes: str, hall: str = "north") -> None:
    for code in codes:
        line = AuditLine.objects.create(code=code, hall=Hall.objects.get(code=hall))
        line.halls.set(Hall.objects.filter(code=hall))
        AuditDetail.objects.create(line=line, code=f"detail of {code}")


def look() -> dict[str, Any]:
    """Return what each line says, by its code: never by a number."""
    return {
        line.code: (
            line.hall and line.hall.code,
            sorted(hall.code for hall in line.halls.all()),
            line.auditdetail.code,
        )
        for line in AuditLine.objects.all()
    }


@pytest.mark.parametrize("mode", Mode)
def test_a_line_with_another_content_stays_and_a_missing_one_comes_back(trail: Zoo, mode: Mode) -> None:
    before = look()
    two = AuditLine.objects.get(code="two")
    AuditLine.objects.filter(code="two").update(hall=Hall.objects.get(code="south"))
    AuditDetail.objects.filter(line=two).update(code="another detail")
    AuditLine.objects.get(code="three").delete()
    write("later", hall="south")

    plan = trail.plan(mode)
    report = trail.restore(mode)

    assert look() == {
        **before,
        "two": ("south", ["north"], "another detail"),
        "later": ("south", ["south"], "detail of later"),
    }
    assert (report.outcome, report.exit_code) == (Outcome.COMMITTED, 3)
    kept = [finding for finding in report.findings if finding.code == "append_only_kept"]
    assert [(one.model, one.severity, one.count) for one in kept] == [
        ("zoo.AuditLine", Severity.DEFECT, 1),
        ("zoo.AuditDetail", Severity.DEFECT, 1),
    ]
    assert "two" in kept[0].message
    counts = report.models["zoo.AuditLine"]
    assert (counts.inserted, counts.updated, counts.unchanged, counts.refused) == (1, 0, 1, 1)
    assert (counts.deleted, counts.left, counts.identical) == (0, 1, 2)
    assert (plan.models["zoo.AuditLine"].refused, plan.models["zoo.AuditLine"].updated) == (1, 0)


@pytest.mark.parametrize("mode", Mode)
def test_what_stays_follows_the_rows_that_it_is_about(trail: Zoo, mode: Mode) -> None:
    """The site was set up anew, in another order: every number is another one, and taken by another line."""
    keys = {line.code: line.pk for line in AuditLine.objects.all()}
    before = look()
    AuditLine.objects.all().delete()
    Hall.objects.all().delete()
    for code in ("south", "north"):
        Hall.objects.create(code=code)
    write("three", "two", "later")
    AuditLine.objects.filter(code="two").update(hall=None)
    if mode is Mode.REPLACE:  # "two" sits where the package has "one"
        move(AuditLine.objects.get(code="two"), keys["one"])

    report = trail.restore(mode)

    later = {"later": ("north", ["north"], "detail of later")}
    assert look() == {**before, **later, "two": (None, ["north"], "detail of two")}
    assert report.models["zoo.AuditLine"].refused == 1
    assert AuditDetail.objects.count() == 4
    if mode is Mode.REPLACE:
        now = {line.code: line.pk for line in AuditLine.objects.all()}
        assert {code: now[code] for code in ("one", "three")} == {
            code: keys[code] for code in ("one", "three")
        }


def move(line: AuditLine, pk: int) -> None:
    """Give a line, its links and its detail another number."""
    old = line.pk
    links, detail = list(line.halls.all()), line.auditdetail.code
    code = line.code
    AuditLine.objects.filter(pk__in=(old, pk)).delete()
    line = AuditLine.objects.create(pk=pk, code=code, hall=None)
    line.halls.set(links)
    AuditDetail.objects.create(line=line, code=detail)


@pytest.mark.parametrize("mode", Mode)
def test_the_same_content_is_no_difference(trail: Zoo, mode: Mode) -> None:
    before = portrait(trail.labels)
    report = trail.restore(mode)
    assert report.findings == ()
    assert report.models["zoo.AuditLine"].unchanged == 3
    assert portrait(trail.labels) == before


def test_an_undo_brings_the_very_state_back(trail: Zoo) -> None:
    AuditLine.objects.filter(code="two").update(hall=None)
    AuditLine.objects.get(code="three").delete()
    trail.package = trail.service.create(CreateRequest(files=False)).package
    before = portrait(trail.labels, keys=True)
    AuditLine.objects.filter(code="one").update(hall=None)
    changed = portrait(trail.labels, keys=True)
    trail.restore(Mode.REPLACE, safety_package=True)
    assert portrait(trail.labels, keys=True) == changed
    trail.service.undo()
    assert portrait(trail.labels, keys=True) == changed != before


@pytest.mark.parametrize("mode", Mode)
def test_a_line_that_stays_does_not_make_room(zoo: Zoo, mode: Mode) -> None:
    """What the package would add has a unique value that a line which stays has taken."""
    zoo.configure(MODELS={"zoo.Rate": {"append_only": True}})
    Rate.objects.create(code="a", serial=1, kind="a")
    Rate.objects.create(code="b", serial=2, kind="b")
    zoo.create("zoo.Rate")
    Rate.objects.get(code="b").delete()
    Rate.objects.filter(code="a").update(serial=2)

    with pytest.raises(PlanBlocked) as refused:
        zoo.restore(mode)

    assert {finding.code for finding in refused.value.findings} == {"append_only_kept", "unique_conflict"}
    assert list(Rate.objects.values_list("code", "serial")) == [("a", 2)]


@pytest.mark.parametrize("mode", Mode)
def test_what_is_refused_is_in_nobodys_way(zoo: Zoo, mode: Mode) -> None:
    """The value that the refused row had in the package belongs to another row of the site meanwhile."""
    zoo.configure(MODELS={"zoo.Rate": {"append_only": True}})
    Rate.objects.create(code="a", serial=1, kind="a")
    zoo.create("zoo.Rate")
    Rate.objects.filter(code="a").update(serial=2)
    Rate.objects.create(code="c", serial=1, kind="c")

    report = zoo.restore(mode)

    assert [finding.code for finding in report.findings] == ["append_only_kept"]
    assert sorted(Rate.objects.values_list("code", "serial")) == [("a", 2), ("c", 1)]
