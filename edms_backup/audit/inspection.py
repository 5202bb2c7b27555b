"""Is the journal whole? Every line against the one before it, the last one against the note of the end."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from edms_backup.audit.chain import Chain, left_out
from edms_backup.audit.entries import ORIGIN, Entry
from edms_backup.errors import EXIT_OK, IntegrityError
from edms_backup.findings import Finding, Severity

RESTARTED = "restarted"
"""Entries of this kind say that the note of the end was gone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditReport:
    """What a verification of the trail found."""

    findings: tuple[Finding, ...]
    entries: int
    chain: str = ""
    sequence: int = 0
    """Number of the newest entry."""
    sha256: str = ""
    """Its digest: kept elsewhere, it proves later that nothing up to here was changed."""
    database: bool = True
    """Whether the copy in the database could be compared."""

    @property
    def ok(self) -> bool:
        """Return whether every entry is what was written, and all are there."""
        return all(finding.severity < Severity.ERROR for finding in self.findings)

    @property
    def anchor(self) -> str:
        """Return the newest entry as ``--anchor`` takes it: ``12:9f86d0…``; empty without entries."""
        return f"{self.sequence}:{self.sha256}" if self.sequence else ""

    @property
    def exit_code(self) -> int:
        """Return 0, or 13 when the trail is not what was written."""
        return EXIT_OK if self.ok else IntegrityError.exit_code

    def to_dict(self) -> dict[str, object]:
        """Return the report as JSON-ready values."""
        return {
            "ok": self.ok,
            "entries": self.entries,
            "chain": self.chain,
            "anchor": self.anchor,
            "database": self.database,
            "findings": [finding.to_dict() for finding in self.findings],
        }


def inspect(chain: Chain) -> tuple[list[Entry], list[Finding]]:
    """Return the entries that can be read, and what is wrong with the journal."""
    entries: list[Entry] = []
    findings: list[Finding] = []
    broken = 0
    """Lines since the last entry that are none."""
    lines = list(chain.lines())
    ending = _ending(chain, lines[-1].raw if lines else b"")
    if (
        ending is not None
        and ending.severity is Severity.WARNING
        and lines
        and not lines[-1].raw.endswith(b"\n")
    ):
        lines.pop()  # the torn line, which the finding is about
    for line in lines:
        if line.entry is None:
            findings.append(_error("audit_entry_altered", f"Line {line.number} is no entry: {line.problem}."))
            broken += 1
            continue
        findings.extend(_misplaced(entries[-1] if entries else None, line.entry, line.number, broken))
        if line.entry.what == RESTARTED:
            findings.append(_restarted(line.entry))
        entries.append(line.entry)
        broken = 0
    if ending is not None:
        findings.append(ending)
    return entries, findings


def _misplaced(before: Entry | None, entry: Entry, number: int, broken: int) -> Iterator[Finding]:
    """Yield what does not fit between an entry and the readable one before it."""
    expected = (before.sequence if before else 0) + 1 + broken
    digest = before.digest if before else ORIGIN
    if before is not None and entry.chain != before.chain:
        yield _error("audit_chain_broken", f"Line {number} belongs to another trail.")
    elif entry.sequence != expected:
        yield _error(
            "audit_chain_broken",
            f"Line {number} holds entry {entry.sequence} where entry {expected} belongs:"
            " entries are missing, doubled or in another order.",
        )
    elif not broken and entry.previous != digest:
        yield _error("audit_chain_broken", f"Entry {entry.sequence} does not follow the one before it.")


def ending_of(chain: Chain) -> Finding | None:
    """Return what is wrong with the end of the journal, if anything; the rest of it is not looked at."""
    return _ending(chain, next(reversed(chain.ending().splitlines(keepends=True)), b""))


def _ending(chain: Chain, last: bytes) -> Finding | None:
    """Return what is wrong with the last line, compared with the note of the newest entry."""
    try:
        head = chain.head()
    except ValueError as error:
        return _error("audit_end_differs", f"The note of the newest entry was changed: {error}.")
    if head is None:
        if last:
            return _error("audit_end_differs", "The note of the newest entry is gone.")
        return None
    if last == head.line:
        return None
    if left_out(head, chain.ending()):
        return Finding(
            code="audit_entry_torn",
            severity=Severity.WARNING,
            message=f"Entry {head.sequence} was noted, and its line is not, or not wholly, in the journal.",
            hint="A crash leaves this, and so does somebody who cuts the file. The next entry completes it.",
        )
    return _error(
        "audit_end_differs",
        f"The journal does not end with entry {head.sequence}, the newest that was written:"
        " lines were cut off, or added by other hands.",
    )


def _restarted(entry: Entry) -> Finding:
    return Finding(
        code="audit_restarted",
        severity=Severity.WARNING,
        message=f"At entry {entry.sequence} ({entry.at}) the note of the newest entry was gone or spoilt.",
        hint="If nobody knows why, compare with the anchors that were kept: entries before it may be missing.",
    )


def compare_anchor(entries: list[Entry], anchor: str) -> Iterator[Finding]:
    """Yield an error unless the entry that was anchored (``number:digest``) is still that entry."""
    number, _, digest = anchor.partition(":")
    found = {str(entry.sequence): entry.digest for entry in entries}.get(number)
    if found != digest:
        what = "is missing" if found is None else "is not the one that was anchored"
        yield _error("audit_anchor_differs", f"Entry {number} {what}.")


def _error(code: str, message: str) -> Finding:
    return Finding(
        code=code,
        severity=Severity.ERROR,
        message=message,
        hint="Keep the journal as it is and find out who could write it. docs/audit.md says what to compare.",
    )
