"""What each call does, on a site that a superuser works with."""

import json
import uuid
from typing import Any

import pytest

from edms_backup.models import AuditEvent, Run
from tests.api.conftest import ROOT, Caller, CallerFactory, digest, read
from tests.unit.conftest import Zoo
from tests.zoo.models import Tag

TAGS = {"models": ["zoo.Tag"], "files": False}


@pytest.fixture
def package(boss: Caller) -> str:
    """Give the id of a package with three tags."""
    answer = boss.post("packages/", {**TAGS, "label": "first"})
    assert answer.status_code == 202
    run = answer.json()
    assert answer["Location"] == f"{ROOT}runs/{run['id']}/"
    assert run["state"] == "queued"
    assert boss.get(answer["Location"]).json()["state"] == "succeeded"
    return str(run["id"])


def planned(boss: Caller, package: str, **options: Any) -> dict[str, str]:
    run = boss.post(f"packages/{package}/plan/", {**TAGS, **options}).json()["id"]
    report = boss.get(f"runs/{run}/report/").json()["report"]
    return {"plan": run, "plan_digest": report["plan_digest"]}


def test_packages_are_listed_filtered_and_paged(boss: Caller, package: str) -> None:
    boss.post("packages/", {**TAGS, "label": "second"})
    page = boss.get("packages/").json()
    assert (page["total"], [one["label"] for one in page["results"]]) == (2, ["second", "first"])
    assert page["results"][1]["id"] == package
    assert boss.get("packages/?label=FIR").json()["total"] == 1
    assert boss.get("packages/?kind=safety").json()["total"] == 0
    assert boss.get("packages/?readable=false").json()["total"] == 0
    page = boss.get("packages/?limit=1&offset=1").json()
    assert (page["total"], [one["label"] for one in page["results"]]) == (2, ["first"])
    for wrong in ("limit=0", "limit=201", "limit=x", "offset=-1", "kind=x", "color=red"):
        answer = boss.get(f"packages/?{wrong}")
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid")


def test_a_package_tells_what_is_in_it(boss: Caller, package: str) -> None:
    detail = boss.get(f"packages/{package}/").json()
    assert (detail["id"], detail["rows"], detail["models"]) == (package, 3, 1)
    assert detail["contents"] == [
        {"model": "zoo.Tag", "rows": 3, "tier": "standard", "fate": "included", "key": "code"}
    ]
    assert not {"fingerprints", "configuration", "members"} & set(detail)


@pytest.mark.parametrize(
    ("header", "status", "part"),
    [
        ("", 200, slice(None)),
        ("bytes=0-99", 206, slice(0, 100)),
        ("bytes=100-", 206, slice(100, None)),
        ("bytes=-7", 206, slice(-7, None)),
        ("bytes=5-99999999", 206, slice(5, None)),
        ("bytes=0-1,5-6", 200, slice(None)),
        ("bytes=9-3", 200, slice(None)),
        ("lines=0-1", 200, slice(None)),
    ],
)
def test_a_package_is_handed_out(boss: Caller, package: str, header: str, status: int, part: slice) -> None:
    whole = read(boss.get(f"packages/{package}/download/"))
    answer = boss.get(f"packages/{package}/download/", **({"Range": header} if header else {}))
    body = read(answer)
    assert (answer.status_code, body) == (status, whole[part])
    assert int(answer["Content-Length"]) == len(body)
    assert answer["Content-Disposition"] == f'attachment; filename="{package}.edms.zip"'
    assert (answer["X-Content-Type-Options"], answer["Cache-Control"]) == ("nosniff", "private, no-store")
    if status == 206:
        start = part.indices(len(whole))[0]
        assert answer["Content-Range"] == f"bytes {start}-{start + len(body) - 1}/{len(whole)}"


def test_parts_that_are_not_there(boss: Caller, package: str) -> None:
    length = int(boss.call("HEAD", f"packages/{package}/download/")["Content-Length"])
    for header in (f"bytes={length}-", "bytes=-0"):
        answer = boss.get(f"packages/{package}/download/", Range=header)
        assert (answer.status_code, answer.json()["code"]) == (416, "range_not_satisfiable")
    other = boss.get(f"packages/{package}/download/", Range="bytes=0-1", If_Range='"another"')
    assert (other.status_code, len(read(other))) == (200, length)


def test_downloads_are_recorded_once(boss: Caller, package: str) -> None:
    read(boss.get(f"packages/{package}/download/", Range="bytes=0-9"))
    read(boss.get(f"packages/{package}/download/", Range="bytes=10-"))
    boss.call("HEAD", f"packages/{package}/download/")
    found = AuditEvent.objects.filter(what="download")
    assert [(one.phase, one.name, one.origin) for one in found.order_by("sequence")] == [
        ("begun", "boss", "api"),
        ("ended", "boss", "api"),
    ]


def test_a_restore_takes_two_calls(boss: Caller, package: str) -> None:
    Tag.objects.filter(code="a").delete()
    plan = planned(boss, package)
    report = boss.get(f"runs/{plan['plan']}/report/").json()["report"]
    assert report["models"]["zoo.Tag"]["inserted"] == 1
    assert report["privileges"] == {"total": 0, "gained": [], "changes": []}
    assert Tag.objects.count() == 2
    boss.confirm()
    answer = boss.post(f"packages/{package}/restore/", {**plan, "reason": "because"})
    assert answer.status_code == 202
    assert boss.get(answer["Location"]).status_code == 403, "the session has ended with the restore"
    run = boss.again().get(answer["Location"]).json()
    assert (run["state"], run["kind"], run["actor"], run["origin"]) == ("succeeded", "restore", "boss", "api")
    assert run["reason"] == "because"
    done = boss.get(f"runs/{run['id']}/report/").json()["report"]
    assert (done["outcome"], done["package_id"]) == ("committed", package)
    assert done["safety_package"]
    assert Tag.objects.count() == 3


def test_a_restore_is_undone_in_two_calls(boss: Caller, package: str) -> None:
    Tag.objects.all().delete()
    boss.confirm()
    restore = boss.post(f"packages/{package}/restore/", planned(boss, package)).json()["id"]
    assert Tag.objects.count() == 3
    plan = boss.again().post(f"runs/{restore}/undo/plan/").json()["id"]
    report = boss.get(f"runs/{plan}/report/").json()["report"]
    assert report["models"]["zoo.Tag"]["deleted"] == 3
    body = {"plan": plan, "plan_digest": report["plan_digest"]}
    foreign = boss.post(f"packages/{package}/restore/", body)
    assert (foreign.status_code, foreign.json()["code"]) == (400, "usage")
    wrong = boss.post(f"runs/{restore}/undo/", planned(boss, package))
    assert (wrong.status_code, wrong.json()["code"]) == (400, "usage")
    answer = boss.post(f"runs/{restore}/undo/", body)
    assert answer.status_code == 202
    assert boss.again().get(answer["Location"]).json()["state"] in ("succeeded", "defects")
    assert Tag.objects.count() == 0
    again = boss.post(f"runs/{restore}/undo/plan/")
    assert (again.status_code, again.json()["code"]) == (404, "package_not_found")
    assert boss.post(f"runs/{plan}/undo/plan/").json()["code"] == "run_not_found"


def test_a_package_is_verified_and_deleted(boss: Caller, package: str) -> None:
    run = boss.post(f"packages/{package}/verify/").json()["id"]
    assert boss.get(f"runs/{run}/report/").json()["report"]["ok"] is True
    answer = boss.confirm().call("DELETE", f"packages/{package}/", Edms_Backup_Reason="übrig")
    assert answer.status_code == 202
    assert boss.get(answer["Location"]).json()["state"] == "succeeded"
    assert boss.get("packages/").json()["total"] == 0
    assert boss.get(f"packages/{package}/").status_code == 404
    entry = boss.get("audit/").json()["results"][0]
    assert (entry["what"], entry["result"], entry["name"]) == ("delete", "done", "boss")
    assert (entry["origin"], entry["address"], entry["reason"]) == ("api", "127.0.0.1", "übrig")


def test_a_package_is_uploaded(boss: Caller, package: str, site: Zoo) -> None:
    data = read(boss.get(f"packages/{package}/download/"))
    boss.confirm().call("DELETE", f"packages/{package}/")
    answer = boss.post("uploads/", {"bytes": len(data), "sha256": digest(data).upper()})
    assert answer.status_code == 201
    upload = answer.json()["id"]
    assert answer["Location"] == f"{ROOT}uploads/{upload}/"
    early = boss.post(f"uploads/{upload}/admit/")
    assert (early.status_code, early.json()["code"]) == (422, "truncated_package")
    filled = boss.call("PUT", f"uploads/{upload}/", data)
    assert (filled.status_code, filled.json()["received"]) == (200, True)
    assert boss.get("packages/").json()["total"] == 0
    twice = boss.call("PUT", f"uploads/{upload}/", data)
    assert (twice.status_code, twice.json()["code"]) == (409, "package_exists")
    run = boss.post(f"uploads/{upload}/admit/").json()["id"]
    assert boss.get(f"runs/{run}/").json()["state"] == "succeeded"
    (found,) = boss.get("packages/").json()["results"]
    assert found["id"] == package
    assert found["name"].startswith("received-")
    assert boss.get(f"uploads/{upload}/").status_code == 404
    assert list((site.service.settings.state_directory / "quarantine").iterdir()) == []


def test_an_upload_can_be_discarded(boss: Caller) -> None:
    upload = boss.post("uploads/", {"bytes": 5, "sha256": "0" * 64}).json()["id"]
    assert boss.call("DELETE", f"uploads/{upload}/").status_code == 204
    assert boss.get(f"uploads/{upload}/").status_code == 404


def test_the_same_key_is_the_same_run(boss: Caller, package: str) -> None:
    first = boss.post("packages/", TAGS, Idempotency_Key="k1")
    again = boss.post("packages/", TAGS, Idempotency_Key="k1")
    assert (again.status_code, again.json()["id"]) == (202, first.json()["id"])
    other = boss.post("packages/", {**TAGS, "label": "x"}, Idempotency_Key="k1")
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    assert boss.get("packages/").json()["total"] == 2
    for wrong in ("x" * 129, "ä", "a b"):
        assert boss.post("packages/", TAGS, Idempotency_Key=wrong).status_code == 400
    boss.confirm()
    plan = planned(boss, package)
    runs = {
        boss.again().post(f"packages/{package}/restore/", plan, Idempotency_Key="r1").json()["id"]
        for _ in range(3)
    }
    assert len(runs) == 1
    (restore,) = runs
    boss.again()
    undo = boss.post(f"runs/{restore}/undo/plan/").json()["id"]
    body = {"plan": undo, "plan_digest": boss.get(f"runs/{undo}/report/").json()["report"]["plan_digest"]}
    runs = {
        boss.again().post(f"runs/{restore}/undo/", body, Idempotency_Key="u1").json()["id"] for _ in range(2)
    }
    assert len(runs) == 1
    assert Run.objects.filter(kind="undo").count() == 1


def test_a_second_run_is_told_who_holds_the_first(boss: Caller, site: Zoo) -> None:
    site.configure(JOBS="tests.api.conftest.never")
    first = boss.post("packages/", TAGS).json()
    answer = boss.post("packages/", TAGS)
    said = answer.json()
    assert (answer.status_code, said["code"], said["status"]) == (409, "run_locked", 409)
    assert answer["Content-Type"] == "application/problem+json"
    assert said["holder"] == {"run": first["id"], "kind": "create", "state": "queued", "actor": "boss"}
    cancelled = boss.post(f"runs/{first['id']}/cancel/", {"reason": "enough"})
    assert (cancelled.status_code, cancelled.json()["state"]) == (202, "cancelled")
    late = boss.post(f"runs/{first['id']}/cancel/")
    assert (late.status_code, late.json()["code"]) == (409, "run_ended")
    assert boss.post("packages/", TAGS).status_code == 202


def test_runs_are_listed_and_filtered(boss: Caller, package: str) -> None:
    boss.post(f"packages/{package}/verify/")
    page = boss.get("runs/").json()
    assert [run["kind"] for run in page["results"]] == ["verify", "create"]
    assert boss.get("runs/?kind=create&state=succeeded").json()["total"] == 1
    assert boss.get("runs/?state=lost").json()["total"] == 0
    assert boss.get("runs/?actor_id=1").status_code == 400


def test_the_site_tells_of_itself(boss: Caller, package: str) -> None:
    for path in ("inventory/", "check/"):
        assert boss.get(path).status_code == 405, "long work is a run"
    listed = boss.post("inventory/")
    assert (listed.status_code, listed.json()["kind"]) == (202, "inventory")
    models = boss.get(f"{listed['Location']}report/").json()["report"]["models"]
    assert {model["label"]: model["rows"] for model in models}["zoo.Tag"] == 3
    found = boss.get(f"{boss.post('check/')['Location']}report/").json()
    assert (found["kind"], type(found["report"]["ok"])) == ("check", bool)
    assert found["report"]["models"] > 10
    assert boss.get("status/").json()["packages"] == 1
    schema = boss.get("schema/").json()
    assert schema["servers"] == [{"url": "/api/backups"}]
    assert "/v1/packages/{package}/restore/" in schema["paths"]


def test_the_audit_trail_is_verified(boss: Caller, package: str, site: Zoo) -> None:
    sound = boss.post("audit/verify/")
    assert (sound.status_code, sound.json()["ok"], sound.json()["database"]) == (200, True, True)
    anchor = sound.json()["anchor"]
    assert boss.post("audit/verify/", {"anchor": anchor}).json()["findings"] == []
    found = boss.post("audit/verify/", {"anchor": f"1:{'0' * 64}"}).json()
    assert (found["ok"], [one["code"] for one in found["findings"]]) == (False, ["audit_anchor_differs"])
    for wrong in ("1", "x:y", f"-1:{'0' * 64}"):
        assert boss.post("audit/verify/", {"anchor": wrong}).status_code == 400
    journal = site.service._trail.chain.path
    journal.write_bytes(journal.read_bytes().replace(b"create", b"delete", 1))
    spoilt = boss.post("audit/verify/")
    assert (spoilt.status_code, spoilt.json()["ok"]) == (200, False)
    assert "audit_entry_altered" in [one["code"] for one in spoilt.json()["findings"]]


def test_a_reason_in_the_header_is_looked_at_even_beside_one_in_the_body(boss: Caller) -> None:
    for path in ("check/", "packages/"):
        answer = boss.post(path, {"reason": "fine"}, Edms_Backup_Reason="\x84")
        assert (answer.status_code, answer.json()["code"]) == (400, "usage")
    assert Run.objects.count() == 0


def test_what_is_not_there_is_a_problem_too(boss: Caller) -> None:
    nobody = uuid.uuid4()
    for path in ("nothing/", "packages/1/", f"packages/{nobody}/", f"runs/{nobody}/", f"uploads/{nobody}/"):
        answer = boss.get(path)
        assert (answer.status_code, answer["Content-Type"]) == (404, "application/problem+json"), path
        assert set(answer.json()) >= {"type", "title", "status", "detail", "code"}
    answer = boss.call("PATCH", "packages/", {})
    assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")


def test_no_answer_holds_a_countable_id_or_a_place(
    boss: Caller, caller: CallerFactory, package: str, site: Zoo
) -> None:
    Tag.objects.all().delete()
    boss.confirm()
    site.service.create(_outside(site))
    boss.post(f"packages/{package}/restore/", planned(boss, package))
    boss.again()
    boss.post("check/")
    runs = boss.get("runs/").json()["results"]
    seen = [boss.get(f"runs/{run['id']}/{part}") for run in runs for part in ("", "report/")]
    seen += [boss.get(path) for path in ("packages/", f"packages/{package}/", "audit/", "status/", "runs/")]
    for answer in seen:
        text = answer.content.decode()
        assert str(site.service.settings.directory) not in text
        assert str(site.service.settings.directory.parent) not in text
        for member in ('"actor_id"', '"user_id"', '"worker"', '"pk"', '"may_grant"', '"idempotency_key"'):
            assert member not in text
    assert all(uuid.UUID(run["id"]) for run in runs)
    assert json.loads(seen[0].content)


def _outside(site: Zoo) -> Any:
    from edms_backup.create.report import CreateRequest

    return CreateRequest(
        models=("zoo.Tag",), files=False, output=site.service.settings.directory.parent / "outside.edms.zip"
    )
