"""Documents and what belongs to them: types, sources, versions, dependencies, comments, attachments."""

from apps.documents.models.around import (
    DocumentAccessLog,
    DocumentAttachment,
    DocumentComment,
    DocumentDependency,
)
from apps.documents.models.catalogue import DocumentSource, DocumentType, SystemConfiguration
from apps.documents.models.document import Document, DocumentVersion

__all__ = [
    "Document",
    "DocumentAccessLog",
    "DocumentAttachment",
    "DocumentComment",
    "DocumentDependency",
    "DocumentSource",
    "DocumentType",
    "DocumentVersion",
    "SystemConfiguration",
]
