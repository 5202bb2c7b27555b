"""Keys, certificates, signatures and security events."""

from django.conf import settings
from django.db import models

from apps.identity import IdentifiedModel

from . import choices


class EncryptionKey(IdentifiedModel):
    """The register entry of a key; the key itself is not in the database."""

    name = models.CharField(max_length=100)
    key_type = models.CharField(max_length=20, choices=choices.KeyType)
    algorithm = models.CharField(max_length=20, choices=choices.KeyAlgorithm)
    key_id = models.CharField(max_length=64, unique=True)
    fingerprint = models.CharField(max_length=64, blank=True)
    key_size = models.IntegerField()
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT)
    expires_at = models.DateTimeField(null=True, blank=True)
    is_active = models.BooleanField(default=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    revoked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="revoked_keys", null=True, blank=True
    )
    last_used_at = models.DateTimeField(null=True, blank=True)
    usage_count = models.IntegerField(default=0)
    metadata = models.JSONField(default=dict, blank=True)

    class Meta:
        db_table = "security_encryption_keys"
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return self.name


class PDFSigningCertificate(IdentifiedModel):
    """A certificate for signing PDFs. The private key stands in clear text."""

    id = models.AutoField(primary_key=True)
    name = models.CharField(max_length=200)
    certificate_type = models.CharField(
        max_length=20, choices=choices.CertificateType, default=choices.CertificateType.SELF_SIGNED
    )
    certificate_pem = models.TextField(blank=True)
    private_key_pem = models.TextField(blank=True)
    public_key_pem = models.TextField(blank=True)
    subject_cn = models.CharField(max_length=200, blank=True)
    issuer_name = models.CharField(max_length=200, blank=True)
    serial_number = models.CharField(max_length=100, unique=True)
    valid_from = models.DateTimeField()
    valid_until = models.DateTimeField()
    is_active = models.BooleanField(default=True)
    is_default = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT)

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return self.name

    def natural_key(self) -> tuple:
        """Return the serial number."""
        return (self.serial_number,)

    @classmethod
    def get_by_natural_key(cls, serial_number):
        """Find the row. Django asks the manager for this method, so nothing ever calls it here."""
        return cls.objects.get(serial_number=serial_number)


class PDFGenerationLog(IdentifiedModel):
    """One PDF that was made from a document."""

    id = models.AutoField(primary_key=True)
    document = models.ForeignKey("documents.Document", on_delete=models.CASCADE)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT)
    certificate = models.ForeignKey("PDFSigningCertificate", on_delete=models.PROTECT, null=True, blank=True)
    generation_type = models.CharField(max_length=20, choices=choices.GenerationType)
    status = models.CharField(max_length=20, choices=choices.GenerationStatus)
    processing_time_ms = models.PositiveIntegerField(default=0)
    input_file_size = models.PositiveIntegerField(default=0)
    output_file_size = models.PositiveIntegerField(default=0)
    error_message = models.TextField(blank=True)
    signature_applied = models.BooleanField(default=False)
    metadata_embedded = models.BooleanField(default=False)
    watermark_applied = models.BooleanField(default=False)
    qr_code_added = models.BooleanField(default=False)
    ip_address = models.GenericIPAddressField()
    user_agent = models.TextField(blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"{self.generation_type} {self.status}"


class DigitalSignature(IdentifiedModel):
    """A user's signature under a document."""

    document = models.ForeignKey("documents.Document", on_delete=models.PROTECT, related_name="signatures")
    signature_data = models.TextField(blank=True)
    algorithm = models.CharField(max_length=30, blank=True)
    document_hash = models.CharField(max_length=64, blank=True)
    signer = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT)
    signer_certificate = models.TextField(null=True, blank=True)
    signer_role = models.CharField(max_length=100, null=True, blank=True)
    signed_at = models.DateTimeField(auto_now_add=True)
    verified_at = models.DateTimeField(null=True, blank=True)
    verified_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        related_name="verified_signatures",
        null=True,
        blank=True,
    )
    status = models.CharField(
        max_length=20, choices=choices.SignatureStatus, default=choices.SignatureStatus.PENDING
    )
    is_valid = models.BooleanField(null=True, blank=True)
    validation_message = models.TextField(blank=True)
    timestamp_token = models.TextField(null=True, blank=True)
    timestamp_authority = models.CharField(max_length=200, null=True, blank=True)
    signature_purpose = models.CharField(max_length=100, null=True, blank=True)
    metadata = models.JSONField(default=dict, blank=True)

    class Meta:
        db_table = "security_digital_signatures"
        ordering = ["-signed_at"]

    def __str__(self) -> str:
        return f"{self.signer} {self.status}"


class SecurityEvent(IdentifiedModel):
    """An event that security has to look at."""

    event_type = models.CharField(max_length=30, choices=choices.SecurityEventType)
    severity = models.CharField(
        max_length=10, choices=choices.EventSeverity, default=choices.EventSeverity.INFO
    )
    title = models.CharField(max_length=200)
    description = models.TextField(blank=True)
    timestamp = models.DateTimeField(auto_now_add=True)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True)
    ip_address = models.GenericIPAddressField(null=True, blank=True)
    user_agent = models.TextField(blank=True)
    document = models.ForeignKey("documents.Document", on_delete=models.PROTECT, null=True, blank=True)
    encryption_key = models.ForeignKey("EncryptionKey", on_delete=models.PROTECT, null=True, blank=True)
    signature = models.ForeignKey("DigitalSignature", on_delete=models.PROTECT, null=True, blank=True)
    is_resolved = models.BooleanField(default=False)
    resolved_at = models.DateTimeField(null=True, blank=True)
    resolved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        related_name="resolved_security_events",
        null=True,
        blank=True,
    )
    resolution_notes = models.TextField(blank=True)
    event_data = models.JSONField(default=dict, blank=True)
    metadata = models.JSONField(default=dict, blank=True)

    class Meta:
        db_table = "security_events"
        ordering = ["-timestamp"]

    def __str__(self) -> str:
        return self.title


class CertificateAuthority(IdentifiedModel):
    """A certificate authority; a chain is a self-reference."""

    name = models.CharField(max_length=200)
    ca_type = models.CharField(max_length=20, choices=choices.AuthorityType)
    certificate_pem = models.TextField(blank=True)
    public_key_pem = models.TextField(blank=True)
    subject = models.CharField(max_length=500)
    issuer = models.CharField(max_length=500, blank=True)
    serial_number = models.CharField(max_length=100)
    fingerprint_sha256 = models.CharField(max_length=64, blank=True)
    valid_from = models.DateTimeField()
    valid_until = models.DateTimeField()
    is_valid = models.BooleanField(default=True)
    parent_ca = models.ForeignKey(
        "self", on_delete=models.CASCADE, related_name="child_cas", null=True, blank=True
    )
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT)
    is_trusted = models.BooleanField(default=False)
    revoked_at = models.DateTimeField(null=True, blank=True)
    metadata = models.JSONField(default=dict, blank=True)

    class Meta:
        db_table = "security_certificate_authorities"
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name
