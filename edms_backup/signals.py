"""Signals for the host: sent after the fact; a receiver that fails cannot harm the run and is a finding.

``sender`` is always the class of the service. Further arguments:

``backup_created`` — a package was published: ``report`` (``CreateReport``).
``backup_failed`` — a create made no package: ``what`` (``create``), ``call`` (its id in the audit trail), ``error``
(the exception), ``actor`` (``Actor``).
``restore_finished`` — a restore or undo was committed and its files are in place: ``report`` (``RestoreReport``).
``restore_failed`` — a restore or undo failed after it had begun: ``what`` (``restore`` or ``undo``), ``call``,
``error``, ``actor``.
``package_verified`` — every byte of a package was read: ``report`` (``VerifyReport``); ``report.ok`` tells whether
it is intact.
"""

from __future__ import annotations

from django.dispatch import Signal

backup_created = Signal()
backup_failed = Signal()
restore_finished = Signal()
restore_failed = Signal()
package_verified = Signal()

__all__ = ["backup_created", "backup_failed", "package_verified", "restore_failed", "restore_finished"]
