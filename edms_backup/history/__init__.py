"""Runs: who asked for what, how far it is, how it ended.

What is true of a run stands in its folder of the state directory, ``<state>/runs/<id>/``: a restore's open
transaction would hide or roll back a row, and a database that is replaced or gone would take it away. The row
of the table ``Run`` mirrors the folder, and is made again from it when it is missing.

Reading order: ``request`` (what is asked for, and by whom), ``folder`` (the files of one run), ``rows`` (the
mirror), ``recording`` (what a run writes while it lasts), ``register`` (all runs: queue, claim, cancel, close),
``waiting`` (what nobody takes), ``retention`` (what goes).
"""

from __future__ import annotations

from edms_backup.audit import Actor
from edms_backup.history.recording import Cancelled, Recording
from edms_backup.history.register import RunRegister
from edms_backup.history.request import (
    AdmitRequest,
    DeleteRequest,
    LookRequest,
    Request,
    UndoRequest,
    VerifyRequest,
    asked_by,
    decode_request,
    encode_request,
)
from edms_backup.history.retention import prune
from edms_backup.history.waiting import Waiting, waiting

__all__ = [
    "Actor",
    "AdmitRequest",
    "Cancelled",
    "DeleteRequest",
    "LookRequest",
    "Recording",
    "Request",
    "RunRegister",
    "UndoRequest",
    "VerifyRequest",
    "Waiting",
    "asked_by",
    "decode_request",
    "encode_request",
    "prune",
    "waiting",
]
