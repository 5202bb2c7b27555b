"""What is asked of the site: its models, their keys, and what would spoil a backup."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace

from edms_backup.create.plan import engine_findings
from edms_backup.engines.errors import at_border
from edms_backup.events import Progress, StepFinished, StepStarted
from edms_backup.findings import Finding, Severity
from edms_backup.naturalkeys.audit import audit_all
from edms_backup.schema.catalogue import CheckReport, InventoryReport, catalogue
from edms_backup.schema.drift import find_drift, tables_without_model
from edms_backup.schema.spec import ModelSpec
from edms_backup.service.recorded import Recorded


class SiteViews(Recorded):
    """The verbs that look at the site."""

    __slots__ = ()

    @at_border()
    def inventory(self) -> InventoryReport:
        """Return every model with its tier, key, references, files, fate and drift."""
        notes = self._recover_if_idle()
        inventory = self._inventory()
        findings = list(find_drift(spec for spec in inventory if spec.model._meta.managed))
        findings.extend(tables_without_model(inventory, sorted({spec.using for spec in inventory})))
        blocking = {finding.model for finding in findings if finding.severity >= Severity.ERROR}
        engines = self._engines()
        unmanaged = {spec.label for spec in inventory if not spec.model._meta.managed}
        specs = self._one_by_one("inventory", list(inventory))
        entries = catalogue(specs, blocking | unmanaged, lambda spec: engines[spec.using].count(spec))
        travelling = {spec.label for spec in inventory.included()}
        findings = [_softened(finding, travelling) for finding in findings]
        return InventoryReport(models=tuple(entries), findings=(*notes, *findings))

    @at_border()
    def check(self) -> CheckReport:
        """Audit keys and tables on live data."""
        notes = self._recover_if_idle()
        inventory = self._inventory()
        specs = inventory.included()
        findings = list(find_drift(specs))
        broken = {finding.model for finding in findings if finding.severity >= Severity.ERROR}
        sound = self._one_by_one("check", [spec for spec in specs if spec.label not in broken])
        found = audit_all(((spec.model, spec.using) for spec in sound), self.registry(), rows=True)
        findings.extend(found)
        for alias, engine in self._engines().items():
            findings.extend(engine_findings(alias, engine, specs))
        return CheckReport(findings=(*notes, *findings), models=len(specs))

    def _one_by_one(self, step: str, specs: Sequence[ModelSpec]) -> Iterator[ModelSpec]:
        """Yield models, and tell how far it is; a run that was asked to stop stops here."""
        started = time.monotonic()
        self.reporter.emit(StepStarted(step=step, total=len(specs), unit="models"))
        for done, spec in enumerate(specs):
            self.reporter.emit(Progress(step=step, done=done, subject=spec.label))
            yield spec
        seconds = time.monotonic() - started
        self.reporter.emit(StepFinished(step=step, done=len(specs), seconds=seconds))

    def audit_models(self) -> tuple[Finding, ...]:
        """Audit what the models alone tell; touches no database."""
        specs = self._inventory().included()
        return tuple(audit_all(((spec.model, spec.using) for spec in specs), self.registry(), rows=False))


def _softened(finding: Finding, travelling: set[str]) -> Finding:
    """A model that stays at home may lack its table: worth a warning, no more."""
    if finding.severity >= Severity.ERROR and finding.model not in travelling:
        return replace(finding, severity=Severity.WARNING)
    return finding
