"""Documents, their versions, and what readers leave on them."""

from datetime import date, timedelta
from typing import Any

from apps.demo.content import DOCX_TYPE, PDF_TYPE, PNG_TYPE, docx, pdf, png
from apps.demo.factories.documents import (
    DocumentAccessLogFactory,
    DocumentAttachmentFactory,
    DocumentCommentFactory,
    DocumentDependencyFactory,
    DocumentFactory,
    DocumentVersionFactory,
    SystemConfigurationFactory,
)
from apps.demo.files import StoredFile
from apps.demo.prose import BROWSERS, COMMENTS, PARAGRAPHS, REASONS
from apps.demo.rows import assign_keys, overwrite, remove
from apps.demo.source import later

from .site import Site

CLEANING = "Cleaning of Production Equipment"
BATCH = "Batch Record Ibuprofen 400 mg, batch 24-0117"

# Number, title, status, author, path of the file, details.
DOCUMENTS: tuple[tuple[str, str, str, str, str, dict[str, Any]], ...] = (
    (
        "POL-2019-0001",
        "Quality Policy",
        "EFFECTIVE",
        "admin",
        "storage/documents/2019/quality-policy.pdf",
        {
            "effective_date": date(1900, 1, 1),
            "version_major": 99,
            "version_minor": 99,
            "keywords": "GMP,quality",
        },
    ),
    ("SOP-2025-0003", CLEANING, "EFFECTIVE", "author", "documents/SOP-2025-0003.pdf", {"version_major": 3}),
    ("SOP-2021-0001", CLEANING, "SUPERSEDED", "author", "storage/documents/2021/SOP-2021-0001.pdf", {}),
    (
        "SOP-2023-0002",
        CLEANING,
        "SUPERSEDED",
        "author",
        "storage/documents/2023/SOP-2023-0002.pdf",
        {"version_major": 2},
    ),
    (
        "SOP-2025-0004",
        "Handling of Deviations and CAPA",
        "EFFECTIVE",
        "reviewer",
        "documents/2025/SOP-2025-0004.docx",
        {
            "requires_training": True,
            "priority": "high",
            "change_summary": '§ 4.2: "30 min" → "45 min"\nAnnex B new',
        },
    ),
    (
        "SOP-2025-0005",
        "Reinigung und Wartung der Abfüllanlage",
        "PENDING_REVIEW",
        "søren.å",
        "documents/2025/Prüfanweisung Müller & Söhne.docx",
        {"description": "Gilt für die Linien 1–3.\r\nZweite Zeile mit \\ und \ttab."},
    ),
    (
        "WIN-2025-0001",
        "無菌充填ラインの洗浄手順",
        "UNDER_REVIEW",
        "trainer",
        "documents/2025/WIN-2025-0001.pdf",
        {},
    ),
    (
        "BMR-2024-0117",
        BATCH,
        "APPROVED",
        "author",
        "storage/documents/batch/24-0117.pdf",
        {"priority": "urgent"},
    ),
    (
        "BMR-2024-0118",
        BATCH,
        "APPROVED",
        "author",
        "documents/batch/24-0117 (copy).pdf",
        {"is_controlled": False},
    ),
    (
        "REC-2025-0001",
        "Training record",
        "PENDING_APPROVAL",
        "trainer",
        "documents/training/REC-2025-0001.pdf",
        {},
    ),
    ("FRM-2025-0001", "Deviation Report Form", "DRAFT", "author", "documents/forms/empty.docx", {}),
    (
        "SOP-2015-0007",
        "Paper Archive",
        "OBSOLETE",
        "leaver",
        "storage/documents/2015/paper-archive.pdf",
        {
            "is_active": False,
            "obsolete_date": date(2024, 2, 29),
            "obsolescence_date": date(2024, 2, 29),
            "obsolescence_reason": "Archiv aufgelöst",
        },
    ),
    ("SOP-2025-0008", "Draft that nobody wanted", "TERMINATED", "leaver", "", {"is_active": False}),
    (
        "MAN-2025-0001",
        "Validation Master Plan",
        "EFFECTIVE",
        "reviewer",
        "documents/secret/MAN-2025-0001.pdf.enc",
        {
            "is_encrypted": True,
            "encryption_metadata": {
                "algorithm": "AES-256",
                "key_id": "edms-key-001",
                "nonce": "00ff",
                "aad": None,
            },
        },
    ),
    (
        "SOP-2025-0009",
        "Change Control",
        "APPROVED_PENDING_EFFECTIVE",
        "reviewer",
        "",
        {"effective_date": date(9999, 12, 31), "review_due_date": date(2028, 2, 29)},
    ),
    ("SOP-2016-0002", "Cold Chain 2 °C – 8 °C", "SCHEDULED_FOR_OBSOLESCENCE", "author", "", {}),
    ("WIN-2025-0002", "Line Clearance before Packaging", "REVIEW_COMPLETED", "søren.å", "", {}),
    ("SOP-2025-0010", "Контроль температуры при хранении", "UNDER_APPROVAL", "trainer", "", {}),
)

CHAIN = ("SOP-2021-0001", "SOP-2023-0002", "SOP-2025-0003")
"""Each document supersedes the one before it."""

LOST_AFTER = 7
"""How many documents there were when one was deleted: its key lies between others, and stays free."""

DEPENDENCIES = (
    ("SOP-2025-0003", "POL-2019-0001", "REFERENCE"),
    ("SOP-2025-0003", "SOP-2023-0002", "SUPERSEDES"),
    ("SOP-2025-0004", "POL-2019-0001", "REFERENCE"),
    ("SOP-2025-0004", "FRM-2025-0001", "INCORPORATES"),
    ("WIN-2025-0001", "SOP-2025-0003", "IMPLEMENTS"),
    # Two documents that need each other, in different ways.
    ("MAN-2025-0001", "SOP-2025-0009", "SUPPORTS"),
    ("SOP-2025-0009", "MAN-2025-0001", "REFERENCE"),
)


def tell(site: Site) -> None:
    """Write the documents."""
    for number, title, status, author, path, details in DOCUMENTS:
        _document(site, number, title, status, author, path, details)
        if len(site.documents) == LOST_AFTER:
            _lose_a_document(site)
    for older, newer in zip(CHAIN, CHAIN[1:], strict=False):
        site.documents[newer].supersedes = site.documents[older]
        overwrite(site.documents[newer])
    for number, other, kind in DEPENDENCIES:
        DocumentDependencyFactory(
            document=site.documents[number],
            depends_on=site.documents[other],
            dependency_type=kind,
            is_critical=kind == "IMPLEMENTS",
            description="" if kind == "REFERENCE" else f"{number} → {other}",
        )
    _versions(site)
    _comments(site)
    _readers(site)
    _attachments(site)
    SystemConfigurationFactory(
        company_name="Beispiel Pharma AG – 例示製薬",
        logo=site.shelf.put("branding/logo.png", png(24, 16, (31, 111, 139)), PNG_TYPE).path,
        updated_by=site.user("admin"),
    )


def _lose_a_document(site: Site) -> None:
    """Write a document and delete it, so that others can still refer to it."""
    site.gone = DocumentFactory(
        document_number="SOP-2019-0013",
        title="Deleted before its time",
        document_type=site.types["SOP"],
        document_source=site.sources["external"],
        author=site.user("leaver"),
    )
    remove(site.gone)


def _file(site: Site, path: str, title: str, mark: str) -> StoredFile:
    """Write the file of a document: of the kind that its name says."""
    lines = [*PARAGRAPHS, mark]
    if "empty" in path:
        return site.shelf.put(path, b"", DOCX_TYPE)
    if path.endswith(".docx"):
        return site.shelf.put(path, docx(title, lines), DOCX_TYPE)
    if path.endswith(".enc"):
        noise = site.source.stream("ciphertext").randbytes(1511)
        return site.shelf.put(path, noise, "application/octet-stream")
    return site.shelf.put(path, pdf(title, lines), PDF_TYPE)


def _document(site: Site, number: str, title: str, status: str, author: str, path: str, details: Any) -> None:
    """Write one document and its file."""
    columns: dict[str, Any] = {}
    if path:
        # Documents with one title and no mark have equal content: the batch record and its copy.
        stored = _file(site, path, title, "" if title == BATCH else number)
        columns = {**stored.columns(), "mime_type": stored.mime_type}
    document = DocumentFactory.build(
        document_number=number,
        title=title,
        status=status,
        author=site.user(author),
        document_type=site.types[number[:3]],
        document_source=site.sources["scanned_original" if "storage/" in path else "original_digital"],
        reviewer=None if status == "DRAFT" else site.user("reviewer"),
        approver=site.user("approver") if status in ("EFFECTIVE", "APPROVED", "SUPERSEDED") else None,
        reason_for_change=site.source.choice("reason", REASONS),
        search_vector=f"{number} {title}".lower(),
        metadata={"pages": 1, "checked": None, "tags": ["GMP", "§ 21", {"room": "7.113", "Δp": 15.5}]},
        **columns,
    )
    for name, value in details.items():
        setattr(document, name, value)
    if document.approver:
        document.review_date = later(document.created_at, days=2, microseconds=1)
        document.approval_date = later(document.created_at, days=3, microseconds=654321)
    if status == "OBSOLETE":
        document.obsoleted_by = site.user("reviewer")
    DocumentFactory.store(document)
    site.documents[number] = document


def _versions(site: Site) -> None:
    """Record the versions: earlier ones of some documents have files of their own."""
    for number, document in site.documents.items():
        DocumentVersionFactory(
            document=document,
            version_major=document.version_major,
            version_minor=document.version_minor,
            status=document.status,
            file_name=document.file_name,
            file_path=document.file_path,
            file_size=document.file_size,
            file_checksum=document.file_checksum,
            reason_for_change=document.reason_for_change,
            metadata={"document_number": number},
        )
    for number, minor in (("SOP-2025-0003", 0), ("SOP-2025-0004", 1), ("SOP-2025-0005", 9)):
        document = site.documents[number]
        stored = _file(site, f"documents/versions/{number} v0{minor}.pdf", document.title, f"earlier {minor}")
        DocumentVersionFactory(
            document=document,
            version_major=2,
            version_minor=minor,
            status="SUPERSEDED",
            version_comment="Entwurf 🖋" if minor else "",
            **stored.columns(),
        )
    DocumentVersionFactory(document=site.documents["SOP-2025-0003"], version_major=1, file_size=2**40 + 1)


def _comments(site: Site) -> None:
    """Discuss: remarks on documents, and a thread whose parents have higher keys than their replies."""
    voices = [site.user(name) for name in ("reviewer", "author", "approver", "trainer")]
    for index, text in enumerate(COMMENTS):
        document = list(site.documents.values())[index]
        DocumentCommentFactory(
            document=document,
            author=voices[index % len(voices)],
            comment_type=("GENERAL", "REVIEW", "QUESTION", "ISSUE")[index % 4],
            subject="" if index % 3 else "Anmerkung",
            content=text,
            page_number=index or None,
            line_reference="12–14" if index % 2 else "",
            metadata={"mentions": ["reviewer"], "resolved": {"by": None, "at": None}},
        )
    document = site.documents["SOP-2025-0004"]
    thread = [
        DocumentCommentFactory.build(
            document=document,
            author=voices[depth % len(voices)],
            subject="Re: limit",
            content=f"Reply {depth} 🧪",
        )
        for depth in range(4)
    ]
    assign_keys(thread)
    leaf, middle, other, root = thread
    middle.parent_comment = other.parent_comment = root
    leaf.parent_comment = middle
    root.is_resolved, root.resolved_by = True, site.user("reviewer")
    root.resolved_at = later(root.created_at, hours=4, microseconds=101)
    DocumentCommentFactory.store(root, other, middle, leaf)


def _readers(site: Site) -> None:
    """Log who read what, for how long, and who wasn't let in."""
    readers = [site.user(name) for name in ("viewer", "author", "auditor", "trainer", "leaver")]
    for index, document in enumerate(site.documents.values()):
        refused = index % 7 == 6
        DocumentAccessLogFactory(
            document=document,
            user=readers[index % len(readers)],
            access_type=("VIEW", "DOWNLOAD", "PRINT", "EXPORT")[index % 4],
            ip_address=(None, "192.0.2.17", "2001:db8::7")[index % 3],
            user_agent=BROWSERS[index % len(BROWSERS)],
            session_id="" if index % 2 else "demosession000000000000000000001",
            success=not refused,
            failure_reason="Keine Berechtigung" if refused else "",
            file_downloaded=index % 4 == 1,
            access_duration=None
            if refused
            else timedelta(days=index % 2, seconds=7 * index, microseconds=1 + index),
            metadata={"referrer": None},
        )


def _attachments(site: Site) -> None:
    """Attach files; a picture is among them, and a file that a document has under another name."""
    picture = site.shelf.put("attachments/Anlage 1 – Gerät.png", png(40, 30, (180, 60, 40)), PNG_TYPE)
    letter = site.shelf.put("attachments/letter.docx", docx("Letter", PARAGRAPHS[:2]), DOCX_TYPE)
    scan = site.shelf.put("storage/documents/attachments/scan.pdf", pdf("Scan", ["page 1"]), PDF_TYPE)
    for stored, number, kind in (
        (picture, "SOP-2025-0005", "APPENDIX"),
        (letter, "BMR-2024-0117", "EVIDENCE"),
        (scan, "BMR-2024-0117", "REFERENCE"),
        (scan, "BMR-2024-0118", "REFERENCE"),
    ):
        DocumentAttachmentFactory(
            document=site.documents[number],
            name=stored.name,
            attachment_type=kind,
            mime_type=stored.mime_type,
            uploaded_by=site.user("author"),
            is_public=kind != "EVIDENCE",
            **stored.columns(),
        )
