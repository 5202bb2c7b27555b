"""Where stored paths point, and the digests of what lies there.

Documents, versions, attachments, templates and reports name their files in text columns. There are two
base directories: paths that begin with `storage/documents/` are older than the media directory and are
relative to the data directory; all others are relative to MEDIA_ROOT.
"""

import hashlib
from pathlib import Path

from django.conf import settings

LEGACY_PREFIX = "storage/documents/"


def base_directory(stored_path: str) -> Path:
    """Return the directory that a stored path is relative to."""
    legacy = stored_path.startswith(LEGACY_PREFIX)
    return Path(settings.EDMS_DATA_DIR if legacy else settings.MEDIA_ROOT)


def absolute_path(stored_path: str) -> Path:
    """Return the place in the file system that a stored path names."""
    return base_directory(stored_path) / stored_path


def sha256_of(place: Path) -> str:
    """Return the SHA-256 of a file's content in hexadecimal digits."""
    with place.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
