"""What Django's admin has to know: three entries in its index, and the addresses of our pages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.http import Http404, HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.urls.resolvers import URLPattern
from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext_lazy as _

from edms_backup.admin import overview, packages, runs, trail, walk
from edms_backup.admin.pages import APP, Page, Route, answered
from edms_backup.models import AuditEvent, Package, Run
from edms_backup.templatetags.edms_backup import instant, lasted, run_state, without_places

if TYPE_CHECKING:
    PackageBase = admin.ModelAdmin[Package]
    RunBase = admin.ModelAdmin[Run]
    AuditEventBase = admin.ModelAdmin[AuditEvent]
else:
    PackageBase = RunBase = AuditEventBase = admin.ModelAdmin

POST = ("POST",)
FORM = ("GET", "HEAD", "POST")

PACKAGE_ROUTES = (
    Route("", "package_changelist", overview.overview, "view_package"),
    Route("all/", "package_list", packages.packages, "view_package"),
    Route("add/", "package_add", packages.create, "create_package", FORM),
    Route("restore/", "package_restore", walk.choose, "restore_package", FORM),
    Route("upload/", "package_upload", walk.receive, "upload_package", POST),
    Route("<uuid:package_id>/", "package_detail", packages.package, "view_package"),
    Route("<uuid:package_id>/verify/", "package_verify", packages.verify, "verify_package", POST),
    Route("<uuid:package_id>/download/", "package_download", packages.download, "download_package"),
    Route("<uuid:package_id>/delete/", "package_delete", packages.delete, "delete_package", FORM),
)
RUN_ROUTES = (
    Route("<uuid:run_id>/change/", "run_change", runs.show, "view_run"),
    Route("<uuid:run_id>/progress/", "run_progress", runs.progress, "view_run"),
    Route("<uuid:run_id>/cancel/", "run_cancel", runs.cancel, "view_run", POST),
    Route("<uuid:run_id>/plan/", "run_plan", walk.plan, "restore_package", POST),
    Route("<uuid:run_id>/apply/", "run_apply", walk.apply, "restore_package", POST),
    Route("<uuid:run_id>/undo/", "run_undo", walk.undo, "restore_package", POST),
)
AUDIT_ROUTES = (Route("verify/", "auditevent_verify", trail.verify, "view_auditevent", POST),)


class ResultFilter(admin.SimpleListFilter):
    """How a call ended. Entries of its beginning have no result."""

    title = _("result")
    parameter_name = "result"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Return the results that there are."""
        return [
            ("done", _("done")),
            ("defects", _("done, with defects")),
            ("refused", _("refused")),
            ("failed", _("failed")),
            ("interrupted", _("interrupted")),
        ]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        """Return the entries with the result that was chosen."""
        return queryset.filter(result=self.value()) if self.value() else queryset


class ReadOnly:
    """Nobody adds, changes or deletes such rows by hand."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Return no."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Return no."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Return no."""
        return False


@admin.register(Package)
class PackageAdmin(PackageBase):
    """The overview and the packages: pages of our own, where others have lists of rows."""

    def get_urls(self) -> list[URLPattern]:
        """Return our pages; none of Django's, since there is no table."""
        return [route.pattern(self.admin_site) for route in PACKAGE_ROUTES]

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Return whether the user may make a package."""
        return request.user.has_perm(f"{APP}.create_package")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Return no: a package is sealed."""
        return False


@admin.register(Run)
class RunAdmin(ReadOnly, RunBase):
    """The runs: Django's list, and a page of our own for each."""

    list_display = ("kind", "how", "actor_name", "created_at", "took")
    list_filter = ("kind", "state")
    search_fields = ("actor_name", "reason", "id")
    date_hierarchy = "created_at"
    list_per_page = 50
    actions = None
    change_list_template = "edms_backup/admin/list.html"

    @admin.display(description=_("state"), ordering="state")
    def how(self, run: Run) -> str:
        """Return the state with its sign."""
        return render_to_string("edms_backup/admin/mark.html", run_state(run))

    @admin.display(description=_("took"))
    def took(self, run: Run) -> str:
        """Return how long it took."""
        return lasted(run)

    def get_urls(self) -> list[URLPattern]:
        """Return our pages, and Django's list."""
        return [*(route.pattern(self.admin_site) for route in RUN_ROUTES), *super().get_urls()]

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """Show the list, once the rows say what is true."""
        page = Page(request, self.admin_site)

        def listed(page: Page) -> HttpResponse:
            page.service().runs(
                limit=1
            )  # brings rows up to date that a restore or a busy database left behind
            return super(RunAdmin, self).changelist_view(
                request, {**_section(page, "runs"), **(extra_context or {})}
            )

        return answered(page, listed)

    def change_view(self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any) -> HttpResponse:
        """Refuse what is no id; the ids have their own address."""
        raise Http404


@admin.register(AuditEvent)
class AuditEventAdmin(ReadOnly, AuditEventBase):
    """The audit trail, as the database mirrors it: to be read."""

    list_display = ("sequence", "when", "what", "phase", "result", "name", "about")
    list_filter = ("what", "phase", ResultFilter)
    fields = (
        ("chain", "sequence"),
        "when",
        ("what", "phase", "result", "code"),
        "about",
        ("name", "user_id"),
        ("origin", "address"),
        "reason",
        "call",
    )
    readonly_fields = ("when", "about")
    search_fields = ("subject", "name", "reason", "address", "call")
    list_per_page = 100
    actions = None
    change_list_template = "edms_backup/admin/list.html"
    change_form_template = "edms_backup/admin/entry.html"

    @admin.display(description=_("about"), ordering="subject")
    def about(self, entry: AuditEvent) -> str:
        """Return the package or run; of a path only the name."""
        return without_places(entry.subject)

    @admin.display(description=_("when"), ordering="at")
    def when(self, entry: AuditEvent) -> str:
        """Return the time, as people here write it."""
        moment = instant(entry.at)
        return moment if isinstance(moment, str) else date_format(localtime(moment), "DATETIME_FORMAT")

    def get_urls(self) -> list[URLPattern]:
        """Return our page, and those of Django."""
        return [*(route.pattern(self.admin_site) for route in AUDIT_ROUTES), *super().get_urls()]

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """Show the list."""
        page = Page(request, self.admin_site)
        context = {**_section(page, "audit"), "anchor_form": trail.AnchorForm(), **(extra_context or {})}
        return super().changelist_view(request, context)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Show one entry."""
        page = Page(request, self.admin_site)
        context = {**_section(page, "audit"), **(extra_context or {})}
        return super().change_view(request, object_id, form_url, context)


def _section(page: Page, name: str) -> dict[str, Any]:
    """Return what the navigation of this section asks for, on pages that Django makes."""
    return {
        "section": name,
        "title": _("Runs") if name == "runs" else _("Audit trail"),
        "may": {action: page.may(f"{action}_package") for action in ("view", "create", "restore")},
        "may_see_runs": page.may("view_run"),
        "may_see_audit": page.may("view_auditevent"),
    }
