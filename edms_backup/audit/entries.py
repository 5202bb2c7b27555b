"""One line of the audit trail: who did what, when, from where, on what, why, and how it ended.

A line is canonical JSON with its members in one order. It names the digest of the line before it and ends with
its own, so that no byte of it can change, and no line can go, come or move, without the chain saying so.
"""

from __future__ import annotations

import enum
import getpass
import hashlib
import os
import socket
from dataclasses import dataclass, field, fields
from typing import Any

from edms_backup.errors import UsageError
from edms_backup.package.canonical import canonical, strict_loads

ORIGIN = "0" * 64
"""What the first entry of a chain names as the digest before it."""
MAX_TEXT = 1000
"""Characters that a text of an actor may have."""
ORIGINS = ("cli", "api", "admin", "task", "python")
"""Where calls come from: the faces, a worker, and code of the host that calls the service."""
MAX_LINE = 64 * 1024
"""Bytes; no entry comes near this, and a line that is longer is not read."""


class Phase(enum.StrEnum):
    """Where in a call an entry was written."""

    BEGUN = "begun"
    ENDED = "ended"


class Result(enum.StrEnum):
    """How a call ended."""

    DONE = "done"
    DEFECTS = "defects"
    """Done, with defects that were listed."""
    REFUSED = "refused"
    """It never began: the request was wrong, or another run was in progress."""
    FAILED = "failed"
    INTERRUPTED = "interrupted"
    """Somebody asked it to stop, or its process died."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Who asks. Every face says it; raises ``UsageError`` for texts that no trail can hold."""

    name: str
    """How people know them: a user name of the site, or of the operating system."""
    origin: str
    """One of ``ORIGINS``."""
    user_id: str = ""
    """Primary key of the site's user, as text; empty for users of the operating system."""
    address: str = ""
    """Host or network address that the call came from."""
    reason: str = ""
    """Why, in their own words."""

    def __post_init__(self) -> None:
        """Refuse what is too long, so that nothing has to be cut off silently later."""
        if self.origin not in ORIGINS:
            raise UsageError(f"{self.origin[:MAX_TEXT]!r} is no origin of a call: {', '.join(ORIGINS)}.")
        for one in fields(self):
            if len(getattr(self, one.name)) > MAX_TEXT:
                raise UsageError(f"The {one.name} of the caller is longer than {MAX_TEXT} characters.")

    @classmethod
    def of_process(cls, origin: str = "python", reason: str = "") -> Actor:
        """Return who runs this process: the operating system's user, on this host."""
        try:
            name = getpass.getuser()
        except (KeyError, OSError):  # a user id without an account, as containers have them
            name = f"uid {os.getuid()}"
        return cls(name=name[:MAX_TEXT], origin=origin, address=socket.gethostname(), reason=reason)

    @property
    def whence(self) -> str:
        """Return origin and address as one text."""
        return f"{self.origin} {self.address}".rstrip()


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What one line says, without its digest. The order of the fields is the order in the line."""

    chain: str
    """Names the trail that the entry belongs to: 32 hex digits, made with its first entry."""
    sequence: int
    """1, 2, 3 …"""
    at: str
    """RFC 3339 in UTC with microseconds."""
    call: str
    """Names the call; its two entries have it in common."""
    what: str
    """``create``, ``restore``, ``undo``, ``verify``, ``recovery`` …"""
    phase: str
    subject: str = ""
    """The package or run that it is about."""
    result: str = ""
    """Empty while it has only begun."""
    code: str = ""
    """Code of the error, when there was one."""
    name: str = ""
    user_id: str = ""
    origin: str = ""
    address: str = ""
    reason: str = ""
    details: dict[str, Any] = field(default_factory=dict)
    """Numbers and names that belong to it; never the content of a row, never a secret."""
    previous: str = ORIGIN
    """SHA-256 of the entry before."""

    def to_dict(self) -> dict[str, Any]:
        """Return the entry as JSON-ready values, in their order."""
        return {one.name: getattr(self, one.name) for one in fields(self)}

    @property
    def digest(self) -> str:
        """Return the SHA-256 of the entry, by which the next one names it."""
        return hashlib.sha256(canonical(self.to_dict())).hexdigest()

    @property
    def line(self) -> bytes:
        """Return the line: the entry and, as its last member, the digest; ends with a line feed."""
        return canonical({**self.to_dict(), "sha256": self.digest}) + b"\n"


_TYPES = {one.name: {"sequence": int, "details": dict}.get(one.name, str) for one in fields(Entry)}


def read_line(line: bytes) -> Entry:
    """Return the entry of a whole line; raise ``ValueError`` unless each byte is as ``Entry.line`` writes it."""
    if not line.endswith(b"\n"):
        raise ValueError("it is cut off")
    if len(line) > MAX_LINE:
        raise ValueError(f"it is longer than {MAX_LINE} bytes")
    members = strict_loads(line[:-1])
    if not isinstance(members, dict) or list(members) != [*_TYPES, "sha256"]:
        raise ValueError("it is no entry")
    digest = members.pop("sha256")
    if any(type(members[name]) is not kind for name, kind in _TYPES.items()):
        raise ValueError("a member is of another kind")
    entry = Entry(**members)
    if digest != entry.digest or line != entry.line:
        raise ValueError("its digest is not the one of its content")
    return entry
