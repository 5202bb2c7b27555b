"""What is tried through the browser and the REST interface: scripts, frames, guesses, secrets, forged lines."""

import os
import uuid
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from django.urls import reverse

from edms_backup.admin.site import AUDIT_ROUTES, PACKAGE_ROUTES, RUN_ROUTES
from edms_backup.api.site import document
from edms_backup.package import PackageReader
from tests.admin.conftest import Office, office
from tests.api.conftest import Caller, CallerFactory, digest, read
from tests.audit.test_monitoring import client_of
from tests.threats.forging import path_of
from tests.unit.conftest import Zoo
from tests.zoo import models as zoo_models

__all__ = ["client_of", "office"]

SCRIPT = "<script>alert(1)</script>"
TAGS = {"models": ["zoo.Tag"], "files": False}


def test_names_of_rows_are_no_markup(office: Office) -> None:
    """A package brings rows named like scripts; plan, report and package pages show them as text."""
    zoo_models.Tag.objects.create(code=SCRIPT)
    office.zoo.create("zoo.Tag")
    zoo_models.Tag.objects.all().delete()
    zoo_models.Tag.objects.create(code='"><img src=x onerror=alert(2)>')
    client = office.client(superuser=True)
    package = office.zoo.service.list()[0].id
    client.post(reverse("admin:edms_backup_package_restore"), {"package": package})
    verified = office.zoo.service.runs(kind="verify").runs[0].pk
    plan = client.post(
        reverse("admin:edms_backup_run_plan", args=[verified]), {"mode": "replace"}, follow=True
    )
    text = plan.content.decode()
    assert "&lt;script&gt;alert(1)" in text
    assert "&lt;img src=x onerror" in text
    assert SCRIPT not in text
    assert "<img src=x" not in text


@pytest.mark.parametrize("route", [*PACKAGE_ROUTES, *RUN_ROUTES, *AUDIT_ROUTES], ids=lambda route: route.name)
def test_no_page_can_be_framed(office: Office, route: Any) -> None:
    """Whatever middleware the host has: a page in an invisible frame is a click on the wrong button."""
    office.zoo.create("zoo.Tag")
    ids = {"package_id": office.zoo.service.list()[0].id, "run_id": office.zoo.service.runs().runs[0].pk}
    given = {name: uuid.UUID(str(value)) for name, value in ids.items() if name in route.address}
    answer = office.client(superuser=True).get(reverse(f"admin:edms_backup_{route.name}", kwargs=given))
    list(getattr(answer, "streaming_content", ()))
    assert answer.headers["X-Frame-Options"] == "DENY"


def test_no_call_takes_an_address_or_a_place() -> None:
    """Where packages live and who is notified is settings: there is nothing to send a server elsewhere with."""
    schemas = document("/")["components"]["schemas"]
    members = {name for label, one in schemas.items() if label.endswith("Body") for name in one["properties"]}
    assert members == {
        *("label", "models", "exclude", "files", "reason", "mode"),
        *("plan", "plan_digest", "bytes", "sha256", "password", "anchor"),
    }


@pytest.mark.slow
def test_no_secret_of_the_site_is_told(
    boss: Caller, site: Zoo, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fifty secrets in settings, environment and database; none in an answer, a page, the trail, or a manifest."""
    canaries = [f"canary-{number:02}-{uuid.uuid4().hex}" for number in range(50)]
    (key, token, hook, mail, stored, *others) = canaries
    settings.SECRET_KEY_FALLBACKS = [key]
    settings.EMAIL_HOST_PASSWORD = mail
    monkeypatch.setenv("CANARY_TOKEN", token)
    monkeypatch.setenv("CANARY_HOOK", hook)
    for number, canary in enumerate(others):
        name = f"CANARY_{number}_PASSWORD"
        if number % 2:
            monkeypatch.setenv(name, canary)
        else:
            setattr(settings, name, {"url": f"postgres://edms:{canary}@db.internal/edms"})
    site.configure(MONITORING_TOKEN={"environment": "CANARY_TOKEN"})
    hidden = get_user_model().objects.create_user("hidden", "hidden@example.com", "x", employee_id="E-H")
    get_user_model().objects.filter(pk=hidden.pk).update(password=f"plain${stored}")
    package = boss.post("packages/", {"models": ["zoo.Tag", "users.User"], "files": False}).json()["id"]
    boss.confirm()
    plan = boss.post(f"packages/{package}/plan/", {"mode": "replace", "files": False}).json()["id"]
    boss.post("check/")
    boss.post("inventory/")
    boss.post(f"packages/{uuid.uuid4()}/restore/", {"plan": plan, "plan_digest": "0" * 64})
    paths = ["packages/", f"packages/{package}/", "runs/", "status/", "audit/", "schema/"]
    for run in boss.get("runs/").json()["results"]:
        paths += [f"runs/{run['id']}/", f"runs/{run['id']}/report/"]
    said = [boss.get(path).content for path in paths]
    for route in (*PACKAGE_ROUTES, *RUN_ROUTES):
        given = {"package_id": package} if "package_id" in route.address else {}
        given |= {"run_id": plan} if "run_id" in route.address else {}
        if route.name != "package_download":
            said.append(boss.get(reverse(f"admin:edms_backup_{route.name}", kwargs=given)).content)
    state = site.service.settings.state_directory
    said += [path.read_bytes() for path in state.rglob("*") if path.is_file()]
    site.package = site.service.find(package).name
    data = path_of(site).read_bytes()
    with PackageReader.open(path_of(site)) as reader:
        said.append(repr(reader.manifest).encode())
    said.append(repr(site.service.settings).encode())
    assert len(said) > 25
    assert [canary for canary in canaries if any(canary.encode() in text for text in said)] == []
    assert [canary for canary in canaries if canary.encode() in data] == [
        stored
    ]  # a row's content, as it was


@pytest.mark.parametrize(
    "place", ["packages/{}/", "packages/{}/download/", "runs/{}/", "runs/{}/report/", "uploads/{}/"]
)
def test_ids_cannot_be_guessed_or_counted_through(
    boss: Caller, caller: CallerFactory, site: Zoo, place: str
) -> None:
    """Ids are random; neighbours of those that there are lead nowhere, and say what any other id would."""
    ids = [boss.post("packages/", TAGS).json()["id"] for _ in range(3)]
    ids += [boss.post("uploads/", {"bytes": 4, "sha256": "0" * 64}).json()["id"]]
    assert all(uuid.UUID(one).version == 4 for one in ids)
    assert boss.get(place.format(ids[-1 if place.startswith("upload") else 0])).status_code == 200
    near = [uuid.UUID(int=uuid.UUID(one).int + step) for one in ids for step in (-2, -1, 1, 2)]
    answers = [boss.get(place.format(one)) for one in (*near, *(uuid.uuid4() for _ in range(20)))]
    assert {answer.status_code for answer in answers} == {404}
    assert len({answer.json()["code"] for answer in answers}) == 1


def test_what_is_stored_is_private_whatever_the_mask_is(boss: Caller, site: Zoo) -> None:
    before = os.umask(0)
    try:
        package = boss.post("packages/", TAGS).json()["id"]
        data = read(boss.get(f"packages/{package}/download/"))
        upload = boss.post("uploads/", {"bytes": len(data), "sha256": digest(data)}).json()["id"]
        assert boss.call("PUT", f"uploads/{upload}/", data).status_code == 200
        boss.confirm()
        boss.post(f"packages/{package}/plan/", TAGS)
    finally:
        os.umask(before)
    folder = Path(site.service.settings.directory)
    found = [folder, *folder.rglob("*")]
    assert any(path.suffix == ".upload" for path in found)
    assert [path for path in found if path.stat().st_mode & 0o077] == []


NAMES = ["eve\nforged line", "eve\x1b[2J\x1b[31m", "eve\u202egnp.exe", "eve\u2028x", '", "what": "delete']


@pytest.mark.parametrize("name", NAMES)
def test_a_name_makes_no_line_of_its_own(
    caller: CallerFactory, site: Zoo, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    """A user may be called whatever the host lets them be: trail, table and terminal show one line for each entry."""
    from django.core.management import call_command

    eve = caller("create_package", name=name)
    assert eve.post("packages/", TAGS).status_code == 202
    trail = site.service.settings.state_directory / "audit" / "trail.jsonl"
    lines = trail.read_text(encoding="utf-8").split("\n")
    assert len(lines) - 1 == len(site.service.audit_entries())
    assert {entry.name for entry in site.service.audit_entries()} == {name}
    assert site.service.verify_audit().ok
    capsys.readouterr()
    call_command("edms_backup", "audit", "list")
    call_command("edms_backup", "runs")
    said = capsys.readouterr().out
    assert "eve" in said or "what" in said
    assert all(character.isprintable() for character in said.replace("\n", ""))
    assert "forged line" not in [line.strip() for line in said.splitlines()]


def test_a_refusal_does_not_say_how_near_it_was(site: Zoo, client_of: Client) -> None:
    """No token, another one, and one that lacks its last letter are told the same."""
    assert client_of.get("/backup-status/").status_code in (200, 503)
    answers = [
        Client(headers=headers).get("/backup-status/")
        for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "Bearer t0ke"})
    ]
    assert {answer.status_code for answer in answers} == {401}
    assert len({answer.content for answer in answers}) == 1


def test_without_the_password_nothing_is_learnt_of_plans(boss: Caller, site: Zoo) -> None:
    """Who has not shown the password learns nothing of package or plan: real ones and made-up ones look the same."""
    package = boss.post("packages/", TAGS).json()["id"]
    plan = boss.post(f"packages/{package}/plan/", TAGS).json()["id"]
    seen = set()
    for one in (package, str(uuid.uuid4())):
        for other in (plan, str(uuid.uuid4())):
            answer = boss.post(f"packages/{one}/restore/", {"plan": other, "plan_digest": "0" * 64})
            seen.add((answer.status_code, answer.content))
    assert len(seen) == 1
    assert {status for status, _ in seen} == {403}
