"""The audit trail: every call that changes something, in a chain that a restore cannot reach.

Reading order: ``entries`` (one line), ``chain`` (the journal on disk), ``inspection`` (is it whole?), ``mirror``
(its copy in the database), ``trail`` (what the service calls).
"""

from edms_backup.audit.entries import Actor, Entry, Phase, Result
from edms_backup.audit.inspection import AuditReport
from edms_backup.audit.trail import AuditTrail, Call, unended

__all__ = [
    "Actor",
    "AuditReport",
    "AuditTrail",
    "Call",
    "Entry",
    "Phase",
    "Result",
    "process_actor",
    "unended",
]
