"""status and audit: what monitoring systems and people read."""

from dataclasses import replace
from pathlib import Path

import pytest

from edms_backup.errors import AuditUnavailable, ConfigurationError
from edms_backup.findings import Finding, Severity
from edms_backup.service import Check, Level
from tests.cli.conftest import CHECK, WARNING, FakeService, Run

SPACE = Check(name="space", level=Level.OK, message="5.0 GiB | free.", value=5.0, unit="B", limits=(3.0, 1.0))
STORE = Check(
    name="store",
    level=Level.CRITICAL,
    message="The store cannot be reached.",
    detail="/srv/x\x1b[2J: no such place",
)
ALTERED = Finding(code="audit_entry_altered", severity=Severity.ERROR, message="Line 3 is no entry.")


def test_status_is_one_line_for_plugins_and_one_for_each_check(run: Run) -> None:
    service = FakeService(checks=(CHECK, SPACE))
    ended = run(service, "status")
    assert (ended.code, ended.err, service.asked) == (0, "", [("status", False)])
    assert ended.out.splitlines() == [
        "EDMS BACKUP OK: The last good package is 12 h old. | package=43201s;93600;180000;0 space=5B;3:;1:;0",
        "OK       package: The last good package is 12 h old.",
        "OK       space: 5.0 GiB | free.",
    ]


@pytest.mark.parametrize(
    ("levels", "code", "word"),
    [
        ((Level.OK, Level.WARNING), 1, "WARNING"),
        ((Level.WARNING, Level.CRITICAL), 2, "CRITICAL"),
        ((Level.UNKNOWN, Level.OK), 3, "UNKNOWN"),
        ((Level.UNKNOWN, Level.WARNING), 1, "WARNING"),
        ((Level.UNKNOWN, Level.CRITICAL), 2, "CRITICAL"),
    ],
)
def test_exit_codes_are_those_of_plugins(run: Run, levels: tuple[Level, Level], code: int, word: str) -> None:
    first, second = levels
    checks = (
        replace(CHECK, level=first, message="One."),
        replace(SPACE, level=second, message="Two | three."),
    )
    ended = run(FakeService(checks=checks), "status")
    assert ended.code == code
    head, _, numbers = ended.out.splitlines()[0].partition(" | ")
    assert head.startswith(f"EDMS BACKUP {word}: ")
    assert "|" not in head + numbers
    document = run(FakeService(checks=checks), "status", "--json")
    assert (document.code, document.json["exit_code"], document.json["status"]) == (code, code, word.lower())


def test_details_are_for_people_on_the_machine(run: Run) -> None:
    ended = run(FakeService(checks=(STORE, CHECK)), "status")
    assert ended.out.splitlines()[0].startswith("EDMS BACKUP CRITICAL: The store cannot be reached. | ")
    assert "CRITICAL store: The store cannot be reached. (/srv/x\\x1b[2J: no such place)" in ended.out
    assert "/srv" not in ended.out.splitlines()[0]


def test_a_status_that_cannot_be_told_is_unknown(run: Run) -> None:
    error = ConfigurationError("A setting is wrong.", hint="Look.")
    ended = run(FakeService(raises=error), "status")
    assert (ended.code, ended.out) == (3, "EDMS BACKUP UNKNOWN: A setting is wrong.\n")
    document = run(FakeService(raises=error), "status", "--json")
    assert (document.code, document.json["error"]["exit_code"]) == (3, 3)


def test_status_tells_people_when_it_is_asked_to(run: Run) -> None:
    service = FakeService(checks=(STORE, CHECK), findings=(WARNING,))
    ended = run(service, "status", "--notify")
    assert service.asked == [("status", True)]
    assert ended.code == 2
    assert "ambiguous_key" in ended.out


def test_status_writes_metrics(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "edms.prom"
    checks = tuple(
        replace(CHECK, name=name)
        for name in ("store", "package", "verify", "space", "runs", "queue", "audit")
    )
    assert run(FakeService(checks=checks), "status", "--prometheus", str(file)).code == 0
    assert "edms_backup_last_package_age_seconds 43201.4" in file.read_text()
    ended = run(FakeService(checks=checks), "status", "--prometheus", str(tmp_path / "no" / "where.prom"))
    assert (ended.code, ended.out.startswith("EDMS BACKUP UNKNOWN: The metrics cannot be written")) == (
        3,
        True,
    )


def test_audit_list_shows_who_did_what(run: Run) -> None:
    service = FakeService()
    ended = run(service, "audit", "list", "--last", "5")
    assert service.asked == [("audit_entries", 5)]
    row = ended.out.splitlines()[2].split()
    assert row[:3] == ["7", "2025-02-01", "08:00:00Z"]
    assert row[3:] == ["ann", "cli", "plant2", "create", "ended", "done", row[-2], "nightly"]
    assert ended.out.splitlines()[-1] == "1 entry."
    (entry,) = run(FakeService(), "audit", "list", "--json").json["entries"]
    assert (entry["sequence"], entry["name"], len(entry["sha256"])) == (7, "ann", 64)


@pytest.mark.parametrize("args", [["audit"], ["audit", "erase"], ["audit", "list", "--last", "0"]])
def test_audit_refuses_what_it_does_not_know(run: Run, args: list[str]) -> None:
    assert run(FakeService(), *args).code == 2


def test_audit_verify_prints_the_anchor(run: Run) -> None:
    service = FakeService()
    ended = run(service, "audit", "verify", "--anchor", "3:abc")
    assert service.asked == [("verify_audit", "3:abc")]
    assert ended.code == 0
    assert ended.out.splitlines() == [f"anchor  7:{'ab' * 32}", "Whole: 7 entries, journal and database."]


def test_audit_verify_ends_with_13_when_the_trail_is_not_what_was_written(run: Run) -> None:
    ended = run(FakeService(findings=(ALTERED,)), "audit", "verify")
    assert ended.code == 13
    assert "[audit_entry_altered]" in ended.out
    assert ended.out.splitlines()[-1].startswith("NOT WHAT WAS WRITTEN: ")
    assert run(FakeService(findings=(ALTERED,)), "audit", "verify", "--json").json["ok"] is False
    assert run(FakeService(findings=(WARNING,)), "audit", "verify").code == 0
    assert run(FakeService(raises=AuditUnavailable("away")), "audit", "verify").code == 26


@pytest.mark.parametrize("args", [("create",), ("restore", "latest", "--yes"), ("undo", "--yes")])
def test_the_caller_is_the_user_of_the_operating_system(run: Run, args: tuple[str, ...]) -> None:
    service = FakeService()
    run(service, *args, "--reason", "quarterly test")
    assert service.actor is not None
    assert (service.actor.origin, service.actor.reason) == ("cli", "quarterly test")
    assert service.actor.name
    assert service.actor.address
    assert run(FakeService(), *args, "--reason", "x" * 1001).code == 2
