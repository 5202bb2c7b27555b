"""Small, valid files of the kinds that an EDMS keeps, built byte by byte so that they are the same each time.

Nothing here compresses: the output of a compressor depends on the library and its version.
"""

import io
import zipfile
from collections.abc import Sequence
from struct import pack
from xml.sax.saxutils import escape
from zlib import adler32, crc32

PDF_TYPE = "application/pdf"
DOCX_TYPE = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
PNG_TYPE = "image/png"

ZIP_MOMENT = (2025, 1, 6, 7, 30, 0)
"""The modification time of every member of a DOCX."""


def pdf(title: str, lines: Sequence[str]) -> bytes:
    """Return a PDF of one page with `title` and `lines` in Helvetica.

    The standard fonts know Western European characters only: others appear as question marks on the page,
    while the document's title property holds them all.
    """
    drawn = [b"BT /F1 16 Tf 56 780 Td 22 TL " + _pdf_text(title) + b" Tj /F1 10 Tf"]
    drawn += [b"T* " + _pdf_text(line) + b" Tj" for line in lines]
    page = b"\n".join([*drawn, b"ET"])
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] "
        b"/Resources << /Font << /F1 5 0 R >> >> /Contents 4 0 R >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(page), page),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
        b"<< /Title <%s> /Producer (Example EDMS) /CreationDate (D:20250106073000Z) >>"
        % ("\ufeff" + title).encode("utf-16-be").hex().encode(),
    ]
    return _pdf_file(objects)


def _pdf_text(text: str) -> bytes:
    """Return `text` as a PDF string."""
    encoded = text.encode("cp1252", "replace")
    for special in (b"\\", b"(", b")"):
        encoded = encoded.replace(special, b"\\" + special)
    return b"(" + encoded + b")"


def _pdf_file(objects: Sequence[bytes]) -> bytes:
    """Return the PDF that holds `objects`; the first is the catalogue, the last the properties."""
    written = bytearray(b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n")
    offsets = []
    for number, body in enumerate(objects, start=1):
        offsets.append(len(written))
        written += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = len(written)
    written += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    written += b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    written += b"trailer\n<< /Size %d /Root 1 0 R /Info %d 0 R >>\n" % (len(objects) + 1, len(objects))
    written += b"startxref\n%d\n%%%%EOF\n" % table
    return bytes(written)


_CONTENT_TYPES = (
    '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
    '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    '<Default Extension="xml" ContentType="application/xml"/>'
    '<Override PartName="/word/document.xml" ContentType="'
    'application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"/></Types>'
)
_RELATIONSHIPS = (
    '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
    '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
    '<Relationship Id="rId1" Type="'
    'http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument"'
    ' Target="word/document.xml"/></Relationships>'
)


def docx(title: str, paragraphs: Sequence[str]) -> bytes:
    """Return a word-processor document with `title` and `paragraphs`."""
    texts = "".join(
        f'<w:p><w:r><w:t xml:space="preserve">{escape(text)}</w:t></w:r></w:p>'
        for text in (title, *paragraphs)
    )
    body = (
        '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
        '<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main">'
        f"<w:body>{texts}</w:body></w:document>"
    )
    parts = {"[Content_Types].xml": _CONTENT_TYPES, "_rels/.rels": _RELATIONSHIPS, "word/document.xml": body}
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_STORED) as archive:
        for name, text in parts.items():
            member = zipfile.ZipInfo(name, date_time=ZIP_MOMENT)
            member.create_system = 3
            member.external_attr = 0o644 << 16
            archive.writestr(member, text.encode())
    return written.getvalue()


def png(width: int, height: int, colour: tuple[int, int, int]) -> bytes:
    """Return a picture of `width` times `height` pixels: a border of `colour` round a lighter field."""
    light = tuple((channel + 510) // 3 for channel in colour)
    pixels = bytearray()
    for y in range(height):
        pixels.append(0)  # Filter type of the line: none.
        for x in range(width):
            edge = x in (0, width - 1) or y in (0, height - 1)
            pixels += bytes(colour if edge else light)
    header = pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", _stored(bytes(pixels))), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in chunks)


def _chunk(kind: bytes, data: bytes) -> bytes:
    """Return a PNG chunk."""
    return pack(">I", len(data)) + kind + data + pack(">I", crc32(kind + data))


def _stored(data: bytes) -> bytes:
    """Return `data` as a zlib stream of stored blocks."""
    longest = 0xFFFF
    blocks = bytearray(b"\x78\x01")
    for start in range(0, len(data), longest):
        block = data[start : start + longest]
        last = start + longest >= len(data)
        blocks += pack("<BHH", last, len(block), len(block) ^ 0xFFFF) + block
    return bytes(blocks) + pack(">I", adler32(data))
