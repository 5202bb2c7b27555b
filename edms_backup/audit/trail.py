"""The audit trail as the service uses it: begin a call, end it, look at all of it."""

from __future__ import annotations

import datetime
import logging
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edms_backup.audit import mirror
from edms_backup.audit.chain import Chain, Writer
from edms_backup.audit.entries import Actor, Entry, Phase, Result
from edms_backup.audit.inspection import RESTARTED, AuditReport, compare_anchor, inspect
from edms_backup.errors import AuditUnavailable, DatabaseUnavailable
from edms_backup.findings import Finding, Severity

logger = logging.getLogger(__name__)

FOLDER = "audit"
"""Name of the trail's directory below the state directory."""
LOCKED = ("create", "restore", "undo", "delete", "admit", "recovery")
"""Calls that hold the lock while they last: one of them that never ended is told by who gets the lock next."""
_TAIL = 4 * 1024 * 1024
"""Bytes of the journal that are read where only the last months matter: some thousand calls."""


@dataclass(slots=True, kw_only=True)
class Call:
    """One call: what its entries have in common."""

    what: str
    actor: Actor
    subject: str = ""
    id: str = field(default_factory=lambda: secrets.token_hex(16))
    details: dict[str, Any] = field(default_factory=dict)
    begun: bool = False
    ended: bool = False
    result: Result | None = None
    """How it ended, once it has."""
    findings: list[Finding] = field(default_factory=list)
    """What came up while its entries were written."""


class AuditTrail:
    """The trail of one site."""

    def __init__(
        self, state_directory: Path, clock: Callable[[], datetime.datetime], *, required: bool = True
    ) -> None:
        """Keep the journal below ``state_directory``; unless ``required``, calls go on where it cannot be written."""
        self.chain = Chain(Path(state_directory) / FOLDER)
        self._clock = clock
        self._required = required

    # -- writing -----------------------------------------------------------------------------------

    def begin(self, call: Call) -> None:
        """Write that a call begins; raises ``AuditUnavailable``, and then it must not begin."""
        try:
            self._write(call, Phase.BEGUN)
        except AuditUnavailable as error:
            if self._required:
                raise
            call.findings.append(_not_written(error, call))
        call.begun = True

    def end(self, call: Call, result: Result, code: str = "") -> None:
        """Write how a call ended. It stands whatever happens here: what goes wrong is a finding of the call."""
        call.ended, call.result = True, result
        try:
            self._write(call, Phase.ENDED, result, code)
        except AuditUnavailable as error:
            call.findings.append(_not_written(error, call))

    def close_unended(self) -> list[Entry]:
        """Write for every writing call that never ended that its process died; returns their first entries.

        Whoever calls this holds the lock of writing calls, so none of them is alive.
        """
        try:
            dead = unended(self.entries(recent=True))
        except AuditUnavailable:
            if self._required:
                raise
            return []
        for entry in dead:
            call = Call(
                what=entry.what,
                actor=Actor(
                    name=entry.name, user_id=entry.user_id, origin=entry.origin, address=entry.address
                ),
                subject=entry.subject,
                id=entry.call,
                details={"closed_by": "a later call"},
            )
            self.end(call, Result.INTERRUPTED)
        return dead

    def _write(self, call: Call, phase: Phase, result: str = "", code: str = "") -> None:
        actor = call.actor
        entry = Entry(
            chain="",
            sequence=0,
            at=self._clock().astimezone(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            call=call.id,
            what=call.what,
            phase=phase.value,
            subject=call.subject,
            result=str(result),
            code=code,
            name=actor.name,
            user_id=actor.user_id,
            origin=actor.origin,
            address=actor.address,
            reason=actor.reason,
            details=dict(call.details) if phase is Phase.ENDED else {},
        )
        with self.chain.writing() as writer:
            if writer.restarted:
                self._tell_restart(writer, entry)
            written = writer.append(entry)
        self._mirror(written, call)

    def _tell_restart(self, writer: Writer, entry: Entry) -> None:
        logger.warning("the note of the newest entry of the audit trail was gone or spoilt")
        writer.append(
            Entry(
                chain="",
                sequence=0,
                at=entry.at,
                call=entry.call,
                what=RESTARTED,
                phase=Phase.ENDED.value,
                result=Result.DEFECTS.value,
                origin=entry.origin,
            )
        )

    def _mirror(self, written: Entry, call: Call) -> None:
        """Copy the entry into the database, with those before it that the database lacks."""
        try:
            if mirror.newest(written.chain) == written.sequence - 1:
                mirror.write([written])
            else:
                mirror.write(
                    mirror.missing([entry for entry in self.entries() if entry.chain == written.chain])
                )
        except DatabaseUnavailable as error:
            logger.warning("the audit trail could not be copied into the database: %s", error)
            if all(finding.code != "audit_not_mirrored" for finding in call.findings):
                call.findings.append(mirror.not_mirrored(error))

    # -- looking -----------------------------------------------------------------------------------

    def entries(self, *, recent: bool = False) -> list[Entry]:
        """Return all entries that can be read, the oldest first; with ``recent`` those of the last megabytes."""
        return [line.entry for line in self.chain.lines(tail=_TAIL if recent else None) if line.entry]

    def verify(self, anchor: str = "") -> AuditReport:
        """Look at every entry, in the journal and in the database, in both directions.

        Rows that the database lacks are written again when the journal is whole. ``anchor``: an entry that was kept
        elsewhere, as ``AuditReport.anchor`` gives it. Raises ``AuditUnavailable`` when the journal cannot be read.
        """
        entries, findings = inspect(self.chain)
        if anchor:
            findings.extend(compare_anchor(entries, anchor))
        database = True
        try:
            findings.extend(mirror.compare(entries))
            if all(finding.severity < Severity.ERROR for finding in findings):
                findings.extend(self._mirror_again(entries))
        except DatabaseUnavailable as error:
            database = False
            findings.append(mirror.not_mirrored(error))
        newest = entries[-1] if entries else None
        return AuditReport(
            findings=tuple(findings),
            entries=len(entries),
            chain=newest.chain if newest else "",
            sequence=newest.sequence if newest else 0,
            sha256=newest.digest if newest else "",
            database=database,
        )

    def _mirror_again(self, entries: list[Entry]) -> list[Finding]:
        lacking = mirror.missing(entries)
        if not lacking:
            return []
        mirror.write(lacking)
        return [
            Finding(
                code="audit_mirrored",
                severity=Severity.WARNING,
                message=f"The database lacked {len(lacking)} entries of the journal; they were copied into it.",
                hint="Expected after the database was re-initialised, restored by other means, or away.",
                count=len(lacking),
            )
        ]


def unended(entries: Iterable[Entry]) -> list[Entry]:
    """Return the first entries of writing calls that have no second one."""
    begun: dict[str, Entry] = {}
    for entry in entries:
        if entry.phase == Phase.BEGUN and entry.what in LOCKED:
            begun[entry.call] = entry
        elif entry.phase == Phase.ENDED:
            begun.pop(entry.call, None)
    return list(begun.values())


def _not_written(error: AuditUnavailable, call: Call) -> Finding:
    return Finding(
        code="audit_not_written",
        severity=Severity.WARNING if call.what == "verify" else Severity.DEFECT,
        message=f"The audit trail lacks an entry of this call: {error.message}",
        hint="What was done stands. Mend the place of the trail; `edms_backup audit verify` shows what is there.",
    )
