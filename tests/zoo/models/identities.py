"""Primary keys that are no plain numbers, and references that do not use the primary key."""

import uuid

from django.db import models

from tests.zoo.models.relations import Member


class Language(models.Model):
    """A text as primary key: the key is the name."""

    code = models.CharField(max_length=40, primary_key=True)
    name = models.CharField(max_length=40, default="")


class Phrase(models.Model):
    code = models.CharField(max_length=40, unique=True)
    language = models.ForeignKey(Language, on_delete=models.CASCADE)
    others = models.ManyToManyField(Language, related_name="other_phrases")


class Token(models.Model):
    """A uuid as primary key."""

    uuid = models.UUIDField(primary_key=True, default=uuid.uuid4)
    code = models.CharField(max_length=40)


class TokenUse(models.Model):
    code = models.CharField(max_length=40, unique=True)
    token = models.ForeignKey(Token, on_delete=models.CASCADE)
    others = models.ManyToManyField(Token, related_name="other_uses")


class Passport(models.Model):
    """A one-to-one relation as primary key."""

    holder = models.OneToOneField(Member, on_delete=models.CASCADE, primary_key=True)
    code = models.CharField(max_length=40)


class Visa(models.Model):
    """Refers to a row whose primary key is a relation."""

    code = models.CharField(max_length=40, unique=True)
    passport = models.ForeignKey(Passport, on_delete=models.CASCADE)


class Nation(models.Model):
    """Named by its number, referred to by its sign."""

    code = models.CharField(max_length=40)
    number = models.IntegerField(unique=True)
    sign = models.CharField(max_length=2, unique=True)


class Town(models.Model):
    """Refers by ``to_field``."""

    code = models.CharField(max_length=40, unique=True)
    nation = models.ForeignKey(Nation, to_field="sign", on_delete=models.CASCADE)


class Embassy(models.Model):
    """Named by nothing but a reference with ``to_field``."""

    code = models.CharField(max_length=40)
    nation = models.OneToOneField(Nation, to_field="sign", on_delete=models.CASCADE)


class Detail(models.Model):
    """Refers to a row that is named by a reference with ``to_field``."""

    code = models.CharField(max_length=40, unique=True)
    embassy = models.ForeignKey(Embassy, on_delete=models.CASCADE)


class Treaty(models.Model):
    """Its primary key is a reference with ``to_field``."""

    nation = models.OneToOneField(Nation, to_field="sign", on_delete=models.CASCADE, primary_key=True)
    code = models.CharField(max_length=40)


class TreatyPage(models.Model):
    code = models.CharField(max_length=40, unique=True)
    treaty = models.ForeignKey(Treaty, on_delete=models.CASCADE)


class Slot(models.Model):
    """A composite primary key of plain values."""

    pk = models.CompositePrimaryKey("room", "number")
    room = models.CharField(max_length=20)
    number = models.IntegerField()
    code = models.CharField(max_length=40)


class Hall(models.Model):
    code = models.CharField(max_length=40, unique=True)


class Seat(models.Model):
    """A composite primary key that holds a reference."""

    pk = models.CompositePrimaryKey("hall_id", "number")
    hall = models.ForeignKey(Hall, on_delete=models.CASCADE)
    number = models.IntegerField()
    code = models.CharField(max_length=40)


class AuditLine(models.Model):
    """An audit trail: what was written after a backup stays."""

    code = models.CharField(max_length=40, unique=True)
    hall = models.ForeignKey(Hall, on_delete=models.SET_NULL, null=True)
    language = models.ForeignKey(Language, on_delete=models.PROTECT, null=True)
    halls = models.ManyToManyField(Hall, related_name="audit_lines")


class AuditDetail(models.Model):
    """Hangs on an audit trail with its primary key."""

    line = models.OneToOneField(AuditLine, on_delete=models.CASCADE, primary_key=True)
    code = models.CharField(max_length=40)
