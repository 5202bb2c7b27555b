"""``path("api/backups/", include("edms_backup.api.urls"))``: REST, below a version of its own."""

from __future__ import annotations

from django.urls import include, path, re_path

from edms_backup.api import packages, runs, site, uploads

app_name = "edms_backup_api"
_routes = [
    path("packages/", packages.Packages.as_view(), name="packages"),
    path("packages/<uuid:package>/", packages.Package.as_view(), name="package"),
    path("packages/<uuid:package>/download/", packages.Download.as_view(), name="download"),
    path("packages/<uuid:package>/verify/", packages.Verify.as_view(), name="verify"),
    path("packages/<uuid:package>/plan/", packages.Plan.as_view(), name="plan"),
    path("packages/<uuid:package>/restore/", packages.Restore.as_view(), name="restore"),
    path("uploads/", uploads.Uploads.as_view(), name="uploads"),
    path("uploads/<uuid:upload>/", uploads.Upload.as_view(), name="upload"),
    path("uploads/<uuid:upload>/admit/", uploads.Admit.as_view(), name="admit"),
    path("runs/", runs.Runs.as_view(), name="runs"),
    path("runs/<uuid:run>/", runs.OneRun.as_view(), name="run"),
    path("runs/<uuid:run>/report/", runs.Report.as_view(), name="report"),
    path("runs/<uuid:run>/cancel/", runs.Cancel.as_view(), name="cancel"),
    path("runs/<uuid:run>/undo/plan/", runs.UndoPlan.as_view(), name="undo-plan"),
    path("runs/<uuid:run>/undo/", runs.Undo.as_view(), name="undo"),
    path("inventory/", site.Inventory.as_view(), name="inventory"),
    path("check/", site.Check.as_view(), name="check"),
    path("status/", site.Status.as_view(), name="status"),
    path("audit/", site.Audit.as_view(), name="audit"),
    path("audit/verify/", site.VerifyAudit.as_view(), name="audit-verify"),
    path("reauthenticate/", site.Reauthenticate.as_view(), name="reauthenticate"),
    path("schema/", site.Schema.as_view(), name="schema"),
    re_path("", site.Nowhere.as_view(), name="nowhere"),
]
urlpatterns = [path("v1/", include(_routes))]
