"""Times the files' part of a create inside of a site, and what it would be if a package were known as its base.

Run as a program, after a create: ``python -m benchmarks.filestep``. One file in a hundred is changed; then all files
are read and written as in a first run, and, in turn with that, only those which the newest package of the site's
store does not hold. Reading that package's index counts; verifying its seal does not.
"""

import contextlib
import json
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import django

TIMES = 3
SHARE = 100
"""One in so many files changes."""


def main() -> None:
    """Print the seconds of both."""
    django.setup()
    from django.apps import apps
    from django.conf import settings

    from edms_backup.create.dump import WantedFile, WantedFiles
    from edms_backup.create.known import PackageContent
    from edms_backup.package import PackageReader

    names = [
        name for name in apps.get_model("records", "Document").objects.values_list("scan", flat=True) if name
    ]
    newest = max(
        Path(settings.EDMS_BACKUP["DIRECTORY"]).glob("edms-*.edms.zip"), key=lambda p: p.stat().st_mtime
    )
    with tempfile.TemporaryDirectory(dir=settings.DATA) as folder:
        wanted = WantedFiles(Path(folder) / "wanted.sqlite3")
        for name in names:
            wanted.add(WantedFile("default", name, "", None, "records.Document", name, "scan"))

        def with_base() -> int:
            with PackageReader.open(newest) as base:
                known = PackageContent(base, Path(folder) / "known.sqlite3")
            try:
                return pack(Path(folder), wanted, known)
            finally:
                known.close()
                (Path(folder) / "known.sqlite3").unlink()

        changed = change(Path(settings.MEDIA_ROOT), names)
        time.sleep(2.1)  # a change of the last two seconds is read again, whatever its time says
        taken: dict[str, list[float]] = {"first": [], "again": []}
        for _ in range(TIMES):
            taken["first"].append(timed(lambda: pack(Path(folder), wanted, None), len(names)))
            taken["again"].append(timed(with_base, changed))
        wanted.close()
    medians = {what: statistics.median(seconds) for what, seconds in taken.items()}
    json.dump({**medians, "files": len(names)}, sys.stdout)


def timed(action: Callable[[], int], files: int) -> float:
    """Return the seconds that ``action`` took, which has to read so many files."""
    started = time.perf_counter()
    read = action()
    taken = time.perf_counter() - started
    expect(read, files)
    return taken


def expect(found: int, wanted: int) -> None:
    """End the program if it did not do what it is to measure."""
    if found != wanted:
        raise SystemExit(f"{found} instead of {wanted}: nothing was measured")


class Enough(Exception):
    """Ends a package that is not to be finished."""


def pack(folder: Path, wanted: Any, known: Any) -> int:
    """Write the files' part of a package and throw it away; return how many files were read for it."""
    from django.core.files.storage import default_storage

    from edms_backup.create.files import pack_files
    from edms_backup.events import NullReporter
    from edms_backup.findings import Findings
    from edms_backup.package import PackageWriter
    from edms_backup.storage.roots import StorageRoot

    class Counting(StorageRoot):
        opened = 0

        def open(self, name: str) -> Any:
            self.opened += 1
            return super().open(name)

    root, findings, path = Counting("default", default_storage), Findings(), folder / "partial.zip"
    with (
        contextlib.suppress(Enough),
        path.open("wb", buffering=0) as sink,
        PackageWriter(sink, workdir=folder) as package,
    ):
        pack_files(wanted, {"default": root}, package, findings, NullReporter(), known)
        raise Enough
    path.unlink()
    expect(len(findings), 0)
    return root.opened


def change(media: Path, names: list[str]) -> int:
    """Give one file in a hundred another content of the same size; return how many those are."""
    draw = random.Random(20_26)
    chosen = draw.sample(names, max(1, len(names) // SHARE))
    for name in chosen:
        (media / name).write_bytes(draw.randbytes((media / name).stat().st_size))
    return len(chosen)


if __name__ == "__main__":
    main()
