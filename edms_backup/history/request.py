"""What a run is asked for and by whom, and how a request becomes JSON and a request again.

A request is stored before somebody else carries it out, so both ways are strict: a member that is not known,
or of another type, is refused and never guessed. No request holds a secret.
"""

from __future__ import annotations

import enum
import types
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Union, get_args, get_origin, get_type_hints

from edms_backup.audit import Actor
from edms_backup.create.report import CreateRequest
from edms_backup.errors import UsageError
from edms_backup.models import Run, RunKind
from edms_backup.restore.report import RestoreRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class UndoRequest:
    """Which restore to take back."""

    run_id: str = ""
    """The restore, or the beginning of its id; empty: the last one."""
    plan_digest: str = ""
    """Digest of the plan that was shown and confirmed; empty: whatever the plan is."""
    may_grant: tuple[str, ...] | None = None
    """What it may give to users and groups, as a plan names it; ``None``: everything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyRequest:
    """Which package to read."""

    package: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteRequest:
    """Which package of the store to remove."""

    package: str
    """Its whole name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AdmitRequest:
    """Which upload to verify and take into the store."""

    upload: str
    """The id that ``receive`` gave it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LookRequest:
    """Look at the whole site: its models, or what would spoil a backup."""


def asked_by(run: Run) -> Actor:
    """Return who asked for a run, as its row or folder knows it."""
    origin, _, address = run.origin.partition(" ")
    return Actor(user_id=run.actor_id, name=run.actor_name, origin=origin, address=address, reason=run.reason)


Request = (
    CreateRequest | RestoreRequest | UndoRequest | VerifyRequest | DeleteRequest | AdmitRequest | LookRequest
)

REQUESTS: dict[RunKind, type[Any]] = {
    RunKind.CREATE: CreateRequest,
    RunKind.RESTORE: RestoreRequest,
    RunKind.PLAN: RestoreRequest,
    RunKind.UNDO: UndoRequest,
    RunKind.VERIFY: VerifyRequest,
    RunKind.DELETE: DeleteRequest,
    RunKind.ADMIT: AdmitRequest,
    RunKind.CHECK: LookRequest,
    RunKind.INVENTORY: LookRequest,
}
"""Kind of a run to the class of its request."""


def encode_request(kind: RunKind, request: Request) -> dict[str, Any]:
    """Return a request as JSON-ready values; raises ``UsageError`` for a request of another kind."""
    wanted = REQUESTS[kind]
    if type(request) is not wanted:
        raise UsageError(f"A run {kind.value} takes a {wanted.__name__}, not a {type(request).__name__}.")
    return {field.name: _plain(getattr(request, field.name)) for field in fields(request)}


def decode_request(kind: RunKind, document: Mapping[str, Any]) -> Request:
    """Return the request that ``encode_request`` wrote; raises ``UsageError`` for anything else."""
    wanted = REQUESTS[kind]
    hints = get_type_hints(wanted)
    strange = sorted(set(document) - set(hints))
    if strange:
        raise UsageError(f"The request of a run {kind.value} has no member {strange[0]!r}.")
    values = {name: _typed(value, hints[name], f"{kind.value}.{name}") for name, value in document.items()}
    try:
        return wanted(**values)  # type: ignore[no-any-return]
    except TypeError as error:
        raise UsageError(f"The request of a run {kind.value} is not complete: {error}.") from error


def _plain(value: Any) -> Any:
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if value is None or isinstance(value, str | bool | int):
        return value
    raise UsageError(f"A request cannot hold a {type(value).__name__}.")


def _typed(value: Any, hint: Any, where: str) -> Any:
    """Return ``value`` as the type that ``hint`` says; raises ``UsageError`` when it is none."""
    if get_origin(hint) in (Union, types.UnionType):
        options = get_args(hint)
        if value is None and type(None) in options:
            return None
        return _typed(value, next(option for option in options if option is not type(None)), where)
    if get_origin(hint) is tuple and isinstance(value, list):
        return tuple(_typed(item, get_args(hint)[0], where) for item in value)
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        try:
            return hint(value)
        except ValueError:
            raise UsageError(f"{where} cannot be {value!r}.") from None
    if hint is Path and isinstance(value, str) and value:
        return Path(value)
    if type(value) is hint:
        return value
    raise UsageError(f"{where} is of a wrong type: {type(value).__name__}.")
