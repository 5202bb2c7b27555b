"""What a restore is asked for, what it would do, and what it did: values, shared by all faces."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field

from edms_backup.errors import EXIT_DEFECTS, EXIT_OK
from edms_backup.findings import Finding, Severity


class Mode(enum.StrEnum):
    """What happens to rows that the package does not know."""

    MERGE = "merge"
    """They stay; matched rows keep the target's primary key."""
    REPLACE = "replace"
    """They go; afterwards the models hold exactly the package's rows under the package's primary keys."""


class Outcome(enum.StrEnum):
    """How a restore ended."""

    PLANNED = "planned"
    COMMITTED = "committed"
    ROLLED_BACK = "rolled_back"


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoreRequest:
    """What to restore and how."""

    package: str
    """Name in the store, or a path."""
    mode: Mode = Mode.MERGE
    models: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    files: bool = True
    database: str | None = None
    safety_package: bool = True
    exact: bool = False
    """With ``replace``: append-only models too hold exactly the package's rows afterwards (undo)."""
    plan_digest: str = ""
    """Digest of the plan that was shown and confirmed; empty = whatever the plan is."""
    may_grant: tuple[str, ...] | None = None
    """What the restore may give to users and groups, as a plan names it; ``None`` = everything."""


@dataclass(slots=True, kw_only=True)
class ModelCounts:
    """The ledger of one model. inserted + updated + unchanged + refused equals expected."""

    expected: int = 0
    """Rows of the package."""
    before: int = 0
    """Rows of the target before."""
    after: int | None = None
    """Rows of the target afterwards; ``None`` in a plan."""
    identical: int | None = None
    """Rows of the package found identical in the live database afterwards; ``None`` in a plan."""
    inserted: int = 0
    updated: int = 0
    unchanged: int = 0
    deleted: int = 0
    refused: int = 0
    left: int = 0
    """Rows of the target that the package does not know and that stay."""
    moved: int = 0
    """Rows of the package that get another primary key than they had."""

    def to_dict(self) -> dict[str, int | None]:
        """Return the counts as JSON-ready values."""
        return {
            "expected": self.expected,
            "before": self.before,
            "after": self.after,
            "identical": self.identical,
            "inserted": self.inserted,
            "updated": self.updated,
            "unchanged": self.unchanged,
            "deleted": self.deleted,
            "refused": self.refused,
            "left": self.left,
            "moved": self.moved,
        }


@dataclass(slots=True, kw_only=True)
class FileCounts:
    """The ledger of the files."""

    expected: int = 0
    """Files of the package."""
    identical: int = 0
    """Already in place with the right content; after a restore: found in place with the right content."""
    written: int = 0
    """New files."""
    replaced: int = 0
    """Files that had other content before."""
    missing: int = 0
    """Named by rows of the package, but missing already when it was made."""

    def to_dict(self) -> dict[str, int]:
        """Return the counts as JSON-ready values."""
        return {
            "expected": self.expected,
            "identical": self.identical,
            "written": self.written,
            "replaced": self.replaced,
            "missing": self.missing,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class PrivilegeChange:
    """What one user, one group or the rows of one model would gain."""

    model: str
    key: str
    """Natural key; empty for all rows of the model together."""
    gains: tuple[str, ...]
    """``superuser``, ``staff``, ``group NAME``, ``permission app.codename``, ``rows of app.Model``."""
    sign_in: bool = False
    """Somebody may sign in who could not: another password, user name or address, or an account that opens."""
    holds: tuple[str, ...] = ()
    """With ``sign_in``: all that the account holds afterwards."""

    def to_dict(self) -> dict[str, object]:
        """Return the change as JSON-ready values."""
        return {
            "model": self.model,
            "key": self.key,
            "gains": list(self.gains),
            "sign_in": self.sign_in,
            "holds": list(self.holds),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class PrivilegeDelta:
    """What a restore would give to whom."""

    changes: tuple[PrivilegeChange, ...] = ()
    """The first of them."""
    total: int = 0
    """How many there are."""
    gained: tuple[str, ...] = ()
    """All that anybody would gain, each once."""

    def to_dict(self) -> dict[str, object]:
        """Return the delta as JSON-ready values."""
        return {
            "total": self.total,
            "gained": list(self.gained),
            "changes": [change.to_dict() for change in self.changes],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class RestorePlan:
    """What a restore would do. A real run computes the same plan under its locks and executes that."""

    package: str
    package_id: str
    package_sha256: str
    created_at: str
    mode: Mode
    models: dict[str, ModelCounts]
    files: FileCounts
    findings: tuple[Finding, ...]
    digest: str
    """Changes when the package, the target's rows or the request change."""
    engines: dict[str, str] = field(default_factory=dict)
    """Database alias to engine."""
    locks: dict[str, str] = field(default_factory=dict)
    """Database alias to what is kept away from the tables while the restore runs."""
    slower: dict[str, str] = field(default_factory=dict)
    """Model label to the reason why its rows take a slower way than others."""
    samples: dict[str, dict[str, list[str]]] = field(default_factory=dict)
    """Model label to action (``inserted``, ``updated``, ``deleted``) to a few natural keys."""
    privileges: PrivilegeDelta = field(default_factory=PrivilegeDelta)
    """Who could do more afterwards than before."""

    @property
    def changes(self) -> int:
        """Return how many rows would be written or deleted."""
        return sum(counts.inserted + counts.updated + counts.deleted for counts in self.models.values())

    @property
    def blocked(self) -> bool:
        """Return whether findings forbid the restore."""
        return any(finding.severity >= Severity.ERROR for finding in self.findings)


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoreReport:
    """What a restore did, or would do (``outcome`` = planned)."""

    outcome: Outcome
    package: str
    package_id: str
    mode: Mode
    models: dict[str, ModelCounts]
    files: FileCounts
    findings: tuple[Finding, ...]
    seconds: float
    verdict: str = ""
    """``591/591 rows identical in 61 models, 23/23 files identical``."""
    safety_package: str = ""
    run_id: str = ""
    plan_digest: str = ""
    samples: dict[str, dict[str, list[str]]] = field(default_factory=dict)
    locks: dict[str, str] = field(default_factory=dict)
    slower: dict[str, str] = field(default_factory=dict)
    privileges: PrivilegeDelta = field(default_factory=PrivilegeDelta)

    @classmethod
    def of_plan(cls, plan: RestorePlan) -> RestoreReport:
        """Return a plan in the shape of a report, for faces that show both."""
        return cls(
            outcome=Outcome.PLANNED,
            package=plan.package,
            package_id=plan.package_id,
            mode=plan.mode,
            models=plan.models,
            files=plan.files,
            findings=plan.findings,
            seconds=0.0,
            plan_digest=plan.digest,
            samples=plan.samples,
            locks=plan.locks,
            slower=plan.slower,
            privileges=plan.privileges,
        )

    @property
    def exit_code(self) -> int:
        """Return 0, 3 when defects were listed, 16 when a plan is blocked, 18 when it was rolled back."""
        if self.outcome is Outcome.ROLLED_BACK:
            return 18
        worst = max((finding.severity for finding in self.findings), default=Severity.INFO)
        if self.outcome is Outcome.PLANNED and worst >= Severity.ERROR:
            return 16
        return EXIT_DEFECTS if worst >= Severity.DEFECT else EXIT_OK

    def to_dict(self) -> dict[str, object]:
        """Return the report as JSON-ready values."""
        return {
            "outcome": self.outcome.value,
            "verdict": self.verdict,
            "package": self.package,
            "package_id": self.package_id,
            "mode": self.mode.value,
            "models": {label: counts.to_dict() for label, counts in self.models.items()},
            "files": self.files.to_dict(),
            "findings": [finding.to_dict() for finding in self.findings],
            "safety_package": self.safety_package,
            "run_id": self.run_id,
            "plan_digest": self.plan_digest,
            "samples": self.samples,
            "locks": self.locks,
            "slower": self.slower,
            "privileges": self.privileges.to_dict(),
            "seconds": round(self.seconds, 3),
        }
