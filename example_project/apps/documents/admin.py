"""Documents in the admin."""

from django.contrib import admin

from apps.documents.models import Document


@admin.register(Document)
class DocumentAdmin(admin.ModelAdmin):
    """List of documents by number, title and status."""

    list_display = ("document_number", "title", "status", "author")
    search_fields = ("document_number", "title")
