"""What every store promises, and how packages in it are named.

A store shows finished packages only, never overwrites one, and speaks this app's errors: whatever the
operating system or a remote service says is translated where it comes in.
"""

from __future__ import annotations

import errno
import re
from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, TypeAlias

from edms_backup.errors import EdmsBackupError, PackageNotFound, StoreFull, StoreUnavailable, UsageError

SUFFIX = ".edms.zip"
"""What the name of a package in a store ends with: it is a ZIP, and ordinary tools may see that."""
MAX_NAME = 200
"""Characters; file systems stop at 255 bytes, and a name without its prefix and suffix has to fit too."""
_STAMP = re.compile(r"(?<!\d)\d{8}T\d{6}Z")
_STAMP_FORMAT = "%Y%m%dT%H%M%SZ"
_SAFETY = "safety-"
RECEIVED = "received"
"""Kind in the name of a package that somebody sent."""
_NO_SPACE = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageRef:
    """A finished package in a store."""

    name: str
    size: int
    """Bytes."""
    modified: datetime
    """When the store took it, with a time zone."""

    @property
    def made(self) -> datetime:
        """Return when the package was made by its name, else when the store took it."""
        return datetime.strptime(self.age_key[0], _STAMP_FORMAT).replace(tzinfo=UTC)

    @property
    def age_key(self) -> tuple[str, datetime, str]:
        """Return what sorts packages by age: the second in the name, then when the store took it."""
        stamp = _STAMP.search(self.name)
        second = stamp[0] if stamp else self.modified.astimezone(UTC).strftime(_STAMP_FORMAT)
        return second, self.modified, self.name


PackageRefs: TypeAlias = list[PackageRef]
"""A name for the type inside classes whose own ``list`` hides the builtin."""


class PackageStore(ABC):
    """A place that holds packages."""

    name: str
    """How people know the place: its path or its alias."""

    @abstractmethod
    def workspace(self) -> Path:
        """Return the local directory for unfinished packages; it exists and belongs to this user only.

        An unfinished package there is called ``partial_name(name)``; ``create_partial`` opens one.
        """

    @abstractmethod
    def publish(self, local: Path, name: str) -> PackageRef:
        """Make the finished file ``local`` visible as ``name``; it is gone from ``local`` afterwards.

        Nothing is visible before all bytes are safe, and an existing package is never overwritten. Raises
        ``UsageError`` for a name that is taken or not allowed, ``StoreFull`` or ``StoreUnavailable``.
        """

    @abstractmethod
    def list(self) -> PackageRefs:
        """Return the finished packages, the newest first; raises ``StoreUnavailable``."""

    @abstractmethod
    def open(self, name: str) -> BinaryIO:
        """Return a package as a readable file that can seek; raises ``PackageNotFound``."""

    @abstractmethod
    def stat(self, name: str) -> PackageRef:
        """Return what is known of one package; raises ``PackageNotFound``."""

    @abstractmethod
    def delete(self, name: str) -> None:
        """Remove a package for good; raises ``PackageNotFound``."""

    @abstractmethod
    def free_space(self) -> int | None:
        """Return how many bytes the store can still take, or ``None`` when nobody knows."""

    @abstractmethod
    def leftovers(self) -> tuple[Path, ...]:
        """Return unfinished packages that no process works on any more."""

    @abstractmethod
    def clear_leftovers(self) -> tuple[Path, ...]:
        """Remove what ``leftovers`` finds and return it."""


def package_name(created: datetime, package_id: str, *, kind: str = "backup") -> str:
    """Return the name of a package: ``edms-20250131T235959Z-1a2b3c4d.edms.zip``, ``safety-…`` for that kind.

    ``created`` must have a time zone. Sorted as text, the names of one kind are sorted by age.
    """
    prefix = "edms-" if kind == "backup" else f"{kind}-"
    return f"{prefix}{created.astimezone(UTC).strftime(_STAMP_FORMAT)}-{package_id[:8]}{SUFFIX}"


def is_name_of(name: str, package_id: str) -> bool:
    """Return whether ``package_name`` may have made this name for the package with this id."""
    return name.endswith(f"-{package_id[:8]}{SUFFIX}")


def is_received(name: str) -> bool:
    """Return whether the name says that somebody sent this package: it is not of this site's own making."""
    return name.startswith(f"{RECEIVED}-")


def is_safety(name: str) -> bool:
    """Return whether the name says that a restore made this package before its first write."""
    return name.startswith(_SAFETY)


def partial_name(name: str) -> str:
    """Return what a package called ``name`` is called while it is unfinished."""
    return f".{name}.partial"


def check_name(name: str) -> str:
    """Return ``name`` when a store may use it; raises ``UsageError`` when not."""
    problem = ""
    if not name.endswith(SUFFIX) or name == SUFFIX:
        problem = f"does not end in {SUFFIX}"
    elif name.startswith("."):
        problem = "begins with a dot"
    elif len(name) > MAX_NAME:
        problem = f"is longer than {MAX_NAME} characters"
    elif any(char in "/\\" or not char.isprintable() for char in name):
        problem = "holds a path separator or a character that cannot be shown"
    if problem:
        raise UsageError(f"{name[:MAX_NAME]!r} cannot be the name of a package: it {problem}.")
    return name


def taken(name: str, store: str) -> UsageError:
    """Return the error for a name that a package already has."""
    return UsageError(
        f"There is a package {name} in {store} already; packages are never overwritten.",
        hint="Choose another name, or delete that package first.",
    )


def not_found(name: str, store: str) -> PackageNotFound:
    """Return the error for a package that is not there."""
    return PackageNotFound(
        f"There is no package {name} in {store}.", hint="`edms_backup list` shows the packages of this site."
    )


def is_full(error: Exception) -> bool:
    """Return whether a file system says that it has no room left."""
    return isinstance(error, OSError) and error.errno in _NO_SPACE


def store_error(error: Exception, doing: str) -> EdmsBackupError:
    """Return this app's error for what a file system or a storage said while ``doing`` something."""
    said = getattr(error, "strerror", None) or str(error) or type(error).__name__
    if is_full(error):
        return StoreFull(f"{doing}: {said}.", hint="Make room there, or let the packages go elsewhere.")
    return StoreUnavailable(
        f"{doing}: {said}.", hint="Check that the place exists, is mounted and may be written by this user."
    )
