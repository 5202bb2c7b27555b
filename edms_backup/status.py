"""Are backups in order? Judged from the list of packages, the audit trail, the locks and the free space.

No package is opened and no database is asked, so that it may be asked every few seconds. What a check says to
everybody (``message``) holds no path and no secret; ``detail`` is for people on the machine.
"""

from __future__ import annotations

import datetime
import enum
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from edms_backup.audit import AuditTrail, Entry, Phase, Result, unended
from edms_backup.audit.inspection import ending_of
from edms_backup.conf import Thresholds
from edms_backup.errors import AuditUnavailable, EdmsBackupError
from edms_backup.findings import Finding, Severity
from edms_backup.history import waiting
from edms_backup.locks import lock_owner
from edms_backup.restore.recover import unsettled
from edms_backup.storage import PackageRef, PackageStore, is_received, is_safety

_MINUTE, _HOUR, _DAY = 60.0, 3600.0, 86400.0


class Level(enum.IntEnum):
    """How it stands; the numbers are the exit codes that monitoring systems know."""

    OK = 0
    WARNING = 1
    CRITICAL = 2
    UNKNOWN = 3


_WEIGHT = {Level.OK: 0, Level.UNKNOWN: 1, Level.WARNING: 2, Level.CRITICAL: 3}


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One fact with its judgement."""

    name: str
    level: Level
    message: str
    """One sentence for everybody."""
    detail: str = ""
    """More, for people on the machine."""
    value: float | None = None
    unit: str = ""
    """``s``, ``B`` or nothing."""
    limits: tuple[float, float] | None = None
    """Warning and critical, in the same unit."""

    def to_dict(self) -> dict[str, object]:
        """Return what everybody may know, as JSON-ready values."""
        return {
            "name": self.name,
            "level": self.level.name.lower(),
            "message": self.message,
            "value": self.value,
            "unit": self.unit,
            "limits": list(self.limits) if self.limits else None,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusReport:
    """How backups of a site stand."""

    site: str
    at: datetime.datetime
    checks: tuple[Check, ...]
    package: str = ""
    """Name of the last good package."""
    packages: int | None = None
    """How many there are; ``None`` when the store cannot be reached."""
    bytes: int | None = None
    """What all of them take."""
    findings: tuple[Finding, ...] = ()
    """What came up while people were told."""

    @property
    def level(self) -> Level:
        """Return the worst level."""
        return max((check.level for check in self.checks), key=_WEIGHT.__getitem__, default=Level.UNKNOWN)

    @property
    def worrying(self) -> list[Check]:
        """Return the checks that are not in order, the worst first."""
        found = [check for check in self.checks if check.level is not Level.OK]
        return sorted(found, key=lambda check: -_WEIGHT[check.level])

    def check(self, name: str) -> Check:
        """Return one check; raises ``KeyError``."""
        return {check.name: check for check in self.checks}[name]

    def to_dict(self) -> dict[str, object]:
        """Return what everybody may know, as JSON-ready values."""
        return {
            "status": self.level.name.lower(),
            "site": self.site,
            "at": self.at.astimezone(datetime.UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
            "package": self.package,
            "packages": self.packages,
            "bytes": self.bytes,
            "checks": [check.to_dict() for check in self.checks],
        }


CHECKS = ("store", "package", "verify", "space", "runs", "queue", "audit")
"""Names of all checks, in their order."""


def assess(
    store: PackageStore,
    trail: AuditTrail,
    state_directory: Path,
    thresholds: Thresholds,
    *,
    site: str,
    now: datetime.datetime,
) -> StatusReport:
    """Return how backups stand. What cannot be asked is a check that says so; nothing is raised for it."""
    entries, audit = _trail(trail)
    refs, reachable = _listed(store)
    good = _last_good(refs or [], entries)
    return StatusReport(
        site=site,
        at=now,
        checks=(
            reachable,
            _package(good, refs, entries, thresholds, now),
            _verified(refs or [], entries, thresholds, now),
            _space(store, good, thresholds),
            _runs(entries, state_directory, thresholds, now),
            _queue(state_directory, thresholds, now),
            audit,
        ),
        package=good.name if good else "",
        packages=len(refs) if refs is not None else None,
        bytes=sum(ref.size for ref in refs) if refs is not None else None,
    )


def _trail(trail: AuditTrail) -> tuple[list[Entry], Check]:
    """Return the recent entries, and whether the trail ends with what was written last."""
    try:
        entries = trail.entries(recent=True)
        finding = ending_of(trail.chain)
    except AuditUnavailable as error:
        return [], Check(
            name="audit",
            level=Level.CRITICAL,
            message="The audit trail cannot be read.",
            detail=error.message,
        )
    if finding is not None and finding.severity >= Severity.ERROR:
        return entries, Check(name="audit", level=Level.CRITICAL, message=finding.message)
    if finding is not None:
        return entries, Check(name="audit", level=Level.WARNING, message=finding.message)
    count = entries[-1].sequence if entries else 0
    message = f"The audit trail ends with entry {count}." if count else "The audit trail is empty."
    return entries, Check(name="audit", level=Level.OK, message=message, value=float(count))


def _listed(store: PackageStore) -> tuple[list[PackageRef] | None, Check]:
    try:
        refs = store.list()
    except EdmsBackupError as error:
        return None, Check(
            name="store",
            level=Level.CRITICAL,
            message=f"The store cannot be reached ({error.code}).",
            detail=error.message,
        )
    return refs, Check(name="store", level=Level.OK, message=f"{len(refs)} packages.", value=float(len(refs)))


def _last_good(refs: Sequence[PackageRef], entries: Sequence[Entry]) -> PackageRef | None:
    """Return the newest package that counts.

    A package that was made here counts when it holds everything that travels, has the size that it had, and was not
    found damaged since. One that nobody here knows (copied, made before the trail began) counts by its name.
    """
    made = {entry.subject: entry.details for entry in entries if entry.what == "create" and _worked(entry)}
    damaged = _damaged(entries)
    for ref in refs:
        details = made.get(ref.name)
        known = details is None or (details.get("whole") is True and details.get("bytes") == ref.size)
        ours = not (is_safety(ref.name) or is_received(ref.name))
        if known and ours and ref.name not in damaged:
            return ref
    return None


def _worked(entry: Entry) -> bool:
    return entry.phase == Phase.ENDED and entry.result in (Result.DONE, Result.DEFECTS)


def _damaged(entries: Sequence[Entry]) -> set[str]:
    """Return the packages whose last verification found them damaged."""
    last = {
        entry.subject: entry.result
        for entry in entries
        if entry.what == "verify" and entry.phase == Phase.ENDED
    }
    return {name for name, result in last.items() if result == Result.FAILED}


def _package(
    good: PackageRef | None,
    refs: Sequence[PackageRef] | None,
    entries: Sequence[Entry],
    thresholds: Thresholds,
    now: datetime.datetime,
) -> Check:
    if refs is None:
        return Check(name="package", level=Level.UNKNOWN, message="Which packages there are is not known.")
    if good is None:
        return Check(name="package", level=Level.CRITICAL, message="There is no good package.")
    limits = _scaled(thresholds.package_hours, _HOUR)
    age = (now - good.made).total_seconds()
    level = _above(age, limits)
    message = f"The last good package is {_span(age)} old."
    if age < -_HOUR:
        level, message = Level.WARNING, "The last package has a time in the future: look at the clocks."
    last = next(
        (entry for entry in reversed(entries) if entry.what == "create" and entry.phase == Phase.ENDED), None
    )
    if last is not None and not _worked(last) and level is Level.OK:
        level, message = Level.WARNING, f"{message} The last attempt to make one failed ({last.code})."
    return Check(
        name="package", level=level, message=message, detail=good.name, value=age, unit="s", limits=limits
    )


def _verified(
    refs: Sequence[PackageRef], entries: Sequence[Entry], thresholds: Thresholds, now: datetime.datetime
) -> Check:
    limits = _scaled(thresholds.verify_days, _DAY)
    damaged = sorted(_damaged(entries) & {ref.name for ref in refs})
    worked = [entry for entry in entries if entry.what == "verify" and _worked(entry)]
    age = (now - _instant(worked[-1].at)).total_seconds() if worked else None
    if damaged:
        message = f"Damaged: {', '.join(damaged)}."
        return Check(name="verify", level=Level.CRITICAL, message=message, value=age, unit="s", limits=limits)
    if age is None:
        level = Level.WARNING if refs and limits else Level.OK
        return Check(
            name="verify", level=level, message="No package was verified yet.", unit="s", limits=limits
        )
    message = f"The last verification is {_span(age)} old."
    return Check(
        name="verify",
        level=_above(age, limits),
        message=message,
        value=max(age, 0.0),
        unit="s",
        limits=limits,
    )


def _space(store: PackageStore, good: PackageRef | None, thresholds: Thresholds) -> Check:
    try:
        free = store.free_space()
    except EdmsBackupError as error:
        return Check(
            name="space",
            level=Level.UNKNOWN,
            message=f"The free space cannot be measured ({error.code}).",
            detail=error.message,
        )
    if free is None:
        return Check(name="space", level=Level.OK, message="The store does not say how much it can take.")
    limits = _scaled(thresholds.free_packages, float(good.size)) if good else None
    level = Level.OK
    if limits is not None and free < limits[0]:
        level = Level.CRITICAL if free < limits[1] else Level.WARNING
    more = f", {free // good.size} packages of the size of the last one" if good and good.size else ""
    message = f"{free / 1024**3:.1f} GiB are free{more}."
    return Check(name="space", level=level, message=message, value=float(free), unit="B", limits=limits)


def _runs(
    entries: Sequence[Entry],
    state_directory: Path,
    thresholds: Thresholds,
    now: datetime.datetime,
) -> Check:
    """Judge the run that holds the lock; without one, what was begun and never ended."""
    limits = _scaled(thresholds.run_hours, _HOUR)
    owner = lock_owner(state_directory)
    if owner is not None:
        lasts = max(0.0, (now - _instant(owner.started_at)).total_seconds())
        level = _above(lasts, limits)
        word = "runs" if level is Level.OK else "seems stuck: it runs"
        return Check(
            name="runs",
            level=level,
            message=f"A {owner.what} {word} for {_span(lasts)}.",
            detail=f"process {owner.pid} on {owner.host}",
            value=lasts,
            unit="s",
            limits=limits,
        )
    if unsettled(state_directory):
        message = "A restore was interrupted and is not settled: run any edms_backup command."
        return Check(name="runs", level=Level.CRITICAL, message=message, unit="s", limits=limits)
    dead = unended(entries)
    if dead:
        message = f"A {dead[-1].what} that began at {dead[-1].at} never ended: its process died."
        return Check(name="runs", level=Level.WARNING, message=message, unit="s", limits=limits)
    return Check(
        name="runs", level=Level.OK, message="No run is in progress.", value=0.0, unit="s", limits=limits
    )


def _queue(state_directory: Path, thresholds: Thresholds, now: datetime.datetime) -> Check:
    """Judge how long the oldest queued run waits without any worker at work."""
    limits = _scaled(thresholds.queue_minutes, _MINUTE)
    found = waiting(state_directory, now)
    waits, level, message = 0.0, Level.OK, "No run waits for a worker."
    if found.since is not None and found.busy:
        message = f"Runs that wait while another one is carried out: {len(found.runs)}."
    elif found.since is not None:
        waits = max(0.0, (now - found.since).total_seconds())
        level = _above(waits, limits)
        end = "." if level is Level.OK else ", and no worker takes it: is one running, for the right queue?"
        message = f"A {found.runs[0].kind} waits for a worker for {_span(waits)}{end}"
    return Check(name="queue", level=level, message=message, value=waits, unit="s", limits=limits)


def _scaled(pair: tuple[float, float] | None, unit: float) -> tuple[float, float] | None:
    return (pair[0] * unit, pair[1] * unit) if pair else None


def _above(value: float, limits: tuple[float, float] | None) -> Level:
    if limits is None or value <= limits[0]:
        return Level.OK
    return Level.CRITICAL if value > limits[1] else Level.WARNING


def _instant(text: str) -> datetime.datetime:
    return datetime.datetime.fromisoformat(text)


def _span(seconds: float) -> str:
    """Return a length of time as people say it: ``3 h``, ``2 days``."""
    hours = max(0.0, seconds) / _HOUR
    if hours < 1:
        return f"{round(hours * 60)} min"
    return f"{hours:.0f} h" if hours < 48 else f"{hours / 24:.0f} days"
