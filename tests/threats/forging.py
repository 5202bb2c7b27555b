"""Packages that somebody made by hand: sealed like ours, every digest right, with rows and words of their choice."""

import hashlib
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from edms_backup.package import RowDigest, content_digest, content_of, encode_line
from tests.package.builders import members_of, reseal
from tests.unit.conftest import Zoo

Rows = list[dict[str, Any]]


def path_of(zoo: Zoo) -> Path:
    """Return where the package lies that ``zoo`` works with."""
    return Path(zoo.service.settings.directory) / zoo.package


def forge(
    zoo: Zoo,
    rows: dict[str, Callable[[Rows], Iterable[dict[str, Any]]]] | None = None,
    manifest: Callable[[Any], None] | None = None,
) -> bytes:
    """Put another package into the place of the one that ``zoo`` made, and return it.

    ``rows`` says by label what becomes of the rows of a model (documents with ``fields`` and ``_pk``), ``manifest``
    changes the manifest afterwards. The package has to be made with ``COMPRESSION`` "none".
    """
    path = path_of(zoo)
    package = path.read_bytes()
    members = members_of(package)
    changed: dict[str, bytes] = {}
    digests: dict[str, RowDigest] = {}
    for label, change in (rows or {}).items():
        name = f"rows/{label}.jsonl"
        documents = [json.loads(line) for line in members[name].splitlines()]
        digests[label] = RowDigest()
        lines = []
        for document in change(documents):
            pk = document.pop("_pk")
            line = encode_line(label.lower(), {k: v for k, v in document.items() if k != "model"}, pk)
            digests[label].add(content_digest(content_of(line)))
            lines.append(line)
        changed[name] = b"".join(lines)

    def edit(document: Any) -> None:
        for entry in document["models"]:
            digest = digests.get(entry["label"])
            if digest is not None:
                data = changed[f"rows/{entry['label']}.jsonl"]
                entry |= {"rows": digest.count, "digest": digest.hexdigest()}
                (segment,) = entry["segments"]
                segment |= {
                    "rows": digest.count,
                    "size": len(data),
                    "sha256": hashlib.sha256(data).hexdigest(),
                }
        if manifest is not None:
            manifest(document)

    forged = reseal(package, dict(changed), edit)
    path.write_bytes(forged)
    if manifest is None:
        assert zoo.service.verify(zoo.package).ok, "it is to be refused for what it says, not for damage"
    return forged


def entry_of(document: Any, label: str) -> Any:
    """Return what a manifest says of a model."""
    return next(entry for entry in document["models"] if entry["label"] == label)
