"""Signals for the host: sent after the fact, with the report; a receiver that fails cannot harm the run.

``post_restore`` — after a restore or undo has committed and its files are in place.
Arguments: ``sender`` (the service class), ``report`` (``RestoreReport``).
``post_create`` — after a package has been published. Arguments: ``sender``, ``report`` (``CreateReport``).
"""

from __future__ import annotations

from django.dispatch import Signal

post_create = Signal()
post_restore = Signal()

__all__ = ["post_create", "post_restore"]
