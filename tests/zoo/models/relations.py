"""References of every shape."""

from django.contrib.contenttypes.fields import GenericForeignKey
from django.contrib.contenttypes.models import ContentType
from django.db import models


class Tag(models.Model):
    code = models.CharField(max_length=40, unique=True)


class ByCode(models.Manager):
    def get_by_natural_key(self, code: str) -> models.Model:
        return self.get(code=code)


class Author(models.Model):
    """Both halves of a natural key, written by hand."""

    code = models.CharField(max_length=40, unique=True)

    objects = ByCode()

    def natural_key(self) -> tuple[str]:
        return (self.code,)


class Article(models.Model):
    """Many-to-many plain, to itself both ways and one way, and through a model with columns."""

    code = models.CharField(max_length=40, unique=True)
    tags = models.ManyToManyField(Tag)
    kin = models.ManyToManyField("self")
    cites = models.ManyToManyField("self", symmetrical=False, related_name="cited_by")
    authors = models.ManyToManyField(Author, through="Authorship")


class Authorship(models.Model):
    code = models.CharField(max_length=40)
    article = models.ForeignKey(Article, on_delete=models.CASCADE)
    author = models.ForeignKey(Author, on_delete=models.CASCADE)
    share = models.IntegerField(default=100)

    class Meta:
        unique_together = [("article", "author")]


class Folder(models.Model):
    """A tree."""

    code = models.CharField(max_length=40, unique=True)
    parent = models.ForeignKey("self", on_delete=models.CASCADE, null=True)


class Team(models.Model):
    """One half of a circle that NULL may open."""

    code = models.CharField(max_length=40, unique=True)
    leader = models.ForeignKey("Member", on_delete=models.SET_NULL, null=True, related_name="led")


class Member(models.Model):
    code = models.CharField(max_length=40, unique=True)
    team = models.ForeignKey(Team, on_delete=models.CASCADE)


class Left(models.Model):
    """One half of a circle that nothing opens."""

    code = models.CharField(max_length=40, unique=True)
    right = models.ForeignKey("Right", on_delete=models.CASCADE, related_name="+")


class Right(models.Model):
    code = models.CharField(max_length=40, unique=True)
    left = models.ForeignKey(Left, on_delete=models.CASCADE, related_name="+")


class Orphan(models.Model):
    """May point at nothing: no constraint watches over it."""

    code = models.CharField(max_length=40, unique=True)
    tag = models.ForeignKey(Tag, on_delete=models.DO_NOTHING, db_constraint=False)


class Note(models.Model):
    """Content type and a number."""

    code = models.CharField(max_length=40, unique=True)
    content_type = models.ForeignKey(ContentType, on_delete=models.CASCADE, null=True)
    object_id = models.PositiveBigIntegerField(null=True)
    subject = GenericForeignKey(for_concrete_model=False)


class TextNote(models.Model):
    """Content type and a text."""

    code = models.CharField(max_length=40, unique=True)
    content_type = models.ForeignKey(ContentType, on_delete=models.CASCADE)
    object_id = models.CharField(max_length=80)
    subject = GenericForeignKey()


class UuidNote(models.Model):
    """Content type and a uuid."""

    code = models.CharField(max_length=40, unique=True)
    kind = models.ForeignKey(ContentType, on_delete=models.CASCADE)
    ident = models.UUIDField()
    subject = GenericForeignKey("kind", "ident")


class SoftNote(models.Model):
    """Content type and id, and nothing that says that the two belong together."""

    code = models.CharField(max_length=40, unique=True)
    content_type = models.ForeignKey(ContentType, on_delete=models.CASCADE, null=True)
    object_id = models.TextField(null=True)
