"""Where the demo site's files lie, and how they get there.

Rows name most files by a path in a text column; `apps.documents.paths` knows what it is relative to.
"""

from dataclasses import dataclass
from hashlib import sha256
from pathlib import PurePosixPath

from apps.documents.paths import absolute_path


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredFile:
    """A file of the demo site as rows describe it."""

    path: str
    name: str
    size: int
    checksum: str
    mime_type: str

    def columns(self) -> dict[str, str | int]:
        """Return the columns by which documents and versions describe their file, but for the media type."""
        return {
            "file_name": self.name,
            "file_path": self.path,
            "file_size": self.size,
            "file_checksum": self.checksum,
        }


class FileShelf:
    """Writes the demo site's files and counts them."""

    def __init__(self) -> None:
        self.paths: set[str] = set()
        self.size = 0

    def put(self, path: str, content: bytes, mime_type: str, *, name: str | None = None) -> StoredFile:
        """Write `content` where a row's `path` points, over what is there; `name` is what people call it."""
        target = absolute_path(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
        if path not in self.paths:
            self.paths.add(path)
            self.size += len(content)
        return StoredFile(
            path=path,
            name=name or PurePosixPath(path).name,
            size=len(content),
            checksum=sha256(content).hexdigest(),
            mime_type=mime_type,
        )
