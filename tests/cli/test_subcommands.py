"""What each subcommand asks of the service, and what the operator reads."""

import pytest

from edms_backup.errors import EXIT_DEFECTS
from edms_backup.service import (
    CreateRequest,
    Mode,
    PrivilegeChange,
    PrivilegeDelta,
    RestorePlan,
    RestoreRequest,
)
from tests.cli.conftest import BLOCKER, DEFECT, NAME, SAFETY, WARNING, FakeService, Run, Terminal


def test_create_passes_every_option_on(run: Run) -> None:
    service = FakeService()
    args = (
        "--models documents users.User --exclude audit --exclude sites --no-files --database other --label x"
    )
    run(service, "create", *args.split(), "--output", "some/file.zip")
    ((_, request),) = service.asked
    assert (request.models, request.exclude) == (("documents", "users.User"), ("audit", "sites"))
    assert (request.files, request.database, request.label) == (False, "other", "x")
    assert str(request.output) == "some/file.zip"


def test_create_without_options_asks_for_everything(run: Run) -> None:
    service = FakeService()
    ended = run(service, "create")
    assert service.asked == [("create", CreateRequest())]
    assert ended.code == 0
    assert ended.out.splitlines()[-1] == (
        f"Complete: 1,213 rows, 23 files; read back after writing, 3.1 s. {NAME}"
    )
    assert "1.2 MiB (1,234,567 bytes)" in ended.out
    assert ended.err == ""


def test_create_with_defects_is_not_a_success(run: Run) -> None:
    ended = run(FakeService(findings=(WARNING, DEFECT)), "create")
    assert ended.code == EXIT_DEFECTS
    assert ended.out.splitlines()[-1].startswith("Complete with defects (1 defect, 1 warning)")
    assert "defect   documents.Document DOC-1 file_path: The file is not there. [missing_file]" in ended.out
    assert "Look for it in older packages." in ended.out
    assert ended.out.index("missing_file") < ended.out.index("ambiguous_key")
    assert "A key names two rows. (2 rows)" in ended.out
    assert "23, 1 of them missing" in ended.out


GRANTED = PrivilegeDelta(
    changes=(
        PrivilegeChange(model="users.User", key="ann\x1b[31m", gains=("superuser", "group editors")),
        PrivilegeChange(model="users.User", key="ben", gains=(), sign_in=True, holds=("staff",)),
        PrivilegeChange(model="users.User", key="eve", gains=("staff",), sign_in=True),
        PrivilegeChange(model="users.Role", key="", gains=("rows of users.Role",)),
    ),
    total=4,
    gained=("group editors", "rows of users.Role", "staff", "superuser"),
)


@pytest.mark.parametrize("command", [("restore", NAME), ("undo",)])
def test_a_plan_says_who_could_do_more(run: Run, command: tuple[str, ...]) -> None:
    ended = run(FakeService(privileges=GRANTED), *command, "--dry-run")
    lines = ended.out.splitlines()
    at = lines.index("who could do more afterwards (4 changes):")
    assert lines[at + 1 : at + 5] == [
        "  users.User ann\\x1b[31m  gains superuser, group editors",
        "  users.User ben  somebody else may sign in, and holds staff",
        "  users.User eve  gains staff; somebody else may sign in",
        "  users.Role  gains rows of users.Role",
    ]
    assert "who could do more" not in run(FakeService(), *command, "--dry-run").out


def test_many_gains_are_counted(run: Run) -> None:
    changes = tuple(PrivilegeChange(model="users.User", key=f"u{n}", gains=("staff",)) for n in range(30))
    delta = PrivilegeDelta(changes=changes, total=40, gained=("staff", "superuser"))
    ended = run(FakeService(privileges=delta), "restore", NAME, "--dry-run").out
    assert ("u19  gains" in ended, "u20  gains" in ended) == (True, False)
    assert "  … and 20 more changes (-v 2 lists more)\n  all that is gained: staff, superuser\n" in ended
    everything = run(FakeService(privileges=delta), "restore", NAME, "--dry-run", "-v", "2").out
    assert "u29  gains" in everything
    assert "  … and 10 more changes\n" in everything


def test_restore_dry_run_shows_the_plan_and_changes_nothing(run: Run) -> None:
    service = FakeService(plan_findings=(WARNING,))
    ended = run(service, "restore", NAME, "--dry-run")
    assert [asked[0] for asked in service.asked] == ["plan"]
    assert ended.code == 0
    lines = ended.out.splitlines()
    head = next(at for at, line in enumerate(lines) if line.startswith("model "))
    assert " ".join(lines[head].split()) == "model expected before insert update unchanged delete left"
    assert lines[head + 2].split() == ["documents.Document", "1,200", "1,190", "12", "3", "1,185", "0", "2"]
    assert lines[head + 3] == "2 models without changes (13 rows)"
    assert "made      2025-01-31 23:59:59Z" in lines
    assert "documents.Document  inserted: DOC-1, DOC-\\x1b[31m2" in ended.out
    assert "\x1b" not in ended.out
    assert "ambiguous_key" in ended.out
    assert lines[-1] == (
        "Dry run, nothing was changed. Would insert 12 rows, update 3, delete 0; write 2 files, replace 1."
    )


def test_detailed_plans_fold_nothing(run: Run) -> None:
    ended = run(FakeService(), "restore", NAME, "--dry-run", "-v", "2")
    assert "audit.Empty" in ended.out
    assert "without changes" not in ended.out


def test_restore_passes_every_option_on(run: Run) -> None:
    service = FakeService()
    args = "--mode replace --models documents --exclude users --no-files --database other --no-safety-package"
    run(service, "restore", "x", *args.split(), "--yes")
    assert service.asked == [
        (
            "restore",
            RestoreRequest(
                package="x",
                mode=Mode.REPLACE,
                models=("documents",),
                exclude=("users",),
                files=False,
                database="other",
                safety_package=False,
            ),
        )
    ]


def test_restore_after_yes_carries_out_the_plan_that_was_shown(run: Run) -> None:
    service = FakeService()
    ended = run(service, "restore", NAME, stdin=Terminal("yes\n"))
    (planned, first), (restored, second) = service.asked
    assert (planned, restored) == ("plan", "restore")
    assert (first.plan_digest, second.plan_digest) == ("", "plan-digest")
    assert ended.code == 0
    question = ended.err.splitlines()[-2]
    assert NAME in question and "(merge)" in question and "site 'Plant 2'" in question
    assert "sqlite3" in question and "(default)" in question
    lines = ended.out.splitlines()
    assert lines[-3:] == [
        f"The state before is kept in {SAFETY}.",
        "To undo this restore: manage.py edms_backup undo --run run-1",
        "Restored in 4.2 s: 1213/1213 rows identical in 3 models, 23/23 files identical",
    ]
    proof = lines[lines.index("Proof") :]
    assert (
        " ".join(proof[1].split())
        == "model expected before after identical inserted updated unchanged deleted"
    )
    assert proof[3].split() == [
        "documents.Document",
        "1,200",
        "1,190",
        "1,200",
        "1,200",
        "12",
        "3",
        "1,185",
        "0",
    ]
    assert proof[5].split() == ["all", "1,213", "1,203", "1,213", "1,213", "12", "3", "1,198", "0"]
    assert proof[6] == "1 model without rows"


@pytest.mark.parametrize("answer", ["no\n", "y\n", "\n", "", "yes please\n"])
def test_any_other_answer_changes_nothing(run: Run, answer: str) -> None:
    service = FakeService()
    ended = run(service, "restore", NAME, stdin=Terminal(answer))
    assert [asked[0] for asked in service.asked] == ["plan"]
    assert ended.code == 5
    assert "nothing was changed" in ended.err


@pytest.mark.parametrize("subcommand", [("restore", NAME), ("undo",)])
def test_where_nobody_can_answer_yes_is_needed(run: Run, subcommand: tuple[str, ...]) -> None:
    service = FakeService()
    ended = run(service, *subcommand)
    assert ended.code == 2
    assert "--yes" in ended.err
    assert [asked for asked in service.asked if asked[0] != "last_undoable"] == []


@pytest.mark.parametrize("subcommand", [("restore", NAME), ("undo",)])
def test_a_program_is_never_asked(run: Run, subcommand: tuple[str, ...]) -> None:
    ended = run(FakeService(), *subcommand, "--json", stdin=Terminal("yes\n"))
    assert ended.code == 2
    assert ended.json["error"]["code"] == "usage"


@pytest.mark.parametrize("subcommand", [("restore", NAME), ("undo",)])
def test_a_blocked_plan_is_not_even_asked_about(run: Run, subcommand: tuple[str, ...]) -> None:
    service = FakeService(plan_findings=(BLOCKER,))
    ended = run(service, *subcommand, stdin=Terminal("yes\n"))
    assert ended.code == 16
    assert "Two constraints disagree." in ended.out
    assert "blocked by 1 error; nothing was written" in ended.err
    assert "restore" not in [asked[0] for asked in service.asked]
    assert ("undo", "run-1", False, "plan-digest") not in service.asked


@pytest.mark.parametrize("subcommand", [("restore", NAME), ("undo",)])
def test_a_blocked_dry_run_says_so(run: Run, subcommand: tuple[str, ...]) -> None:
    assert run(FakeService(plan_findings=(BLOCKER,)), *subcommand, "--dry-run").code == 16
    ended = run(FakeService(plan_findings=(BLOCKER,)), *subcommand, "--dry-run", "--json")
    assert ended.code == 16
    assert ended.json["outcome"] == "planned"
    assert ended.json["findings"][0]["code"] == "conflict"


def test_restore_with_defects_is_not_a_success(run: Run) -> None:
    ended = run(FakeService(findings=(DEFECT,)), "restore", NAME, "--yes")
    assert ended.code == EXIT_DEFECTS
    assert ended.out.splitlines()[-1].startswith("Restored with defects")


def test_undo_dry_run(run: Run) -> None:
    service = FakeService()
    ended = run(service, "undo", "--dry-run")
    assert ended.code == 0
    assert ("undo", "run-1", True, "") in service.asked
    assert SAFETY in ended.out
    assert ended.out.splitlines()[-1].startswith("Dry run, nothing was changed.")


def test_undo_after_yes_undoes_the_restore_that_was_shown(run: Run) -> None:
    service = FakeService()
    ended = run(service, "undo", "--run", "run", stdin=Terminal("YES\n"))
    assert [asked for asked in service.asked if asked[0] == "undo"] == [
        ("undo", "run-1", True, ""),
        ("undo", "run-1", False, "plan-digest"),
    ]
    assert ended.code == 0
    assert "To undo" not in ended.out
    assert ended.out.splitlines()[-1].startswith("Restored in 4.2 s")


def test_undo_leaves_it_to_the_service_when_there_is_nothing(run: Run) -> None:
    service = FakeService(undoable=False)
    run(service, "undo", "--run", "abc", "--yes")
    assert service.asked[-1] == ("undo", "abc", False, "")


def test_list(run: Run) -> None:
    ended = run(FakeService(), "list")
    assert ended.code == 0
    assert ended.out.splitlines()[2].split() == (
        f"{NAME} 2025-01-31 23:59:59Z backup 1.2 MiB 1,213 23 before the upgrade".split()
    )
    assert ended.out.splitlines()[-1] == "1 package."


def test_list_names_what_cannot_be_opened(run: Run) -> None:
    ended = run(FakeService(unreadable=True), "list")
    assert ended.code == EXIT_DEFECTS
    assert "bad.edms.zip: It is cut off." in ended.out
    assert ended.out.splitlines()[-1] == "2 packages, 1 of them unreadable."


def test_show(run: Run) -> None:
    ended = run(FakeService(), "show", NAME)
    assert ended.code == 0
    assert "23 (4.0 KiB), 1 missing when it was made" in ended.out
    assert "sessions end with a restore" in ended.out
    assert "From a newer release. [new]" in ended.out
    assert "1 model without rows" in ended.out
    assert "0002_more" not in ended.out
    detailed = run(FakeService(), "show", NAME, "-v2")
    assert "audit.Empty" in detailed.out
    assert "documents.0002_more" in detailed.out


@pytest.mark.parametrize(
    ("findings", "code", "verdict"),
    [
        ((), 0, "Intact: "),
        ((WARNING,), 0, "Intact: "),
        ((DEFECT,), 3, "Intact, with defects that were there before: "),
        ((BLOCKER,), 13, "DAMAGED (1 error): "),
    ],
)
def test_verify(run: Run, findings: tuple, code: int, verdict: str) -> None:
    ended = run(FakeService(findings=findings), "verify", NAME)
    assert ended.code == code
    assert ended.out.splitlines()[-1] == f"{verdict}{NAME}; 1,213 rows, 23 files, 0.2 s."


def test_inventory(run: Run) -> None:
    ended = run(FakeService(findings=(WARNING,)), "inventory")
    assert ended.code == 0
    assert "too late" in ended.out and "A key names two rows." in ended.out
    assert "refers to" not in ended.out
    assert ended.out.splitlines()[-1] == "1 model with 1,200 rows travel, 1 stay."
    detailed = run(FakeService(), "inventory", "--verbosity", "2")
    assert "    refers to: folder" in detailed.out


@pytest.mark.parametrize(
    ("findings", "code", "verdict"),
    [
        ((), 0, "Nothing found."),
        ((DEFECT, WARNING, WARNING), 3, "Found: 1 defect, 2 warnings."),
        ((BLOCKER,), 15, "Found: 1 error."),
    ],
)
def test_check(run: Run, findings: tuple, code: int, verdict: str) -> None:
    ended = run(FakeService(findings=findings), "check")
    assert ended.code == code
    assert ended.out.splitlines()[-1] == verdict


@pytest.mark.parametrize(
    "args",
    [
        ("create",),
        ("restore", NAME, "--yes"),
        ("restore", NAME, "--dry-run"),
        ("undo", "--yes"),
        ("undo", "--dry-run"),
        ("list",),
        ("verify", NAME),
        ("inventory",),
        ("check",),
    ],
)
def test_quiet_says_the_verdict_only(run: Run, args: tuple[str, ...]) -> None:
    ended = run(FakeService(), *args, "-v", "0")
    assert len(ended.out.splitlines()) == 1
    assert ended.err == ""


@pytest.mark.parametrize(
    ("args", "key"),
    [
        (("create",), "sha256"),
        (("restore", NAME, "--yes"), "safety_package"),
        (("restore", NAME, "--dry-run"), "plan_digest"),
        (("undo", "--yes"), "verdict"),
        (("undo", "--dry-run"), "plan_digest"),
        (("list",), "packages"),
        (("verify", NAME), "ok"),
        (("inventory",), "models"),
        (("check",), "findings"),
    ],
)
def test_json_is_one_document(run: Run, args: tuple[str, ...], key: str) -> None:
    ended = run(FakeService(findings=(DEFECT,)), *args, "--json", "-v", "2")
    assert key in ended.json
    assert "rows" not in ended.err or "rows …" in ended.err


def test_refused_rows_are_never_folded_away(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    service = FakeService()
    plan = service.plan

    def with_refused(request: RestoreRequest) -> RestorePlan:
        made = plan(request)
        made.models["users.User"].refused = 1
        return made

    monkeypatch.setattr(service, "plan", with_refused)
    ended = run(service, "restore", NAME, "--dry-run")
    assert "users.User" in ended.out
    assert "left  refused" in ended.out
    assert "moved" not in ended.out
