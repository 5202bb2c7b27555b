"""The judge of the acceptance tests, judged: one changed value, reference or byte has to be reported."""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from importlib.util import find_spec
from typing import Any

import pytest

from tests.acceptance.comparing import added, differences, lost
from tests.acceptance.conftest import image_of
from tests.acceptance.independent import NAMES, Describer, Image, Row, as_text
from tests.sites import Site, SiteFactory

pytestmark = pytest.mark.slow

BEAT = "django_celery_beat"
HAS_BEAT = find_spec(BEAT) is not None  # its releases do not admit every Django

STATEMENTS = {
    # what is reported -> what is done
    'audit.SystemEvent ["UUID {event}"].timestamp': (
        "UPDATE system_events SET timestamp = replace(timestamp, '.', '.1') WHERE id = {event_id}"
    ),
    'users.User ["viewer"].phone_number': "UPDATE users SET phone_number = '' WHERE username = 'viewer'",
    'users.User ["kiosk"].metadata': "UPDATE users SET metadata = '[true]' WHERE username = 'kiosk'",
    'users.User ["auditor"].metadata': "UPDATE users SET metadata = '[1.0]' WHERE username = 'auditor'",
    'documents.Document ["SOP-2025-0004"].author': (
        "UPDATE documents SET author_id = (SELECT id FROM users WHERE username = 'viewer')"
        " WHERE document_number = 'SOP-2025-0004'"
    ),
    'users.User ["reviewer"].groups': (
        "DELETE FROM users_groups WHERE id = (SELECT min(users_groups.id) FROM users_groups"
        " JOIN users ON users.id = user_id WHERE username = 'reviewer')"
    ),
    'audit.AuditTrail ["UUID {record}"].object_id': (
        "UPDATE audit_trail SET object_id = (SELECT id FROM documents WHERE document_number = 'BMR-2024-0118')"
        " WHERE id = {record_id}"
    ),
    'django_celery_beat.SolarSchedule ["sunrise", "Decimal -33.868800", "Decimal 151.209300"]': (
        "UPDATE django_celery_beat_solarschedule SET latitude = -33.868801"
    ),
    'auth.Permission [["documents", "document"], "release_batch"]': (
        "DELETE FROM auth_permission WHERE codename = 'release_batch'"
    ),
    "django_celery_beat.CrontabSchedule {twin}": (
        "INSERT INTO django_celery_beat_crontabschedule (minute, hour, day_of_week, day_of_month,"
        " month_of_year, timezone) SELECT minute, hour, day_of_week, day_of_month, month_of_year, timezone"
        " FROM django_celery_beat_crontabschedule WHERE hour = '2' LIMIT 1"
    ),
}


@pytest.mark.pitfall(94)
def test_each_change_is_reported_and_nothing_else(make_site: SiteFactory) -> None:
    site = make_site("sqlite", seeded=True)
    for name in ("kiosk", "auditor"):
        site.query("UPDATE users SET metadata = '[1]' WHERE username = %s", (name,))
    # A permission that somebody holds would change its holders as well.
    site.query(
        "DELETE FROM auth_group_permissions WHERE permission_id IN"
        " (SELECT id FROM auth_permission WHERE codename = 'release_batch')"
    )
    site.query(
        "DELETE FROM users_user_permissions WHERE permission_id IN"
        " (SELECT id FROM auth_permission WHERE codename = 'release_batch')"
    )
    if HAS_BEAT:
        # Nor may the one task that runs at sunrise change with its schedule.
        site.query("UPDATE django_celery_beat_periodictask SET solar_id = NULL")
    before = image_of(site)
    assert differences(before, image_of(site), keys=True) == []

    found = {
        "event": site.query("SELECT uuid, id FROM system_events ORDER BY id LIMIT 1")[0],
        "record": site.query("SELECT uuid, id FROM audit_trail ORDER BY id LIMIT 1")[0],
    }
    words = {f"{name}_id": str(key) for name, (_, key) in found.items()}
    words |= {name: dashed(text) for name, (text, _) in found.items()}
    statements = {
        subject: done for subject, done in STATEMENTS.items() if HAS_BEAT or not subject.startswith(BEAT)
    }
    for statement in statements.values():
        site.query(statement.format(**words))

    twins = before.rows.get(f"{BEAT}.CrontabSchedule", ())
    words["twin"] = next((row.name for row in twins if '"2"' in row.values["hour"]), "")
    expected = {re.sub(r"\{(\w+)\}", lambda found: words[found[1]], subject) for subject in statements}
    reported = differences(before, image_of(site))
    # The latitude is part of a name: the old row is missing and another one has come.
    assert {
        subject for subject in expected if not any(line.startswith(subject) for line in reported)
    } == set()
    assert len(reported) == len(expected) + HAS_BEAT


def dashed(text: str) -> str:
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


def flip_a_byte(site: Site) -> str:
    path = site.data_dir / "media/documents/SOP-2025-0003.pdf"
    content = bytearray(path.read_bytes())
    content[100] ^= 1
    path.write_bytes(content)
    return "files documents/SOP-2025-0003.pdf"


def remove_an_old_file(site: Site) -> str:
    (site.data_dir / "storage/documents/2019/quality-policy.pdf").unlink()
    return "files storage/documents/2019/quality-policy.pdf"


def leave_a_file(site: Site) -> str:
    (site.data_dir / "media/documents/part.tmp").write_bytes(b"")
    return "unnamed media/documents/part.tmp"


def test_each_change_of_a_file_is_reported(make_site: SiteFactory) -> None:
    site = make_site("sqlite", seeded=True)
    before = image_of(site)
    changes: list[Callable[[Site], str]] = [flip_a_byte, remove_an_old_file, leave_a_file]

    expected = {change(site) for change in changes}

    assert {line.split(": ")[0] for line in differences(before, image_of(site))} == expected


def test_a_model_that_nobody_wrote_down_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(NAMES, "documents.DocumentComment")
    with pytest.raises(LookupError, match="models without a name here: .*'documents.DocumentComment'"):
        Describer()
    monkeypatch.setitem(NAMES, "documents.DocumentComment", ("uuid",))
    monkeypatch.setitem(NAMES, "documents.Folder", ("name",))
    with pytest.raises(LookupError, match=r"not there: \['documents.Folder'\]"):
        Describer()


@pytest.mark.parametrize(
    "values",
    [
        (1, True, "1", 1.0, Decimal(1), None, "", "null"),
        (Decimal("1.0"), Decimal("1.00")),
        (datetime(2025, 1, 1, 0, 0, 0, 1, tzinfo=UTC), datetime(2025, 1, 1, tzinfo=UTC), date(2025, 1, 1)),
        (timedelta(microseconds=1), timedelta(0), time(0, 0)),
    ],
)
def test_values_of_different_types_are_different(values: tuple[Any, ...]) -> None:
    assert len({as_text(value) for value in values}) == len(values)


def test_json_is_told_apart_by_value_and_type() -> None:
    values = [1, 1.0, True, "1", None, "", [], {}, [1], [True], {"a": None}]
    assert len({as_text(value, as_json=True) for value in values}) == len(values)
    # A database may store the members of an object in another order.
    assert as_text({"a": 1, "b": 2}, as_json=True) == as_text({"b": 2, "a": 1}, as_json=True)


def image(*rows: Row) -> Image:
    return Image(rows={"app.Model": list(rows)})


def test_primary_keys_count_only_when_asked_for() -> None:
    first, second = image(Row("a", "1", {"x": "1"})), image(Row("a", "2", {"x": "1"}))

    assert differences(first, second) == []
    assert differences(first, second, keys=True) == [
        "app.Model a: primary key 1 in the first, 2 in the second"
    ]


def test_twins_are_counted() -> None:
    twin = Row("{}", "1", {})

    assert differences(image(twin, twin), image(twin)) == ["app.Model {}: 1 of 2 in the second"]
    assert differences(image(twin), image(twin, twin)) == ["app.Model {}: only in the second"]
    assert added(image(twin), image(twin, twin)).rows == {"app.Model": [twin]}
    assert list(lost(image(twin), image(twin, twin))) == []


def test_a_model_that_is_missing_altogether_is_reported() -> None:
    assert differences(image(Row("a", "1", {})), Image()) == ["app.Model a: 0 of 1 in the second"]
    assert differences(Image(), image(Row("a", "1", {}))) == ["app.Model a: only in the second"]
