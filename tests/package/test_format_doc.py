"""The worked example of ``docs/format.md`` is what the code does."""

import hashlib
import re
import zlib
from pathlib import Path

import pytest

from edms_backup.package import RowDigest, content_digest, content_of, encode_line
from edms_backup.package import compression as codecs
from edms_backup.package.canonical import MAX_DEPTH, MAX_DIGITS
from edms_backup.package.container import Member, directory_end, encode_trailer, local_header

from .builders import LABEL, ROWS

TEXT = (Path(__file__).parents[2] / "docs/format.md").read_text(encoding="utf-8")
EXAMPLE = TEXT.partition("## A worked example")[2]
LINES = [encode_line(LABEL.lower(), {"fields": fields}, pk) for fields, pk in ROWS]


def spaced(data):
    """Return bytes as the document writes them, blanks collapsed and remarks left out."""
    return data.hex(" ")


def hexadecimal_lines():
    return [re.sub(" +", " ", line).strip() for line in EXAMPLE.splitlines() if line.startswith("    ")]


@pytest.mark.pitfall("F18")
def test_the_lines_and_their_digests():
    data = b"".join(LINES)
    digest = RowDigest()
    for line in LINES:
        content = content_of(line)
        digest.add(content_digest(content))
        assert f"    {line.decode()}" in EXAMPLE
        assert f"    {content.decode()}\n    {hashlib.sha256(content).hexdigest()}\n" in EXAMPLE
    assert f"segment of {len(data)} bytes" in EXAMPLE
    assert hashlib.sha256(data).hexdigest() in EXAMPLE
    assert digest.hexdigest() in EXAMPLE


def test_the_records():
    data = b"".join(LINES)
    header = local_header(Member("rows/documents.Document.jsonl", 34180, len(data), zlib.crc32(data)))
    written = " ".join(hexadecimal_lines())
    for part in (header[:14], header[14:26], header[26:30], header[30:], directory_end(7, 540, 37602)):
        assert spaced(part) in written
    assert encode_trailer(38295).decode() in EXAMPLE


@pytest.mark.parametrize(
    "claim",
    [
        f"more than {MAX_DIGITS} digits",
        f"deeper than {MAX_DEPTH}\nlevels",
        f"window of at most {2**codecs.ZSTD_WINDOW_LOG // 2**20} MiB",
        f"{codecs.CODECS['zstd'].max_ratio:,} (zstd) or {codecs.CODECS['gzip'].max_ratio:,} (gzip)",
    ],
)
def test_the_limits(claim):
    assert claim.replace("\n", " ") in " ".join(TEXT.split())
