"""Sessions, CSRF, the password again, rates: with everything enforced."""

import base64
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core.cache.backends.dummy import DummyCache
from django.core.cache.backends.locmem import LocMemCache
from django.test import Client

from edms_backup.api.access import Rate
from edms_backup.models import Run
from tests.api.conftest import ROOT, SECRET, Caller, CallerFactory
from tests.api.test_matrix import ROUTES, ROWS, address
from tests.unit.conftest import Zoo

TAGS = {"models": ["zoo.Tag"], "files": False}
UNSAFE = [(name, method) for name, row in ROWS.items() for method in row if method != "GET"]


@pytest.mark.parametrize(("name", "method"), UNSAFE)
def test_every_unsafe_call_of_a_session_needs_the_csrf_token(boss: Caller, name: str, method: str) -> None:
    boss.confirm()
    del boss.client.cookies["csrftoken"]
    path = ROOT + address(ROUTES[name])
    for headers in ({}, {"X-CSRFToken": "t" * 32}, {"Referer": "http://testserver/"}):
        answer = boss.client.generic(method, path, b"{}", "application/json", headers=headers)
        assert answer.status_code == 403
        assert "CSRF" in answer.json()["detail"]
    assert Run.objects.count() == 0


def test_a_token_from_elsewhere_is_none(boss: Caller) -> None:
    boss.client.cookies["csrftoken"] = "a" * 32
    answer = boss.client.post(
        ROOT + "packages/", b"{}", "application/json", headers={"X-CSRFToken": "b" * 32}
    )
    assert answer.status_code == 403
    assert Run.objects.count() == 0


@pytest.mark.parametrize(
    "kind", ["multipart/form-data; boundary=x", "application/x-www-form-urlencoded", "text/plain"]
)
def test_what_a_form_of_another_site_can_send_is_refused(boss: Caller, kind: str) -> None:
    boss.client.cookies["csrftoken"] = "t" * 32
    answer = boss.client.generic("POST", ROOT + "packages/", b"a=b", kind, headers={"X-CSRFToken": "t" * 32})
    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")


def test_looking_changes_nothing(boss: Caller) -> None:
    for name, row in ROWS.items():
        if "GET" in row:
            boss.get(address(ROUTES[name]))
            boss.call("HEAD", address(ROUTES[name]))
    assert Run.objects.count() == 0
    assert boss.get("audit/").json()["total"] == 0


# -- the password again --------------------------------------------------------------------------------


def needed(answer: Any) -> bool:
    return answer.status_code == 403 and answer.json()["code"] == "reauthentication_required"


def delete(who: Caller, **headers: str) -> Any:
    return who.call("DELETE", address(ROUTES["package"]), **headers)


def test_a_confirmation_lasts_for_a_while(boss: Caller, site: Zoo, monkeypatch: pytest.MonkeyPatch) -> None:
    assert needed(delete(boss))
    boss.confirm()
    assert delete(boss).status_code == 404
    now = time.time()
    monkeypatch.setattr("edms_backup.service.people.time.time", lambda: now + 599)
    assert delete(boss).status_code == 404
    monkeypatch.setattr("edms_backup.service.people.time.time", lambda: now + 602)
    assert needed(delete(boss))
    site.configure(REAUTHENTICATION_AGE=3600)
    assert delete(boss).status_code == 404
    monkeypatch.setattr("edms_backup.service.people.time.time", lambda: now - 60)
    assert needed(delete(boss)), "a clock that was put back"


def test_a_confirmation_is_of_one_person_and_one_password(boss: Caller, caller: CallerFactory) -> None:
    boss.confirm()
    confirmed = boss.client.session["edms_backup_confirmed"]
    other = caller("delete_package", name="ann")
    session = other.client.session
    session["edms_backup_confirmed"] = confirmed
    session.save()
    assert needed(delete(other))
    key = boss.client.session.session_key
    boss.confirm()
    assert boss.client.session.session_key != key
    boss.user.set_password("another")
    boss.user.save()
    boss.client.force_login(boss.user)
    session = boss.client.session
    session["edms_backup_confirmed"] = confirmed
    session.save()
    assert needed(delete(boss))


@pytest.mark.parametrize("password", ["", "wrong", SECRET + " ", SECRET.upper(), "a\0b"])
def test_a_wrong_password_confirms_nothing(boss: Caller, password: str) -> None:
    answer = boss.post("reauthenticate/", {"password": password})
    assert answer.status_code in (400, 403)
    assert needed(delete(boss))
    if password.isprintable() and password:
        assert needed(delete(boss, Edms_Backup_Password=password.replace(" ", "%20")))


def test_the_password_can_come_with_the_call(boss: Caller) -> None:
    assert delete(boss, Edms_Backup_Password=SECRET).status_code == 404
    assert needed(delete(boss)), "it counts for that call only"
    boss.user.set_password("пароль")
    boss.user.save()
    boss.client.force_login(boss.user)
    assert delete(boss, Edms_Backup_Password="пароль").status_code == 404


def test_programs_send_it_with_each_call(boss: Caller) -> None:
    client = Client(enforce_csrf_checks=True)
    basic = {"Authorization": "Basic " + base64.b64encode(f"boss:{SECRET}".encode()).decode()}
    path = ROOT + address(ROUTES["package"])
    assert client.get(ROOT + "packages/", headers=basic).status_code == 200
    assert needed(client.delete(path, headers=basic))
    assert client.delete(path, headers={**basic, "Edms-Backup-Password": SECRET}).status_code == 404
    answer = client.post(
        ROOT + "reauthenticate/", {"password": SECRET}, content_type="application/json", headers=basic
    )
    assert (answer.status_code, answer.json()["code"]) == (400, "usage")
    wrong = {"Authorization": "Basic " + base64.b64encode(b"boss:no").decode()}
    assert client.get(ROOT + "packages/", headers=wrong).status_code in (401, 403)


def test_guessing_is_slowed_down(boss: Caller) -> None:
    answers = [boss.post("reauthenticate/", {"password": f"guess {n}"}) for n in range(12)]
    assert [answer.status_code for answer in answers].count(403) == 10
    assert (answers[-1].status_code, answers[-1].json()["code"]) == (429, "throttled")
    assert int(answers[-1]["Retry-After"]) > 0
    assert delete(boss, Edms_Backup_Password=SECRET).status_code == 429
    assert boss.get("packages/").status_code == 200


def counting(rate: str = "3/minute", cache: Any = None) -> Any:
    """Give a function that counts a call at a moment, and returns whether it was allowed, or for how long not."""
    store = cache if cache is not None else LocMemCache(uuid.uuid4().hex, {})
    request: Any = SimpleNamespace(user=SimpleNamespace(pk=7))

    def call(moment: float) -> bool | float:
        throttle = Rate("write", rate)
        throttle.cache, throttle.timer = store, lambda: moment
        return throttle.allow_request(request, None) or throttle.wait()  # type: ignore[arg-type]

    return call


def test_a_rate_holds_over_the_end_of_a_minute() -> None:
    call = counting()
    assert [call(moment) for moment in (650.0, 655.0, 659.0)] == [True, True, True]
    wait = call(659.0)
    assert wait == pytest.approx(1 + 20), "the rest of this minute, and a third of the next"
    assert call(661.0) == pytest.approx(19)
    assert call(659.0 + wait) is True
    assert call(681.0) is not True
    assert [call(moment) for moment in (900.0, 900.0, 900.0)] == [True, True, True]


def test_a_call_that_is_refused_does_not_count() -> None:
    call = counting("1/minute")
    assert call(600.0) is True
    assert all(call(601.0 + n) is not True for n in range(20))
    assert call(661.0) is not True
    assert call(720.0) is True


def test_a_cache_that_keeps_nothing_refuses_nobody() -> None:
    call = counting("1/minute", DummyCache("", {}))
    assert [call(600.0), call(600.0)] == [True, True]


def test_of_parallel_calls_none_is_missed() -> None:
    call = counting("20/minute")
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda n: call(600.0), range(200)))
    assert answers.count(True) == 20


def test_calls_are_counted_by_kind(boss: Caller, caller: CallerFactory, site: Zoo) -> None:
    site.configure(API_RATES={"read": "2/hour"})
    assert [boss.get("packages/").status_code for _ in range(3)] == [200, 200, 429]
    assert boss.post("inventory/").status_code == 202
    assert caller("view_package", name="ann").get("packages/").status_code == 200


def test_who_is_locked_out_is_out(boss: Caller) -> None:
    assert boss.get("packages/").status_code == 200
    get_user_model().objects.update(is_active=False)
    assert boss.get("packages/").status_code in (401, 403)


def test_nothing_is_served_where_the_host_says_nothing(boss: Caller, settings: Any) -> None:
    settings.ROOT_URLCONF = "tests.api.bare_urls"
    assert boss.get("packages/").status_code == 404
