"""Which key a model gets, and that no model on its own can stop a site from being backed up."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import models
from django.test.utils import isolate_apps

from edms_backup.errors import NaturalKeyError
from edms_backup.naturalkeys import KeyRegistry, KeySource, NaturalKey
from edms_backup.naturalkeys.resolve import KeySpec
from tests.zoo.models import Article, Author, Tag


class FindsByKey(models.Manager):
    def get_by_natural_key(self, *parts: str) -> models.Model:
        return self.get(pk=parts[0])


@isolate_apps("tests.zoo")
def test_a_circle_of_one_to_one_relations_that_nobody_declared_is_known_by_content() -> None:
    class Hen(models.Model):
        egg = models.OneToOneField("Egg", models.CASCADE, related_name="+")

        class Meta:
            app_label = "zoo"

    class Egg(models.Model):
        hen = models.OneToOneField("Hen", models.CASCADE, related_name="+")

        class Meta:
            app_label = "zoo"

    registry = KeyRegistry()

    assert any(registry.of(model).keyless for model in (Hen, Egg))


@isolate_apps("tests.zoo")
def test_a_circle_that_somebody_declared_is_refused() -> None:
    class Hen(models.Model):
        egg = models.ForeignKey("Egg", models.CASCADE, related_name="+")
        natural_key_fields = NaturalKey("egg")

        class Meta:
            app_label = "zoo"

    class Egg(models.Model):
        hen = models.ForeignKey("Hen", models.CASCADE, related_name="+")
        natural_key_fields = NaturalKey("hen")

        class Meta:
            app_label = "zoo"

    with pytest.raises(NaturalKeyError, match="leads back to itself"):
        KeyRegistry().of(Hen)


@isolate_apps("tests.zoo")
def test_a_constraint_beside_the_key_may_lead_in_a_circle() -> None:
    class Shop(models.Model):
        title = models.CharField(max_length=9)
        manager = models.ForeignKey("Clerk", models.CASCADE, related_name="+")
        natural_key_fields = NaturalKey("title")

        class Meta:
            app_label = "zoo"
            unique_together = [("manager", "title")]

    class Clerk(models.Model):
        shop = models.ForeignKey("Shop", models.CASCADE, related_name="+")
        number = models.IntegerField()

        class Meta:
            app_label = "zoo"
            unique_together = [("shop", "number")]

    registry = KeyRegistry()

    assert registry.of(Shop).paths == ("title",)
    assert registry.of(Clerk).paths == ("shop__title", "number")


@isolate_apps("tests.zoo")
def test_a_constraint_through_a_row_that_only_its_method_names_is_passed_over() -> None:
    class Called(models.Model):
        number = models.CharField(max_length=9)
        objects = FindsByKey()

        def natural_key(self) -> tuple[str]:
            return (f"no. {self.number}",)

        class Meta:
            app_label = "zoo"

    class Partner(models.Model):
        called = models.OneToOneField(Called, models.CASCADE)

        class Meta:
            app_label = "zoo"

    registry = KeyRegistry()

    assert registry.of(Called).by_method
    assert registry.of(Partner).keyless


@isolate_apps("tests.zoo")
@pytest.mark.parametrize("written", ["attribute", "pk", "text"])
def test_a_method_that_hands_out_the_number_of_another_row_is_not_used(written: str) -> None:
    class Owner(models.Model):
        code = models.CharField(max_length=9, unique=True)

        class Meta:
            app_label = "zoo"

    class Thing(models.Model):
        owner = models.ForeignKey(Owner, models.CASCADE)
        name = models.CharField(max_length=9)
        objects = FindsByKey()

        def natural_key(self) -> tuple[object, ...]:
            if written == "attribute":
                return (self.owner_id, self.name)
            return (self.owner.pk if written == "pk" else f"{self.owner_id}", self.name)

        class Meta:
            app_label = "zoo"

    spec = KeyRegistry().of(Thing)

    assert spec.source is KeySource.CONTENT, spec


class Slow(KeyRegistry):
    """Takes its time, so that others ask meanwhile."""

    def _choose(self, model: type[models.Model]) -> KeySpec:
        time.sleep(0.02)
        return super()._choose(model)


def test_threads_may_ask_at_the_same_time() -> None:
    registry = Slow()
    with ThreadPoolExecutor(4) as pool:
        keys = list(pool.map(registry.of, [Article, Author, Tag] * 4))
    assert keys == [KeyRegistry().of(model) for model in [Article, Author, Tag] * 4]
