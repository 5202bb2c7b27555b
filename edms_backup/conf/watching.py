"""What a site says about being watched: who is told, when it is late, and where secrets are kept."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from edms_backup.errors import ConfigurationError

OCCASIONS = ("failure", "missing", "success")
"""What people may want to be told of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Secret:
    """Where a secret is kept. The value is read when it is needed, and is in no ``repr``."""

    kind: str
    """``environment`` or ``file``."""
    place: str
    """Name of the variable, or path."""
    key: str = ""
    """The setting that says so."""

    def read(self) -> str:
        """Return the secret; raises ``ConfigurationError`` when there is none."""
        if self.kind == "environment":
            value = os.environ.get(self.place, "")
            where = f"the environment variable {self.place}"
        else:
            where = f"the file {self.place}"
            try:
                value = Path(self.place).read_text(encoding="utf-8").strip()
            except (OSError, ValueError) as error:
                raise ConfigurationError(
                    f"The secret of {self.key} cannot be read from {where}: {type(error).__name__}."
                ) from error
        if not value:
            raise ConfigurationError(f"The secret of {self.key} is empty: {where}.")
        return value


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """An address that notices are posted to."""

    url: str
    secret: Secret | None = None
    """Signs what is posted."""
    timeout: float = 10.0
    """Seconds for one attempt."""
    attempts: int = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Notify:
    """Who is told of what."""

    mail: tuple[str, ...] = ()
    webhook: Webhook | None = None
    on: frozenset[str] = frozenset({"failure", "missing"})


@dataclass(frozen=True, slots=True, kw_only=True)
class KeepRuns:
    """Which folders of ended runs stay: the newest, and those that are young."""

    newest: int = 200
    days: int = 90


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """Pairs (warning, critical); ``None`` = not judged."""

    package_hours: tuple[float, float] | None = (26.0, 50.0)
    """Age of the last good package."""
    verify_days: tuple[float, float] | None = (8.0, 32.0)
    """Age of the last verification."""
    free_packages: tuple[float, float] | None = (3.0, 1.2)
    """Free space, counted in packages of the size of the last one."""
    run_hours: tuple[float, float] | None = (6.0, 24.0)
    """How long a run may last."""
    queue_minutes: tuple[float, float] | None = (15.0, 60.0)
    """How long a run may wait with no worker at work."""
