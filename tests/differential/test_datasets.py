"""Drawn datasets through whole restores: on each vendor exact, from one to another exact or refused.

``EDMS_EXAMPLES`` says how many datasets each vendor gets, and lets every run draw new ones; unset, there are a
hundred, and always the same. Each way from one vendor to another gets a tenth of that.
"""

import dataclasses
import itertools
import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, event, given, settings
from hypothesis import strategies as st

from edms_backup.errors import PlanBlocked
from edms_backup.findings import Severity
from edms_backup.naturalkeys import KeyRegistry
from edms_backup.restore import scanned
from edms_backup.restore.report import Mode, RestoreReport
from edms_backup.schema import Inventory, build_inventory
from tests import databases
from tests.conftest import skip_unless_present
from tests.differential.datasets import GROUPS, Dataset, datasets, nothing
from tests.differential.picture import Picture, differences, merged, picture, without_ids
from tests.differential.values import Draw, misfits
from tests.differential.writing import clear, write
from tests.pitfalls.conftest import Travel
from tests.unit.conftest import Zoo

IN_CI = 100
EXAMPLES = int(os.environ.get("EDMS_EXAMPLES") or IN_CI)
AT_RANDOM = bool(os.environ.get("EDMS_EXAMPLES"))
PAIRS = list(itertools.permutations(databases.VENDORS, 2))  # from a vendor to itself is the first test
FIRST, FAR = 1, 5001  # primary keys of one site, and of another
EVERY_GROUP = (*GROUPS, *["fields"] * 5)
ELSEWHERE = (*GROUPS, *["fields"] * 15)  # vendors differ in values, not in references

# Groups whose rows a merge knows again only where nothing else is there, and why.
LIMITS = {
    "nameless_tree": {"empty", "same"},  # rows without a name that refer to each other are known by numbers
    "named_by_twins": {"empty", "same"},
    "constraints": {"empty", "same", "moved"},  # other rows may hold values that are there once
    "methods": {"empty", "same", "moved"},
}


@dataclasses.dataclass
class Trial:
    """A package's rows, the site that they are restored into, and how."""

    package: Dataset
    state: str
    site: Dataset
    mode: Mode
    few: int
    """Models with fewer rows go the plain way; the quick one is open to all others."""


@st.composite
def trials(draw: Draw, source: str, target: str) -> Trial:
    group = draw(st.sampled_from(EVERY_GROUP if source == target else ELSEWHERE))
    package = draw(datasets(source, group))
    mode = draw(st.sampled_from(list(Mode)))
    states = ["empty", "same", "moved", "other"] if source == target else ["empty", "other"]
    if mode is Mode.MERGE and group in LIMITS:
        states = [state for state in states if state in LIMITS[group]]
    state = draw(st.sampled_from(states))
    site = {"empty": nothing(group), "other": None}.get(state, package) or draw(datasets(target, group))
    return Trial(package, state, site, mode, few=draw(st.sampled_from([1, scanned.FEW])))


def examined(count: int) -> Callable[[Any], Any]:
    """Return Hypothesis' settings for so many examples."""
    return settings(
        max_examples=count,
        derandomize=not AT_RANDOM,
        database=None,
        deadline=None,
        report_multiple_bugs=False,
        print_blob=True,
        phases=[Phase.explicit, Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )


class Sites:
    """Two sites and what passes between them."""

    def __init__(self, zoo: Zoo, travel: Travel, source: str, target: str) -> None:
        self._zoo, self._travel, self._source, self._target = zoo, travel, source, target
        self._store = Path(zoo.settings.EDMS_BACKUP["DIRECTORY"])
        self._groups: dict[str, str] = {}

    def _go(self, vendor: str, group: str) -> None:
        """Turn to a vendor's database, whose zoo is empty then."""
        self._travel(vendor)
        clear(self._groups.get(vendor, group))
        self._groups[vendor] = group

    def packed(self, package: Dataset) -> Picture:
        """Write the package's rows, make the package, and return what it was made of."""
        self._go(self._source, package.group)
        write(package, FIRST)
        seen = picture(package.group)
        self._zoo.create(*package.labels)
        return seen

    def made(self, trial: Trial) -> Picture:
        """Bring the target into its state and return what it looks like."""
        if trial.state != "same":
            self._go(self._target, trial.site.group)
            write(trial.site, FAR if trial.state == "moved" else FIRST, 2 if trial.state == "other" else 1)
        return picture(trial.site.group)

    def restore(self, trial: Trial) -> RestoreReport:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(scanned, "FEW", trial.few)
            return self._zoo.restore(trial.mode)

    def left_to_do(self, trial: Trial) -> int:
        """Return how many rows another restore would change, by the other way to read a package."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(scanned, "FEW", scanned.FEW + 1 - trial.few)
            return self._zoo.plan(trial.mode).changes

    def tidy(self) -> None:
        """Delete the package: two thousand of them are of no use."""
        for path in self._store.iterdir():
            if path.is_file():
                path.unlink()


def judged(sites: Sites, trial: Trial, target: str) -> None:
    """Restore, and compare with what has to be there."""
    group = trial.package.group
    wanted = sites.packed(trial.package)
    before = sites.made(trial)
    unfit = {
        (row["code"], column)
        for row in trial.package.rows.get("Specimen", ())
        for column in misfits(target, row)
    }
    event(f"{group}: {'refused' if unfit else trial.state}")
    if unfit:
        with pytest.raises(PlanBlocked) as refused:
            sites.restore(trial)
        reasons = [f for f in refused.value.findings if f.severity >= Severity.ERROR]
        assert {(f.code, f.model) for f in reasons} == {("value_does_not_fit", "zoo.Specimen")}
        # One row is named for each problem of a column, and all are counted.
        assert {(f.key, f.field) for f in reasons} <= unfit
        counted = Counter({f.field: 0 for f in reasons})
        for finding in reasons:
            counted[finding.field] += finding.count
        assert counted == Counter(column for _, column in unfit)
        assert differences(picture(group), before) == {}
        return
    sites.restore(trial)
    after = picture(group)
    if trial.mode is Mode.REPLACE or trial.state == "empty":
        assert differences(after, wanted) == {}
    else:
        assert differences(without_ids(after), merged(wanted, before)) == {}
        if trial.state in ("same", "moved"):
            assert differences(after, before) == {}, "a merge moves no row of the site"
    assert sites.left_to_do(trial) == 0


@pytest.fixture(autouse=True)
def known_models(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the models be described once for each set of keys: they stay what they are between two examples."""
    known: dict[str, Inventory] = {}

    def remembered(registry: KeyRegistry, *rest: Any) -> Inventory:
        keys = (sorted(registry.declarations.items()), registry.prefer_uuid, sorted(registry.keyless))
        question = repr((keys, rest))
        if question not in known:
            known[question] = build_inventory(registry, *rest)
        return known[question]

    monkeypatch.setattr("edms_backup.service.parts.build_inventory", remembered)


@pytest.mark.slow
def test_datasets_come_back(vendor: str, lone_zoo: Zoo, travel: Travel) -> None:
    sites = Sites(lone_zoo, travel, vendor, vendor)

    @examined(EXAMPLES)
    @given(trials(vendor, vendor))
    def comes_back(trial: Trial) -> None:
        judged(sites, trial, vendor)
        sites.tidy()

    comes_back()


@pytest.mark.slow
@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_datasets_arrive_or_are_refused(lone_zoo: Zoo, travel: Travel, source: str, target: str) -> None:
    for name in (source, target):
        skip_unless_present(name)
    sites = Sites(lone_zoo, travel, source, target)

    @examined(max(1, EXAMPLES // 10))
    @given(trials(source, target))
    def arrives(trial: Trial) -> None:
        judged(sites, trial, target)
        sites.tidy()

    arrives()
