"""Tables that share rows: two levels down, a proxy, a view."""

from django.db import models

from edms_backup.naturalkeys import NaturalKey, NaturalKeyModel


class Animal(models.Model):
    code = models.CharField(max_length=40, unique=True)

    class Meta:
        ordering = ["-code"]


class Mammal(Animal):
    legs = models.IntegerField(default=4)


class Whale(Mammal):
    length = models.IntegerField(default=0)
    friends = models.ManyToManyField(Animal, related_name="whale_friends")


class QuietAnimal(Animal):
    """A proxy: the same rows under another name."""

    class Meta:
        proxy = True


class Hutch(models.Model):
    """Refers to a row by its child table."""

    code = models.CharField(max_length=40, unique=True)
    tenant = models.ForeignKey(Whale, on_delete=models.CASCADE)


class View(models.Model):
    """Something that the database owns; there may be no such table at all."""

    code = models.CharField(max_length=40)
    vehicle = models.ForeignKey("zoo.Vehicle", on_delete=models.DO_NOTHING, null=True)

    class Meta:
        managed = False
        db_table = "zoo_no_such_view"


class Vehicle(NaturalKeyModel):
    code = models.CharField(max_length=40, unique=True)

    natural_key_fields = NaturalKey("code")


class Truck(Vehicle):
    """Inherits the declaration, but not the column that it names."""

    load = models.IntegerField(default=0)
