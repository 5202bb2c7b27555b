"""How things look on a page: sizes, times, states, progress, and charts that the server draws.

What the core says (messages of findings and errors) is made safe for people who must not learn where on the
server something lies.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django import template
from django.template.defaultfilters import filesizeformat
from django.utils.formats import number_format
from django.utils.timesince import timesince
from django.utils.timezone import now
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from edms_backup.service import Level, Run, RunState

register = template.Library()

_MINUTE = 60.0
_WIDTH, _HEIGHT, _TOP, _LEFT = 360, 150, 22, 4
_BASE = _HEIGHT - 22
_PATH = re.compile(r"(?<![\w.:/<])(?:/|[A-Za-z]:\\)[^\s'\",;()<>|]*[\\/]([^\s'\",;()<>|\\/]*)")

_STEPS = {
    "dump": gettext_lazy("Rows are read"),
    "files": gettext_lazy("Files are read"),
    "verify": gettext_lazy("Every byte is checked"),
    "digest": gettext_lazy("The seal is checked"),
    "plan": gettext_lazy("Rows of package and site are compared"),
    "compare files": gettext_lazy("Files are compared"),
    "stage files": gettext_lazy("Files are laid out"),
    "load": gettext_lazy("Rows are written"),
    "validate": gettext_lazy("What was written is compared"),
    "check": gettext_lazy("Keys and tables are looked at"),
    "inventory": gettext_lazy("Rows are counted"),
}
_STATES = {
    RunState.QUEUED: ("…", "wait"),
    RunState.RUNNING: ("▶", "wait"),
    RunState.SUCCEEDED: ("✓", "good"),
    RunState.DEFECTS: ("!", "warn"),
    RunState.FAILED: ("✗", "bad"),
    RunState.CANCELLED: ("–", "warn"),
    RunState.LOST: ("✗", "bad"),
}
_LEVELS = {
    Level.OK: ("✓", "good", gettext_lazy("in order")),
    Level.WARNING: ("!", "warn", gettext_lazy("look at it")),
    Level.CRITICAL: ("✗", "bad", gettext_lazy("act now")),
    Level.UNKNOWN: ("?", "warn", gettext_lazy("not known")),
}
_SEVERITIES = {
    "info": ("i", "wait", gettext_lazy("note")),
    "warning": ("!", "warn", gettext_lazy("warning")),
    "defect": ("✗", "bad", gettext_lazy("defect")),
    "error": ("✗", "bad", gettext_lazy("error")),
}
_CHECKS = {
    "store": gettext_lazy("Place of the packages"),
    "package": gettext_lazy("Last good backup"),
    "verify": gettext_lazy("Last verification"),
    "space": gettext_lazy("Free space"),
    "runs": gettext_lazy("Runs"),
    "queue": gettext_lazy("Queue"),
    "audit": gettext_lazy("Audit trail"),
}
_KINDS = {"backup": gettext_lazy("backup"), "safety": gettext_lazy("safety package before a restore")}


@register.filter
def ago(moment: datetime.datetime) -> str:
    """Return how long ago something was: ``3 hours ago``; within the last minute ``just now``."""
    if now() - moment < datetime.timedelta(seconds=_MINUTE):
        return _("just now")
    return _("%(age)s ago") % {"age": timesince(moment)}


@register.filter
def duration(seconds: float | None) -> str:
    """Return a time as people read it: ``3.1 s``, ``2 min 5 s``."""
    if seconds is None:
        return ""
    if seconds < _MINUTE:
        return _("%(seconds)s s") % {"seconds": number_format(seconds, 1)}
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return _("%(hours)d h %(minutes)d min") % {"hours": hours, "minutes": minutes}
    return _("%(minutes)d min %(seconds)d s") % {"minutes": minutes, "seconds": rest}


@register.filter
def bytes_shown(count: float | None) -> str:
    """Return a size as people read it."""
    return "" if count is None else filesizeformat(count)


@register.filter
def instant(moment: str) -> datetime.datetime | str:
    """Return an RFC 3339 instant of a manifest as a time, for ``date``."""
    try:
        return datetime.datetime.fromisoformat(moment)
    except ValueError:
        return moment


@register.filter
def lasted(run: Run) -> str:
    """Return how long a run took, once it has ended."""
    return (
        duration((run.ended_at - run.started_at).total_seconds()) if run.ended_at and run.started_at else ""
    )


@register.filter
def without_places(text: object) -> str:
    """Return a sentence of the core with names of files, but not the directories of the server before them."""
    return _PATH.sub(lambda found: f"…/{found[1]}", str(text))


@register.filter
def heaviest_first(findings: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return findings for showing: the heaviest first, and where each is unless its message says so."""
    order = list(_SEVERITIES)
    shown = []
    for finding in findings:
        places = (finding.get(name, "") for name in ("model", "key", "field", "member"))
        message = str(finding.get("message", ""))
        where = " ".join(place for place in places if place and place not in message)
        shown.append({**finding, "where": where})
    return sorted(shown, key=lambda one: -order.index(one["severity"]) if one["severity"] in order else 0)


@register.filter
def package_kind(kind: str) -> str:
    """Return what kind of package it is."""
    return str(_KINDS.get(kind, kind))


@register.filter
def check_name(name: str) -> str:
    """Return what a check of the status is about."""
    return str(_CHECKS.get(name, name))


@register.filter
def step_name(step: str) -> str:
    """Return what happens in a step of a run."""
    return str(_STEPS.get(step, step))


@register.filter
def percent(run: Run) -> int | None:
    """Return how far the step of a run is; ``None`` when nobody knows."""
    return min(100, run.done * 100 // run.total) if run.total else None


@register.filter
def progress_text(run: Run) -> str:
    """Return how far a run is, as a sentence."""
    if run.state == RunState.QUEUED:
        return _("Waits for a worker.")
    if run.ended:
        return str(run.get_state_display())
    if not run.step:
        return _("Begins.")
    name = step_name(run.step)
    share = percent(run)
    if share is None:
        return f"{name} ({number_format(run.done, force_grouping=True)})"
    return _("%(step)s: %(percent)d %%") % {"step": name, "percent": share}


@register.filter
def of_unit(count: int, unit: str) -> str:
    """Return a number of rows, files or bytes."""
    if unit == "bytes":
        return filesizeformat(count)
    shown = number_format(count, force_grouping=True)
    if unit == "files":
        return ngettext("%(n)s file", "%(n)s files", count) % {"n": shown}
    return ngettext("%(n)s row", "%(n)s rows", count) % {"n": shown}


# -- marks: a sign, a word and a colour, never the colour alone --------------------------------------


@register.inclusion_tag("edms_backup/admin/mark.html")
def run_state(run: Run) -> dict[str, Any]:
    """Show the state of a run."""
    sign, tone = _STATES[RunState(run.state)]
    return {"sign": sign, "tone": tone, "word": run.get_state_display()}


@register.inclusion_tag("edms_backup/admin/mark.html")
def level(found: Level) -> dict[str, Any]:
    """Show how a check of the status turned out."""
    sign, tone, word = _LEVELS[found]
    return {"sign": sign, "tone": tone, "word": word}


@register.inclusion_tag("edms_backup/admin/mark.html")
def severity(name: str) -> dict[str, Any]:
    """Show how much a finding weighs."""
    sign, tone, word = _SEVERITIES.get(name, _SEVERITIES["warning"])
    return {"sign": sign, "tone": tone, "word": word}


# -- charts ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One bar of a chart."""

    when: str
    value: float
    text: str
    """The value as people read it."""


@register.inclusion_tag("edms_backup/admin/chart.html")
def bar_chart(name: str, title: str, bars: Sequence[Bar]) -> dict[str, Any]:
    """Draw bars over time, with a title, a description and the same numbers as a table."""
    most = max((bar.value for bar in bars), default=0.0) or 1.0
    slot = (_WIDTH - 2 * _LEFT) / max(len(bars), 8)
    heights = [max(2, round(bar.value / most * (_BASE - _TOP))) for bar in bars]
    return {
        "name": name,
        "title": title,
        "bars": bars,
        "drawn": [
            {
                "x": str(round(_LEFT + at * slot + slot * 0.12)),
                "y": str(_BASE - height),
                "width": str(max(2, round(slot * 0.76))),
                "height": str(height),
            }
            for at, height in enumerate(heights)
        ],
        "width": _WIDTH,
        "height": _HEIGHT,
        "base": _BASE,
        "top": _TOP,
        "largest": max(bars, key=lambda bar: bar.value) if bars else None,
        "first": bars[0] if bars else None,
        "last": bars[-1] if bars else None,
    }
