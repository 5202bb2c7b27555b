"""Twelve models as an archive has them: trees, versions, links of many to many, an audit trail.

Each has ``natural_key()`` and a manager that finds by it, as ``dumpdata --natural-foreign`` and ``loaddata``
ask for: the stock tools are measured at what they do best.
"""

import uuid
from typing import Any

from django.contrib.contenttypes.fields import GenericForeignKey
from django.contrib.contenttypes.models import ContentType
from django.db import models


class ByKey(models.Manager[Any]):
    """Finds a row by its natural key."""

    def get_by_natural_key(self, *key: Any) -> Any:
        """Return the row; ``key`` holds a value for each path of the model's ``KEY``."""
        return self.get(**dict(zip(self.model.KEY, key, strict=True)))


class Named(models.Model):
    """A row that the paths in ``KEY`` name."""

    KEY: tuple[str, ...] = ("code",)
    objects = ByKey()

    class Meta:
        abstract = True


class Department(Named):
    code = models.CharField(max_length=20, unique=True)
    title = models.CharField(max_length=100)

    def natural_key(self) -> tuple[Any, ...]:
        return (self.code,)


class Person(Named):
    KEY = ("username",)
    username = models.CharField(max_length=60, unique=True)
    full_name = models.CharField(max_length=120)
    email = models.EmailField()
    department = models.ForeignKey(Department, models.PROTECT)
    joined = models.DateField()
    is_active = models.BooleanField(default=True)

    def natural_key(self) -> tuple[Any, ...]:
        return (self.username,)


class Category(Named):
    code = models.CharField(max_length=20, unique=True)
    title = models.CharField(max_length=100)
    parent = models.ForeignKey("self", models.PROTECT, null=True, related_name="children")

    def natural_key(self) -> tuple[Any, ...]:
        return (self.code,)


class Tag(Named):
    KEY = ("name",)
    name = models.CharField(max_length=40, unique=True)

    def natural_key(self) -> tuple[Any, ...]:
        return (self.name,)


class Template(Named):
    code = models.CharField(max_length=20, unique=True)
    body = models.TextField()
    settings = models.JSONField(default=dict)

    def natural_key(self) -> tuple[Any, ...]:
        return (self.code,)


class Document(Named):
    KEY = ("number",)
    number = models.CharField(max_length=40, unique=True)
    title = models.CharField(max_length=200)
    category = models.ForeignKey(Category, models.PROTECT)
    template = models.ForeignKey(Template, models.PROTECT, null=True)
    owner = models.ForeignKey(Person, models.PROTECT)
    supersedes = models.ForeignKey("self", models.PROTECT, null=True, related_name="superseded_by")
    tags = models.ManyToManyField(Tag)
    status = models.CharField(max_length=20)
    effective = models.DateField(null=True)
    created = models.DateTimeField()
    modified = models.DateTimeField()
    pages = models.PositiveIntegerField()
    price = models.DecimalField(max_digits=10, decimal_places=2, null=True)
    properties = models.JSONField(default=dict)
    scan = models.FileField(upload_to="scans", blank=True)

    def natural_key(self) -> tuple[Any, ...]:
        return (self.number,)


class Version(Named):
    KEY = ("document__number", "number")
    document = models.ForeignKey(Document, models.CASCADE)
    number = models.PositiveIntegerField()
    author = models.ForeignKey(Person, models.PROTECT)
    remark = models.TextField()
    sha256 = models.CharField(max_length=64)
    size = models.BigIntegerField()
    created = models.DateTimeField()

    class Meta:
        unique_together = [("document", "number")]

    def natural_key(self) -> tuple[Any, ...]:
        return (*self.document.natural_key(), self.number)

    natural_key.dependencies = ["records.document"]  # type: ignore[attr-defined]


class Signature(Named):
    KEY = ("version__document__number", "version__number", "signer__username")
    version = models.ForeignKey(Version, models.CASCADE)
    signer = models.ForeignKey(Person, models.PROTECT)
    meaning = models.CharField(max_length=30)
    signed = models.DateTimeField()
    seal = models.UUIDField(default=uuid.uuid4)

    class Meta:
        unique_together = [("version", "signer")]

    def natural_key(self) -> tuple[Any, ...]:
        return (*self.version.natural_key(), *self.signer.natural_key())

    natural_key.dependencies = ["records.version", "records.person"]  # type: ignore[attr-defined]


class Step(Named):
    KEY = ("document__number", "ordinal")
    document = models.ForeignKey(Document, models.CASCADE)
    ordinal = models.PositiveSmallIntegerField()
    assignee = models.ForeignKey(Person, models.PROTECT)
    due = models.DateField()
    done = models.DateTimeField(null=True)
    note = models.CharField(max_length=200, blank=True)

    class Meta:
        unique_together = [("document", "ordinal")]

    def natural_key(self) -> tuple[Any, ...]:
        return (*self.document.natural_key(), self.ordinal)

    natural_key.dependencies = ["records.document"]  # type: ignore[attr-defined]


class Comment(Named):
    KEY = ("uuid",)
    uuid = models.UUIDField(unique=True)
    version = models.ForeignKey(Version, models.CASCADE)
    author = models.ForeignKey(Person, models.PROTECT)
    text = models.TextField()
    written = models.DateTimeField()

    def natural_key(self) -> tuple[Any, ...]:
        return (self.uuid,)


class Reading(Named):
    KEY = ("version__document__number", "version__number", "reader__username")
    version = models.ForeignKey(Version, models.CASCADE)
    reader = models.ForeignKey(Person, models.PROTECT)
    read = models.DateTimeField()
    minutes = models.FloatField()

    class Meta:
        unique_together = [("version", "reader")]

    def natural_key(self) -> tuple[Any, ...]:
        return (*self.version.natural_key(), *self.reader.natural_key())

    natural_key.dependencies = ["records.version", "records.person"]  # type: ignore[attr-defined]


class Entry(Named):
    """A line of the audit trail; it points at any row."""

    KEY = ("uuid",)
    uuid = models.UUIDField(unique=True)
    at = models.DateTimeField(db_index=True)
    actor = models.ForeignKey(Person, models.PROTECT, null=True)
    action = models.CharField(max_length=30)
    content_type = models.ForeignKey(ContentType, models.PROTECT)
    object_id = models.BigIntegerField()
    subject = GenericForeignKey()
    details = models.JSONField(default=dict)

    def natural_key(self) -> tuple[Any, ...]:
        return (self.uuid,)
