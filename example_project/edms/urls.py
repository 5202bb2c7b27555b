"""URLs of the example EDMS."""

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("admin/", admin.site.urls),
    path("api/backups/", include("edms_backup.api.urls")),
]
