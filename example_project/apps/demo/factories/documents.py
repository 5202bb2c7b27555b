"""Factories for documents and everything that hangs on them."""

import factory

from .base import Moment, RawFactory, Uuid, after


class DocumentTypeFactory(RawFactory):
    """Kinds of documents."""

    class Meta:
        model = "documents.DocumentType"
        django_get_or_create = ("code",)

    uuid = Uuid()
    code = factory.Sequence(lambda number: f"T{number}")
    name = factory.LazyAttribute(lambda row: f"Type {row.code}")
    description = ""
    template_path = ""
    numbering_prefix = factory.SelfAttribute("code")
    numbering_format = "{prefix}-{year}-{sequence:04d}"
    retention_years = 10
    created_by = factory.SubFactory("apps.demo.factories.users.UserFactory")
    created_at = Moment()
    updated_at = after("created_at", minutes=3, microseconds=7)
    metadata = factory.LazyFunction(dict)


class DocumentSourceFactory(RawFactory):
    """Where documents come from."""

    class Meta:
        model = "documents.DocumentSource"
        django_get_or_create = ("name",)

    uuid = Uuid()
    name = factory.Sequence(lambda number: f"Source {number}")
    source_type = "original_digital"
    description = ""
    created_at = Moment()


class DocumentFactory(RawFactory):
    """Documents; without a file unless the file's columns are given."""

    class Meta:
        model = "documents.Document"

    uuid = Uuid()
    document_number = factory.Sequence(lambda number: f"DOC-2025-{number:06d}")
    title = "Untitled"
    description = ""
    keywords = ""
    document_type = factory.SubFactory(DocumentTypeFactory)
    document_source = factory.SubFactory(DocumentSourceFactory)
    author = factory.SubFactory("apps.demo.factories.users.UserFactory")
    status = "DRAFT"
    priority = "normal"
    file_name = ""
    file_path = ""
    file_size = None
    file_checksum = ""
    mime_type = ""
    encryption_metadata = factory.LazyFunction(dict)
    created_at = Moment()
    updated_at = after("created_at", hours=26, microseconds=29)
    obsolescence_reason = ""
    reason_for_change = ""
    change_summary = ""
    search_vector = ""
    metadata = factory.LazyFunction(dict)


class DocumentVersionFactory(RawFactory):
    """Versions of a document."""

    class Meta:
        model = "documents.DocumentVersion"

    uuid = Uuid()
    document = factory.SubFactory(DocumentFactory)
    version_major = 1
    version_minor = 0
    version_comment = ""
    file_name = ""
    file_path = ""
    file_size = None
    file_checksum = ""
    created_at = Moment()
    created_by = factory.SelfAttribute("document.author")
    status = "DRAFT"
    change_summary = ""
    reason_for_change = ""
    metadata = factory.LazyFunction(dict)


class DocumentDependencyFactory(RawFactory):
    """References from one document to another."""

    class Meta:
        model = "documents.DocumentDependency"

    uuid = Uuid()
    document = factory.SubFactory(DocumentFactory)
    depends_on = factory.SubFactory(DocumentFactory)
    dependency_type = "REFERENCE"
    description = ""
    created_at = Moment()
    created_by = factory.SelfAttribute("document.author")
    metadata = factory.LazyFunction(dict)


class DocumentAccessLogFactory(RawFactory):
    """Who looked at a document."""

    class Meta:
        model = "documents.DocumentAccessLog"

    uuid = Uuid()
    document = factory.SubFactory(DocumentFactory)
    user = factory.SelfAttribute("document.author")
    access_type = "VIEW"
    access_timestamp = Moment()
    ip_address = "192.0.2.17"
    user_agent = "Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Firefox/128.0"
    session_id = ""
    failure_reason = ""
    document_version = "1.0"
    access_duration = None
    metadata = factory.LazyFunction(dict)


class DocumentCommentFactory(RawFactory):
    """Remarks on a document."""

    class Meta:
        model = "documents.DocumentComment"

    uuid = Uuid()
    document = factory.SubFactory(DocumentFactory)
    author = factory.SelfAttribute("document.author")
    comment_type = "GENERAL"
    subject = ""
    content = "Checked."
    page_number = None
    section = ""
    line_reference = ""
    created_at = Moment()
    updated_at = after("created_at", minutes=9, microseconds=3)
    metadata = factory.LazyFunction(dict)


class DocumentAttachmentFactory(RawFactory):
    """Files that belong to a document; the file's columns have to be given."""

    class Meta:
        model = "documents.DocumentAttachment"

    uuid = Uuid()
    document = factory.SubFactory(DocumentFactory)
    name = "Attachment"
    description = ""
    attachment_type = "REFERENCE"
    file_name = ""
    file_path = ""
    file_size = 0
    file_checksum = ""
    mime_type = ""
    uploaded_at = Moment()
    uploaded_by = factory.SelfAttribute("document.author")
    metadata = factory.LazyFunction(dict)


class SystemConfigurationFactory(RawFactory):
    """The site's name and logo: one row, whose primary key is always 1."""

    class Meta:
        model = "documents.SystemConfiguration"
        django_get_or_create = ("id",)

    id = 1
    company_name = "Beispiel Pharma AG"
    updated_at = Moment()
