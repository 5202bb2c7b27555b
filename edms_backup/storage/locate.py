"""What an operator may type for a package: a path, a name, the beginning of one, or ``latest``."""

from __future__ import annotations

import os
from pathlib import Path
from typing import BinaryIO

from edms_backup.errors import PackageNotFound, UsageError
from edms_backup.storage.base import SUFFIX, PackageStore, is_received, is_safety, store_error
from edms_backup.storage.directory import open_regular

LATEST = "latest"
_SHOWN = 5


def locate(store: PackageStore, text: str) -> tuple[BinaryIO, str]:
    """Open the package that ``text`` means; return the open file and the name to show.

    In this order: a path, when ``text`` holds a separator or names a file; a name in the store; ``latest``,
    the newest package that this site made and that is no safety package; the beginning of exactly one name. Raises
    ``PackageNotFound``, and ``UsageError`` for what is ambiguous or no ordinary file.
    """
    if not text or "\0" in text:
        raise UsageError("Name a package: its path, its name in the store, or `latest`.")
    if any(separator in text for separator in (os.sep, os.altsep) if separator) or Path(text).is_file():
        return _open_path(Path(text)), text
    name = _name_in_store(store, text)
    return store.open(name), name


def _open_path(path: Path) -> BinaryIO:
    try:
        return open_regular(path)
    except FileNotFoundError as error:
        raise PackageNotFound(f"There is no package {path}.") from error
    except OSError as error:
        raise store_error(error, f"The package {path} cannot be read") from error


def _name_in_store(store: PackageStore, text: str) -> str:
    names = [ref.name for ref in store.list()]
    for exact in (text, text + SUFFIX):
        if exact in names:
            return exact
    if text == LATEST:
        newest = next((name for name in names if not (is_safety(name) or is_received(name))), None)
        if newest is None:
            raise PackageNotFound(
                f"There is no package in {store.name} yet.", hint="`edms_backup create` makes one."
            )
        return newest
    matches = [name for name in names if name.startswith(text)]
    if len(matches) > 1:
        shown = ", ".join(matches[:_SHOWN]) + (", …" if len(matches) > _SHOWN else "")
        raise UsageError(
            f"{text} is the beginning of {len(matches)} names: {shown}.", hint="Type more of it."
        )
    if matches:
        return matches[0]
    if Path(text).exists():
        _open_path(Path(text)).close()  # says what is wrong with a directory or a pipe
    raise PackageNotFound(
        f"There is no package {text} in {store.name}, and no file of that name here.",
        hint="`edms_backup list` shows the packages of this site.",
    )
