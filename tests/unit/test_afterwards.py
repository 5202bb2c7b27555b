"""What surrounds a restore: signals, hooks, sessions, caches, and what differs between two sites."""

import datetime
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.sessions.models import Session
from django.contrib.sites.models import Site
from django.core.cache import cache
from django.db import DatabaseError

from edms_backup.create.report import CreateReport
from edms_backup.engines.sqlite import SQLiteEngine
from edms_backup.errors import ConfigurationError, PlanBlocked
from edms_backup.findings import Finding, Severity
from edms_backup.restore.report import Outcome, RestoreReport
from edms_backup.service import BackupService
from edms_backup.signals import backup_created, restore_finished
from tests.unit.conftest import Zoo
from tests.zoo import models as zoo_models

CALLS: list[tuple[str, object]] = []


def first(report: RestoreReport) -> None:
    CALLS.append(("first", report))


def failing(report: RestoreReport) -> None:
    CALLS.append(("failing", report))
    raise ValueError("the index is away")


def telling(report: RestoreReport) -> Iterator[Finding]:
    CALLS.append(("telling", report))
    yield Finding(code="host_says", severity=Severity.INFO, message="done")


@pytest.fixture(autouse=True)
def no_calls() -> Iterator[None]:
    CALLS.clear()
    yield
    CALLS.clear()


def hooks(*names: str) -> list[str]:
    return [f"{__name__}.{name}" for name in names]


@pytest.fixture
def tagged(zoo: Zoo) -> Zoo:
    """Give a zoo with one tag in its package, and none in its table."""
    zoo_models.Tag.objects.create(code="t")
    zoo.create("zoo.Tag")
    zoo_models.Tag.objects.all().delete()
    return zoo


@pytest.mark.pitfall(58)
@pytest.mark.pitfall(59)
def test_hooks_are_called_in_their_order_after_the_commit(tagged: Zoo) -> None:
    tagged.configure(AFTER_RESTORE=hooks("telling", "first"))

    report = tagged.restore()

    assert [name for name, _ in CALLS] == ["telling", "first"]
    seen = CALLS[0][1]
    assert isinstance(seen, RestoreReport)
    assert (seen.outcome, seen.models["zoo.Tag"].inserted) == (Outcome.COMMITTED, 1)
    assert "host_says" in {finding.code for finding in report.findings}
    assert report.exit_code == 0


@pytest.mark.pitfall(59)
def test_a_hook_that_fails_is_a_defect_and_stops_no_other(tagged: Zoo) -> None:
    tagged.configure(AFTER_RESTORE=hooks("failing", "first"))

    report = tagged.restore()

    assert [name for name, _ in CALLS] == ["failing", "first"]
    (finding,) = [f for f in report.findings if f.code == "hook_failed"]
    assert finding.severity is Severity.DEFECT
    assert "failing failed: ValueError: the index is away" in finding.message
    assert (report.outcome, report.exit_code) == (Outcome.COMMITTED, 3)
    assert zoo_models.Tag.objects.exists()


def test_a_hook_that_does_not_exist_stops_the_restore_before_it_begins(tagged: Zoo) -> None:
    tagged.configure(AFTER_RESTORE=["nowhere.to.be.found"])
    with pytest.raises(ConfigurationError, match=r"nowhere\.to\.be\.found"):
        tagged.restore()
    assert not zoo_models.Tag.objects.exists()


def test_a_plan_calls_nothing(tagged: Zoo) -> None:
    tagged.configure(AFTER_RESTORE=hooks("first"))
    tagged.plan()
    assert CALLS == []


def test_caches_are_emptied(tagged: Zoo) -> None:
    cache.set("old", "truth")
    tagged.restore()
    assert cache.get("old") is None
    cache.set("old", "truth")
    tagged.configure(AFTER_RESTORE=[])
    tagged.restore()
    assert cache.get("old") == "truth"


@pytest.mark.pitfall(59)
def test_signals_are_sent_with_the_report(zoo: Zoo) -> None:
    seen: list[tuple[Any, object]] = []

    def receive(sender: type[Any], report: object, **kwargs: Any) -> None:
        seen.append((sender, report))

    def refuse(sender: type[Any], report: object, **kwargs: Any) -> None:
        raise RuntimeError("no")

    zoo_models.Tag.objects.create(code="t")
    for signal in (backup_created, restore_finished):
        signal.connect(refuse, dispatch_uid="refuse")
        signal.connect(receive, dispatch_uid="receive")
    try:
        created = zoo.create("zoo.Tag")
        restored = zoo.restore()
    finally:
        for signal in (backup_created, restore_finished):
            signal.disconnect(dispatch_uid="refuse")
            signal.disconnect(dispatch_uid="receive")

    assert [sender for sender, _ in seen] == [BackupService, BackupService]
    assert isinstance(seen[0][1], CreateReport)
    assert isinstance(seen[1][1], RestoreReport)
    for report in (created, restored):
        (finding,) = [f for f in report.findings if f.code == "receiver_failed"]
        assert "refuse failed: RuntimeError: no" in finding.message
        assert report.exit_code == 3


@pytest.mark.pitfall(32)
@pytest.mark.parametrize("end", [True, False])
def test_sessions_end_with_a_restore_unless_settings_say_no(tagged: Zoo, end: bool) -> None:
    tagged.configure(END_SESSIONS=end)
    when = datetime.datetime(2100, 1, 1, tzinfo=datetime.UTC)
    for key in ("one", "two"):
        Session.objects.create(session_key=key, session_data="x", expire_date=when)

    report = tagged.restore()

    assert Session.objects.count() == (0 if end else 2)
    assert [f.count for f in report.findings if f.code == "sessions_ended"] == ([2] if end else [])


def test_one_session_that_ends_is_told_of_as_one(tagged: Zoo) -> None:
    when = datetime.datetime(2100, 1, 1, tzinfo=datetime.UTC)
    Session.objects.create(session_key="one", session_data="x", expire_date=when)
    (told,) = [f.message for f in tagged.restore().findings if f.code == "sessions_ended"]
    assert told == "1 session was ended; everybody has to sign in again."


def test_sites_without_sessions_have_none_to_end(tagged: Zoo, settings: Any) -> None:
    from edms_backup.restore.aftercare import end_sessions

    settings.INSTALLED_APPS = [app for app in settings.INSTALLED_APPS if app != "django.contrib.sessions"]
    assert list(end_sessions()) == []


@pytest.mark.pitfall(62)
def test_statistics_that_cannot_be_renewed(tagged: Zoo, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: SQLiteEngine, specs: object) -> None:
        raise DatabaseError("locked")

    monkeypatch.setattr(SQLiteEngine, "analyze", refuse)
    report = tagged.restore()
    assert [f.severity for f in report.findings if f.code == "analyze_failed"] == [Severity.WARNING]
    assert zoo_models.Tag.objects.exists()


@pytest.mark.pitfall(26)
def test_what_the_process_remembers_is_forgotten(zoo: Zoo) -> None:
    site = Site.objects.get_current()
    zoo.create("sites.Site")
    Site.objects.filter(pk=site.pk).update(name="other")
    assert Site.objects.get_current().name == site.name, "the cache of Django"
    zoo.restore()
    Site.objects.filter(pk=site.pk).update(name="third")
    assert Site.objects.get_current().name == "third"


# -- what differs between two sites ----------------------------------------------------------------


def findings_of(zoo: Zoo) -> dict[str, Finding]:
    return {finding.code: finding for finding in zoo.plan().findings}


def test_the_same_site_differs_in_nothing(zoo: Zoo) -> None:
    get_user_model().objects.create_user("ann", password="secret")
    zoo.create("users.User", "sites.Site")
    assert findings_of(zoo) == {}


@pytest.mark.pitfall(31)
def test_another_secret_key(tagged: Zoo, settings: Any) -> None:
    settings.SECRET_KEY = "another one entirely, for this test only"
    finding = findings_of(tagged)["secret_differs"]
    assert (finding.severity, finding.field) == (Severity.WARNING, "SECRET_KEY")
    assert "another one" not in str(finding)


@pytest.mark.pitfall(34)
def test_passwords_that_this_site_cannot_check(zoo: Zoo, settings: Any) -> None:
    users = get_user_model()
    for number, password in enumerate(["md9$x$y", "md9$a$b", "plain", "!unusable", ""]):
        user = users.objects.create_user(f"u{number}")
        users.objects.filter(pk=user.pk).update(password=password)
    users.objects.create_user("fine", password="secret")
    zoo.create("users.User", "zoo.Tag")

    found = [f for f in zoo.plan().findings if f.code == "unknown_password_hasher"]

    assert [f.count for f in found] == [1, 2]
    assert "an unknown algorithm" in found[0].message
    assert "md9" in found[1].message
    assert {(f.model, f.field, f.severity) for f in found} == {("users.User", "password", Severity.WARNING)}
    assert zoo.service.plan(zoo.request(models=("zoo.Tag",))).findings == ()


@pytest.mark.pitfall(31)
def test_a_site_with_another_domain(zoo: Zoo) -> None:
    zoo.create("sites.Site")
    Site.objects.update(domain="elsewhere.example")
    assert findings_of(zoo)["site_differs"].field == "domain"
    Site.objects.all().delete()
    assert "site_differs" not in findings_of(zoo), "a site without a domain has none that differs"


@pytest.mark.pitfall(44)
def test_time_zones(tagged: Zoo, settings: Any) -> None:
    settings.TIME_ZONE = "Asia/Tokyo"
    assert findings_of(tagged) == {}, "with zones, where the clock hangs is no matter"
    settings.USE_TZ = False
    finding = findings_of(tagged)["time_zone_support_differs"]
    assert (finding.severity, finding.field) == (Severity.ERROR, "USE_TZ")
    with pytest.raises(PlanBlocked):
        tagged.restore()
    assert not zoo_models.Tag.objects.exists()


def test_times_without_a_zone(zoo: Zoo, settings: Any) -> None:
    settings.USE_TZ = False
    zoo_models.Clocked.objects.create(code="c", at=datetime.datetime(2024, 1, 2, 3, 4, 5, 6))
    zoo.create("zoo.Clocked")
    zoo_models.Clocked.objects.all().delete()
    assert findings_of(zoo) == {}
    settings.TIME_ZONE = "Asia/Tokyo"
    assert findings_of(zoo)["time_zone_differs"].severity is Severity.WARNING
    zoo.restore()
    assert zoo_models.Clocked.objects.get().at == datetime.datetime(2024, 1, 2, 3, 4, 5, 6)
