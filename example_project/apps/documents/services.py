"""What users do with documents all day: store the file, open it."""

from pathlib import PurePosixPath

from apps.documents.choices import AccessType
from apps.documents.models import Document, DocumentAccessLog
from apps.documents.paths import LEGACY_PREFIX, absolute_path, sha256_of


class DocumentFileError(Exception):
    """The file of a document is not there, or its content is not what the document says."""


def store_file(document: Document, name: str, content: bytes, *, legacy: bool = False) -> Document:
    """Store the content of a document's file and save the document.

    Args:
        document: A document, saved or not.
        name: File name without directories.
        content: What goes into the file.
        legacy: Store it below the older base directory.
    """
    folder = LEGACY_PREFIX if legacy else "documents/"
    document.file_name = PurePosixPath(name).name
    document.file_path = f"{folder}{document.uuid}/{document.file_name}"
    place = absolute_path(document.file_path)
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(content)
    document.file_size = len(content)
    document.file_checksum = sha256_of(place)
    document.save()
    return document


def open_document(document: Document, by=None) -> bytes:
    """Return the content of a document's file, after comparing it with the stored checksum.

    Args:
        document: The document to read.
        by: The reader; when given, the access is logged.

    Raises:
        DocumentFileError: There is no file, or its content does not match the checksum.
    """
    place = document.full_file_path
    if place is None or not place.is_file():
        raise DocumentFileError(f"{document.document_number}: file {document.file_path!r} is missing")
    if document.file_checksum and sha256_of(place) != document.file_checksum:
        raise DocumentFileError(f"{document.document_number}: file {document.file_path!r} has changed")
    if by is not None:
        DocumentAccessLog.objects.create(
            document=document, user=by, access_type=AccessType.VIEW, document_version=document.version
        )
    return place.read_bytes()
