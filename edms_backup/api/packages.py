"""Packages: listed, described, made, verified, handed out, planned, restored, deleted."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from typing import Any, BinaryIO

from django.http import HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request
from rest_framework.response import Response

from edms_backup.api.access import Need
from edms_backup.api.answers import PackageDetailAnswer, PackagePage, of_detail, of_package
from edms_backup.api.questions import ApplyBody, CreateBody, PackageQuery, PlanBody, ReasonBody
from edms_backup.api.ranges import wanted
from edms_backup.api.runs import visible
from edms_backup.api.view import View, described
from edms_backup.errors import UsageError
from edms_backup.service import (
    CreateRequest,
    DeleteRequest,
    Mode,
    PackageSummary,
    RestoreRequest,
    RunKind,
    VerifyRequest,
    people,
)

_CHUNK = 256 * 1024


class Packages(View):
    """All packages of the store."""

    needs = {"GET": Need("view_package"), "POST": Need("create_package", "write")}

    @described("packages_list", PackagePage, query=PackageQuery)
    def get(self, request: Request) -> Response:
        """List packages, the newest first."""
        asked = self.query(request, PackageQuery)
        found = [summary for summary in self.service(request).list() if _fits(summary, asked)]
        offset, limit = asked["offset"], asked["limit"]
        results = [of_package(summary) for summary in found[offset : offset + limit]]
        return Response({"total": len(found), "limit": limit, "offset": offset, "results": results})

    @described("packages_create", None, body=CreateBody, begins=True)
    def post(self, request: Request) -> Response:
        """Make a package of the site."""
        body = self.body(request, CreateBody)
        asked = CreateRequest(
            models=tuple(body.get("models", ())),
            exclude=tuple(body.get("exclude", ())),
            files=body.get("files", True),
            label=body.get("label", ""),
        )
        return self.begun(request, RunKind.CREATE, asked, body.get("reason", ""))


class Package(View):
    """One package."""

    needs = {"GET": Need("view_package"), "DELETE": Need("delete_package", "write", password=True)}

    @described("packages_detail", PackageDetailAnswer, more=(422,))
    def get(self, request: Request, package: uuid.UUID) -> Response:
        """Tell what is in a package."""
        service = self.service(request)
        return Response(of_detail(service.show(service.find(package).name)))

    @described("packages_delete", None, begins=True, password=True)
    def delete(self, request: Request, package: uuid.UUID) -> Response:
        """Delete a package for good."""
        name = self.service(request).find(package).name
        return self.begun(request, RunKind.DELETE, DeleteRequest(package=name))


class Download(View):
    """The bytes of a package."""

    needs = {"GET": Need("download_package", "transfer")}

    @described(
        "packages_download",
        OpenApiTypes.BINARY,
        kind="application/zip",
        more=(416,),
        query=OpenApiParameter("Range", OpenApiTypes.STR, OpenApiParameter.HEADER, description="bytes=0-99"),
    )
    def get(self, request: Request, package: uuid.UUID) -> HttpResponseBase:
        """Hand a package out, or the part of it that ``Range`` asks for. A beginning is recorded."""
        service = self.service(request)
        summary = service.find(package)
        tag = f'"{summary.id}"'
        header = request.headers.get("Range", "")
        if request.headers.get("If-Range", tag) != tag:
            header = ""
        part = wanted(header, summary.bytes) if request.method == "GET" else None
        first, last = part or (0, summary.bytes - 1)
        headers = {
            "Accept-Ranges": "bytes",
            "Cache-Control": "private, no-store",
            "Content-Disposition": f'attachment; filename="{summary.id}.edms.zip"',
            "Content-Length": str(last - first + 1),
            "Content-Security-Policy": "sandbox",
            "ETag": tag,
            "X-Content-Type-Options": "nosniff",
        }
        if part is not None:
            headers["Content-Range"] = f"bytes {first}-{last}/{summary.bytes}"
        if request.method == "HEAD":
            return HttpResponse(content_type="application/zip", headers=headers)
        with ExitStack() as stack:
            opening = service.hand_out(summary.name) if first == 0 else service.open(summary.name)
            opened = stack.enter_context(opening)
            opened.stream.seek(first)
            stream = _stream(opened.stream, last - first + 1, stack.pop_all())
        return StreamingHttpResponse(
            stream, status=200 if part is None else 206, content_type="application/zip", headers=headers
        )


class Verify(View):
    """The verification of a package."""

    needs = {"POST": Need("verify_package", "write")}

    @described("packages_verify", None, body=ReasonBody, begins=True)
    def post(self, request: Request, package: uuid.UUID) -> Response:
        """Read every byte of a package."""
        body = self.body(request, ReasonBody)
        name = self.service(request).find(package).name
        return self.begun(request, RunKind.VERIFY, VerifyRequest(package=name), body.get("reason", ""))


class Plan(View):
    """First call of a restore: what it would do."""

    needs = {"POST": Need("restore_package", "write")}

    @described("packages_plan", None, body=PlanBody, begins=True)
    def post(self, request: Request, package: uuid.UUID) -> Response:
        """Plan a restore; nothing is written. The report of the run is the plan."""
        body = self.body(request, PlanBody)
        asked = RestoreRequest(
            package=self.service(request).find(package).name,
            mode=Mode(body.get("mode", Mode.MERGE)),
            models=tuple(body.get("models", ())),
            exclude=tuple(body.get("exclude", ())),
            files=body.get("files", True),
            may_grant=people.may_grant(request.user),
        )
        return self.begun(request, RunKind.PLAN, asked, body.get("reason", ""))


class Restore(View):
    """Second call of a restore: the plan that was shown is carried out."""

    needs = {"POST": Need("restore_package", "write", password=True)}

    @described("packages_restore", None, body=ApplyBody, begins=True, password=True)
    def post(self, request: Request, package: uuid.UUID) -> Response:
        """Restore as planned; refused when package or site are not those of the plan any more."""
        body = self.body(request, ApplyBody)
        service = self.service(request)
        name = service.find(package).name
        visible(service.run(body["plan"]), request)
        asked = service.confirmed_plan(body["plan"], body["plan_digest"])
        if asked.package != name or asked.exact:
            raise UsageError("That plan is not one of restoring this package.")
        asked = replace(asked, may_grant=people.may_grant(request.user))
        return self.begun(request, RunKind.RESTORE, asked, body.get("reason", ""))


def _fits(summary: PackageSummary, asked: dict[str, Any]) -> bool:
    readable = asked.get("readable")
    return (
        asked.get("kind", summary.kind) == summary.kind
        and asked.get("label", "").lower() in summary.label.lower()
        and (readable is None or (readable == "true") is summary.readable)
    )


def _stream(source: BinaryIO, length: int, opened: ExitStack) -> Iterator[bytes]:
    with opened:
        while length > 0 and (chunk := source.read(min(_CHUNK, length))):
            length -= len(chunk)
            yield chunk
