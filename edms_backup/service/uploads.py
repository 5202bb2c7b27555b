"""Uploads in two steps, for faces on the web: announced with size and digest, then sent; and packages handed out.

An announced upload belongs to who announced it: for everybody else it is not there.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager

from edms_backup.errors import PackageNotFound, UsageError
from edms_backup.history.folder import as_uuid
from edms_backup.service.packages import OpenPackage, Packages
from edms_backup.storage.quarantine import Announcement, Source

_DIGEST = 64


class Uploads(Packages):
    """The verbs about announced uploads, and the one that hands packages out."""

    __slots__ = ()

    def announce(self, *, length: int, sha256: str) -> Announcement:
        """Note that the actor will send a package of this size and digest; nothing is kept longer than a day.

        Raises ``UsageError``, ``PackageTooLarge``, ``StoreFull`` while too many wait, or ``StoreUnavailable``.
        """
        digest = sha256.lower()
        if length < 1 or len(digest) != _DIGEST or not set(digest) <= set("0123456789abcdef"):
            raise UsageError(
                "An upload is announced with its size in bytes and its SHA-256 in 64 hex digits."
            )
        with self._recorded("announce") as service:
            self.settings.refuse_public_directory()
            service._begin()
            upload = self._quarantine.announce(
                self._owner, limit=self.settings.upload_limit, length=length, sha256=digest
            )
            service._done(upload=str(upload), bytes=length, sha256=digest)
        return self._quarantine.announced(upload, self._owner)

    def announced(self, upload: uuid.UUID | str) -> Announcement:
        """Return an upload that the actor announced; raises ``PackageNotFound``."""
        known = as_uuid(str(upload))
        if known is None:
            raise PackageNotFound("There is no such upload.", hint="Announce it.")
        return self._quarantine.announced(known, self._owner)

    def fill(self, upload: uuid.UUID | str, stream: Source) -> Announcement:
        """Take the bytes of an announced upload into quarantine, streamed; ``admit`` takes it into the store.

        Raises ``PackageNotFound``, and what ``receive`` raises; ``PackageExists`` for bytes that came already.
        """
        announced = self.announced(upload)
        with self._recorded("receive", str(announced.id)) as service:
            service._begin()
            self._quarantine.take(
                stream,
                limit=self.settings.upload_limit,
                length=announced.length,
                sha256=announced.sha256,
                upload=announced.id,
            )
            service._done(upload=str(announced.id))
        return self.announced(upload)

    @contextmanager
    def hand_out(self, name: str) -> Iterator[OpenPackage]:
        """Open a package of the store as ``open`` does, and record that the actor got it."""
        with self._recorded("download", name) as service:
            service._begin()
            with service.open(name) as opened:
                service._done(bytes=opened.length)
                yield opened

    @property
    def _owner(self) -> str:
        return f"{self.actor.user_id} {self.actor.name}"
