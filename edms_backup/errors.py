"""Everything that can stop a step, as one flat tree of exceptions.

An error means that the step cannot go on; a fact that the operator may look at and accept is a
``Finding`` instead (see ``findings.py``). ``str(error)`` is one sentence for the operator, ``hint``
says what to do next, ``code`` is stable, and ``exit_code`` is what the command line returns.

::

    EdmsBackupError                      1   unexpected failure
    ├── DumpFailed                       1   rows could not be read completely
    ├── WorkerLost                       1   the process of a run ended before the run
    ├── AppendOnly                       1   somebody tried to change the audit trail
    ├── UsageError                       2   the request contradicts itself
    │   ├── KeyReused
    │   └── PackageExists
    ├── ConfigurationError               4   a setting is wrong
    ├── Declined                         5   the operator answered no
    │   └── ReauthenticationRequired
    ├── PackageNotFound                 10   no such package
    │   └── RunNotFound
    ├── RunLocked                       11   another run is in progress
    ├── IntegrityError                  13   the package's bytes are not what was sealed
    │   ├── NotAPackage
    │   ├── TruncatedPackage
    │   ├── ChecksumMismatch
    │   └── MalformedPackage
    ├── UnsupportedFormat               14   made by a newer format version
    ├── SchemaError                     15   models, tables or columns do not fit
    │   ├── UnknownModel
    │   ├── MissingTable
    │   └── NaturalKeyError
    ├── PlanBlocked                     16   the plan holds findings that forbid it
    │   └── PlanStale
    ├── StoreFull                       17   no space left
    ├── PackageTooLarge                 17   larger than the site accepts
    ├── RestoreRolledBack               18   failed, and everything is as before
    │   ├── ValidationFailed
    │   └── LoadFailed
    ├── RollbackFailed                  19   call somebody
    ├── StoreUnavailable                23   the place of the packages cannot be reached
    ├── DatabaseUnavailable             24   the database cannot be reached or went away
    ├── RunEnded                        25   the run has ended; it is too late to cancel it
    ├── AuditUnavailable                26   the audit trail cannot be written, so nothing was begun
    └── Interrupted                    130   asked to stop; what had begun was undone

Exit code 0 means done, 3 means done with defects that were listed, 130 and 143 mean interrupted by
SIGINT and SIGTERM. Every other number is a failure: *unknown means failed*.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from edms_backup.findings import Finding

EXIT_OK = 0
EXIT_DEFECTS = 3
EXIT_SIGINT = 130
EXIT_SIGTERM = 143


class EdmsBackupError(Exception):
    """Base of every error that this app raises on purpose.

    ``message`` is one sentence that says what and where; ``hint`` says what to do next; ``findings``
    are the facts behind the refusal, if there are several.
    """

    code: ClassVar[str] = "failed"
    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, hint: str = "", findings: Sequence[Finding] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.findings = tuple(findings)

    def to_dict(self) -> dict[str, object]:
        """Return the error as JSON-ready values, for ``--json`` and the API."""
        document: dict[str, object] = {
            "code": self.code,
            "exit_code": self.exit_code,
            "message": self.message,
            "hint": self.hint,
        }
        if self.findings:
            document["findings"] = [finding.to_dict() for finding in self.findings]
        return document


class UsageError(EdmsBackupError):
    """The request contradicts itself or names something that does not exist."""

    code = "usage"
    exit_code = 2


class KeyReused(UsageError):
    """The idempotency key stands for another request."""

    code = "idempotency_key_reused"


class PackageExists(UsageError):
    """The store holds this package already."""

    code = "package_exists"


class ConfigurationError(EdmsBackupError):
    """A setting is missing, unknown or wrong."""

    code = "configuration"
    exit_code = 4


class Declined(EdmsBackupError):
    """The operator did not confirm; nothing was changed."""

    code = "declined"
    exit_code = 5


class ReauthenticationRequired(Declined):
    """The call needs a password that was typed lately, and there is none."""

    code = "reauthentication_required"


class PackageNotFound(EdmsBackupError):
    """No package has that name or path."""

    code = "package_not_found"
    exit_code = 10


class RunLocked(EdmsBackupError):
    """Another create or restore is in progress, or waits for its turn; ``holder`` says what is known of it."""

    code = "run_locked"
    exit_code = 11

    def __init__(
        self,
        message: str,
        *,
        hint: str = "",
        findings: Sequence[Finding] = (),
        holder: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message, hint=hint, findings=findings)
        self.holder = dict(holder or {})

    def to_dict(self) -> dict[str, object]:
        """Return the error as JSON-ready values, with the holder where one is known."""
        document = super().to_dict()
        return {**document, "holder": self.holder} if self.holder else document


class RunNotFound(PackageNotFound):
    """No run has that id."""

    code = "run_not_found"


class RunEnded(EdmsBackupError):
    """The run has ended: it cannot be cancelled any more."""

    code = "run_ended"
    exit_code = 25


class WorkerLost(EdmsBackupError):
    """The process that carried a run out ended before the run did."""

    code = "worker_lost"


class IntegrityError(EdmsBackupError):
    """The package's bytes are not the bytes that were sealed."""

    code = "integrity"
    exit_code = 13


class NotAPackage(IntegrityError):
    """The file is no package of this app."""

    code = "not_a_package"


class TruncatedPackage(IntegrityError):
    """The file is shorter or longer than the length that was sealed into it."""

    code = "truncated_package"


class ChecksumMismatch(IntegrityError):
    """A digest does not match the bytes that it covers."""

    code = "checksum_mismatch"


class MalformedPackage(IntegrityError):
    """The bytes are intact, but what they say contradicts the format."""

    code = "malformed_package"


class UnsupportedFormat(EdmsBackupError):
    """The package was made by a newer format version, or by a codec that is not installed."""

    code = "unsupported_format"
    exit_code = 14


class SchemaError(EdmsBackupError):
    """Models, tables or columns do not fit what is asked."""

    code = "schema"
    exit_code = 15


class UnknownModel(SchemaError):
    """A model is named that this site does not have."""

    code = "unknown_model"


class MissingTable(SchemaError):
    """A model has no table, or its table lacks a column."""

    code = "missing_table"


class NaturalKeyError(SchemaError):
    """A natural key is declared wrongly or does not name one row."""

    code = "natural_key"


class PlanBlocked(EdmsBackupError):
    """The plan holds findings that forbid it; nothing was written."""

    code = "plan_blocked"
    exit_code = 16


class PlanStale(PlanBlocked):
    """Package or target changed since the plan was shown; nothing was written."""

    code = "plan_stale"


class StoreFull(EdmsBackupError):
    """There is no space left where packages or files go."""

    code = "no_space"
    exit_code = 17


class PackageTooLarge(EdmsBackupError):
    """An upload is larger than the site accepts; nothing of it was kept."""

    code = "package_too_large"
    exit_code = 17


class RestoreRolledBack(EdmsBackupError):
    """The restore failed; rows and files are as they were before."""

    code = "rolled_back"
    exit_code = 18


class ValidationFailed(RestoreRolledBack):
    """What was loaded is not what the package promised; everything was rolled back."""

    code = "validation_failed"


class LoadFailed(RestoreRolledBack):
    """The database refused a row; everything was rolled back."""

    code = "load_failed"


class RollbackFailed(EdmsBackupError):
    """A failed restore could not be undone completely: somebody has to look."""

    code = "rollback_failed"
    exit_code = 19


class StoreUnavailable(EdmsBackupError):
    """The place where packages live cannot be reached or written."""

    code = "store_unavailable"
    exit_code = 23


class DatabaseUnavailable(EdmsBackupError):
    """The database cannot be reached, or the connection was lost; nothing was changed."""

    code = "database_unavailable"
    exit_code = 24


class AuditUnavailable(EdmsBackupError):
    """The audit trail cannot be read or written; what could not be recorded was not begun."""

    code = "audit_unavailable"
    exit_code = 26


class AppendOnly(EdmsBackupError):
    """An entry of the audit trail was to be changed or deleted."""

    code = "append_only"


class DumpFailed(EdmsBackupError):
    """Rows could not be read completely; no package was made."""

    code = "dump_failed"


class Interrupted(EdmsBackupError):
    """The run was asked to stop and undid what it had begun; with ``stands`` it came too late for that."""

    code = "interrupted"
    exit_code = EXIT_SIGINT

    def __init__(
        self, message: str, *, hint: str = "", findings: Sequence[Finding] = (), stands: bool = False
    ) -> None:
        super().__init__(message, hint=hint, findings=findings)
        self.stands = stands
