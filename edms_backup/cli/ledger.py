"""The tables of a restore: what would change, and what did."""

from __future__ import annotations

from collections.abc import Mapping

from edms_backup.cli.output import Output
from edms_backup.cli.text import Cell, plural, shown, table
from edms_backup.service import FileCounts, ModelCounts, PrivilegeChange, PrivilegeDelta, RestoreReport

_PLAN = ("expected", "before", "inserted", "updated", "unchanged", "deleted", "left")
_PLAN_HEAD = ("model", "expected", "before", "insert", "update", "unchanged", "delete", "left")
_PROOF = ("expected", "before", "after", "identical", "inserted", "updated", "unchanged", "deleted")
_SELDOM = ("refused", "moved")
"""Columns that are shown when any model has something in them."""
_PEOPLE = 20
"""Lines about who could do more, unless all are asked for."""


def show_plan(out: Output, report: RestoreReport) -> None:
    """Show what would change: models with changes, one line for all others, files, examples, rights, findings."""
    changed = {label: counts for label, counts in report.models.items() if changes(counts) or out.detailed}
    seldom = _seldom(report.models)
    if changed:
        rows = [_row(label, counts, (*_PLAN, *seldom)) for label, counts in changed.items()]
        out.lines(table((*_PLAN_HEAD, *seldom), rows))
    same = [counts for label, counts in report.models.items() if label not in changed]
    if same:
        total = sum(counts.expected for counts in same)
        out.line(f"{plural(len(same), 'model')} without changes ({plural(total, 'row')})")
    out.line(files_line(report.files, planned=True))
    _show_samples(out, report.samples)
    _show_privileges(out, report.privileges)
    if report.findings:
        out.line()
        out.findings(report.findings)


def show_proof(out: Output, report: RestoreReport) -> None:
    """Show what the validator counted, for every model that has rows or had some."""
    known = {
        label: counts
        for label, counts in report.models.items()
        if out.detailed or counts.expected or counts.before or counts.after
    }
    seldom = _seldom(report.models)
    rows = [_row(label, counts, (*_PROOF, *seldom)) for label, counts in known.items()]
    rows.append(_row("all", _sum(report.models), (*_PROOF, *seldom)))
    out.lines(table(("model", *_PROOF, *seldom), rows))
    empty = len(report.models) - len(known)
    if empty:
        out.line(f"{plural(empty, 'model')} without rows")
    out.line(files_line(report.files, planned=False))
    if report.findings:
        out.line()
        out.findings(report.findings)


def files_line(files: FileCounts, *, planned: bool) -> str:
    """Return the ledger of the files as one line."""
    would = "would be " if planned else ""
    parts = [
        f"{would}{files.written:,} written",
        f"{files.replaced:,} replaced",
        f"{files.identical:,} identical",
    ]
    if files.missing:
        parts.append(f"{files.missing:,} missing already when the package was made")
    return f"files: {files.expected:,} in the package; {', '.join(parts)}"


def plan_summary(report: RestoreReport) -> str:
    """Return what a plan comes to, as one sentence."""
    total = _sum(report.models)
    if not (changes(total) or report.files.written or report.files.replaced):
        return "Nothing would change: rows and files are as in the package."
    return (
        f"Would insert {plural(total.inserted, 'row')}, update {total.updated:,}, delete {total.deleted:,};"
        f" write {plural(report.files.written, 'file')}, replace {report.files.replaced:,}."
    )


def changes(counts: ModelCounts) -> int:
    """Return how many rows of a model are touched or refused."""
    return counts.inserted + counts.updated + counts.deleted + counts.refused


def _row(label: str, counts: ModelCounts, columns: tuple[str, ...]) -> list[Cell]:
    values = counts.to_dict()
    return [label, *(values[column] for column in columns)]


def _seldom(models: Mapping[str, ModelCounts]) -> tuple[str, ...]:
    return tuple(name for name in _SELDOM if any(counts.to_dict()[name] for counts in models.values()))


def _sum(models: Mapping[str, ModelCounts]) -> ModelCounts:
    total = ModelCounts()
    for counts in models.values():
        for name, value in counts.to_dict().items():
            if value is not None:
                setattr(total, name, (getattr(total, name) or 0) + value)
    return total


def _show_samples(out: Output, samples: Mapping[str, Mapping[str, list[str]]]) -> None:
    if not any(keys for actions in samples.values() for keys in actions.values()):
        return
    out.line()
    out.line("for example:")
    for label, actions in samples.items():
        for action, keys in actions.items():
            if keys:
                out.line(f"  {label}  {action}: {', '.join(shown(key) for key in keys)}")


def _show_privileges(out: Output, delta: PrivilegeDelta) -> None:
    """Show who could do more afterwards than before."""
    if not delta.total:
        return
    out.line()
    out.line(f"who could do more afterwards ({plural(delta.total, 'change')}):")
    listed = delta.changes if out.detailed else delta.changes[:_PEOPLE]
    for change in listed:
        out.line(f"  {shown(f'{change.model} {change.key}'.strip())}  {'; '.join(_gains(change))}")
    if delta.total > len(listed):
        more = " (-v 2 lists more)" if len(delta.changes) > len(listed) else ""
        out.line(f"  … and {plural(delta.total - len(listed), 'more change')}{more}")
        out.line(f"  all that is gained: {', '.join(map(shown, delta.gained))}")


def _gains(change: PrivilegeChange) -> list[str]:
    said = [f"gains {', '.join(map(shown, change.gains))}"] if change.gains else []
    if change.sign_in:
        holds = f", and holds {', '.join(map(shown, change.holds))}" if change.holds else ""
        said.append(f"somebody else may sign in{holds}")
    return said
