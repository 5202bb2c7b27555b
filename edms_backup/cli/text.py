"""How things look as text: tables, numbers, sizes, times, findings. Pure functions; nothing is written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from edms_backup.findings import Finding, Severity

SHOWN_PER_CODE = 20
"""Findings of one kind that are listed before the rest is only counted."""
_KIBI = 1024
_MINUTE = 60

Cell = str | int | None


def shown(text: str) -> str:
    """Return ``text`` on one line without characters that would command a terminal.

    Names of files and natural keys come from users: none of them may colour, move or hide output.
    """
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)


def number(value: int | None) -> str:
    """Return a count with separators of thousands; ``-`` for an unknown one."""
    return "-" if value is None else f"{value:,}"


def plural(count: int, one: str, many: str = "") -> str:
    """Return ``1 row`` or ``2 rows``."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def size(count: int) -> str:
    """Return bytes as people read them: ``1.2 MiB``."""
    value, unit = float(count), "B"
    for unit in ("B", "KiB", "MiB", "GiB", "TiB"):
        if value < _KIBI or unit == "TiB":
            break
        value /= _KIBI
    return f"{count} B" if unit == "B" else f"{value:.1f} {unit}"


def duration(seconds: float) -> str:
    """Return a time as people read it: ``3.1 s``, ``2 min 5 s``."""
    if seconds < _MINUTE:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), _MINUTE)
    hours, minutes = divmod(minutes, _MINUTE)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def instant(moment: str) -> str:
    """Return an RFC 3339 instant without its fraction: ``2025-01-31 23:59:59Z``."""
    return moment.replace("T", " ").split(".")[0].rstrip("Z") + "Z" if moment else ""


def table(head: Sequence[str], rows: Iterable[Sequence[Cell]]) -> list[str]:
    """Return lines with aligned columns; numbers stand to the right, and so do their headings."""
    body = list(rows)
    right = [any(isinstance(row[at], int) for row in body) for at in range(len(head))]
    cells = [[_cell(value) for value in row] for row in [head, *body]]
    widths = [max(len(row[at]) for row in cells) for at in range(len(head))]
    lines = []
    for row in cells:
        parts = [
            text.rjust(width) if to_right else text.ljust(width)
            for text, width, to_right in zip(row, widths, right, strict=True)
        ]
        lines.append("  ".join(parts).rstrip())
    rule = "  ".join("-" * width for width in widths)
    return [lines[0], rule, *lines[1:]]


def pairs(items: Mapping[str, str]) -> list[str]:
    """Return lines of names and values, aligned; empty values are left out."""
    width = max((len(name) for name in items), default=0)
    return [f"{name.ljust(width)}  {shown(value)}" for name, value in items.items() if value]


def _cell(value: Cell) -> str:
    return shown(value) if isinstance(value, str) else number(value)


def finding_lines(findings: Iterable[Finding], *, everything: bool = False) -> list[tuple[Severity, str]]:
    """Return the lines that show findings, the heaviest first, each with its severity for the colour.

    The one renderer for people, whatever the subcommand. Of many findings of one kind only some are listed
    unless ``everything`` is asked for; the others are counted.
    """
    ordered = sorted(findings, key=lambda finding: -finding.severity)
    total = Counter((finding.severity, finding.code) for finding in ordered)
    seen: Counter[tuple[Severity, str]] = Counter()
    last_hint = ""
    lines: list[tuple[Severity, str]] = []
    for finding in ordered:
        kind = (finding.severity, finding.code)
        seen[kind] += 1
        if seen[kind] <= SHOWN_PER_CODE or everything:
            lines.append((finding.severity, _finding_line(finding)))
            if finding.hint and finding.hint != last_hint:
                lines.append((Severity.INFO, f"         {shown(finding.hint)}"))
            last_hint = finding.hint
        elif seen[kind] == total[kind]:
            more = number(total[kind] - SHOWN_PER_CODE)
            lines.append(
                (finding.severity, f"         … and {more} more of {finding.code} (-v 2 lists them)")
            )
    return lines


def _finding_line(finding: Finding) -> str:
    places = (finding.model, finding.key, finding.field, finding.member)
    where = " ".join(place for place in places if place and place not in finding.message)
    subject = f"{shown(where)}: " if where else ""
    count = f" ({plural(finding.count, 'row')})" if finding.count != 1 else ""
    return f"{finding.severity.name.lower():<8} {subject}{shown(finding.message)}{count} [{finding.code}]"


def finding_from(document: Mapping[str, Any]) -> Finding:
    """Return the finding that a manifest holds as ``Finding.to_dict`` wrote it."""
    known = ("code", "message", "model", "key", "field", "member", "hint", "count")
    name = str(document.get("severity", "")).upper()
    # What a newer release calls its severities is not known here; it is shown, and no less than a warning.
    severity = Severity[name] if name in Severity.__members__ else Severity.WARNING
    values = {key: document[key] for key in known if key in document}
    return Finding(severity=severity, **{"code": "", "message": "", **values})


def finding_summary(findings: Iterable[Finding]) -> str:
    """Return how many findings of each severity there are: ``1 error, 2 warnings``; empty without any."""
    counts = Counter(finding.severity for finding in findings)
    names = {Severity.INFO: "note"}
    return ", ".join(
        plural(counts[severity], names.get(severity, severity.name.lower()))
        for severity in sorted(Severity, reverse=True)
        if counts[severity]
    )
