"""What is asked of packages: which there are, what is in one, whether its bytes are what was sealed.

And how one comes in and goes out: received into quarantine, admitted, handed out, deleted.
"""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import BinaryIO

from edms_backup.audit import Result
from edms_backup.engines.errors import at_border
from edms_backup.errors import (
    ChecksumMismatch,
    EdmsBackupError,
    IntegrityError,
    MalformedPackage,
    PackageExists,
    PackageNotFound,
)
from edms_backup.findings import Severity
from edms_backup.history import AdmitRequest, DeleteRequest
from edms_backup.history.folder import as_uuid
from edms_backup.models import RunKind
from edms_backup.notices import failure
from edms_backup.package import PackageReader
from edms_backup.package.summary import PackageDetail, PackageSummary, VerifyReport, summarize
from edms_backup.package.verify import verify as verify_package
from edms_backup.restore.aftercare import send
from edms_backup.service.details import verified
from edms_backup.service.recorded import Recorded
from edms_backup.signals import package_verified
from edms_backup.storage import RECEIVED, create_partial, is_name_of, package_name, partial_name, store_error
from edms_backup.storage.quarantine import CHUNK, Quarantine, Source

Summaries = list[PackageSummary]
"""Named outside of the class, whose own ``list`` hides the builtin."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteReport:
    """Which package is gone."""

    package: str
    id: str
    bytes: int

    def to_dict(self) -> dict[str, object]:
        """Return the report as JSON-ready values."""
        return {"package": self.package, "id": self.id, "bytes": self.bytes}


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenPackage:
    """A package of the store, open for handing it out."""

    name: str
    length: int
    stream: BinaryIO
    """Can seek; the caller reads the range that was asked for."""


class Packages(Recorded):
    """The verbs about packages."""

    __slots__ = ()

    @at_border()
    def verify(self, package: str) -> VerifyReport:
        """Read every byte of a package; damage is a finding, an unreadable file raises ``IntegrityError``."""
        self._recover_if_idle()
        run_id = self.recording.run.pk.hex if self.recording is not None else ""
        with self._recorded("verify", package, run_id) as service:
            return service._verify(package)

    def _verify(self, package: str) -> VerifyReport:
        with self._package(package) as reader:
            report = self._verified(reader)
        if report.ok:
            self._done(report.exit_code, **verified(report))
        else:
            self._damaged(report)
        after = list(send(package_verified, type(self), report=report))
        return replace(report, findings=(*report.findings, *self._said, *after))

    def _damaged(self, report: VerifyReport) -> None:
        """Record that a package is damaged, and tell of it."""
        if self.call is not None:
            self.call.details.update(verified(report))
            self._trail.end(self.call, Result.FAILED, IntegrityError.code)
            self.call.findings += self._told([failure(self.call, IntegrityError("damaged"))])

    def _verified(self, reader: PackageReader) -> VerifyReport:
        started = time.monotonic()
        findings = tuple(verify_package(reader, self.reporter))
        manifest = reader.manifest
        return VerifyReport(
            package=reader.name,
            findings=findings,
            seconds=time.monotonic() - started,
            rows=sum(model.rows for model in manifest.models),
            files=manifest.files.count,
            sha256=reader.sha256,
        )

    @at_border()
    def list(self) -> Summaries:
        """Return every package of the store, the newest first; unreadable ones are listed as such."""
        self._recover_if_idle()
        return [self._summary(ref.name, ref.size) for ref in self.store.list()]

    def _summary(self, name: str, size: int) -> PackageSummary:
        try:
            stream = self.store.open(name)
            with stream, PackageReader(stream, name) as reader:
                return summarize(name, size, reader.manifest)
        except EdmsBackupError as error:
            return PackageSummary(name=name, bytes=size, readable=False, problem=error.message)

    @at_border()
    def find(self, package_id: uuid.UUID | str) -> PackageSummary:
        """Return the package of the store that has this id; its ``name`` is what the other verbs take.

        For faces that must not take names or paths from strangers. Raises ``PackageNotFound``.
        """
        wanted = as_uuid(str(package_id))
        refs = self.store.list() if wanted is not None else []
        # The name tells the beginning of the id; whoever renamed a package is found all the same.
        for ref in sorted(refs, key=lambda ref: not is_name_of(ref.name, str(wanted))):
            summary = self._summary(ref.name, ref.size)
            if summary.readable and as_uuid(summary.id) == wanted:
                return summary
        raise PackageNotFound(
            "There is no package with that id.", hint="`edms_backup list` shows the packages."
        )

    @at_border()
    def show(self, package: str) -> PackageDetail:
        """Return a package's manifest."""
        self._recover_if_idle()
        with self._package(package) as reader:
            return PackageDetail(
                summary=summarize(reader.name, reader.length, reader.manifest), manifest=reader.manifest
            )

    # -- in and out --------------------------------------------------------------------------------

    @contextmanager
    def open(self, name: str) -> Iterator[OpenPackage]:
        """Open a package of the store for handing it out. ``name`` is its whole name there.

        Raises ``PackageNotFound``, or ``UsageError`` for what cannot be a name.
        """
        with self.store.open(name) as stream:
            length = stream.seek(0, os.SEEK_END)
            stream.seek(0)
            yield OpenPackage(name=name, length=length, stream=stream)

    def receive(self, stream: Source, *, length: int | None = None, sha256: str = "") -> uuid.UUID:
        """Take an upload into quarantine and return the id under which ``admit`` knows it.

        ``length`` and ``sha256`` are what its sender announced, if anything. Nobody can restore from it before
        it was admitted; after a day it is removed. Raises ``PackageTooLarge``, ``NotAPackage``,
        ``TruncatedPackage``, ``ChecksumMismatch``, ``StoreFull`` or ``StoreUnavailable``; then nothing is kept.
        """
        with self._recorded("receive") as service:
            self.settings.refuse_public_directory()
            service._begin()
            upload = self._quarantine.take(
                stream, limit=self.settings.upload_limit, length=length, sha256=sha256
            )
            service._done(upload=str(upload))
            return upload

    def discard(self, upload: uuid.UUID | str) -> None:
        """Remove an upload that is not wanted; one that is not there is no error."""
        known = as_uuid(str(upload))
        if known is not None:
            with self._recorded("discard", str(known)) as service:
                service._begin()
                self._quarantine.discard(known)

    def admit(self, upload: uuid.UUID | str) -> VerifyReport:
        """Verify every byte of an upload and take it into the store, under a name of the store's own making.

        Raises ``PackageNotFound``, ``IntegrityError`` when it is damaged, ``UnsupportedFormat``,
        ``PackageExists``, ``StoreFull`` or ``StoreUnavailable``. A damaged upload is removed.
        """
        request = AdmitRequest(upload=str(upload))
        return self._as_run(RunKind.ADMIT, request, lambda service: service._admit(request))

    def _admit(self, request: AdmitRequest) -> VerifyReport:
        upload = as_uuid(request.upload)
        if upload is None:
            raise PackageNotFound("There is no such upload.", hint="Send it again.")
        with self._alone("admit"), self._quarantine.opened(upload) as stream:
            try:
                with PackageReader(stream, "the upload") as reader:
                    report = self._verified(reader)
                    package_id = _sound(reader, report)
                    stream.seek(0)
                    name = self._take_in(stream, package_id, report.sha256)
            except IntegrityError:
                self._quarantine.discard(upload)
                raise
            self._stands(
                f"Interrupted after the package was taken in: {name}.",
                report.exit_code,
                package=name,
                **verified(report),
            )
            self._quarantine.discard(upload)
        return VerifyReport(
            package=name,
            findings=report.findings,
            seconds=report.seconds,
            rows=report.rows,
            files=report.files,
            sha256=report.sha256,
        )

    def _take_in(self, stream: BinaryIO, package_id: str, sha256: str) -> str:
        """Copy a verified upload into the store, and look while copying that it is still what was verified."""
        try:
            there = self.find(package_id)
        except PackageNotFound:
            name = package_name(self.clock(), package_id, kind=RECEIVED)
        else:
            raise PackageExists(f"The store holds this package already, as {there.name}.")
        folder = self.store.workspace()
        partial = folder / partial_name(name)
        try:
            with create_partial(folder, name) as sink:
                while chunk := stream.read(CHUNK):
                    sink.write(chunk)
            with partial.open("rb") as copy, PackageReader(copy, name) as reader:
                reader.verify_digest(self.reporter)
                if reader.sha256 != sha256:
                    raise ChecksumMismatch("The upload changed while it was taken in; nothing was kept.")
            return self.store.publish(partial, name).name
        except OSError as error:
            raise store_error(error, "The upload cannot be taken into the store") from error
        finally:
            partial.unlink(missing_ok=True)

    def delete(self, name: str) -> DeleteReport:
        """Remove a package from the store for good. ``name`` is its whole name there: no path, no beginning.

        Raises ``PackageNotFound``, ``UsageError`` for what cannot be a name, ``RunLocked`` while another run
        works: it may be reading just this package.
        """
        request = DeleteRequest(package=name)
        return self._as_run(RunKind.DELETE, request, lambda service: service._delete(name))

    def _delete(self, name: str) -> DeleteReport:
        with self._alone("delete"):
            summary = self._summary(name, self.store.stat(name).size)
            self.store.delete(name)
            self._stands(
                f"Interrupted after the package was deleted: {name}.", id=summary.id, bytes=summary.bytes
            )
        return DeleteReport(package=name, id=summary.id, bytes=summary.bytes)

    @property
    def _quarantine(self) -> Quarantine:
        return Quarantine(self.settings.state_directory / "quarantine")


def _sound(reader: PackageReader, report: VerifyReport) -> str:
    """Return the id of a package that may be taken in; raises ``ChecksumMismatch`` or ``MalformedPackage``."""
    if not report.ok:
        worst = next(finding for finding in report.findings if finding.severity >= Severity.ERROR)
        raise ChecksumMismatch(
            f"Nothing was taken in: {worst.message}", hint=worst.hint, findings=report.findings
        )
    package_id = as_uuid(reader.manifest.header.package_id)
    if package_id is None:
        raise MalformedPackage("The upload has no proper id.")
    return str(package_id)
