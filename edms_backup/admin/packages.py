"""Packages: the list, what is in one, verify, download, delete, create."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from itertools import chain

from django.core.paginator import Paginator
from django.http import HttpResponse, StreamingHttpResponse
from django.utils.translation import gettext as _

from edms_backup.admin.forms import CreateForm, PasswordForm, ReasonForm
from edms_backup.admin.pages import Page, new_key
from edms_backup.errors import AuditUnavailable
from edms_backup.service import (
    BackupService,
    CreateRequest,
    DeleteRequest,
    Entry,
    RunKind,
    VerifyRequest,
)

PER_PAGE = 50
CHUNK = 1 << 20
LOOKED_BACK = 1000
"""Entries of the audit trail in which verifications are looked for."""


def packages(page: Page) -> HttpResponse:
    """List the packages of the store, the newest first."""
    service = page.service()
    found = Paginator(service.list(), PER_PAGE).get_page(page.request.GET.get("p"))
    looked = last_looks(service)
    rows = [{"package": one, "look": looked.get(one.name)} for one in found]
    return page.render("packages", _("Packages"), section="packages", found=found, rows=rows)


def last_looks(service: BackupService) -> dict[str, Entry]:
    """Return how the last verification of each package ended, as far as the audit trail can be read."""
    try:
        entries = service.audit_entries(last=LOOKED_BACK)
    except AuditUnavailable:
        return {}  # the overview says so
    return {entry.subject: entry for entry in entries if entry.what == "verify" and entry.result}


def package(page: Page, package_id: uuid.UUID) -> HttpResponse:
    """Show what is in a package: its manifest, for reading."""
    service = page.service()
    detail = service.show(service.find(package_id).name)
    manifest = detail.manifest
    rows = [
        {"model": model, "size": sum(segment.size for segment in model.segments)} for model in manifest.models
    ]
    return page.render(
        "package",
        _("Package %(name)s") % {"name": detail.summary.label or detail.summary.created_at[:10]},
        section="packages",
        package=detail.summary,
        look=last_looks(service).get(detail.summary.name),
        manifest=manifest,
        models=rows,
        once=new_key(),
    )


def verify(page: Page, package_id: uuid.UUID) -> HttpResponse:
    """Let every byte of a package be read."""
    name = page.service().find(package_id).name
    form = ReasonForm(page.request.POST)
    reason, once = (form.reason_given, form.key) if form.is_valid() else ("", "")
    return page.submitted(RunKind.VERIFY, VerifyRequest(package=name), reason=reason, once=once)


def download(page: Page, package_id: uuid.UUID) -> HttpResponse:
    """Hand out a package as it lies in the store."""
    service = page.service()
    found = service.find(package_id)
    content = _content(service, found.name)
    first = next(content, b"")  # what cannot be opened, or recorded, is refused before the answer begins
    response = StreamingHttpResponse(chain([first], content), content_type="application/zip")
    response["Content-Length"] = str(found.bytes)
    response["Content-Disposition"] = f'attachment; filename="{_ascii(found.name)}"'
    response["X-Content-Type-Options"] = "nosniff"
    response["Content-Security-Policy"] = "sandbox; default-src 'none'"
    return response  # type: ignore[return-value]  # what a view may answer as well


def _content(service: BackupService, name: str) -> Iterator[bytes]:
    with service.hand_out(name) as opened:
        while chunk := opened.stream.read(CHUNK):
            yield chunk


def _ascii(name: str) -> str:
    """Return a name for a header: whoever may write into the store may call a file anything."""
    return "".join(char if char.isascii() and (char.isalnum() or char in "-_.") else "_" for char in name)


def delete(page: Page, package_id: uuid.UUID) -> HttpResponse:
    """Ask whether a package shall go for good, and let it go."""
    found = page.service().find(package_id)
    form = PasswordForm(page, page.posted, initial={"once": new_key()})
    if page.request.method == "POST" and form.is_valid():
        request = DeleteRequest(package=found.name)
        return page.submitted(RunKind.DELETE, request, reason=form.reason_given, once=form.key)
    return page.render("delete", _("Delete a package"), section="packages", package=found, form=form)


def create(page: Page) -> HttpResponse:
    """Ask what goes into a package, and let it be made."""
    form = CreateForm(page.posted, initial={"once": new_key()})
    if page.request.method == "POST" and form.is_valid():
        asked = form.cleaned_data
        request = CreateRequest(label=asked["label"], files=asked["with_files"], models=tuple(asked["parts"]))
        return page.submitted(RunKind.CREATE, request, reason=form.reason_given, once=form.key)
    return page.render("create", _("Make a backup"), section="create", form=form)
