"""Storages that are not plain directories: one that works, and ones that fail as storages do."""

import errno
from typing import Any

from django.core.files.base import ContentFile, File
from django.core.files.storage import FileSystemStorage


class OwnWayStorage(FileSystemStorage):
    """Keeps every byte inverted: its files are no packages to anybody who looks at the directory."""

    def _save(self, name: str, content: File) -> str:
        return super()._save(name, ContentFile(_inverted(content.read())))

    def _open(self, name: str, mode: str = "rb") -> File:
        with super()._open(name, mode) as file:
            return ContentFile(_inverted(file.read()), name=name)


class FullStorage(OwnWayStorage):
    """Takes a half of what it is given, then has no space left."""

    def _save(self, name: str, content: File) -> str:
        data = content.read()
        super()._save(name, ContentFile(data[: len(data) // 2]))
        raise OSError(errno.ENOSPC, "No space left on device")


class LyingStorage(OwnWayStorage):
    """Says that all is well and loses the last byte."""

    def _save(self, name: str, content: File) -> str:
        return super()._save(name, ContentFile(content.read()[:-1]))


class RenamingStorage(OwnWayStorage):
    """Somebody else was quicker: the content lands under another name."""

    def _save(self, name: str, content: File) -> str:
        return super()._save(f"other-{name}", content)


class ServiceError(Exception):
    """What clients of remote services raise: no OSError."""


class DeadStorage(OwnWayStorage):
    """A remote service that does not answer."""

    def exists(self, name: str) -> bool:
        raise ServiceError("connection timed out")

    def listdir(self, path: str) -> Any:
        raise ServiceError("connection timed out")


class UnreadableStorage(OwnWayStorage):
    """Takes everything and gives nothing back."""

    def _open(self, name: str, mode: str = "rb") -> File:
        raise ServiceError("access denied")


class TimelessStorage(OwnWayStorage):
    """Does not know when a file was stored."""

    def get_modified_time(self, name: str) -> Any:
        raise NotImplementedError


def _inverted(data: bytes) -> bytes:
    return bytes(255 - byte for byte in data)
