"""What a restore knows of the site before it looks at a row: order of databases, rules, words for counts."""

import dataclasses
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import models
from django.test.utils import isolate_apps

from edms_backup.errors import MalformedPackage
from edms_backup.findings import Finding, Severity
from edms_backup.naturalkeys import KeyRegistry
from edms_backup.package import canonical, encode_line
from edms_backup.restore.index import decoded
from edms_backup.restore.report import FileCounts, Mode, ModelCounts, Outcome, RestoreReport
from edms_backup.restore.target import Target, UniqueRule, unique_rules, unique_values
from edms_backup.schema import Inventory

COUNTS = (
    "expected",
    "before",
    "after",
    "identical",
    "inserted",
    "updated",
    "unchanged",
    "deleted",
    "refused",
)
COUNTS += ("left", "moved")
FILES = ("expected", "identical", "written", "replaced", "missing")


def test_databases_commit_in_the_order_of_their_names(inventory: Inventory) -> None:
    names = ["f", "b", "d", "a", "e", "c", "b"]
    specs = [dataclasses.replace(spec, using=name) for spec, name in zip(inventory, names, strict=False)]
    target = Target(engines={}, inventory=inventory, registry=KeyRegistry(), specs=tuple(specs), roots={})

    assert target.aliases == ["a", "b", "c", "d", "e", "f"]


@pytest.mark.parametrize(
    ("nulls_equal", "fields", "subject"),
    [
        (False, {"a": 1, "b": 2}, True),
        (False, {"a": 1, "b": None}, False),
        (False, {"a": None, "b": None}, False),
        (True, {"a": 1, "b": None}, True),
        (True, {"a": None, "b": None}, True),
    ],
)
def test_null_is_a_value_only_where_the_rule_says_so(
    nulls_equal: bool, fields: dict[str, Any], subject: bool
) -> None:
    rules = [UniqueRule(("a", "b"), {}, nulls_equal)]
    found = [(0, canonical([fields["a"], fields["b"]]))] if subject else []

    assert list(unique_values(fields, rules, canonical)) == found
    assert list(unique_values(fields, [UniqueRule(("a",), {"a": 2}, True), *rules], canonical)) == [
        (number + 1, value) for number, value in found
    ]


@isolate_apps("tests.zoo")
def test_rules_that_a_row_of_the_own_table_can_break() -> None:
    class Shelf(models.Model):
        code = models.CharField(max_length=9, unique=True)
        room = models.CharField(max_length=9)

        class Meta:
            app_label = "zoo"

    class Box(Shelf):
        number = models.IntegerField(unique=True)
        label = models.CharField(max_length=9, null=True)
        owner = models.ForeignKey("self", models.CASCADE, null=True)

        class Meta:
            app_label = "zoo"
            unique_together = [("number", "label"), ("room", "number")]
            constraints = [
                models.UniqueConstraint(fields=["label"], nulls_distinct=False, name="one_without"),
                models.UniqueConstraint(fields=["label"], nulls_distinct=True, name="many_without"),
                models.UniqueConstraint(fields=["label"], condition=models.Q(number=0), name="first"),
                models.UniqueConstraint(fields=["label"], condition=models.Q(owner=None), name="unowned"),
                models.UniqueConstraint(fields=["label"], condition=models.Q(number__gt=0), name="later"),
            ]

    def rules(*key: str) -> list[UniqueRule]:
        return unique_rules(SimpleNamespace(model=Box, key=SimpleNamespace(components=key)))  # type: ignore[arg-type]

    together = UniqueRule(("number", "label"), {})
    alone = [
        UniqueRule(("label",), {}, True),
        UniqueRule(("label",), {}),
        UniqueRule(("label",), {"number": 0}),
    ]
    assert rules("code") == [UniqueRule(("number",), {}), together, *alone]
    assert rules("number") == [together, *alone]
    assert rules("label", "number") == [UniqueRule(("number",), {}), *alone]


def test_a_report_says_every_count_under_its_own_name() -> None:
    """What ``--json`` prints and hooks read."""
    counts = ModelCounts(**{name: number for number, name in enumerate(COUNTS)})
    files = FileCounts(**{name: number for number, name in enumerate(FILES)})
    finding = Finding(code="c", severity=Severity.INFO, message="m")
    report = RestoreReport(
        outcome=Outcome.COMMITTED,
        package="p",
        package_id="i",
        mode=Mode.REPLACE,
        models={"zoo.Tag": counts},
        files=files,
        findings=(finding,),
        seconds=1.23456,
        verdict="v",
        safety_package="s",
        run_id="r",
        plan_digest="d",
        samples={"zoo.Tag": {"inserted": ["a"]}},
        locks={"default": "l"},
        slower={"zoo.Tag": "w"},
    )

    assert report.to_dict() == {
        "outcome": "committed",
        "verdict": "v",
        "package": "p",
        "package_id": "i",
        "mode": "replace",
        "models": {"zoo.Tag": {name: number for number, name in enumerate(COUNTS)}},
        "files": {name: number for number, name in enumerate(FILES)},
        "findings": [finding.to_dict()],
        "safety_package": "s",
        "run_id": "r",
        "plan_digest": "d",
        "samples": {"zoo.Tag": {"inserted": ["a"]}},
        "locks": {"default": "l"},
        "slower": {"zoo.Tag": "w"},
        "privileges": {"changes": [], "gained": [], "total": 0},
        "seconds": 1.235,
    }


def test_a_row_that_is_none_is_named_by_its_line() -> None:
    lines = [encode_line("zoo.tag", {"fields": {}}, 1), b"none\n"]
    package = SimpleNamespace(lines=lambda segment: iter(lines[segment.first :]))
    for first, line in ((0, 2), (1, 1)):
        entry = SimpleNamespace(segments=[SimpleNamespace(member="rows/zoo.Tag.jsonl", first=first)])
        with pytest.raises(MalformedPackage, match=rf"rows/zoo\.Tag\.jsonl, line {line}:"):
            list(decoded(package, entry))  # type: ignore[arg-type]
