"""Keys, certificates, signatures and what the security officer reads."""

from apps.demo.factories.security import (
    CertificateAuthorityFactory,
    DigitalSignatureFactory,
    EncryptionKeyFactory,
    PDFGenerationLogFactory,
    PDFSigningCertificateFactory,
    SecurityEventFactory,
)
from apps.demo.source import later

from .site import Site


def tell(site: Site) -> None:
    """Hand out the keys, and let documents be signed."""
    _keys(site)
    _authorities(site)
    _signatures(site)
    _incident(site)


def _keys(site: Site) -> None:
    """Register the keys, one of which has been revoked."""
    officer = site.user("admin")
    for index, kind in enumerate(("master", "document", "signing")):
        key = EncryptionKeyFactory.build(
            name=f"{kind.capitalize()} key 2025 🔑",
            key_type=kind,
            key_id=f"edms-key-{index:03d}",
            algorithm="RSA-4096" if kind == "signing" else "AES-256",
            key_size=4096 if kind == "signing" else 256,
            created_by=officer,
            is_active=kind != "signing",
            usage_count=10**index,
            metadata={"store": "environment", "rotations": [], "note": None},
        )
        if not key.is_active:
            key.revoked_by, key.revoked_at = officer, later(key.created_at, days=40, microseconds=7)
        EncryptionKeyFactory.store(key)
        SecurityEventFactory(
            event_type="key_generation",
            title=f"Key {key.key_id} generated",
            user=officer,
            encryption_key=key,
            event_data={"key_id": key.key_id, "database_id": key.pk},
        )


def _authorities(site: Site) -> None:
    """Register the authorities: a root, one below it, and one below that."""
    officer = site.user("admin")
    root = CertificateAuthorityFactory(
        name="Beispiel Root CA", serial_number="01", created_by=officer, is_trusted=True
    )
    issuing = CertificateAuthorityFactory(
        name="Beispiel Issuing CA",
        serial_number="02",
        ca_type="intermediate",
        parent_ca=root,
        issuer=root.subject,
        created_by=officer,
    )
    CertificateAuthorityFactory(
        name="Behörde (abgelaufen)",
        serial_number="",
        ca_type="external",
        parent_ca=issuing,
        is_valid=False,
        created_by=officer,
    )


def _signatures(site: Site) -> None:
    """Sign the documents that are in force or were, and make PDFs of them."""
    officer = site.user("admin")
    current = PDFSigningCertificateFactory(
        serial_number="4f3a0000000000001", name="Signing 2025", is_default=True, created_by=officer
    )
    PDFSigningCertificateFactory(
        serial_number="00",
        name="Signing 2019",
        certificate_type="CA_SIGNED",
        is_active=False,
        created_by=officer,
    )
    for index, (number, document) in enumerate(site.documents.items()):
        if document.status not in ("EFFECTIVE", "APPROVED", "SUPERSEDED"):
            continue
        signature = DigitalSignatureFactory(
            document=document,
            signer=site.user("approver"),
            status=("valid", "invalid", "pending")[index % 3],
            is_valid=(True, False, None)[index % 3],
            signer_role="Head of QA" if index % 2 else None,
            signature_purpose="" if index % 2 else "Freigabe",
            metadata={"document_number": number, "chain": ["root", None]},
        )
        PDFGenerationLogFactory(
            document=document,
            user=site.user("viewer"),
            certificate=current if index % 2 else None,
            status="SUCCESS" if index % 2 else "FAILED",
            processing_time_ms=125 * index,
            output_file_size=document.file_size or 0,
            error_message="" if index % 2 else "Schriftart „Noto“ fehlt",
            watermark_applied=bool(index % 2),
        )
        if index % 2:
            SecurityEventFactory(
                event_type="signature_creation",
                title=f"Signature on {number}",
                document=document,
                signature=signature,
                user=signature.signer,
                ip_address="192.0.2.18",
            )


def _incident(site: Site) -> None:
    """Tell of one incident that was looked into."""
    event = SecurityEventFactory.build(
        event_type="login_failure",
        severity="critical",
        title="Fünf Fehlversuche",
        user=site.user("locked"),
        ip_address="203.0.113.9",
        is_resolved=True,
        resolved_by=site.user("admin"),
        resolution_notes="Passwort vergessen 🙈",
        event_data={"attempts": 5, "addresses": ["203.0.113.9", None]},
    )
    event.resolved_at = later(event.timestamp, minutes=12, microseconds=345001)
    SecurityEventFactory.store(event)
