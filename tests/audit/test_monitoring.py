"""The faces for machines say what the service says, to those who may know, and nothing else."""

import builtins
import datetime
import importlib
import sys
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import include, path

from edms_backup.create.report import CreateRequest
from edms_backup.errors import ConfigurationError, StoreUnavailable
from edms_backup.monitoring import prometheus
from edms_backup.monitoring.prometheus import EdmsBackupCollector, exposition, write_textfile
from edms_backup.service import BackupService, Level
from edms_backup.status import CHECKS
from edms_backup.storage import DirectoryStore
from tests.unit.conftest import Zoo
from tests.zoo import models as zoo_models

urlpatterns = [path("backup-status/", include("edms_backup.monitoring.urls"))]


@pytest.fixture
def client_of(zoo: Zoo, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Client:
    """Give a client of a site with the endpoints, whose token is ``t0ken``."""
    settings.ROOT_URLCONF = __name__
    monkeypatch.setenv("BACKUP_TOKEN", "t0ken")
    zoo.configure(MONITORING_TOKEN={"environment": "BACKUP_TOKEN"})
    return Client(headers={"Authorization": "Bearer t0ken"})


@pytest.fixture
def backed(zoo: Zoo) -> Zoo:
    """Give a zoo with a whole package that was verified."""
    zoo_models.Tag.objects.create(code="t")
    zoo.package = zoo.service.create(CreateRequest()).package
    zoo.service.verify("latest")
    return zoo


def test_the_endpoint_says_what_the_service_says(client_of: Client, backed: Zoo) -> None:
    answer = client_of.get("/backup-status/")
    assert answer.status_code == 200
    document = answer.json()
    assert list(document) == list(backed.service.status().to_dict())
    assert (document["status"], document["package"]) == ("ok", backed.package)
    assert [check["name"] for check in document["checks"]] == list(CHECKS)
    assert "no-store" in answer.headers["Cache-Control"]
    assert str(backed.service.settings.directory) not in answer.content.decode()


def test_the_endpoint_is_503_when_it_is_critical(client_of: Client) -> None:
    answer = client_of.get("/backup-status/")
    assert (answer.status_code, answer.json()["status"]) == (503, "critical")


def test_a_warning_is_no_reason_for_503(
    client_of: Client, backed: Zoo, monkeypatch: pytest.MonkeyPatch
) -> None:
    size = backed.service.store.stat(backed.package).size
    monkeypatch.setattr(DirectoryStore, "free_space", lambda self: 2 * size)
    answer = client_of.get("/backup-status/")
    assert (answer.status_code, answer.json()["status"]) == (200, "warning")


@pytest.mark.parametrize("place", ["/backup-status/", "/backup-status/metrics"])
@pytest.mark.parametrize(
    "shown", [None, "", "Bearer", "Bearer wrong", "Bearer T0KEN", "Basic t0ken", "Bearer é", "t0ken"]
)
def test_nobody_else_is_let_in(
    client_of: Client, backed: Zoo, monkeypatch: pytest.MonkeyPatch, place: str, shown: str | None
) -> None:
    monkeypatch.setattr(BackupService, "status", lambda self: pytest.fail("it was looked at"))
    headers = {} if shown is None else {"Authorization": shown}
    answer = Client(headers=headers).get(place)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert b"t0ken" not in answer.content
    assert backed.package.encode() not in answer.content


def test_without_a_token_in_settings_no_token_opens(
    client_of: Client, zoo: Zoo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("BACKUP_TOKEN")
    assert client_of.get("/backup-status/").status_code == 401
    assert Client(headers={"Authorization": "Bearer "}).get("/backup-status/").status_code == 401
    zoo.configure(MONITORING_TOKEN=None)
    assert client_of.get("/backup-status/").status_code == 401


def test_a_user_needs_the_permission(client_of: Client, backed: Zoo) -> None:
    user = get_user_model().objects.create_user("ann", password="x")
    client = Client()
    client.force_login(user)
    assert client.get("/backup-status/").status_code == 401
    user.user_permissions.add(
        Permission.objects.get(codename="view_status", content_type__app_label="edms_backup")
    )
    assert client.get("/backup-status/").status_code == 200
    user.is_active = False
    user.save()
    assert client.get("/backup-status/").status_code == 401


def test_only_reading_is_allowed(client_of: Client) -> None:
    for method in (client_of.post, client_of.put, client_of.delete, client_of.patch):
        assert method("/backup-status/").status_code == 405
    assert client_of.head("/backup-status/").status_code == 503


def test_settings_that_are_wrong_answer_503_without_details(client_of: Client, zoo: Zoo) -> None:
    zoo.configure(STATUS={"package_hours": "often"})
    answer = client_of.get("/backup-status/")
    assert answer.status_code == 503
    assert answer.json() == {"status": "unknown", "code": "configuration"}


# -- health ----------------------------------------------------------------------------------------


def run_check(**options: Any) -> str:
    """Return what the health check says; empty when all is well."""
    from health_check.exceptions import HealthCheckException

    from edms_backup.monitoring.health import BackupStatus

    try:
        BackupStatus(**options).run()
    except HealthCheckException as error:
        return f"{type(error).__name__}: {error}"
    return ""


def test_the_health_check(backed: Zoo, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run_check() == ""
    size = backed.service.store.stat(backed.package).size
    monkeypatch.setattr(DirectoryStore, "free_space", lambda self: 2 * size)
    assert run_check().startswith("ServiceWarning: Warning: ")
    assert run_check(only="store") == ""
    (Path(backed.service.settings.directory) / backed.package).unlink()
    assert run_check() == "ServiceUnavailable: Unavailable: There is no good package."
    assert run_check(only="package").startswith("ServiceUnavailable")
    backed.configure(STATUS={"package_hours": "often"})
    assert run_check() == "ServiceUnavailable: Unavailable: The status cannot be told (configuration)"


def test_the_health_check_in_its_view(backed: Zoo, settings: Any, tmp_path: Path) -> None:
    pytest.importorskip("health_check")
    from asgiref.sync import async_to_sync
    from django.test import RequestFactory
    from health_check.views import HealthCheckView

    checks = [
        "edms_backup.monitoring.health.BackupStatus",
        ("edms_backup.monitoring.health.BackupStatus", {"only": "store"}),
    ]
    view = async_to_sync(HealthCheckView.as_view(checks=checks))
    answer = view(RequestFactory().get("/", headers={"Accept": "application/json"}))
    assert answer.status_code == 200
    (Path(backed.service.settings.directory) / backed.package).unlink()
    answer = view(RequestFactory().get("/", headers={"Accept": "text/plain"}))
    assert answer.status_code == 500
    text = answer.content.decode()
    assert "There is no good package." in text
    assert "BackupStatus(only='store'): OK" in text


# -- prometheus ------------------------------------------------------------------------------------


def samples(text: bytes) -> dict[str, float]:
    from prometheus_client.parser import text_string_to_metric_families

    return {
        sample.name + "".join(sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text.decode())
        for sample in family.samples
    }


def test_metrics_are_the_status(backed: Zoo) -> None:
    found = samples(exposition())
    assert found["edms_backup_level"] == 0
    assert {name for name in found if name.startswith("edms_backup_check_level")} == {
        f"edms_backup_check_level{check}" for check in CHECKS
    }
    assert found["edms_backup_packages"] == 1
    assert found["edms_backup_store_bytes"] == backed.service.store.stat(backed.package).size
    assert 0 <= found["edms_backup_last_package_age_seconds"] < 120
    assert found["edms_backup_audit_entries"] == 3
    assert found["edms_backup_store_free_bytes"] > 0
    assert found["edms_backup_run_seconds"] == 0
    now = datetime.datetime.now(datetime.UTC).timestamp()
    assert found["edms_backup_status_timestamp_seconds"] == pytest.approx(now, abs=60)


def test_what_is_not_known_has_no_number(zoo: Zoo, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(self: DirectoryStore) -> None:
        raise StoreUnavailable("away")

    monkeypatch.setattr(DirectoryStore, "list", away)
    monkeypatch.setattr(DirectoryStore, "free_space", away)
    found = samples(exposition())
    assert found["edms_backup_check_levelstore"] == Level.CRITICAL
    assert not {
        "edms_backup_packages",
        "edms_backup_last_package_age_seconds",
        "edms_backup_store_free_bytes",
    } & set(found)


def test_registering_looks_at_nothing_and_a_scrape_looks_anew(
    backed: Zoo, monkeypatch: pytest.MonkeyPatch
) -> None:
    from prometheus_client import CollectorRegistry, generate_latest

    registry = CollectorRegistry(auto_describe=True)
    with monkeypatch.context() as patch:
        patch.setattr(BackupService, "status", lambda self: pytest.fail("it was looked at"))
        registry.register(EdmsBackupCollector())
    assert samples(generate_latest(registry))["edms_backup_packages"] == 1
    backed.service.create(CreateRequest())
    assert samples(generate_latest(registry))["edms_backup_packages"] == 2


def test_the_metrics_endpoint(client_of: Client, backed: Zoo) -> None:
    answer = client_of.get("/backup-status/metrics")
    assert (answer.status_code, answer.headers["Content-Type"]) == (
        200,
        "text/plain; version=0.0.4; charset=utf-8",
    )
    assert samples(answer.content)["edms_backup_packages"] == 1


def test_the_textfile_appears_in_one_step(backed: Zoo, tmp_path: Path) -> None:
    file = tmp_path / "edms_backup.prom"
    file.write_text("old")
    write_textfile(file, backed.service.status())
    assert samples(file.read_bytes())["edms_backup_packages"] == 1
    assert [one.name for one in tmp_path.glob("*.prom*")] == ["edms_backup.prom"]
    with pytest.raises(StoreUnavailable, match="cannot be written"):
        write_textfile(tmp_path / "no" / "where.prom", backed.service.status())


# -- missing extras --------------------------------------------------------------------------------


def test_a_missing_extra_is_named(
    client_of: Client, backed: Zoo, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    real = builtins.__import__

    def lacking(name: str, *args: Any, **kwargs: Any) -> Any:
        if name.partition(".")[0] in ("prometheus_client", "health_check"):
            raise ImportError(f"No module named {name!r}")
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", lacking)
    with pytest.raises(ConfigurationError, match="prometheus_client") as refused:
        write_textfile(tmp_path / "x.prom", backed.service.status())
    assert "edms-backup[prometheus]" in refused.value.hint
    answer = client_of.get("/backup-status/metrics")
    assert (answer.status_code, answer.json()["code"]) == (503, "configuration")
    assert client_of.get("/backup-status/").status_code == 200, "the rest works without"
    monkeypatch.delitem(sys.modules, "edms_backup.monitoring.health", raising=False)
    with pytest.raises(ConfigurationError, match="django-health-check") as refused:
        importlib.import_module("edms_backup.monitoring.health")
    assert "edms-backup[health]" in refused.value.hint
    assert prometheus.EdmsBackupCollector is EdmsBackupCollector
