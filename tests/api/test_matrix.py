"""Who may call what: every route, with every method, by every kind of user, with and without the password.

``ROWS`` is written by hand and says what must be. A route or method that it does not name fails.
"""

import uuid
from dataclasses import dataclass
from typing import Any

import pytest
from django.test import Client
from django.urls import URLPattern

from edms_backup.api.access import PERMISSIONS
from edms_backup.api.urls import _routes
from tests.api.conftest import Caller, CallerFactory
from tests.unit.conftest import Zoo

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")
ANYONE = frozenset(PERMISSIONS)


@dataclass(frozen=True)
class Row:
    """What one call needs."""

    permissions: frozenset[str]
    """One of them."""
    password: bool = False


def row(*permissions: str, password: bool = False) -> Row:
    return Row(frozenset(permissions), password)


ROWS: dict[str, dict[str, Row]] = {
    "packages": {"GET": row("view_package"), "POST": row("create_package")},
    "package": {"GET": row("view_package"), "DELETE": row("delete_package", password=True)},
    "download": {"GET": row("download_package")},
    "verify": {"POST": row("verify_package")},
    "plan": {"POST": row("restore_package")},
    "restore": {"POST": row("restore_package", password=True)},
    "uploads": {"POST": row("upload_package")},
    "upload": {
        "GET": row("upload_package"),
        "PUT": row("upload_package"),
        "DELETE": row("upload_package"),
    },
    "admit": {"POST": row("upload_package")},
    "runs": {"GET": row(*ANYONE)},
    "run": {"GET": row(*ANYONE)},
    "report": {"GET": row(*ANYONE)},
    "cancel": {"POST": row(*ANYONE)},
    "undo-plan": {"POST": row("restore_package")},
    "undo": {"POST": row("restore_package", password=True)},
    "inventory": {"POST": row("view_package")},
    "check": {"POST": row("view_package")},
    "status": {"GET": row("view_status")},
    "audit": {"GET": row("view_auditevent")},
    "audit-verify": {"POST": row("view_auditevent")},
    "reauthenticate": {"POST": row(*ANYONE)},
    "schema": {"GET": row(*ANYONE)},
    "nowhere": {},
}
ROLES: dict[str, tuple[frozenset[str], dict[str, Any]]] = {
    "anonymous": (frozenset(), {}),
    "plain": (frozenset(), {}),
    "staff": (frozenset(), {"is_staff": True}),
    **{permission: (frozenset({permission}), {}) for permission in PERMISSIONS},
    "superuser": (ANYONE, {"is_superuser": True}),
    "inactive superuser": (frozenset(), {"is_superuser": True, "is_active": False}),
}
SIZE = sum(len(METHODS) * len(ROLES) * 2 for _ in ROWS)


def address(route: URLPattern) -> str:
    text = str(route.pattern).replace("^.*$", "")
    for name in ("package", "run", "upload"):
        text = text.replace(f"<uuid:{name}>", str(uuid.uuid4()))
    return text or "nothing/"


ROUTES = {str(route.name): route for route in _routes}


def test_every_route_has_a_row() -> None:
    assert set(ROUTES) == set(ROWS)
    assert len(_routes) == len(ROUTES), "two routes have one name"


def test_every_method_has_a_row() -> None:
    for name, route in ROUTES.items():
        view = route.callback.cls  # type: ignore[union-attr]
        served = {
            method.upper()
            for method in view.http_method_names
            if hasattr(view, method) and method != "options"
        }
        assert served == set(ROWS[name]) == set(view.needs), name


def test_every_permission_is_one_of_the_models(site: Zoo) -> None:
    from django.contrib.auth.models import Permission

    there = set(
        Permission.objects.filter(content_type__app_label="edms_backup").values_list("codename", flat=True)
    )
    assert set(PERMISSIONS) <= there


def expected(name: str, method: str, role: str, confirmed: bool) -> set[int]:
    """Return the statuses that this call may have."""
    held, _ = ROLES[role]
    if name == "nowhere":
        return {404}
    needs = ROWS[name].get("GET" if method == "HEAD" else method)
    if needs is None:
        return {405}
    if role in ("anonymous", "inactive superuser"):
        return {401, 403}
    if not held & needs.permissions:
        return {403}
    if needs.password and not confirmed:
        return {403}
    return {200, 201, 202, 204, 400, 404, 415}


@pytest.mark.parametrize("confirmed", [False, True], ids=["unconfirmed", "confirmed"])
@pytest.mark.parametrize("role", ROLES)
def test_the_matrix(site: Zoo, caller: CallerFactory, role: str, confirmed: bool) -> None:
    rates = dict.fromkeys(("read", "write", "costly", "transfer", "password"), "100000/minute")
    site.configure(API_RATES=rates, JOBS="tests.api.conftest.never")
    held, fields = ROLES[role]
    names = () if role == "superuser" else sorted(held)
    who = caller(*names, **fields)
    if role == "anonymous":
        who = Caller(Client(enforce_csrf_checks=True), None)
    if confirmed and held:
        who.confirm()
    wrong = []
    for name, route in ROUTES.items():
        for method in METHODS:
            answer = who.call(method, address(route), {} if method in ("POST", "PUT", "PATCH") else None)
            if answer.status_code not in expected(name, method, role, confirmed):
                wrong.append((name, method, answer.status_code, answer.content[:200]))
            if answer.status_code == 403 and method != "HEAD" and held and ROWS[name].get(method):
                needs = ROWS[name][method]
                code = "reauthentication_required" if held & needs.permissions else "permission_denied"
                assert answer.json()["code"] == code
    assert wrong == []
    assert site.service.runs(kind="restore").total == 0


def test_runs_of_others_are_not_there(caller: CallerFactory, site: Zoo) -> None:
    site.configure(JOBS="tests.api.conftest.never")
    ann = caller("create_package", name="ann")
    ben = caller("create_package", "restore_package", name="ben")
    eve = caller("view_run", name="eve")
    run = ann.post("packages/", {"models": ["zoo.Tag"], "files": False}).json()["id"]
    for path in (f"runs/{run}/", f"runs/{run}/report/"):
        assert [one.get(path).status_code for one in (ann, ben, eve)] == [200, 404, 200]
    assert [one.get("runs/").json()["total"] for one in (ann, ben, eve)] == [1, 0, 1]
    assert ben.post(f"runs/{run}/cancel/").status_code == 404
    assert eve.post(f"runs/{run}/cancel/").status_code == 403
    assert ann.post(f"runs/{run}/cancel/").status_code == 202


def test_uploads_of_others_are_not_there(caller: CallerFactory) -> None:
    ann, ben = caller("upload_package", name="ann"), caller("upload_package", name="ben")
    upload = ann.post("uploads/", {"bytes": 4, "sha256": "0" * 64}).json()["id"]
    assert ben.get(f"uploads/{upload}/").status_code == 404
    assert ben.call("PUT", f"uploads/{upload}/", b"PK\3\4").status_code == 404
    assert ben.call("DELETE", f"uploads/{upload}/").status_code == 404
    assert ben.post(f"uploads/{upload}/admit/").status_code == 404
    assert ann.get(f"uploads/{upload}/").status_code == 200


def test_a_restore_gives_no_more_than_the_caller_holds(caller: CallerFactory, site: Zoo) -> None:
    from django.contrib.auth import get_user_model

    boss = caller(name="boss", is_superuser=True)
    labels = ["users.User", "auth.Permission", "auth.Group", "contenttypes.ContentType"]
    ann = caller("restore_package", "create_package", name="ann")
    body = {"models": labels, "files": False}
    package = boss.post("packages/", body).json()["id"]
    get_user_model().objects.filter(username="boss").update(is_superuser=False)
    plan = ann.post(f"packages/{package}/plan/", body).json()["id"]
    found = ann.get(f"runs/{plan}/report/").json()
    assert found["state"] == "failed"
    assert found["error"]["code"] == "plan_blocked"
    assert found["report"]["privileges"]["gained"] == ["superuser"]
    assert [one["code"] for one in found["report"]["findings"]] == ["privileges_beyond_actor"]
    digest = {"plan": plan, "plan_digest": found["report"]["plan_digest"]}
    refused = ann.confirm().post(f"packages/{package}/restore/", digest)
    assert (refused.status_code, refused.json()["code"]) == (409, "plan_blocked")
    # A superuser's plan does not help either: what counts is who applies.
    get_user_model().objects.filter(username="boss").update(is_superuser=True)
    chief = caller("view_run", name="chief", is_superuser=True)
    get_user_model().objects.filter(username="boss").update(is_superuser=False)
    plan = chief.post(f"packages/{package}/plan/", body).json()["id"]
    report = chief.get(f"runs/{plan}/report/").json()["report"]
    ann.user.user_permissions.add(*_may("view_run"))
    answer = ann.post(f"packages/{package}/restore/", {"plan": plan, "plan_digest": report["plan_digest"]})
    run = ann.get(f"runs/{answer.json()['id']}/").json()
    assert run["state"] == "failed"
    assert run["error"]["code"] in ("plan_blocked", "plan_stale")
    assert not get_user_model().objects.get(username="boss").is_superuser


def _may(name: str) -> Any:
    from django.contrib.auth.models import Permission

    return Permission.objects.filter(content_type__app_label="edms_backup", codename=name)
