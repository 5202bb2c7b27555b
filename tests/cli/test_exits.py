"""Every way to end: exit codes, the words, the one JSON document, and call_command."""

import io
import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import override_settings

from edms_backup import errors
from edms_backup.errors import EdmsBackupError, Interrupted, PlanBlocked, UsageError
from edms_backup.management.commands.edms_backup import Command
from edms_backup.service import CreateReport
from tests.cli.conftest import BLOCKER, DEFECT, NAME, FakeService, Run


def _every_error() -> Iterator[type[EdmsBackupError]]:
    for value in vars(errors).values():
        if isinstance(value, type) and issubclass(value, EdmsBackupError):
            yield value


@pytest.mark.pitfall(89)
@pytest.mark.parametrize("kind", list(_every_error()), ids=lambda kind: kind.__name__)
def test_every_error_has_its_exit_code(run: Run, kind: type[EdmsBackupError]) -> None:
    error = kind("It went wrong.", hint="Do this.", findings=[BLOCKER])
    ended = run(FakeService(raises=error), "create")
    assert ended.code == kind.exit_code != 0
    assert ended.out == ""
    if kind is not Interrupted:
        assert ended.err.splitlines()[-2:] == ["error: It went wrong.", "hint: Do this."]
    assert "Two constraints disagree." in ended.err


@pytest.mark.parametrize("kind", list(_every_error()), ids=lambda kind: kind.__name__)
def test_every_error_is_one_json_document(run: Run, kind: type[EdmsBackupError]) -> None:
    ended = run(
        FakeService(raises=kind("It went wrong.", findings=[BLOCKER])), "restore", NAME, "--yes", "--json"
    )
    assert ended.code == kind.exit_code
    assert ended.json == {
        "ok": False,
        "error": {
            "code": kind.code,
            "exit_code": kind.exit_code,
            "message": "It went wrong.",
            "hint": "",
            "findings": [BLOCKER.to_dict()],
        },
    }


def test_settings_that_are_wrong_are_told_before_anything_happens() -> None:
    out, err = io.StringIO(), io.StringIO()
    with override_settings(EDMS_BACKUP={"DIRECTRY": "x"}), pytest.raises(SystemExit) as ended:
        Command(stdout=out, stderr=err).run_from_argv(["manage.py", "edms_backup", "list", "--json"])
    assert ended.value.code == 4
    assert json.loads(out.getvalue())["error"]["hint"] == "Did you mean DIRECTORY?"


@pytest.mark.pitfall(89)
def test_an_unexpected_exception_is_one_line_and_never_a_success(run: Run) -> None:
    service = FakeService(raises=KeyError("surprise\nand more"))
    ended = run(service, "create")
    assert ended.code == 1
    assert ended.err.splitlines()[0] == "error: Unexpected KeyError: 'surprise\\nand more'"
    assert "--traceback" in ended.err
    assert "Traceback" not in ended.err
    assert "Traceback" in run(service, "create", "--traceback").err
    in_json = run(service, "create", "--json")
    assert (in_json.code, in_json.json["error"]["code"]) == (1, "failed")


def test_interrupted_says_what_is_true(run: Run) -> None:
    ended = run(FakeService(raises=KeyboardInterrupt()), "list")
    assert ended.code == 130
    assert "Interrupted; nothing was changed." in ended.err
    assert "no package was made" in run(FakeService(raises=KeyboardInterrupt()), "create").err
    ended = run(FakeService(raises=KeyboardInterrupt()), "restore", NAME, "--yes", "--json")
    assert ended.json["error"]["exit_code"] == 130
    assert "rolled back" in ended.json["error"]["message"]


@pytest.mark.parametrize(
    ("args", "text"),
    [
        (("create", "--wrong"), "unrecognized arguments: --wrong"),
        (("wrong",), "invalid choice: 'wrong'"),
        (("restore",), "PKG"),
        (("restore", NAME, "--mode", "wrong"), "invalid choice: 'wrong'"),
    ],
)
def test_a_wrong_command_line_is_an_error_like_any_other(run: Run, args: tuple[str, ...], text: str) -> None:
    ended = run(FakeService(), *args)
    assert ended.code == 2
    assert text in ended.err
    assert "usage: " in ended.err
    ended = run(FakeService(), *args, "--json")
    assert (ended.code, ended.json["error"]["exit_code"]) == (2, 2)
    assert text in ended.json["error"]["message"]


def test_without_a_subcommand_there_is_help_and_no_success(run: Run) -> None:
    ended = run(FakeService())
    assert ended.code == UsageError.exit_code
    assert "manage.py edms_backup create " in ended.out
    assert "manage.py edms_backup restore latest " in ended.out


@pytest.mark.parametrize(
    "subcommand", ["create", "restore", "undo", "list", "show", "verify", "inventory", "check"]
)
def test_every_subcommand_explains_itself(
    run: Run, subcommand: str, capsys: pytest.CaptureFixture[str]
) -> None:
    ended = run(FakeService(), subcommand, "--help")
    assert ended.code == 0
    said = capsys.readouterr().out
    assert f"examples:\n  manage.py edms_backup {subcommand}" in said
    assert len(said.split("\n\n")[1]) > 100


class Called(Command):
    """The command as ``call_command`` gets it, on a service that is set before each call."""

    service: Any = None

    @staticmethod
    def make_service(reporter: Any, actor: Any) -> Any:
        Called.service.reporter = reporter
        return Called.service


def test_call_command_returns_after_success() -> None:
    Called.service = FakeService()
    out = io.StringIO()
    call_command(Called(), "create", "--json", stdout=out)
    assert json.loads(out.getvalue())["complete"] is True
    out = io.StringIO()
    call_command(Called(), "create", json=True, label="by name", stdout=out)
    assert Called.service.asked[-1][1].label == "by name"


@pytest.mark.parametrize(
    ("service", "args", "code"),
    [
        (FakeService(raises=PlanBlocked("No.")), ("restore", NAME, "--yes"), 16),
        (FakeService(findings=(DEFECT,)), ("create",), 3),
        (FakeService(findings=(BLOCKER,)), ("verify", NAME), 13),
        (FakeService(raises=ValueError("x")), ("create",), 1),
        (FakeService(raises=KeyboardInterrupt()), ("create",), 130),
        (FakeService(), ("restore",), 2),
        (FakeService(), (), 2),
    ],
)
def test_call_command_raises_what_the_command_line_exits_with(
    service: FakeService, args: tuple[str, ...], code: int
) -> None:
    Called.service = service
    with pytest.raises(CommandError) as caught:
        call_command(Called(), *args, stdout=io.StringIO(), stderr=io.StringIO())
    assert caught.value.returncode == code


def test_django_options_may_stand_at_both_ends(run: Run) -> None:
    assert len(run(FakeService(), "-v", "0", "create").out.splitlines()) == 1
    assert len(run(FakeService(), "create", "-v", "0").out.splitlines()) == 1
    assert "\x1b" in run(FakeService(), "create", "--force-color").out
    assert "\x1b" not in run(FakeService(), "create", "--no-color").out


def test_an_interrupt_after_the_work_says_so_and_adds_no_second_document(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Late(CreateReport):
        @property
        def exit_code(self) -> int:
            raise KeyboardInterrupt

        def to_dict(self) -> dict[str, object]:
            return {"package": self.package}

    service = FakeService()
    values = {"id": "", "sha256": "", "rows": 0, "models": 0, "files": 0, "missing_files": 0, "bytes": 0}
    monkeypatch.setattr(service, "create", lambda request: Late(package=NAME, seconds=0, **values))
    ended = run(service, "create", "--json")
    assert ended.code == 130
    assert ended.json == {"package": NAME}
    assert f"Interrupted after the package was made: {NAME}." in ended.err
