"""Rows that nothing names: they are known by what they hold."""

from django.contrib.contenttypes.fields import GenericForeignKey
from django.contrib.contenttypes.models import ContentType
from django.db import models


class Reading(models.Model):
    """Measurements; two of them may be equal in every column."""

    code = models.CharField(max_length=40)
    value = models.IntegerField(default=0)


class Flag(models.Model):
    """Has a name of its own and refers to rows without one, in two ways."""

    code = models.CharField(max_length=40, unique=True)
    reading = models.ForeignKey(Reading, on_delete=models.CASCADE, null=True)


class Pin(models.Model):
    """Refers to rows without a name by a many-to-many table."""

    code = models.CharField(max_length=40, unique=True)
    readings = models.ManyToManyField(Reading)


class FlagPin(models.Model):
    """Its only unique column is a reference to a row without a name."""

    code = models.CharField(max_length=40)
    reading = models.OneToOneField(Reading, on_delete=models.CASCADE)


class Watch(models.Model):
    """Refers to rows without a name by content type and id."""

    code = models.CharField(max_length=40, unique=True)
    content_type = models.ForeignKey(ContentType, on_delete=models.CASCADE)
    object_id = models.PositiveBigIntegerField()
    target = GenericForeignKey()


class Node(models.Model):
    """A tree of rows without a name."""

    code = models.CharField(max_length=40)
    parent = models.ForeignKey("self", on_delete=models.CASCADE, null=True)
