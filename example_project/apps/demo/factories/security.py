"""Factories for keys, certificates, signatures and security events."""

from hashlib import sha256

import factory

from apps.demo.source import EPOCH

from .base import DAY, Moment, RawFactory, Uuid


class EncryptionKeyFactory(RawFactory):
    """What is known about keys that lie outside the database."""

    class Meta:
        model = "security.EncryptionKey"
        django_get_or_create = ("key_id",)

    uuid = Uuid()
    name = "Document key"
    key_type = "document"
    algorithm = "AES-256"
    key_id = factory.Sequence(lambda number: f"edms-key-{number:03d}")
    fingerprint = factory.LazyAttribute(lambda row: sha256(row.key_id.encode()).hexdigest())
    key_size = 256
    created_at = Moment()
    created_by = factory.SubFactory("apps.demo.factories.users.UserFactory")
    metadata = factory.LazyFunction(dict)


def pem(kind: str, label: str) -> str:
    """Return text in the form of a PEM block; what is inside is no real key or certificate."""
    digits = "".join(sha256(f"{label}/{part}".encode()).hexdigest() for part in range(4))
    lines = [digits[start : start + 64] for start in range(0, len(digits), 64)]
    return "\n".join([f"-----BEGIN {kind}-----", *lines, f"-----END {kind}-----", ""])


class PDFSigningCertificateFactory(RawFactory):
    """Certificates that PDFs are signed with."""

    class Meta:
        model = "security.PDFSigningCertificate"
        django_get_or_create = ("serial_number",)

    uuid = Uuid()
    name = "Signing certificate"
    certificate_type = "SELF_SIGNED"
    serial_number = factory.Sequence(lambda number: f"{0x4F3A000000000000 + number:x}")
    certificate_pem = factory.LazyAttribute(lambda row: pem("CERTIFICATE", row.serial_number))
    private_key_pem = factory.LazyAttribute(lambda row: pem("DEMO KEY", row.serial_number))
    public_key_pem = factory.LazyAttribute(lambda row: pem("PUBLIC KEY", row.serial_number))
    subject_cn = "edms.example.com"
    issuer_name = "CN=Example EDMS"
    valid_from = EPOCH
    valid_until = EPOCH + 730 * DAY
    created_at = Moment()
    created_by = factory.SubFactory("apps.demo.factories.users.UserFactory")


class PDFGenerationLogFactory(RawFactory):
    """PDFs that were made for readers."""

    class Meta:
        model = "security.PDFGenerationLog"

    uuid = Uuid()
    document = factory.SubFactory("apps.demo.factories.documents.DocumentFactory")
    user = factory.SelfAttribute("document.author")
    generation_type = "OFFICIAL_PDF"
    status = "SUCCESS"
    error_message = ""
    ip_address = "192.0.2.40"
    user_agent = ""
    created_at = Moment()


class DigitalSignatureFactory(RawFactory):
    """Signatures on documents."""

    class Meta:
        model = "security.DigitalSignature"

    uuid = Uuid()
    document = factory.SubFactory("apps.demo.factories.documents.DocumentFactory")
    signer = factory.SelfAttribute("document.author")
    algorithm = "RSA_SHA256"
    document_hash = factory.LazyAttribute(lambda row: row.document.file_checksum or "0" * 64)
    signature_data = factory.LazyAttribute(
        lambda row: sha256(f"signed {row.document_hash}".encode()).hexdigest()
    )
    signer_certificate = None
    signer_role = None
    signed_at = Moment()
    status = "pending"
    is_valid = None
    validation_message = ""
    timestamp_token = None
    timestamp_authority = None
    signature_purpose = None
    metadata = factory.LazyFunction(dict)


class SecurityEventFactory(RawFactory):
    """What a security officer should see."""

    class Meta:
        model = "security.SecurityEvent"

    uuid = Uuid()
    event_type = "key_generation"
    severity = "info"
    title = "Event"
    description = ""
    timestamp = Moment()
    user = None
    ip_address = None
    user_agent = ""
    resolution_notes = ""
    event_data = factory.LazyFunction(dict)
    metadata = factory.LazyFunction(dict)


class CertificateAuthorityFactory(RawFactory):
    """Authorities whose certificates are trusted, or not."""

    class Meta:
        model = "security.CertificateAuthority"

    uuid = Uuid()
    name = "Authority"
    ca_type = "root"
    serial_number = factory.Sequence(lambda number: f"{number:016x}")
    certificate_pem = factory.LazyAttribute(lambda row: pem("CERTIFICATE", f"ca {row.serial_number}"))
    public_key_pem = factory.LazyAttribute(lambda row: pem("PUBLIC KEY", f"ca {row.serial_number}"))
    subject = factory.LazyAttribute(lambda row: f"CN={row.name}")
    issuer = factory.SelfAttribute("subject")
    fingerprint_sha256 = factory.LazyAttribute(lambda row: sha256(row.certificate_pem.encode()).hexdigest())
    valid_from = EPOCH
    valid_until = EPOCH + 7300 * DAY
    created_at = Moment()
    created_by = factory.SubFactory("apps.demo.factories.users.UserFactory")
    metadata = factory.LazyFunction(dict)
