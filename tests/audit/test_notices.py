"""People are told: by mail and by webhook, with nothing secret, and never at the cost of a run."""

import hashlib
import hmac
import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from django.core import mail

from edms_backup.audit import Call
from edms_backup.conf import Secret, Webhook
from edms_backup.create.report import CreateReport, CreateRequest
from edms_backup.errors import ConfigurationError, PackageNotFound, StoreUnavailable
from edms_backup.findings import Severity
from edms_backup.notices import post
from edms_backup.package.summary import VerifyReport
from edms_backup.restore.report import RestoreReport
from edms_backup.service import BackupService
from edms_backup.signals import (
    backup_created,
    backup_failed,
    package_verified,
    restore_failed,
    restore_finished,
)
from tests.audit.test_recorded import ANN, trail
from tests.unit.conftest import Zoo
from tests.zoo import models as zoo_models

OPS = ["ops@example.com", "night@example.com"]


class Trap(HTTPServer):
    """Answers what it is told to, and keeps what it was sent."""

    answers: list[tuple[int, dict[str, str]]]
    got: list[tuple[str, dict[str, str], bytes]]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/hook"


class _Handler(BaseHTTPRequestHandler):
    server: Trap

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.got.append(
            (
                f"{self.command} {self.path}",
                {name.lower(): value for name, value in self.headers.items()},
                body,
            )
        )
        status, extra = self.server.answers.pop(0) if self.server.answers else (200, {})
        self.send_response(status)
        for name, value in extra.items():
            self.send_header(name, value)
        self.end_headers()

    do_POST = do_GET = _answer

    def log_message(self, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture
def trap() -> Iterator[Trap]:
    server = Trap(("127.0.0.1", 0), _Handler)
    server.answers, server.got = [], []
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let attempts follow one another at once."""
    monkeypatch.setattr("edms_backup.notices._PAUSES", (0.0,))


@pytest.fixture
def failing(zoo: Zoo, monkeypatch: pytest.MonkeyPatch) -> Zoo:
    """Give a zoo in which no package can be made, for a reason that holds secrets."""

    def fail(*args: object, **kwargs: object) -> None:
        raise StoreUnavailable("Cannot write /srv/secret/place with password hunter2")

    monkeypatch.setattr("edms_backup.service.writing.run_create", fail)
    return zoo


def create_fails(zoo: Zoo) -> StoreUnavailable:
    with pytest.raises(StoreUnavailable) as caught:
        zoo.create("zoo.Tag")
    return caught.value


def test_a_failure_is_mailed_without_its_secrets(failing: Zoo) -> None:
    failing.configure(NOTIFY={"mail": OPS}, SITE_NAME="Plant\n2")
    assert create_fails(failing).findings == ()
    (message,) = mail.outbox
    assert (message.subject, message.to) == ("[Plant 2] backup: create failed: store_unavailable", OPS)
    assert "exit_code: 23" in message.body
    assert "meaning: The place where packages live cannot be reached or written." in message.body
    assert trail(failing).entries()[0].call in message.body
    assert "hunter2" not in message.body
    assert "/srv" not in message.body


def test_nobody_is_told_of_what_settings_do_not_name(failing: Zoo) -> None:
    failing.configure(NOTIFY={"mail": OPS, "on": ["success"]})
    create_fails(failing)
    assert mail.outbox == []


def test_success_is_told_where_it_is_wanted(zoo: Zoo) -> None:
    zoo.configure(NOTIFY={"mail": OPS, "on": ["success"]})
    zoo.create("zoo.Tag")
    (message,) = mail.outbox
    assert zoo.package in message.body
    zoo.restore()
    zoo.service.verify("latest")
    assert len(mail.outbox) == 1


def test_a_mistyped_name_is_no_reason_to_wake_anybody(zoo: Zoo) -> None:
    zoo.configure(NOTIFY={"mail": OPS})
    with pytest.raises(PackageNotFound):
        zoo.service.restore(zoo.request().__class__(package="nope"))
    assert mail.outbox == []


def test_a_damaged_package_is_told(zoo: Zoo) -> None:
    zoo.create("zoo.Tag")
    path = Path(zoo.service.settings.directory) / zoo.package
    content = bytearray(path.read_bytes())
    content[200] ^= 1  # in the first member
    path.write_bytes(content)
    zoo.configure(NOTIFY={"mail": OPS})
    assert not zoo.service.verify("latest").ok
    assert [message.subject.partition("backup: ")[2] for message in mail.outbox] == [
        "verify failed: integrity"
    ]


def test_a_process_that_died_is_told_by_the_next_call(zoo: Zoo) -> None:
    trail(zoo).begin(Call(what="create", actor=ANN))
    zoo.configure(NOTIFY={"mail": OPS})
    zoo.create("zoo.Tag")
    (message,) = mail.outbox
    assert "create never ended: its process died" in message.subject


def test_a_missing_success_is_told(zoo: Zoo) -> None:
    zoo.configure(NOTIFY={"mail": OPS})
    assert zoo.service.status(notify=True).findings == ()
    (message,) = mail.outbox
    assert message.subject.endswith("backups are not in order: package")
    assert "package: There is no good package." in message.body
    zoo.service.status()
    zoo.service.create(CreateRequest())
    zoo.service.verify("latest")
    zoo.service.status(notify=True)
    assert len(mail.outbox) == 1, "nothing to tell when all is well, nor when nobody asked for it"


def test_a_mail_that_cannot_be_sent_harms_nothing(zoo: Zoo, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(self: object, *args: object, **kwargs: object) -> None:
        raise ValueError("smtp://user:hunter2@mail")

    monkeypatch.setattr("django.core.mail.EmailMessage.send", fail)
    zoo.configure(NOTIFY={"mail": OPS, "on": ["success"]})
    report = zoo.create("zoo.Tag")
    assert [(f.code, f.severity) for f in report.findings] == [("notification_failed", Severity.WARNING)]
    assert report.findings[0].message == "A notice could not be sent by mail: ValueError."
    assert report.exit_code == 0


def test_a_failure_that_cannot_be_told_stays_the_failure_that_it_is(
    failing: Zoo, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(self: object, *args: object, **kwargs: object) -> None:
        raise OSError("no route")

    monkeypatch.setattr("django.core.mail.EmailMessage.send", fail)
    failing.configure(NOTIFY={"mail": OPS})
    assert [finding.code for finding in create_fails(failing).findings] == ["notification_failed"]


# -- webhook ---------------------------------------------------------------------------------------


def test_a_notice_is_posted_and_signed(failing: Zoo, trap: Trap, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOOK_SECRET", "s3cret")
    hook = {"url": trap.url, "allow_http": True, "secret": {"environment": "HOOK_SECRET"}}
    failing.configure(NOTIFY={"webhook": hook}, SITE_NAME="Plant 2")
    create_fails(failing)
    ((line, headers, body),) = trap.got
    assert line == "POST /hook"
    assert headers["content-type"] == "application/json"
    stamp = headers["x-edms-backup-timestamp"]
    assert abs(int(stamp) - time.time()) < 60
    digest = hmac.new(b"s3cret", stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    assert headers["x-edms-backup-signature"] == f"sha256={digest}"
    document = json.loads(body)
    assert (document["occasion"], document["site"]) == ("failure", "Plant 2")
    assert document["facts"]["code"] == "store_unavailable"
    assert b"hunter2" not in body
    assert b"s3cret" not in body


@pytest.mark.usefixtures("quick")
def test_an_attempt_is_repeated_where_that_may_help(trap: Trap) -> None:
    trap.answers = [(503, {}), (429, {})]
    post(Webhook(url=trap.url), {"a": 1})
    assert len(trap.got) == 3


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(("answers", "attempts"), [([(503, {})] * 9, 3), ([(403, {})] * 9, 1)])
def test_attempts_end(zoo: Zoo, trap: Trap, answers: list[Any], attempts: int) -> None:
    trap.answers = list(answers)
    zoo.configure(NOTIFY={"webhook": {"url": trap.url, "allow_http": True}, "on": ["success"]})
    report = zoo.create("zoo.Tag")
    assert len(trap.got) == attempts
    (finding,) = report.findings
    assert finding.message == f"A notice could not be sent by webhook: the server answered {answers[0][0]}."


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_redirect_is_followed(zoo: Zoo, trap: Trap, status: int) -> None:
    trap.answers = [(status, {"Location": f"{trap.url}/elsewhere"})]
    zoo.configure(NOTIFY={"webhook": {"url": trap.url, "allow_http": True}, "on": ["success"]})
    report = zoo.create("zoo.Tag")
    assert [line for line, _, _ in trap.got] == ["POST /hook"]
    assert [finding.code for finding in report.findings] == ["notification_failed"]


@pytest.mark.usefixtures("quick")
def test_a_server_that_is_away_or_hangs(trap: Trap) -> None:
    pauses: list[float] = []
    url = trap.url
    trap.shutdown()
    trap.server_close()
    with pytest.raises(OSError, match="refused"):
        post(Webhook(url=url, timeout=0.5), {}, pauses.append)
    assert len(pauses) == 2


def test_a_secret_that_is_not_there_stops_the_notice(
    zoo: Zoo, trap: Trap, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HOOK_SECRET", raising=False)
    hook = {"url": trap.url, "allow_http": True, "secret": {"environment": "HOOK_SECRET"}}
    zoo.configure(NOTIFY={"webhook": hook, "on": ["success"]})
    report = zoo.create("zoo.Tag")
    assert trap.got == []
    assert "HOOK_SECRET" in report.findings[0].message


def test_secrets_are_read_late_and_shown_never(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("T", "token")
    secret = Secret(kind="environment", place="T")
    assert (secret.read(), "token" in repr(secret)) == ("token", False)
    path = tmp_path / "secret"
    of_file = Secret(kind="file", place=str(path), key="X")
    with pytest.raises(ConfigurationError, match="cannot be read"):
        of_file.read()
    path.write_text("\n")
    with pytest.raises(ConfigurationError, match="empty"):
        of_file.read()
    path.write_text("from a file\n")
    assert of_file.read() == "from a file"


# -- signals ---------------------------------------------------------------------------------------

SIGNALS = {
    "backup_created": backup_created,
    "backup_failed": backup_failed,
    "restore_finished": restore_finished,
    "restore_failed": restore_failed,
    "package_verified": package_verified,
}


@pytest.fixture
def heard() -> Iterator[list[tuple[str, dict[str, Any]]]]:
    """Give what signals bring, each of which another receiver refuses."""
    calls: list[tuple[str, dict[str, Any]]] = []
    receivers = []
    for name, signal in SIGNALS.items():

        def receive(sender: Any, name: str = name, **arguments: Any) -> None:
            calls.append((name, {**arguments, "sender": sender}))

        def refuse(sender: Any, **arguments: Any) -> None:
            raise RuntimeError("no")

        for receiver in (refuse, receive):
            signal.connect(receiver)
            receivers.append((signal, receiver))
    yield calls
    for signal, receiver in receivers:
        signal.disconnect(receiver)


def test_signals_of_what_worked(zoo: Zoo, heard: list[tuple[str, dict[str, Any]]]) -> None:
    zoo_models.Tag.objects.create(code="t")
    reports: list[Any] = [zoo.create("zoo.Tag"), zoo.service.verify("latest"), zoo.restore()]
    assert [name for name, _ in heard] == ["backup_created", "package_verified", "restore_finished"]
    kinds = [CreateReport, VerifyReport, RestoreReport]
    assert [type(arguments["report"]) for _, arguments in heard] == kinds
    assert {arguments["sender"] for _, arguments in heard} == {BackupService}
    for report in reports:
        assert [f.code for f in report.findings if f.severity >= Severity.DEFECT] == ["receiver_failed"]
        assert report.exit_code == 3


def test_signals_of_what_failed(
    zoo: Zoo, heard: list[tuple[str, dict[str, Any]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    zoo.create("zoo.Tag")
    heard.clear()

    def fail(*args: object, **kwargs: object) -> None:
        raise StoreUnavailable("away")

    monkeypatch.setattr("edms_backup.service.writing.run_create", fail)
    monkeypatch.setattr("edms_backup.service.writing.run_restore", fail)
    error = create_fails(zoo)
    assert [finding.code for finding in error.findings] == ["receiver_failed"]
    with pytest.raises(StoreUnavailable):
        zoo.restore()
    with pytest.raises(PackageNotFound):
        zoo.service.restore(zoo.request().__class__(package="nope"))
    assert [(name, arguments["what"]) for name, arguments in heard] == [
        ("backup_failed", "create"),
        ("restore_failed", "restore"),
    ]
    first = heard[0][1]
    assert first["error"] is error
    assert first["call"] == trail(zoo).entries()[-4 - 1].call
    assert first["actor"].origin == "python"
