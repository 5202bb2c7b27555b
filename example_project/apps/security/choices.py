"""Values that the choice fields of this app take."""

from django.db import models


class KeyType(models.TextChoices):
    """Purpose of a key."""

    MASTER = "master", "Master key"
    DOCUMENT = "document", "Document key"
    SIGNING = "signing", "Signing key"
    BACKUP = "backup", "Backup key"


class KeyAlgorithm(models.TextChoices):
    """Algorithm of a key."""

    AES_256 = "AES-256", "AES-256"
    RSA_2048 = "RSA-2048", "RSA 2048"
    RSA_4096 = "RSA-4096", "RSA 4096"
    ED25519 = "ED25519", "Ed25519"


class CertificateType(models.TextChoices):
    """Origin of a signing certificate."""

    SELF_SIGNED = "SELF_SIGNED", "Self-signed"
    CA_SIGNED = "CA_SIGNED", "Signed by a CA"
    INTERNAL = "INTERNAL", "Internal"


class GenerationType(models.TextChoices):
    """Kind of PDF that was made."""

    ORIGINAL_PDF = "ORIGINAL_PDF", "Original"
    ANNOTATED_PDF = "ANNOTATED_PDF", "Annotated"
    OFFICIAL_PDF = "OFFICIAL_PDF", "Official"
    DOCX_TO_PDF = "DOCX_TO_PDF", "Converted"


class GenerationStatus(models.TextChoices):
    """Outcome of making a PDF."""

    SUCCESS = "SUCCESS", "Success"
    FAILED = "FAILED", "Failed"
    PARTIAL = "PARTIAL", "Partial"


class SignatureStatus(models.TextChoices):
    """State of a signature."""

    PENDING = "pending", "Pending"
    VALID = "valid", "Valid"
    INVALID = "invalid", "Invalid"
    REVOKED = "revoked", "Revoked"
    EXPIRED = "expired", "Expired"


class SecurityEventType(models.TextChoices):
    """Kind of security event."""

    KEY_GENERATION = "key_generation", "Key generated"
    KEY_UPDATE = "key_update", "Key changed"
    KEY_DELETION = "key_deletion", "Key deleted"
    SIGNATURE_CREATION = "signature_creation", "Signature created"
    SIGNATURE_VERIFICATION = "signature_verification", "Signature verified"
    ENCRYPTION = "encryption", "Encryption"
    DECRYPTION = "decryption", "Decryption"
    ACCESS_CHANGE = "access_change", "Access changed"
    LOGIN_FAILURE = "login_failure", "Failed login"


class EventSeverity(models.TextChoices):
    """Weight of a security event."""

    INFO = "info", "Info"
    LOW = "low", "Low"
    MEDIUM = "medium", "Medium"
    HIGH = "high", "High"
    CRITICAL = "critical", "Critical"


class AuthorityType(models.TextChoices):
    """Place of a CA in its chain."""

    ROOT = "root", "Root"
    INTERMEDIATE = "intermediate", "Intermediate"
    EXTERNAL = "external", "External"
