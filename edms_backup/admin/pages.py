"""What every page has in common: who asks, what they may, how it is rendered, how an error looks."""

from __future__ import annotations

import functools
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, cast

from django.contrib import messages
from django.contrib.admin import AdminSite
from django.contrib.auth.models import AbstractBaseUser, PermissionsMixin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect, QueryDict
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.urls.resolvers import URLPattern
from django.utils.translation import gettext as _
from django.views.decorators.clickjacking import xframe_options_deny

from edms_backup.errors import (
    AuditUnavailable,
    ConfigurationError,
    DatabaseUnavailable,
    EdmsBackupError,
    PackageNotFound,
    PackageTooLarge,
    PlanStale,
    ReauthenticationRequired,
    RunEnded,
    RunLocked,
    StoreFull,
    StoreUnavailable,
)
from edms_backup.service import Actor, BackupService, Request, Run, RunKind
from edms_backup.service.people import NEEDED, actor_of
from edms_backup.tasks import submit

APP = "edms_backup"
_ACTIONS = ("view", "create", "download", "upload", "verify", "restore", "delete")
_STATUS: Sequence[tuple[type[EdmsBackupError], int]] = (
    (ReauthenticationRequired, 403),
    (PackageNotFound, 404),
    (RunLocked, 409),
    (RunEnded, 409),
    (PlanStale, 409),
    (PackageTooLarge, 413),
    (AuditUnavailable, 503),
    (ConfigurationError, 503),
    (DatabaseUnavailable, 503),
    (StoreFull, 503),
    (StoreUnavailable, 503),
)


class _User(AbstractBaseUser, PermissionsMixin):
    """What a user of the admin has at least; for the type checker."""

    class Meta:
        abstract = True


@dataclass(frozen=True, slots=True)
class Page:
    """One request to one page."""

    request: HttpRequest
    site: AdminSite

    @property
    def user(self) -> _User:
        """Return who is signed in: the admin lets nobody else come here."""
        return cast(_User, self.request.user)

    def actor(self, reason: str = "") -> Actor:
        """Return who asks, from where and why, as the audit trail keeps it."""
        return actor_of(self.request, "admin", reason)

    def service(self, reason: str = "") -> BackupService:
        """Return the service, asked by whoever is signed in."""
        return BackupService.from_settings(actor=self.actor(reason))

    def may(self, permission: str) -> bool:
        """Return whether the user has a permission of this app."""
        return self.user.has_perm(f"{APP}.{permission}")

    @property
    def posted(self) -> QueryDict | None:
        """Return what was sent; ``None`` when the page is only asked for."""
        return self.request.POST if self.request.method == "POST" else None

    def require(self, permission: str) -> None:
        """Raise ``PermissionDenied`` unless the user has a permission of this app."""
        if not self.may(permission):
            raise PermissionDenied

    @property
    def site_name(self) -> str:
        """Return how people know the site: its name in settings, else the host in their address bar."""
        return self.service().settings.site_name or self.request.get_host()

    # -- answering ---------------------------------------------------------------------------------

    def render(self, template: str, title: str, *, status: int = 200, **context: Any) -> HttpResponse:
        """Return a page of this section."""
        self.request.current_app = self.site.name
        known = {
            **self.site.each_context(self.request),
            "title": title,
            "may": {action: self.may(f"{action}_package") for action in _ACTIONS},
            "may_see_runs": self.may("view_run"),
            "may_see_audit": self.may("view_auditevent"),
            **context,
        }
        return TemplateResponse(self.request, f"edms_backup/admin/{template}.html", known, status=status)

    def to(self, name: str, *args: Any) -> HttpResponse:
        """Return a redirect to a page of this section."""
        return HttpResponseRedirect(self.url(name, *args))

    def url(self, name: str, *args: Any) -> str:
        """Return the address of a page of this section."""
        return reverse(f"{self.site.name}:{APP}_{name}", args=args)

    def submitted(self, kind: RunKind, request: Request, *, reason: str = "", once: str = "") -> HttpResponse:
        """Submit a request after a look at the permission; return the way to its run.

        With ``once`` a form that is sent twice begins one run.
        """
        self.require(NEEDED[kind])
        run = submit(kind, request, actor=self.actor(reason), idempotency_key=once)
        return self.to("run_change", run.pk)

    def tell(self, text: str) -> None:
        """Show a message on the next page."""
        messages.success(self.request, text)

    def refuse(self, error: EdmsBackupError) -> HttpResponse:
        """Return the page that says what is wrong and what to do next."""
        holder = error.holder.get("run", "") if isinstance(error, RunLocked) else ""
        return self.render(
            "error",
            _("That is not possible now") if isinstance(error, RunLocked) else _("That did not work"),
            status=status_of(error),
            error=error.to_dict(),
            holder=self._run(holder),
        )

    def _run(self, run_id: str) -> Run | None:
        """Return the run that is in the way, when it is known and may be seen."""
        if not run_id or not self.may("view_run"):
            return None
        try:
            return self.service().run(run_id)
        except PackageNotFound:
            return None


def status_of(error: EdmsBackupError) -> int:
    """Return the HTTP status that says best what kind of error it is."""
    return next((status for kind, status in _STATUS if isinstance(error, kind)), 400)


def new_key() -> str:
    """Return what tells one showing of a form from another."""
    return uuid.uuid4().hex


View = Callable[..., HttpResponse]


@dataclass(frozen=True, slots=True)
class Route:
    """One page: its address, its name, the permission that it needs, and what it answers to."""

    address: str
    name: str
    view: View
    permission: str
    methods: tuple[str, ...] = ("GET", "HEAD")

    def pattern(self, site: AdminSite) -> URLPattern:
        """Return the address for Django: signed in, permission looked at, CSRF checked, never cached or framed."""
        view = xframe_options_deny(site.admin_view(served(self, site)))
        return path(self.address, view, name=f"{APP}_{self.name}")


def served(route: Route, site: AdminSite) -> Callable[..., HttpResponse]:
    """Return the view of a route as Django calls it."""

    @functools.wraps(route.view)
    def answer(request: HttpRequest, **arguments: Any) -> HttpResponse:
        if request.method not in route.methods:
            return HttpResponseNotAllowed(route.methods)
        page = Page(request, site)
        page.require(route.permission)
        return answered(page, route.view, **arguments)

    return answer


def answered(page: Page, view: View, **arguments: Any) -> HttpResponse:
    """Return what the view answers; an error of ours becomes a page."""
    try:
        return view(page, **arguments)
    except EdmsBackupError as error:
        return page.refuse(error)
