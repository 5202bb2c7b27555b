"""The pages of the admin, without a browser: who may open which, what they refuse, what they never show."""

import datetime
import re
import uuid
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils import timezone, translation

from edms_backup.admin.pages import Route
from edms_backup.admin.site import AUDIT_ROUTES, PACKAGE_ROUTES, RUN_ROUTES
from edms_backup.errors import ConfigurationError
from edms_backup.models import AuditEvent
from edms_backup.service import Actor, BackupService, CreateRequest, LookRequest, Run, RunKind
from edms_backup.templatetags.edms_backup import ago, without_places
from tests.admin.conftest import ALL, PASSWORD, Office
from tests.zoo import models as zoo_models

ROUTES = {route.name: route for route in (*PACKAGE_ROUTES, *RUN_ROUTES, *AUDIT_ROUTES)}
LISTS = {"run_changelist": "view_run", "auditevent_changelist": "view_auditevent"}


def url(name: str, office: Office) -> str:
    """Return the address of a page, about the package or run that there is."""
    route = ROUTES.get(name)
    arguments: dict[str, uuid.UUID] = {}
    service = office.zoo.service
    if route is not None and "package_id" in route.address:
        arguments["package_id"] = uuid.UUID(service.list()[0].id)
    if route is not None and "run_id" in route.address:
        arguments["run_id"] = service.runs().runs[0].pk
    return reverse(f"admin:edms_backup_{name}", kwargs=arguments)


def ask(client: Client, route: Route, address: str) -> Any:
    return client.post(address) if "GET" not in route.methods else client.get(address)


@pytest.fixture
def backed(office: Office) -> Office:
    """Give an office with a package and its run."""
    zoo_models.Tag.objects.create(code="t")
    office.zoo.create("zoo.Tag")
    return office


def state(office: Office) -> Any:
    """Return all that a page could change."""
    folder = Path(office.zoo.service.settings.directory)
    packages = {path.name: path.read_bytes() for path in folder.glob("*.zip")}
    rows = list(zoo_models.Tag.objects.values_list("code", flat=True))
    return packages, rows, office.zoo.service.runs().total, AuditEvent.objects.count()


@pytest.mark.parametrize("name", ROUTES)
def test_a_page_is_for_those_who_may(backed: Office, name: str) -> None:
    route, address = ROUTES[name], url(name, backed)
    asked = ask(Client(), route, address)
    assert asked.status_code == 302
    assert "/login/" in asked.url
    others = backed.client([one for one in ALL if one != route.permission])
    before = state(backed)
    assert ask(others, route, address).status_code == 403
    assert state(backed) == before
    needed = [route.permission, "create_package"] if name == "run_cancel" else [route.permission]
    answer = ask(backed.client(needed), route, address)
    assert answer.status_code not in (403, 405, 500), answer.content
    assert "/login/" not in getattr(answer, "url", "")


@pytest.mark.parametrize("name", LISTS)
def test_a_list_is_for_those_who_may(backed: Office, name: str) -> None:
    others = backed.client([one for one in ALL if one != LISTS[name]])
    assert others.get(url(name, backed)).status_code == 403
    answer = backed.client([LISTS[name]]).get(url(name, backed))
    assert answer.status_code == 200
    assert b"eb-nav" in answer.content


@pytest.mark.parametrize("name", ROUTES)
def test_looking_changes_nothing_and_posting_needs_the_token(backed: Office, name: str) -> None:
    route, address = ROUTES[name], url(name, backed)
    before = state(backed)
    looked = backed.client().get(address)
    list(getattr(looked, "streaming_content", ()))
    if route.name == "package_download":
        before = (*before[:3], before[3] + 2)  # the audit trail says who got it
    assert looked.status_code == (200 if "GET" in route.methods else 405)
    assert backed.client().put(address).status_code == 405
    posted = backed.client(csrf=True).post(address, {"package": "x"})
    assert posted.status_code in (403, 405)
    assert state(backed) == before


def test_who_may_create_does_and_it_is_written_down(backed: Office) -> None:
    client = backed.client(["create_package", "view_run"])
    sent = {"label": "<script>alert(1)</script>", "reason": "because", "with_files": "on", "once": "a"}
    made = client.post(url("package_add", backed), sent, follow=True)
    assert made.status_code == 200
    run = backed.zoo.service.runs(kind="create").runs[0]
    assert run.state in ("succeeded", "defects")
    assert (run.origin, run.reason) == ("admin 127.0.0.1", "because")
    assert client.post(url("package_add", backed), sent).url.endswith(f"{run.pk}/change/")
    assert backed.zoo.service.runs(kind="create").total == 2
    pages = [made.content.decode()]
    viewer = backed.client()
    pages += [viewer.get(url(name, backed)).content.decode() for name in ("package_list", "package_detail")]
    assert all("&lt;script&gt;alert" in page and "<script>alert" not in page for page in pages)
    entry = AuditEvent.objects.filter(what="create", phase="ended").latest("id")
    assert (entry.origin, entry.address, entry.reason) == ("admin", "127.0.0.1", "because")


def planned(office: Office, client: Client) -> Run:
    """Walk up to the plan, and return its run."""
    package = office.zoo.service.list()[0]
    client.post(url("package_restore", office), {"package": package.id})
    verified = office.zoo.service.runs(kind="verify").runs[0]
    client.post(reverse("admin:edms_backup_run_plan", args=[verified.pk]), {"mode": "replace"})
    return office.zoo.service.runs(kind="plan").runs[0]


def test_a_plan_is_carried_out_with_name_and_password_only(backed: Office) -> None:
    client = backed.client(superuser=True)
    zoo_models.Tag.objects.create(code="later")
    plan = planned(backed, client)
    address = reverse("admin:edms_backup_run_apply", args=[plan.pk])
    for typed, password in (("", ""), ("Archive", "wrong"), ("Archive", ""), ("Other", PASSWORD)):
        refused = client.post(address, {"typed": typed, "password": password})
        assert refused.status_code == 400
        assert PASSWORD not in refused.content.decode()
        assert backed.zoo.service.runs(kind="restore").total == 0
    client.post(address, {"typed": "Archive", "password": PASSWORD, "once": "o"})
    restored = backed.zoo.service.runs(kind="restore").runs[0]
    assert restored.state in ("succeeded", "defects"), restored.error
    assert list(zoo_models.Tag.objects.values_list("code", flat=True)) == ["t"]


def test_a_plan_is_refused_when_the_site_has_changed(backed: Office) -> None:
    client = backed.client(superuser=True)
    plan = planned(backed, client)
    zoo_models.Tag.objects.create(code="meanwhile")
    address = reverse("admin:edms_backup_run_apply", args=[plan.pk])
    answer = client.post(address, {"typed": "Archive", "password": PASSWORD}, follow=True)
    run = backed.zoo.service.runs(kind="restore").runs[0]
    assert (run.state, run.error["code"]) == ("failed", "plan_stale")
    assert "plan_stale" in answer.content.decode()
    assert zoo_models.Tag.objects.count() == 2


def test_what_is_no_plan_cannot_be_carried_out(backed: Office) -> None:
    client = backed.client()
    for name in ("run_apply", "run_plan", "run_undo"):
        answer = client.post(url(name, backed), {"typed": "Archive", "password": PASSWORD, "mode": "merge"})
        assert answer.status_code in (400, 404, 409), name
    assert backed.zoo.service.runs().total == 1


def test_a_second_run_is_a_409_that_names_the_first(backed: Office) -> None:
    waiting, _new = backed.zoo.service.queue(
        RunKind.CREATE, CreateRequest(), backend="other", actor=Actor(name="ann", origin="api")
    )
    client = backed.client()
    answer = client.post(url("package_add", backed), {})
    assert answer.status_code == 409
    assert str(waiting.pk) in answer.content.decode()
    cancelled = client.post(reverse("admin:edms_backup_run_cancel", args=[waiting.pk]), follow=True)
    assert "cancelled" in cancelled.content.decode()
    assert client.post(reverse("admin:edms_backup_run_cancel", args=[waiting.pk])).status_code == 409


def test_a_run_is_stopped_by_those_who_may_ask_for_one(backed: Office) -> None:
    waiting, _new = backed.zoo.service.queue(RunKind.CREATE, CreateRequest(), backend="other")
    address = reverse("admin:edms_backup_run_cancel", args=[waiting.pk])
    assert backed.client(["view_run", "restore_package"]).post(address).status_code == 403
    assert backed.zoo.service.run(waiting.pk).state == "queued"


@pytest.mark.parametrize(
    ("name", "content", "status"),
    [
        ("letter.txt", b"Dear all", 400),
        ("../../etc/passwd.edms.zip", b"PK\x03\x04" + b"\0" * 50, 302),
        ("large.edms.zip", b"PK\x03\x04" + b"\0" * 5000, 413),
        ("empty.edms.zip", b"", 400),
    ],
)
def test_an_upload_that_is_no_package_leaves_nothing(
    backed: Office, name: str, content: bytes, status: int
) -> None:
    backed.zoo.configure(UPLOAD_LIMIT=4000)
    before = state(backed)[0]
    sent = {"package": SimpleUploadedFile(name, content)}
    answer = backed.client().post(url("package_upload", backed), sent)
    assert answer.status_code == status, answer.content
    assert state(backed)[0] == before
    quarantine = backed.zoo.service.settings.state_directory / "quarantine"
    assert not quarantine.exists() or list(quarantine.iterdir()) == []
    assert all(run.state == "failed" for run in backed.zoo.service.runs(kind="admit").runs)


def test_a_package_is_handed_out_as_it_lies_there(backed: Office) -> None:
    answer = backed.client(["download_package"]).get(url("package_download", backed))
    content = b"".join(answer.streaming_content)
    assert content == state(backed)[0][backed.zoo.package]
    assert int(answer.headers["Content-Length"]) == len(content)
    assert answer.headers["Content-Disposition"] == f'attachment; filename="{backed.zoo.package}"'
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert AuditEvent.objects.filter(what="download", phase="ended", origin="admin").count() == 1


def test_what_is_not_there_is_said_so(backed: Office) -> None:
    client = backed.client()
    for name in ("package_detail", "package_delete", "run_change", "run_progress"):
        address = reverse(f"admin:edms_backup_{name}", args=[uuid.uuid4()])
        assert client.get(address).status_code == 404, name


def test_errors_do_not_tell_where_things_lie(backed: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_arguments: object, **_named: object) -> None:
        raise ConfigurationError("Cannot write /srv/edms/backups/x.zip.", hint="Look at /srv/edms.")

    monkeypatch.setattr(BackupService, "list", refuse)
    answer = backed.client().get(reverse("admin:edms_backup_package_list"))
    assert answer.status_code == 503
    text = answer.content.decode()
    assert "Cannot write …/x.zip." in text
    assert "/srv" not in text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("No file /var/lib/edms/a.zip here.", "No file …/a.zip here."),
        ("'/var/lib/a b'", "'…/a b'"),
        (r"C:\data\edms\a.zip", "…/a.zip"),
        ("591/591 rows, merge/replace", "591/591 rows, merge/replace"),
        ("see https://example.com/docs/x", "see https://example.com/docs/x"),
        ("storage/documents/a.pdf", "storage/documents/a.pdf"),
        ("/etc/", "…/"),
    ],
)
def test_places_are_left_out(text: str, shown: str) -> None:
    assert without_places(text) == shown


@pytest.mark.parametrize(
    ("seconds", "english", "german"),
    [
        (0, "just now", "gerade eben"),
        (59, "just now", "gerade eben"),
        (61, "1\xa0minute ago", "vor 1\xa0Minute"),
        (7200, "2\xa0hours ago", "vor 2\xa0Stunden"),
    ],
)
def test_how_long_ago_something_was(seconds: int, english: str, german: str) -> None:
    moment = timezone.now() - datetime.timedelta(seconds=seconds)
    assert ago(moment) == english
    with translation.override("de"):
        assert ago(moment) == german


def test_the_audit_trail_is_read_only_and_names_no_place(backed: Office, tmp_path: Path) -> None:
    backed.zoo.service.create(CreateRequest(models=("zoo.Tag",), files=False, output=tmp_path / "one.zip"))
    entry = AuditEvent.objects.filter(subject__endswith="one.zip").latest("id")
    address = reverse("admin:edms_backup_auditevent_change", args=[entry.pk])
    client = backed.client(["view_auditevent"], superuser=True)
    pages = [client.get(url("auditevent_changelist", backed)), client.get(address)]
    for page in pages:
        assert page.status_code == 200
        assert "…/one.zip" in page.content.decode()
        assert str(tmp_path) not in page.content.decode()
    before = state(backed)
    assert client.post(address, {"name": "nobody"}).status_code == 403
    assert client.post(address.replace("change", "delete"), {"post": "yes"}).status_code == 403
    assert state(backed) == before


def test_the_audit_trail_is_verified_by_a_button(backed: Office) -> None:
    client = backed.client(["view_auditevent"])
    address = url("auditevent_verify", backed)
    assert f'action="{address}"' in client.get(url("auditevent_changelist", backed)).content.decode()
    sound = client.post(address)
    anchor = backed.zoo.service.verify_audit().anchor
    assert "they are what was written" in sound.content.decode()
    assert f"<code>{anchor}</code>" in sound.content.decode()
    assert "is not what was written" not in client.post(address, {"anchor": anchor}).content.decode()
    other = client.post(address, {"anchor": f"1:{'0' * 64}"}).content.decode()
    assert "Entry 1 is not the one that was anchored." in other
    assert client.post(address, {"anchor": "x" * 200}).status_code == 400
    journal = backed.zoo.service._trail.chain.path
    journal.write_bytes(journal.read_bytes().replace(b"create", b"delete", 1))
    spoilt = client.post(address).content.decode()
    assert "The audit trail is not what was written." in spoilt
    assert 'role="alert"' in spoilt
    assert str(journal.parent) not in spoilt


def test_runs_that_look_at_the_site_are_shown(backed: Office) -> None:
    client = backed.client(["view_run"])
    pages = {}
    for kind in (RunKind.CHECK, RunKind.INVENTORY):
        run, _new = backed.zoo.service.queue(kind, LookRequest(), backend="celery")
        backed.zoo.service.carry_out(run.pk)
        pages[kind] = client.get(reverse("admin:edms_backup_run_change", args=[run.pk])).content.decode()
    assert "models were looked at." in pages[RunKind.CHECK]
    assert "Every byte" not in pages[RunKind.CHECK]
    assert '<tr><th scope="row">zoo.Tag</th><td class="eb-number">1</td>' in pages[RunKind.INVENTORY]
    assert "Proof" not in pages[RunKind.INVENTORY]


def test_progress_is_told_as_json(backed: Office) -> None:
    answer = backed.client(["view_run"]).get(url("run_progress", backed)).json()
    assert answer["ended"] is True
    assert set(answer) == {
        "state",
        "state_shown",
        "ended",
        "step",
        "done",
        "total",
        "percent",
        "subject",
        "text",
    }


def test_the_overview_draws_what_it_lists(backed: Office) -> None:
    backed.zoo.service.create(CreateRequest(label="whole"))
    page = backed.client().get(reverse("admin:edms_backup_package_changelist")).content.decode()
    assert "whole" in page
    bars, rows = len(re.findall('class="eb-bar"', page)), len(re.findall(r"<tr><td>", page))
    assert bars == rows == 2  # a size and a duration of the one whole backup
    charts = "".join(re.findall('<figure class="eb-chart">.*?</svg>', page, re.DOTALL))
    assert not re.search(r'"[0-9]*[,.][0-9]+"', charts), "numbers of SVG are not localized"
    assert "<style" not in page
    assert not re.search(r"<script(?![^>]* src=)(?![^>]*type=\"application/json\")", page)
