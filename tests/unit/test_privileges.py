"""What a restore would give to whom: computed for the plan, refused where it is more than who asks may give."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group, Permission

from edms_backup.errors import PlanBlocked
from edms_backup.restore.report import Mode
from edms_backup.service import PrivilegeDelta
from edms_backup.service.people import may_grant
from tests.unit.conftest import Zoo

LABELS = ("users.User", "auth.Group", "auth.Permission", "contenttypes.ContentType")


def permission(name: str) -> Permission:
    app, codename = name.split(".")
    return Permission.objects.get(content_type__app_label=app, codename=codename)


def user(name: str, **fields: Any) -> Any:
    return get_user_model().objects.create_user(name, f"{name}@example.com", "secret", **fields)


@pytest.fixture
def people(zoo: Zoo) -> Zoo:
    """Give a site without roles of its own making, whose package holds four users and a group."""
    zoo.configure(MODELS={})
    editors = Group.objects.create(name="editors")
    editors.permissions.add(permission("auth.add_group"))
    user("boss", is_superuser=True, is_staff=True)
    user("ann").groups.add(editors)
    user("ben").user_permissions.add(permission("auth.delete_group"))
    user("cat")
    zoo.create(*LABELS)
    return zoo


def delta(zoo: Zoo, **options: Any) -> PrivilegeDelta:
    return zoo.plan(**options).privileges


def gains(found: PrivilegeDelta) -> dict[str, tuple[str, ...]]:
    return {change.key: change.gains for change in found.changes}


def test_nothing_is_gained_where_nothing_changed(people: Zoo) -> None:
    assert delta(people) == PrivilegeDelta()


def test_new_rows_gain_all_that_they_hold(people: Zoo) -> None:
    get_user_model().objects.all().delete()
    Group.objects.all().delete()
    found = delta(people)
    assert gains(found) == {
        "editors": ("permission auth.add_group",),
        "boss": ("staff", "superuser"),
        "ann": ("group editors",),
        "ben": ("permission auth.delete_group",),
    }
    assert found.total == 4
    assert set(found.gained) == {privilege for names in gains(found).values() for privilege in names}


@pytest.mark.parametrize(
    ("change", "key", "gained"),
    [
        (
            lambda: get_user_model().objects.filter(username="boss").update(is_superuser=False),
            "boss",
            "superuser",
        ),
        (lambda: get_user_model().objects.filter(username="boss").update(is_staff=False), "boss", "staff"),
        (lambda: get_user_model().groups.through.objects.all().delete(), "ann", "group editors"),
        (
            lambda: get_user_model().user_permissions.through.objects.all().delete(),
            "ben",
            "permission auth.delete_group",
        ),
        (lambda: Group.permissions.through.objects.all().delete(), "editors", "permission auth.add_group"),
    ],
)
@pytest.mark.parametrize("mode", Mode)
def test_what_was_taken_away_comes_back(
    people: Zoo, mode: Mode, change: Callable[[], object], key: str, gained: str
) -> None:
    change()
    assert gains(delta(people, mode=mode)) == {key: (gained,)}


def test_what_is_lost_is_no_gain(people: Zoo) -> None:
    get_user_model().objects.filter(username="cat").update(is_superuser=True)
    get_user_model().objects.get(username="cat").groups.add(Group.objects.get())
    assert delta(people, mode=Mode.REPLACE) == PrivilegeDelta()


@pytest.mark.parametrize(
    "before", [{"password": "another"}, {"email": "other@example.com"}, {"is_active": False}]
)
def test_another_may_sign_in(people: Zoo, before: dict[str, Any]) -> None:
    get_user_model().objects.filter(username__in=["boss", "cat"]).update(**before)
    (change,) = delta(people).changes
    assert (change.key, change.gains, change.sign_in) == ("boss", (), True)
    assert change.holds == ("staff", "superuser")


def test_roles_of_the_hosts_own_making(people: Zoo) -> None:
    people.configure(MODELS={"zoo.Tag": {"grants": True}})
    get_user_model().objects.filter(username="cat").update(password="another")
    (change,) = delta(people).changes
    assert (change.key, change.holds) == ("cat", ("roles",))
    from tests.zoo.models import Tag

    Tag.objects.create(code="chief")
    people.create("zoo.Tag")
    assert delta(people).gained == ()
    Tag.objects.all().delete()
    assert delta(people).gained == ("rows of zoo.Tag",)


def test_who_asks_gives_no_more_than_they_hold(people: Zoo) -> None:
    Group.objects.get().permissions.clear()
    ann = get_user_model().objects.get(username="ann")
    before = get_user_model().objects.values_list("username", "is_superuser").order_by("pk")
    held = may_grant(ann)
    assert held == ("group editors",)
    plan = people.plan(may_grant=held)
    assert plan.blocked
    (finding,) = plan.findings
    assert (finding.code, finding.count) == ("privileges_beyond_actor", 1)
    assert "permission auth.add_group" in finding.message
    with pytest.raises(PlanBlocked):
        people.restore(may_grant=held)
    assert not Group.objects.get().permissions.exists()
    assert list(before) == list(
        get_user_model().objects.values_list("username", "is_superuser").order_by("pk")
    )
    ann.user_permissions.add(permission("auth.add_group"))
    held = may_grant(get_user_model().objects.get(username="ann"))
    assert people.restore(may_grant=held, models=("auth.Group",)).outcome == "committed"
    assert Group.objects.get().permissions.count() == 1


def test_a_superuser_gives_everything(people: Zoo) -> None:
    boss = get_user_model().objects.get(username="boss")
    assert may_grant(boss) is None
    get_user_model().objects.filter(username="boss").update(is_superuser=False)
    report = people.restore(may_grant=may_grant(boss))
    assert report.privileges.gained == ("superuser",)
    assert get_user_model().objects.get(username="boss").is_superuser


def test_undo_gives_no_more_either(people: Zoo) -> None:
    get_user_model().objects.filter(username="cat").update(is_superuser=True)
    people.restore(safety_package=True)
    cat = get_user_model().objects.get(username="cat")
    assert not cat.is_superuser
    with pytest.raises(PlanBlocked, match="superuser"):
        people.service.undo(may_grant=may_grant(cat))
    assert people.service.undo(may_grant=None).outcome == "committed"
    assert get_user_model().objects.get(username="cat").is_superuser


def test_the_list_is_cut_and_the_sum_is_not(people: Zoo) -> None:
    get_user_model().objects.bulk_create(
        get_user_model()(username=f"u{number}", is_staff=True, employee_id=f"E{number}")
        for number in range(250)
    )
    people.create(*LABELS)
    get_user_model().objects.update(is_staff=False)
    found = delta(people)
    assert (found.total, len(found.changes), found.gained) == (251, 200, ("staff",))
