"""What differs between two sites is told only where it can matter to this restore."""

import pytest
from django.contrib.sites.models import Site
from django.test import override_settings

from edms_backup.service import writing as service
from tests.unit.conftest import Zoo
from tests.zoo import models as zoo_models


def codes(zoo: Zoo, *labels: str) -> list[str]:
    return [finding.code for finding in zoo.plan(models=labels).findings]


def test_a_secret_that_this_site_does_not_have_is_not_another_one(
    zoo: Zoo, monkeypatch: pytest.MonkeyPatch
) -> None:
    zoo_models.Tag.objects.create(code="t")
    zoo.create("zoo.Tag")
    monkeypatch.setattr(service, "secret_fingerprints", dict)
    assert codes(zoo) == []
    monkeypatch.setattr(service, "secret_fingerprints", lambda: {"SECRET_KEY": "another", "OLD_KEY": "x"})
    assert codes(zoo) == ["secret_differs"]


def test_the_domain_of_a_site_is_no_matter_where_sites_are_not_restored(zoo: Zoo) -> None:
    zoo.create("sites.Site", "zoo.Tag")
    Site.objects.update(domain="elsewhere.example")

    assert codes(zoo, "zoo.Tag") == []
    assert codes(zoo, "sites.Site") == ["site_differs"]
    Site.objects.create(domain="example.com", name="as in the package")
    assert codes(zoo, "sites.Site") == []


def test_a_site_without_people_who_sign_in_is_restored_all_the_same(zoo: Zoo) -> None:
    zoo_models.Tag.objects.create(code="t")
    with override_settings(AUTH_USER_MODEL="nobody.Nobody"):
        zoo.create("zoo.Tag")
        assert codes(zoo, "zoo.Tag") == []
