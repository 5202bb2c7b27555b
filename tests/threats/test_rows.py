"""Packages that are sealed like ours and hold what no site of ours writes: by them nothing is run, read or changed."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group, Permission
from django.contrib.sessions.models import Session

from edms_backup.errors import EdmsBackupError, NaturalKeyError, PlanBlocked
from edms_backup.models import AuditEvent, Run
from edms_backup.restore.report import Mode, RestoreReport
from tests.api.conftest import CallerFactory, digest
from tests.package.builders import members_of, reseal
from tests.threats.forging import Rows, entry_of, forge, path_of
from tests.unit.conftest import Zoo
from tests.zoo import models as zoo_models

PEOPLE = ["users.User", "auth.Group", "auth.Permission", "contenttypes.ContentType"]
HASH = "pbkdf2_sha256$1000$salt$bm90IGEgcmVhbCBoYXNo"


def refused(zoo: Zoo, mode: Mode = Mode.MERGE) -> EdmsBackupError:
    """Try to restore; return why it is refused."""
    with pytest.raises(EdmsBackupError) as caught:
        zoo.restore(mode)
    return caught.value


# -- rights --------------------------------------------------------------------------------------------


def an_administrator_more(rows: Rows) -> Rows:
    (one,) = [row for row in rows if row["fields"]["username"] == "ann"]
    made = {**one["fields"], "username": "eve", "email": "eve@example.com", "employee_id": "E-EVE"}
    made["uuid"] = "00000000-0000-4000-8000-00000000e4e0"
    return [*rows, {**one, "fields": {**made, "is_superuser": True}, "_pk": 99_999}]


def set_of(name: str, **fields: Any) -> Callable[[Rows], Rows]:
    """Return what sets fields of one user."""

    def change(rows: Rows) -> Rows:
        for row in rows:
            if row["fields"]["username"] == name:
                assert set(fields) <= set(row["fields"])
                row["fields"] |= fields
        return rows

    return change


@pytest.mark.parametrize(
    ("change", "gained"),
    [
        (an_administrator_more, "superuser"),
        (set_of("ann", is_superuser=True), "superuser"),
        (set_of("ann", is_staff=True), "staff"),
        (set_of("ben", is_superuser=True), "superuser"),
        (set_of("ann", groups=[["chiefs"]]), "group chiefs"),
        (set_of("chief", password=HASH), "superuser"),
        (set_of("chief", email="eve@example.com"), "superuser"),
    ],
    ids=["new", "oneself", "staff", "another", "group", "password", "mail"],
)
@pytest.mark.parametrize("mode", Mode)
def test_an_upload_gives_nobody_more_than_its_sender_holds(
    site: Zoo, caller: CallerFactory, mode: Mode, change: Callable[[Rows], Rows], gained: str
) -> None:
    """Somebody who may upload and restore, and no more, sends rows that would make more of somebody."""
    site.configure(NATURAL_KEYS={})
    ann = caller("upload_package", "restore_package", name="ann")
    caller(name="ben", employee_id="E-BEN")
    caller(name="chief", employee_id="E-CHIEF", is_superuser=True)
    Group.objects.create(name="chiefs").permissions.add(Permission.objects.all()[0])
    site.create(*PEOPLE)
    data = forge(site, {"users.User": change})
    path_of(site).unlink()
    before = picture()

    upload = ann.post("uploads/", {"bytes": len(data), "sha256": digest(data)}).json()["id"]
    assert ann.call("PUT", f"uploads/{upload}/", data).status_code == 200
    admitted = ann.get(ann.post(f"uploads/{upload}/admit/")["Location"] + "report/").json()
    assert admitted["state"] == "succeeded", admitted["error"]
    package = site.service.list()[0].id
    plan = ann.post(f"packages/{package}/plan/", {"mode": mode.value, "files": False}).json()["id"]
    found = ann.get(f"runs/{plan}/report/").json()
    assert found["error"]["code"] == "plan_blocked", found
    assert gained in found["report"]["privileges"]["gained"]
    body = {"plan": plan, "plan_digest": found["report"]["plan_digest"]}
    assert ann.confirm().post(f"packages/{package}/restore/", body).status_code == 409
    assert picture() == before


def picture() -> list[Any]:
    """Return all that decides what people may do."""
    people = get_user_model().objects.order_by("username")
    names = ("username", "email", "password", "is_superuser", "is_staff", "groups__name")
    return [*people.values_list(*names), *Group.objects.values_list("name", "permissions")]


# -- models --------------------------------------------------------------------------------------------


def relabelled(site: Zoo, label: str) -> None:
    """Say of the rows of tags that they are those of another model."""
    path = path_of(site)
    members = members_of(path.read_bytes())
    lines = members["rows/zoo.Tag.jsonl"].replace(b'"zoo.tag"', json.dumps(label.lower()).encode())
    document = json.loads(members["MANIFEST.json"])
    name = f"rows/{label}.jsonl"

    def edit(manifest: Any) -> None:
        entry = entry_of(manifest, "zoo.Tag")
        entry |= {"label": label, "key": {"source": "content", "paths": []}}
        sha256 = hashlib.sha256(lines).hexdigest()
        entry["segments"][0] |= {"member": name, "size": len(lines), "sha256": sha256}

    assert entry_of(document, "zoo.Tag")["segments"][0]["member"] == "rows/zoo.Tag.jsonl"
    path.write_bytes(reseal(path.read_bytes(), {"rows/zoo.Tag.jsonl": None, name: lines}, edit))


@pytest.mark.parametrize(
    "label",
    [
        "sessions.Session",
        "edms_backup.AuditEvent",
        "edms_backup.Run",
        "edms_backup.RestoreMarker",
        "admin.NoSuchModel",
        "nowhere.Thing",
        "zoo.Everything",
        "django_migrations.Migration",
    ],
)
@pytest.mark.parametrize("mode", Mode)
def test_rows_of_models_that_do_not_travel(site: Zoo, label: str, mode: Mode) -> None:
    """Sessions, our own tables, tables that no model or no app owns: refused by name, whatever the rows are."""
    site.create("zoo.Tag")
    relabelled(site, label)
    counts = [model.objects.count() for model in (Session, AuditEvent, zoo_models.Tag)]
    plan = site.plan(mode)
    assert plan.blocked
    assert ("unknown_model", label) in {(finding.code, finding.model) for finding in plan.findings}
    assert isinstance(refused(site, mode), PlanBlocked)
    after = [Session.objects.count(), zoo_models.Tag.objects.count()]
    assert after == [counts[0], counts[2]]
    assert not AuditEvent.objects.exclude(what__in=("create", "restore", "recovery")).exists()
    assert not Run.objects.exclude(kind__in=("create", "restore")).exists()


# -- values --------------------------------------------------------------------------------------------

JUNK: dict[str, Any] = {
    "null": None,
    "text": "x" * 50,
    "long text": "x" * 100_000,
    "path up": "../../../etc/passwd",
    "absolute path": "/etc/passwd",
    "nul": "a\0b",
    "half a character": "\ud800",
    "huge exponent": "1e999999999",
    "number": 10**300,
    "negative": -1,
    "fraction": 0.1,
    "flag": True,
    "list": [[[]]],
    "object": {"__class__": "os.system", "pk": 1},
    "dunder": "__class__",
    "template": "{{ settings.SECRET_KEY }}",
    "statement": "'; DROP TABLE zoo_tag; --",
}


@pytest.mark.slow
@pytest.mark.parametrize("junk", JUNK)
def test_values_that_are_none(site: Zoo, junk: str) -> None:
    """In every column in turn: restored exactly, or refused in our words with nothing changed."""
    specimen = zoo_models.Specimen.objects.create(code="s", file="zoo/a.txt")
    names = [field.name for field in specimen._meta.concrete_fields if not field.primary_key]
    site.create("zoo.Specimen")
    package = path_of(site).read_bytes()
    outside = Path(site.service.settings.directory).parent
    files = sorted(outside.iterdir())
    outcomes = set()
    for name in names:
        path_of(site).write_bytes(package)
        before = list(zoo_models.Specimen.objects.values())

        def change(rows: Rows, name: str = name) -> Rows:
            if name in rows[0]["fields"]:
                rows[0]["fields"][name] = JUNK[junk]
            return rows

        try:
            forge(site, {"zoo.Specimen": change})
            report = site.restore(Mode.REPLACE)
        except EdmsBackupError as error:
            outcomes.add("refused")
            assert list(zoo_models.Specimen.objects.values()) == before, (name, error)
        else:
            outcomes.add("exact")
            assert report.outcome == "committed"
            assert all(count.identical == count.expected for count in report.models.values())
            zoo_models.Specimen.objects.all().delete()
            specimen.save(force_insert=True)
    assert outcomes
    assert sorted(outside.iterdir()) == files


@pytest.mark.parametrize("name", ["__class__", "_state", "objects", "pk", "groups", "x' OR 1=1"])
def test_fields_that_a_model_does_not_have(site: Zoo, name: str) -> None:
    site.create("zoo.Tag")

    def change(rows: Rows) -> Rows:
        rows[0]["fields"] = {**rows[0]["fields"], name: "x"}
        return rows

    forge(site, {"zoo.Tag": change})
    assert refused(site).exit_code == 13
    assert sorted(zoo_models.Tag.objects.values_list("code", flat=True)) == ["a", "b", "c"]


# -- words of the manifest -----------------------------------------------------------------------------

CANARY = "canary-of-the-manifest"
CODE = f'x"]+[open("{CANARY}","w")]+F["'
SQL = 'code"; DROP TABLE zoo_tag; --'


def field_named(name: str) -> Callable[[Any], None]:
    def edit(manifest: Any) -> None:
        entry = entry_of(manifest, "zoo.Tag")
        entry["fields"][0] |= {"name": name, "column": name}

    return edit


def saying(member: str, value: Any) -> Callable[[Any], None]:
    def edit(manifest: Any) -> None:
        entry_of(manifest, "zoo.Tag")[member] = value

    return edit


@pytest.mark.parametrize(
    "edit",
    [
        field_named(CODE),
        field_named(SQL),
        field_named("__class__"),
        saying("label", SQL),
        saying("label", "zoo.Tag.objects"),
        saying("table", SQL),
        saying("database", "../../other"),
        saying("key", {"source": "settings", "paths": [CODE]}),
        saying("key", {"source": "settings", "paths": [SQL]}),
        saying("key", {"source": "settings", "paths": ["code__regex"]}),
        saying("key", {"source": "settings", "paths": ["code", "code"]}),
        saying("fate", "everything"),
        saying("sequence", SQL),
    ],
)
@pytest.mark.parametrize("mode", Mode)
def test_names_that_are_code_or_statements(
    site: Zoo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, edit: Callable[[Any], None], mode: Mode
) -> None:
    """Names come from the models of the site; those of a package are compared with them, and go nowhere else."""
    monkeypatch.chdir(tmp_path)
    for number in range(100):  # as many as it takes until functions are made for a model
        zoo_models.Tag.objects.create(code=f"t{number}")
    site.create("zoo.Tag")
    forge(site, {}, edit)
    zoo_models.Tag.objects.filter(code="t7").delete()
    try:
        report = site.restore(mode)
    except EdmsBackupError:
        assert zoo_models.Tag.objects.count() == 102
    else:  # what it says there is only told, never used
        assert report.outcome == "committed"
        assert zoo_models.Tag.objects.count() == 103
    assert not (tmp_path / CANARY).exists()


@pytest.mark.parametrize("paths", [["password"], ["manager__password"], ["username", "password"], ["email"]])
@pytest.mark.parametrize("place", ["key", "references"])
def test_a_package_does_not_say_which_columns_are_names(site: Zoo, place: str, paths: list[str]) -> None:
    """Names of rows are shown by plans: a package that names users by their passwords would have them read out."""
    people = get_user_model().objects
    people.create_user("eve", "eve@example.com", "x", employee_id="E-EVE")
    site.create("users.User")
    people.create_user("chief", "chief@example.com", "y", employee_id="E-CHIEF")
    hashes = list(people.values_list("password", flat=True))

    def edit(manifest: Any) -> None:
        if place == "key":
            entry_of(manifest, "users.User")["key"] = {"source": "settings", "paths": paths}
        else:
            manifest["models"] = [
                entry_of(manifest, "users.User") | {"key": {"source": "content", "paths": []}}
            ]
            manifest.setdefault("references", {})["users.User"] = paths

    forge(site, {}, edit)
    for mode in Mode:
        with pytest.raises(NaturalKeyError, match="no natural key of them on this site") as caught:
            site.plan(mode)
        assert all(one not in str(caught.value) for one in hashes)


def test_a_key_that_the_site_might_have_chosen_is_taken(site: Zoo) -> None:
    """Another site's settings may prefer another unique column; the plan then shows the names that it gives."""
    people = get_user_model().objects
    people.create_user("ann", "ann@example.com", "x", employee_id="E-ANN")
    site.configure(NATURAL_KEYS={"users.User": ("uuid",)})
    site.create("users.User")
    site.configure(NATURAL_KEYS={})
    people.all().delete()
    samples = RestoreReport.of_plan(site.plan(Mode.REPLACE)).to_dict()["samples"]
    assert list(samples) == ["users.User"]  # type: ignore[call-overload]
    assert site.restore().outcome == "committed"
    assert people.get().username == "ann"
