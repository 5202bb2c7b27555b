"""What strangers send, and what goes wrong in the middle: one clear answer, and nothing has changed."""

import json
import os
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import InterfaceError, OperationalError, connection

from edms_backup.models import Run
from tests.api.conftest import ROOT, Caller, digest, read
from tests.unit.conftest import Zoo
from tests.zoo.models import Tag

TAGS = {"models": ["zoo.Tag"], "files": False}


@pytest.fixture(autouse=True)
def unchanged(site: Zoo) -> Iterator[None]:
    """See that tags and store are afterwards what they were, and that nothing is left in quarantine."""
    yield
    assert sorted(Tag.objects.values_list("code", flat=True)) == ["a", "b", "c"]
    quarantine = site.service.settings.state_directory / "quarantine"
    assert (
        not quarantine.exists()
        or [path for path in quarantine.iterdir() if path.suffix != ".announced"] == []
    )


@pytest.fixture
def package(boss: Caller) -> str:
    return str(boss.post("packages/", TAGS).json()["id"])


def refusal(answer: Any) -> tuple[int, str]:
    assert answer["Content-Type"] == "application/problem+json"
    said = answer.json()
    assert said["status"] == answer.status_code
    assert said["detail"]
    return answer.status_code, said["code"]


def announced(boss: Caller, data: bytes, **lies: Any) -> str:
    answer = boss.post("uploads/", {"bytes": len(data), "sha256": digest(data), **lies})
    assert answer.status_code == 201
    return str(answer.json()["id"])


# -- bodies --------------------------------------------------------------------------------------------

DEEP = b"[" * 30_000 + b"]" * 30_000


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"", (202, "")),
        (b"null", (400, "parse_error")),
        (b"[]", (400, "parse_error")),
        (b"{", (400, "parse_error")),
        (b"\xff", (400, "parse_error")),
        (b'{"label": "a", "label": "b"}', (400, "parse_error")),
        (b'{"label": NaN}', (400, "parse_error")),
        (b'{"label": "\\ud800"}', (400, "parse_error")),
        (DEEP, (400, "parse_error")),
        (b'{"label": ' + b"1" * 5000 + b"}", (400, "parse_error")),
        (b'{"label": "' + b"x" * 70_000 + b'"}', (413, "package_too_large")),
        (b'{"label": "' + b"x" * 201 + b'"}', (400, "invalid")),
        (b'{"label": "a\\u0000b"}', (400, "invalid")),
        (b'{"label": 1}', (400, "invalid")),
        (b'{"files": "yes"}', (400, "invalid")),
        (b'{"files": 1}', (400, "invalid")),
        (b'{"models": "zoo.Tag"}', (400, "invalid")),
        (b'{"models": [[]]}', (400, "invalid")),
        (b'{"reason": 0}', (400, "invalid")),
        (b'{"reason": "a\\nb"}', (400, "invalid")),
        (b'{"output": "/srv/www/x.edms.zip"}', (400, "invalid")),
        (b'{"database": "default"}', (400, "invalid")),
        (b'{"kind": "safety"}', (400, "invalid")),
        (b'{"reason": "' + b"x" * 501 + b'"}', (400, "invalid")),
    ],
)
def test_bodies(boss: Caller, site: Zoo, body: bytes, expected: tuple[int, str]) -> None:
    site.configure(JOBS="tests.api.conftest.never")
    boss.client.cookies["csrftoken"] = "t" * 32
    answer = boss.client.generic(
        "POST", ROOT + "packages/", body, "application/json", headers={"X-CSRFToken": "t" * 32}
    )
    if expected[0] == 202:
        assert answer.status_code == 202
        return
    assert refusal(answer) == expected
    assert Run.objects.count() == 0


@pytest.mark.parametrize("reason", ["a\nb", "x" * 1001, "\x1b[31m"])
def test_reasons_that_no_trail_can_hold(boss: Caller, package: str, reason: str) -> None:
    before = Run.objects.count()
    answer = boss.confirm().call("DELETE", f"packages/{package}/", Edms_Backup_Reason=reason)
    assert refusal(answer)[0] == 400
    assert Run.objects.count() == before
    assert boss.get(f"packages/{package}/").status_code == 200


NAMES = (
    "latest",
    "..",
    "../../etc/passwd",
    "..%2f..%2fetc%2fpasswd",
    "%2e%2e%2f",
    "/etc/passwd",
    "C:\\x",
    "a\\b",
    "%00",
    "x" * 5000,
    "1",
    "edms-20250131T000000Z-00000000.edms.zip",
    "{00000000-0000-0000-0000-000000000000}",
    "é",
)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("place", ["packages/{}/", "packages/{}/download/", "runs/{}/", "uploads/{}/"])
def test_hostile_names(boss: Caller, package: str, place: str, name: str) -> None:
    answer = boss.get(place.format(name))
    assert answer.status_code == 404
    assert b"root:" not in answer.content


@pytest.mark.parametrize("name", NAMES)
def test_hostile_names_in_bodies(boss: Caller, package: str, name: str) -> None:
    answer = boss.post(f"packages/{package}/plan/", {"models": [name]})
    assert answer.status_code in (202, 400)
    if answer.status_code == 202:
        run = boss.get(answer["Location"]).json()
        assert (run["state"], run["error"]["code"]) == ("failed", "unknown_model")
    boss.confirm()
    answer = boss.post(f"packages/{package}/restore/", {"plan": name, "plan_digest": name})
    assert refusal(answer)[0] in (400, 404)


# -- uploads -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"GIF89a" * 20, "not_a_package"),
        (b"\x1f\x8b\x08" + b"\0" * 100, "not_a_package"),
        (b"PK\x05\x06" + b"\0" * 18, "not_a_package"),
        (b"<html>", "not_a_package"),
    ],
)
def test_an_upload_that_is_no_package(boss: Caller, data: bytes, said: str) -> None:
    upload = announced(boss, data)
    assert refusal(boss.call("PUT", f"uploads/{upload}/", data)) == (422, said)
    assert boss.get(f"uploads/{upload}/").json()["received"] is False


def test_a_zip_that_is_no_package(boss: Caller) -> None:
    data = b"PK\x03\x04" + os.urandom(3000)
    upload = announced(boss, data)
    assert boss.call("PUT", f"uploads/{upload}/", data).status_code == 200
    run = boss.get(boss.post(f"uploads/{upload}/admit/")["Location"]).json()
    assert run["state"] == "failed"
    assert run["error"]["exit_code"] == 13
    assert boss.get("packages/").json()["total"] == 0
    assert boss.get(f"uploads/{upload}/").status_code == 404


def test_a_damaged_package_is_not_admitted(boss: Caller, package: str) -> None:
    data = bytearray(read(boss.get(f"packages/{package}/download/")))
    data[len(data) // 2] ^= 4
    upload = announced(boss, bytes(data))
    assert boss.call("PUT", f"uploads/{upload}/", bytes(data)).status_code == 200
    run = boss.get(boss.post(f"uploads/{upload}/admit/")["Location"]).json()
    assert (run["state"], run["error"]["exit_code"]) == ("failed", 13)
    assert boss.get("packages/").json()["total"] == 1


def test_what_is_there_already_is_not_admitted_twice(boss: Caller, package: str) -> None:
    data = read(boss.get(f"packages/{package}/download/"))
    upload = announced(boss, data)
    boss.call("PUT", f"uploads/{upload}/", data)
    run = boss.get(boss.post(f"uploads/{upload}/admit/")["Location"]).json()
    assert (run["state"], run["error"]["code"]) == ("failed", "package_exists")
    assert boss.call("DELETE", f"uploads/{upload}/").status_code == 204


@pytest.mark.parametrize("lie", [-1, 1, 1000])
def test_an_upload_that_lies_about_its_size(boss: Caller, package: str, lie: int) -> None:
    data = read(boss.get(f"packages/{package}/download/"))
    upload = announced(boss, data, bytes=len(data) + lie)
    assert refusal(boss.call("PUT", f"uploads/{upload}/", data)) == (422, "truncated_package")


def test_an_upload_that_lies_about_its_digest(boss: Caller, package: str) -> None:
    data = read(boss.get(f"packages/{package}/download/"))
    upload = announced(boss, data, sha256="0" * 64)
    assert refusal(boss.call("PUT", f"uploads/{upload}/", data)) == (422, "checksum_mismatch")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"bytes": 5},
        {"bytes": 0, "sha256": "0" * 64},
        {"bytes": -1, "sha256": "0" * 64},
        {"bytes": "5", "sha256": "0" * 64},
        {"bytes": 5.5, "sha256": "0" * 64},
        {"bytes": True, "sha256": "0" * 64},
        {"bytes": 10**30, "sha256": "0" * 64},
        {"bytes": 5, "sha256": "0" * 63},
        {"bytes": 5, "sha256": "g" * 64},
        {"bytes": 5, "sha256": "0" * 64 + "\n"},
        {"bytes": 5, "sha256": "0" * 64, "name": "../x"},
    ],
)
def test_announcements_that_are_none(boss: Caller, body: dict[str, Any]) -> None:
    assert refusal(boss.post("uploads/", body)) == (400, "invalid")


def test_what_is_too_large_is_refused_when_it_is_announced(boss: Caller, site: Zoo) -> None:
    site.configure(UPLOAD_LIMIT=1000)
    answer = boss.post("uploads/", {"bytes": 1001, "sha256": "0" * 64})
    assert refusal(answer) == (413, "package_too_large")


def test_only_so_many_uploads_wait(boss: Caller) -> None:
    answers = [boss.post("uploads/", {"bytes": 4, "sha256": "0" * 64}) for _ in range(21)]
    assert [answer.status_code for answer in answers] == [201] * 20 + [507]
    assert refusal(answers[-1])[1] == "no_space"


def test_an_upload_as_a_form_or_as_json_is_refused(boss: Caller) -> None:
    upload = announced(boss, b"PK\3\4")
    assert refusal(boss.call("PUT", f"uploads/{upload}/", {"a": 1})) == (415, "unsupported_media_type")


class Broken:
    """A connection that ends in the middle."""

    def __init__(self) -> None:
        self.left = 2

    def read(self, size: int = -1) -> bytes:
        self.left -= 1
        if self.left < 0:
            raise OSError("connection reset by peer")
        return b"PK\3\4" + b"x" * 96

    def readline(self, size: int = -1) -> bytes:
        return self.read(size)


def test_a_connection_that_ends_in_the_middle(boss: Caller) -> None:
    upload = announced(boss, b"PK\3\4" + b"x" * 996)
    boss.client.cookies["csrftoken"] = "t" * 32
    answer = boss.client.put(
        f"{ROOT}uploads/{upload}/",
        b"",
        headers={"X-CSRFToken": "t" * 32},
        **{"wsgi.input": Broken(), "CONTENT_LENGTH": "1000", "CONTENT_TYPE": "application/octet-stream"},
    )
    assert refusal(answer) == (422, "truncated_package")


# -- plans ---------------------------------------------------------------------------------------------


@pytest.fixture
def plan(boss: Caller, package: str) -> dict[str, str]:
    run = boss.confirm().post(f"packages/{package}/plan/", TAGS).json()["id"]
    report = boss.get(f"runs/{run}/report/").json()["report"]
    return {"plan": run, "plan_digest": report["plan_digest"]}


@pytest.mark.parametrize("forged", ["0" * 64, "", "x", "é"])
def test_a_forged_digest(boss: Caller, package: str, plan: dict[str, str], forged: str) -> None:
    answer = boss.post(f"packages/{package}/restore/", {**plan, "plan_digest": forged})
    assert refusal(answer) in ((409, "plan_stale"), (400, "invalid"))
    assert Run.objects.filter(kind="restore").count() == 0


def test_a_plan_that_is_none(boss: Caller, package: str, plan: dict[str, str]) -> None:
    path = f"packages/{package}/restore/"
    assert refusal(boss.post(path, {**plan, "plan": package})) == (400, "usage")
    assert refusal(boss.post(path, {**plan, "plan": str(uuid.uuid4())})) == (404, "run_not_found")
    assert refusal(boss.post(path, {"plan_digest": plan["plan_digest"]})) == (400, "invalid")
    assert refusal(boss.post(path, {**plan, "mode": "replace"})) == (400, "invalid")
    other = boss.post("packages/", TAGS).json()["id"]
    assert refusal(boss.post(f"packages/{other}/restore/", plan)) == (400, "usage")


def test_a_site_that_changed_since_the_plan(boss: Caller, package: str, plan: dict[str, str]) -> None:
    Tag.objects.filter(code="a").update(code="z")
    run = boss.post(f"packages/{package}/restore/", plan).json()["id"]
    run = boss.get(f"runs/{run}/").json()
    assert (run["state"], run["error"]["code"]) == ("failed", "plan_stale")
    assert sorted(Tag.objects.values_list("code", flat=True)) == ["b", "c", "z"]
    Tag.objects.filter(code="z").update(code="a")


def test_a_package_that_changed_since_the_plan(
    boss: Caller, package: str, plan: dict[str, str], site: Zoo
) -> None:
    other = boss.post("packages/", {**TAGS, "exclude": []}).json()["id"]
    names = {one["id"]: one["name"] for one in boss.get("packages/").json()["results"]}
    directory = Path(site.service.settings.directory)
    (directory / names[other]).replace(directory / names[package])
    answer = boss.post(f"packages/{package}/restore/", plan)
    assert refusal(answer) == (404, "package_not_found")
    assert Run.objects.filter(kind="restore").count() == 0


def test_an_expired_password(boss: Caller, package: str, plan: dict[str, str], site: Zoo) -> None:
    session = boss.client.session
    user, fingerprint, at = session["edms_backup_confirmed"]
    session["edms_backup_confirmed"] = [user, fingerprint, at - 601]
    session.save()
    answer = boss.post(f"packages/{package}/restore/", plan)
    assert refusal(answer) == (403, "reauthentication_required")
    assert Run.objects.filter(kind="restore").count() == 0


# -- things that are away ------------------------------------------------------------------------------


@pytest.mark.parametrize("error", [OperationalError, InterfaceError])
def test_a_database_that_is_away(
    boss: Caller, monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    def gone(*args: Any, **options: Any) -> Any:
        raise error('connection to server at "db.internal" (10.0.0.7), user "edms" failed: secret')

    with connection.execute_wrapper(gone):
        answers = [boss.get("packages/"), boss.post("packages/", TAGS)]
    for answer in answers:
        assert refusal(answer) == (503, "database_unavailable")
        assert answer["Retry-After"]
        assert b"10.0.0.7" not in answer.content
    assert Run.objects.count() == 0


def test_a_store_that_is_away(boss: Caller, package: str, site: Zoo) -> None:
    directory = Path(site.service.settings.directory)
    away = directory.with_name("away")
    directory.rename(away)
    directory.write_text("no directory")
    try:
        answer = boss.get("packages/")
        assert refusal(answer)[0] == 503
        assert str(directory) not in answer.content.decode()
    finally:
        directory.unlink()
        away.rename(directory)
    assert boss.get(f"packages/{package}/").status_code == 200


def test_a_setting_that_is_wrong(boss: Caller, site: Zoo) -> None:
    site.configure(COMPRESSION="/srv/secret/place")
    answer = boss.get("packages/")
    assert refusal(answer) == (503, "configuration")
    assert b"/srv/secret" not in answer.content
    site.configure(COMPRESSION="gzip")


def test_what_nobody_expected(boss: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: Any, **options: Any) -> Any:
        raise ValueError("password=hunter2 /srv/secret")

    monkeypatch.setattr("edms_backup.service.packages.Packages.list", fail)
    answer = boss.get("packages/")
    assert refusal(answer) == (500, "failed")
    assert b"hunter2" not in answer.content
    assert b"secret" not in answer.content


def test_a_queue_that_is_away(boss: Caller, site: Zoo) -> None:
    site.configure(JOBS="tests.unit.test_runs.broken")
    answer = boss.post("packages/", TAGS)
    assert refusal(answer) == (503, "configuration")
    assert b"amqp" not in answer.content
    assert json.loads(boss.get("runs/").content)["results"][0]["state"] == "failed"
