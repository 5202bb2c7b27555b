"""Two rows that claim one unique value: refused, kept or taken; rows that only swap values do it."""

import pytest
from django.db import models

from edms_backup.errors import LoadFailed, PlanBlocked
from edms_backup.findings import Severity
from edms_backup.naturalkeys import KeyRegistry
from edms_backup.package.canonical import canonical
from edms_backup.restore.report import Mode, RestoreReport
from edms_backup.restore.target import equalities, unique_rules, unique_values
from edms_backup.schema import Inventory, build_inventory
from tests.unit.conftest import Zoo
from tests.zoo import models as zoo_models


def refer_to_rates(zoo: Zoo, policy: str | None = None) -> None:
    """Let texts and notes point at rates, so that it shows which row they follow."""
    rate = {} if policy is None else {"on_conflict": policy}
    zoo.configure(MODELS={"zoo.Rate": rate, "zoo.Specimen": {"references": {"big": "zoo.Rate"}}})


def clash(zoo: Zoo, policy: str | None) -> tuple[int, int]:
    """Make a package with a rate whose serial another rate of the site has; return both primary keys."""
    refer_to_rates(zoo, policy)
    zoo_models.Rate.objects.create(code="filler", kind="f")
    rate = zoo_models.Rate.objects.create(code="ours", serial=1, kind="a")
    zoo_models.Specimen.objects.create(code="s", big=rate.pk)
    zoo.create("zoo.Rate", "zoo.Specimen")
    zoo_models.Rate.objects.filter(code="ours").delete()
    zoo_models.Specimen.objects.all().delete()
    other = zoo_models.Rate.objects.create(pk=rate.pk + 50, code="theirs", serial=1, kind="b", rank=3)
    return rate.pk, other.pk


def codes(report: RestoreReport) -> dict[str, Severity]:
    return {finding.code: finding.severity for finding in report.findings}


@pytest.mark.parametrize("policy", [None, "fail"])
def test_without_a_policy_a_conflict_forbids_the_restore(zoo: Zoo, policy: str | None) -> None:
    clash(zoo, policy)

    with pytest.raises(PlanBlocked) as refused:
        zoo.restore()

    (finding,) = [f for f in refused.value.findings if f.code == "unique_conflict"]
    assert (finding.model, finding.key, finding.field) == ("zoo.Rate", "ours", "serial")
    assert "theirs" in finding.message
    assert "on_conflict" in finding.hint
    assert set(zoo_models.Rate.objects.values_list("code", flat=True)) == {"filler", "theirs"}


def test_keep_refuses_the_row_and_what_refers_to_it_refers_to_the_one_that_stays(zoo: Zoo) -> None:
    _, theirs = clash(zoo, "keep")

    report = zoo.restore()

    counts = report.models["zoo.Rate"]
    assert (counts.expected, counts.refused, counts.inserted, counts.unchanged) == (2, 1, 0, 1)
    assert counts.left == 1
    assert codes(report)["conflict_kept"] is Severity.DEFECT
    assert report.exit_code == 3
    kept = zoo_models.Rate.objects.get(serial=1)
    assert (kept.pk, kept.code, kept.kind, kept.rank) == (theirs, "theirs", "b", 3)
    assert not zoo_models.Rate.objects.filter(code="ours").exists()
    assert zoo_models.Specimen.objects.get().big == theirs


def test_foreign_keys_to_a_refused_row_lead_to_the_row_that_stays(zoo: Zoo) -> None:
    zoo.configure(NATURAL_KEYS={"zoo.Tag": ["pk"]}, MODELS={"zoo.Tag": {"on_conflict": "keep"}})
    zoo_models.Orphan.objects.create(code="o", tag=zoo_models.Tag.objects.create(pk=5, code="red"))
    zoo.create("zoo.Tag", "zoo.Orphan")
    zoo_models.Orphan.objects.all().delete()
    zoo_models.Tag.objects.all().delete()
    zoo_models.Tag.objects.create(pk=9, code="red")

    report = zoo.restore()

    assert report.models["zoo.Tag"].refused == 1
    assert zoo_models.Orphan.objects.get().tag_id == 9


def test_generic_references_and_links_to_a_refused_row_lead_to_the_row_that_stays(zoo: Zoo) -> None:
    zoo.configure(NATURAL_KEYS={"zoo.Tag": ["pk"]}, MODELS={"zoo.Tag": {"on_conflict": "keep"}})
    red, blue = (zoo_models.Tag.objects.create(pk=pk, code=code) for pk, code in ((5, "red"), (6, "blue")))
    zoo_models.Note.objects.create(code="n", subject=red)
    article = zoo_models.Article.objects.create(code="l")
    article.tags.add(red, blue)
    zoo.create("zoo.Tag", "zoo.Note", "zoo.Article")
    for model in (zoo_models.Note, zoo_models.Article, zoo_models.Tag):
        model.objects.all().delete()
    zoo_models.Tag.objects.create(pk=9, code="red")

    report = zoo.restore()

    assert report.models["zoo.Tag"].refused == 1
    assert zoo_models.Note.objects.get().subject == zoo_models.Tag.objects.get(pk=9)
    assert set(zoo_models.Article.objects.get().tags.values_list("pk", flat=True)) == {6, 9}


def test_a_row_that_is_known_by_a_refused_one_blocks_the_restore(zoo: Zoo) -> None:
    zoo.configure(
        NATURAL_KEYS={"zoo.Tag": ["pk"], "zoo.Orphan": ["tag"]}, MODELS={"zoo.Tag": {"on_conflict": "keep"}}
    )
    zoo_models.Orphan.objects.create(code="o", tag=zoo_models.Tag.objects.create(pk=5, code="red"))
    zoo.create("zoo.Tag", "zoo.Orphan")
    zoo_models.Orphan.objects.all().delete()
    zoo_models.Tag.objects.all().delete()
    zoo_models.Tag.objects.create(pk=9, code="red")

    with pytest.raises(PlanBlocked) as raised:
        zoo.restore()

    assert "conflict_in_key" in {finding.code for finding in raised.value.findings}
    assert not zoo_models.Orphan.objects.exists()


def test_take_puts_the_row_in_the_place_of_the_other(zoo: Zoo) -> None:
    _, theirs = clash(zoo, "take")

    report = zoo.restore()

    counts = report.models["zoo.Rate"]
    assert (counts.expected, counts.refused, counts.updated, counts.unchanged) == (2, 0, 1, 1)
    assert codes(report)["conflict_taken"] is Severity.WARNING
    assert report.exit_code == 0
    taken = zoo_models.Rate.objects.get(serial=1)
    assert (taken.pk, taken.code, taken.kind, taken.rank) == (theirs, "ours", "a", 0)
    assert zoo_models.Specimen.objects.get().big == theirs
    assert counts.identical == 2


@pytest.mark.parametrize("policy", ["fail", "keep", "take"])
def test_a_replace_removes_the_other_row_and_needs_no_policy(zoo: Zoo, policy: str) -> None:
    ours, _ = clash(zoo, policy)

    report = zoo.restore(Mode.REPLACE)

    assert set(zoo_models.Rate.objects.values_list("code", flat=True)) == {"filler", "ours"}
    assert zoo_models.Rate.objects.get(code="ours").pk == ours
    assert not codes(report).keys() & {"conflict_kept", "conflict_taken", "unique_conflict"}


def test_a_row_that_has_a_place_already_takes_no_other(zoo: Zoo) -> None:
    refer_to_rates(zoo, "take")
    zoo_models.Rate.objects.create(code="ours", serial=1)
    zoo.create("zoo.Rate")
    zoo_models.Rate.objects.update(serial=9)
    zoo_models.Rate.objects.create(code="theirs", serial=1, kind="b")

    with pytest.raises(PlanBlocked) as refused:
        zoo.restore()

    assert "unique_conflict" in {finding.code for finding in refused.value.findings}


def test_a_row_that_has_a_place_already_may_be_refused(zoo: Zoo) -> None:
    refer_to_rates(zoo, "keep")
    ours = zoo_models.Rate.objects.create(code="ours", serial=1)
    zoo_models.Specimen.objects.create(code="s", big=ours.pk)
    zoo.create("zoo.Rate", "zoo.Specimen")
    zoo_models.Rate.objects.update(serial=9)
    zoo_models.Specimen.objects.all().delete()
    zoo_models.Rate.objects.create(code="theirs", serial=1, kind="b")

    report = zoo.restore()

    assert report.models["zoo.Rate"].refused == 1
    assert dict(zoo_models.Rate.objects.values_list("code", "serial")) == {"ours": 9, "theirs": 1}
    assert zoo_models.Specimen.objects.get().big == ours.pk, "its own row is there, only older"


@pytest.mark.pitfall(23)
@pytest.mark.parametrize("mode", Mode)
def test_two_rows_that_swap_a_unique_value(zoo: Zoo, mode: Mode) -> None:
    for code, serial in (("a", 1), ("b", 2), ("c", 3)):
        zoo_models.Rate.objects.create(code=code, serial=serial)
    zoo.create("zoo.Rate")
    before = sorted(zoo_models.Rate.objects.values_list("pk", "code", "serial"))
    zoo_models.Rate.objects.filter(code="a").update(serial=99)
    for code, serial in (("b", 1), ("c", 2), ("a", 3)):
        zoo_models.Rate.objects.filter(code=code).update(serial=serial)

    report = zoo.restore(mode)

    assert sorted(zoo_models.Rate.objects.values_list("pk", "code", "serial")) == before
    assert report.models["zoo.Rate"].updated == 3


def test_a_constraint_with_a_condition_counts_where_the_condition_holds(zoo: Zoo) -> None:
    zoo_models.Rate.objects.create(code="ours", kind="a", is_default=True)
    zoo.create("zoo.Rate")
    zoo_models.Rate.objects.all().delete()
    zoo_models.Rate.objects.create(code="plain", kind="a")
    assert zoo.plan().blocked is False
    zoo_models.Rate.objects.create(code="theirs", kind="a", is_default=True)
    plan = zoo.plan()
    assert [(f.code, f.field) for f in plan.findings if f.severity >= Severity.ERROR] == [
        ("unique_conflict", "kind")
    ]


def test_a_constraint_that_only_the_database_understands_rolls_everything_back(zoo: Zoo) -> None:
    """Over an expression: no plan can foresee it."""
    zoo_models.Tag.objects.create(code="t")
    zoo_models.Rate.objects.create(code="Ours", kind="a")
    zoo.create("zoo.Rate", "zoo.Tag")
    zoo_models.Tag.objects.all().delete()
    zoo_models.Rate.objects.all().delete()
    zoo_models.Rate.objects.create(code="OURS", kind="a")

    with pytest.raises(LoadFailed, match=r"zoo\.Rate \(Ours\)") as failed:
        zoo.restore()

    assert failed.value.exit_code == 18
    assert not zoo_models.Tag.objects.exists()
    assert zoo_models.Rate.objects.get().code == "OURS"


# -- rules -----------------------------------------------------------------------------------------


def test_the_rules_of_a_model(inventory: Inventory) -> None:
    assert [(rule.names, rule.condition) for rule in unique_rules(inventory["zoo.Rate"])] == [
        (("serial",), {}),
        (("kind",), {"is_default": True}),
    ]
    assert unique_rules(inventory["zoo.Tag"]) == [], "the key is no rule beside the key"
    named = build_inventory(KeyRegistry({"zoo.Tag": ("pk",)}))
    assert [rule.names for rule in unique_rules(named["zoo.Tag"])] == [("code",)]


def test_which_rows_are_subject_to_a_rule(inventory: Inventory) -> None:
    rules = unique_rules(inventory["zoo.Rate"])
    fields = {"serial": 4, "kind": "a", "is_default": True}
    assert list(unique_values(fields, rules, canonical)) == [(0, b"[4]"), (1, b'["a"]')]
    assert list(unique_values({**fields, "serial": None, "is_default": False}, rules, canonical)) == []


@pytest.mark.parametrize(
    ("condition", "found"),
    [
        (None, {}),
        (models.Q(a=1), {"a": 1}),
        (models.Q(a=1, b="x"), {"a": 1, "b": "x"}),
        (models.Q(a=1) | models.Q(b=2), None),
        (~models.Q(a=1), None),
        (models.Q(a__gt=1), None),
        (models.Q(models.Q(a=1) | models.Q(b=1), c=1), None),
    ],
)
def test_conditions_that_are_plain_equalities(condition: models.Q | None, found: object) -> None:
    assert equalities(condition) == found
