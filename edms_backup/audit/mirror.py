"""The copy of the journal in the database: to be searched there, and to witness against the file.

The journal is what counts. A row that the database lacks (it was re-initialised) is written again; a row that the
journal does not have, or has otherwise, is an error.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from django.db import DatabaseError, IntegrityError, InterfaceError, router, transaction

from edms_backup.audit.entries import Entry
from edms_backup.errors import DatabaseUnavailable
from edms_backup.findings import Finding, Severity
from edms_backup.models import AuditEvent

_BATCH = 500


def missing(entries: list[Entry]) -> list[Entry]:
    """Return the entries, all of one chain, that the database does not have; raises ``DatabaseUnavailable``."""
    if not entries:
        return []
    with _database() as alias:
        rows = AuditEvent.objects.using(alias).filter(chain=entries[0].chain)
        known = set(rows.values_list("sequence", flat=True))
    return [entry for entry in entries if entry.sequence not in known]


def newest(chain: str) -> int:
    """Return the number of the newest entry that the database has; raises ``DatabaseUnavailable``."""
    with _database() as alias:
        rows = AuditEvent.objects.using(alias).filter(chain=chain).order_by("-sequence")
        return next(iter(rows.values_list("sequence", flat=True)[:1]), 0)


def write(entries: Iterable[Entry]) -> None:
    """Add rows; raises ``DatabaseUnavailable``. No signal is sent: hosts listen to every model.

    Several processes copy at once: what another one has copied meanwhile is left as it is.
    """
    left = iter(entries)
    with _database() as alias:
        while batch := list(itertools.islice(left, _BATCH)):
            try:
                _insert(alias, batch)
            except IntegrityError:
                for entry in batch:
                    rows = AuditEvent.objects.using(alias).filter(chain=entry.chain)
                    if not rows.filter(sequence=entry.sequence).exists():
                        _insert(alias, [entry])


def _insert(alias: str, entries: list[Entry]) -> None:
    with transaction.atomic(using=alias):
        AuditEvent.objects.using(alias).bulk_create(
            [AuditEvent.of(entry.to_dict(), entry.line) for entry in entries]
        )


def compare(entries: list[Entry]) -> Iterator[Finding]:
    """Yield every row that the journal does not bear out; raises ``DatabaseUnavailable``."""
    by_place = {(entry.chain, entry.sequence): entry for entry in entries}
    with _database() as alias:
        for row in AuditEvent.objects.using(alias).order_by("chain", "sequence").iterator(_BATCH):
            entry = by_place.get((row.chain, row.sequence))
            if entry is None:
                yield _error(
                    "audit_entry_missing",
                    f"The database knows entry {row.sequence} ({row.what}, {row.at}) of trail {row.chain[:8]},"
                    " and the journal does not.",
                )
            elif not row.tells(entry.to_dict(), entry.line):
                yield _error(
                    "audit_row_altered",
                    f"Entry {row.sequence} is another one in the database than in the journal.",
                )


def not_mirrored(why: DatabaseUnavailable) -> Finding:
    """Return what to say where an entry is in the journal and could not be copied into the database."""
    return Finding(
        code="audit_not_mirrored",
        severity=Severity.WARNING,
        message=f"The audit trail could not be copied into the database: {why.message}",
        hint="The journal holds the entry. It is copied with a later one, or by `edms_backup audit verify`.",
    )


@contextmanager
def _database() -> Iterator[str]:
    """Yield the alias of the database that holds the copy, inside of a transaction of its own."""
    alias = router.db_for_write(AuditEvent)
    try:
        with transaction.atomic(using=alias):
            yield alias
    except (DatabaseError, InterfaceError) as error:
        said = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise DatabaseUnavailable(
            f"Database {alias} could not do its work: {said}",
            hint=f"Is it up, and was it migrated ({alias})?",
        ) from error


def _error(code: str, message: str) -> Finding:
    return Finding(
        code=code,
        severity=Severity.ERROR,
        message=message,
        hint="Keep both as they are and find out who could write them. docs/audit.md says what to compare.",
    )
