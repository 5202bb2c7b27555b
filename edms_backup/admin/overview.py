"""The overview: how backups stand, at a glance."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterable
from typing import Any

from django.http import HttpResponse
from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext as _

from edms_backup.admin.pages import Page
from edms_backup.findings import Severity
from edms_backup.service import BackupService, PackageSummary, Run, RunKind, RunState
from edms_backup.templatetags.edms_backup import Bar, bytes_shown, duration

CHARTED = 20
"""Backups that the charts show."""
_ENDED_WELL = (RunState.SUCCEEDED, RunState.DEFECTS)


def overview(page: Page) -> HttpResponse:
    """Show the last good package, the last restore, sizes and times, and what needs attention."""
    service = page.service()
    report = service.status()
    packages = {package.name: package for package in _packages(service)} if report.package else {}
    made = [run for run in _latest(service, RunKind.CREATE) if run.state in _ENDED_WELL and run.report]
    running = [
        run
        for state in (RunState.RUNNING, RunState.QUEUED)
        for run in service.runs(state=state, limit=3).runs
    ]
    return page.render(
        "overview",
        _("Backups"),
        section="overview",
        report=report,
        age=_ago(report.check("package").value, report.at) if report.package else None,
        verified=_ago(report.check("verify").value, report.at),
        good=packages.get(report.package),
        last_restore=next(iter(_latest(service, RunKind.RESTORE, 1)), None),
        running=running,
        refresh=5 if running else 0,
        attention=_attention(service, made),
        charts=charts(made),
    )


def _packages(service: BackupService) -> list[PackageSummary]:
    return service.list()


def _latest(service: BackupService, kind: RunKind, limit: int = CHARTED) -> tuple[Run, ...]:
    return service.runs(kind=kind.value, limit=limit).runs


def _ago(seconds: float | None, now: datetime.datetime) -> datetime.datetime | None:
    return None if seconds is None else now - datetime.timedelta(seconds=seconds)


def _attention(service: BackupService, made: list[Run]) -> dict[str, Any]:
    """Return the runs that ended badly since the last good backup, and the defects of that one."""
    latest = service.runs(limit=CHARTED).runs
    bad = [run for run in latest if run.state in (RunState.FAILED, RunState.LOST)]
    since = made[0].created_at if made else None
    wanted = {severity.name.lower() for severity in Severity if severity >= Severity.WARNING}
    findings = made[0].findings if made else []
    return {
        "runs": [run for run in bad if since is None or run.created_at > since][:5],
        "findings": [finding for finding in findings if finding.get("severity") in wanted][:10],
        "made": made[0] if made else None,
    }


def charts(made: Iterable[Run]) -> dict[str, list[Bar]]:
    """Return the bars of sizes and durations of backups, the oldest first."""
    runs = [run for run in reversed(list(made)) if not run.request.get("models")]
    return {
        "sizes": _bars(runs, "bytes", bytes_shown),
        "durations": _bars(runs, "seconds", duration),
    }


def _bars(runs: Iterable[Run], member: str, shown: Callable[[Any], str]) -> list[Bar]:
    return [
        Bar(
            when=date_format(localtime(run.created_at), "SHORT_DATETIME_FORMAT"),
            value=float(run.report[member]),
            text=shown(run.report[member]),
        )
        for run in runs
        if run.report
    ]
