"""Facts about data that an operator should know: values, never exceptions.

``verify``, ``plan``, ``validate``, ``inventory`` and ``check`` all speak findings, so that one renderer
serves every face. A finding never holds the content of a row: only model, natural key, field and
package member, so that it may be logged and shown.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field


class Severity(enum.IntEnum):
    """How much a finding weighs."""

    INFO = 10
    """Worth knowing; changes nothing."""
    WARNING = 20
    """Works, but somebody should look."""
    DEFECT = 30
    """Something is missing or broken in the data; the run goes on and its exit code is not 0."""
    ERROR = 40
    """Forbids the step."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One fact: what (``code``, ``message``), where (the other fields) and what to do (``hint``)."""

    code: str
    """Stable, documented in ``docs/findings.md``."""
    severity: Severity
    message: str
    """One sentence."""
    model: str = ""
    """Model label, for example ``documents.Document``."""
    key: str = ""
    """Natural key of the row, rendered."""
    field: str = ""
    """Field or column."""
    member: str = ""
    """Member of the package, or path of a file."""
    hint: str = ""
    """What to do next."""
    count: int = 1
    """How many rows the finding stands for."""

    def to_dict(self) -> dict[str, object]:
        """Return the finding as JSON-ready values; empty places are left out."""
        document: dict[str, object] = {
            "code": self.code,
            "severity": self.severity.name.lower(),
            "message": self.message,
        }
        places = {
            "model": self.model,
            "key": self.key,
            "field": self.field,
            "member": self.member,
            "hint": self.hint,
        }
        document.update({name: value for name, value in places.items() if value})
        if self.count != 1:
            document["count"] = self.count
        return document

    @property
    def subject(self) -> str:
        """Return where the finding is, as one short text."""
        parts = [self.model, self.key, self.field, self.member]
        return " ".join(part for part in parts if part)


@dataclass(slots=True)
class Findings:
    """A growing list of findings that can be asked whether it forbids a step."""

    items: list[Finding] = field(default_factory=list)

    def add(self, finding: Finding) -> None:
        """Append one finding."""
        self.items.append(finding)

    def extend(self, findings: Iterable[Finding]) -> None:
        """Append several findings."""
        self.items.extend(findings)

    def __iter__(self) -> Iterator[Finding]:
        """Iterate in the order of appearance."""
        return iter(self.items)

    def __len__(self) -> int:
        """Return how many findings there are."""
        return len(self.items)

    def at_least(self, severity: Severity) -> list[Finding]:
        """Return the findings that weigh ``severity`` or more."""
        return [item for item in self.items if item.severity >= severity]

    @property
    def blocking(self) -> list[Finding]:
        """Return the findings that forbid the step."""
        return self.at_least(Severity.ERROR)

    @property
    def worst(self) -> Severity | None:
        """Return the greatest severity present, or ``None`` when there is no finding."""
        return max((item.severity for item in self.items), default=None)
