"""What is asked of the site: its models, their keys, and what would spoil a backup."""

from __future__ import annotations

from dataclasses import replace

from edms_backup.create.plan import engine_findings
from edms_backup.engines.errors import at_border
from edms_backup.findings import Finding, Severity
from edms_backup.naturalkeys.audit import audit_all
from edms_backup.schema.catalogue import CheckReport, InventoryReport, catalogue
from edms_backup.schema.drift import find_drift, tables_without_model
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
        entries = catalogue(inventory, blocking | unmanaged, lambda spec: engines[spec.using].count(spec))
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
        sound = [(spec.model, spec.using) for spec in specs if spec.label not in broken]
        findings.extend(audit_all(sound, self.registry(), rows=True))
        for alias, engine in self._engines().items():
            findings.extend(engine_findings(alias, engine, specs))
        return CheckReport(findings=(*notes, *findings), models=len(specs))

    def audit_models(self) -> tuple[Finding, ...]:
        """Audit what the models alone tell; touches no database."""
        specs = self._inventory().included()
        return tuple(audit_all(((spec.model, spec.using) for spec in specs), self.registry(), rows=False))


def _softened(finding: Finding, travelling: set[str]) -> Finding:
    """A model that stays at home may lack its table: worth a warning, no more."""
    if finding.severity >= Severity.ERROR and finding.model not in travelling:
        return replace(finding, severity=Severity.WARNING)
    return finding
