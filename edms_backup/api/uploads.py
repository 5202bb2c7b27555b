"""Uploads: announced with size and digest, sent into quarantine, then admitted."""

from __future__ import annotations

import uuid

from drf_spectacular.types import OpenApiTypes
from rest_framework.request import Request
from rest_framework.response import Response

from edms_backup.api.access import Bytes, Need, refuse_other_type
from edms_backup.api.answers import UploadAnswer, of_upload
from edms_backup.api.questions import ReasonBody, UploadBody
from edms_backup.api.view import View, described
from edms_backup.errors import TruncatedPackage
from edms_backup.service import AdmitRequest, RunKind


class _Body:
    """The body of a request, as it comes."""

    def __init__(self, request: Request) -> None:
        self._request = request._request

    def read(self, size: int = -1, /) -> bytes:
        """Return the next bytes; raises ``TruncatedPackage`` when the sender is gone."""
        try:
            return self._request.read(size)
        except OSError as error:
            raise TruncatedPackage(
                "The connection ended before the upload did; nothing of it was kept."
            ) from error


class Uploads(View):
    """Announcements."""

    needs = {"POST": Need("upload_package", "transfer")}

    @described("uploads_announce", UploadAnswer, status=201, body=UploadBody, more=(507,))
    def post(self, request: Request) -> Response:
        """Announce a package: its size and its SHA-256."""
        body = self.body(request, UploadBody)
        service = self.service(request, body.get("reason", ""))
        upload = service.announce(length=body["bytes"], sha256=body["sha256"])
        place = self.place(request, "upload", upload=upload.id)
        return Response(
            of_upload(upload, service.settings.upload_limit), status=201, headers={"Location": place}
        )


class Upload(View):
    """One announced upload, for who announced it."""

    needs = {
        "GET": Need("upload_package"),
        "PUT": Need("upload_package", "transfer"),
        "DELETE": Need("upload_package", "transfer"),
    }
    parser_classes = (Bytes,)

    @described("uploads_detail", UploadAnswer)
    def get(self, request: Request, upload: uuid.UUID) -> Response:
        """Tell whether the bytes have come."""
        service = self.service(request)
        return Response(of_upload(service.announced(upload), service.settings.upload_limit))

    @described(
        "uploads_fill",
        UploadAnswer,
        body={"application/octet-stream": OpenApiTypes.BINARY},
        more=(409, 422, 507),
        reason=True,
    )
    def put(self, request: Request, upload: uuid.UUID) -> Response:
        """Send the bytes that were announced. They are kept apart, and nothing can be restored from them."""
        refuse_other_type(request, Bytes.media_type)
        service = self.service(request)
        filled = service.fill(upload, _Body(request))
        return Response(of_upload(filled, service.settings.upload_limit))

    @described("uploads_discard", None, status=204, reason=True)
    def delete(self, request: Request, upload: uuid.UUID) -> Response:
        """Remove an upload that is not wanted any more."""
        service = self.service(request)
        service.discard(service.announced(upload).id)
        return Response(status=204)


class Admit(View):
    """The way of an upload into the store."""

    needs = {"POST": Need("upload_package", "write")}

    @described("uploads_admit", None, body=ReasonBody, begins=True)
    def post(self, request: Request, upload: uuid.UUID) -> Response:
        """Verify every byte of an upload and take it into the store; a damaged one is removed."""
        body = self.body(request, ReasonBody)
        found = self.service(request).announced(upload)
        if not found.received:
            raise TruncatedPackage("The bytes of this upload have not come yet.", hint="Send them.")
        return self.begun(request, RunKind.ADMIT, AdmitRequest(upload=str(found.id)), body.get("reason", ""))
