"""Telling people: by mail and by webhook, of failures, of a success that is missing, of success.

A notice names codes, packages and times. It holds no message of a database, no natural key, no path, no secret. A
notice that cannot be sent is a finding; it never harms a run.
"""

from __future__ import annotations

import datetime
import hashlib
import hmac
import json
import logging
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from http.client import HTTPException
from typing import Any, Protocol

from django.core.mail import EmailMessage

from edms_backup import __version__
from edms_backup.audit import Call, Entry
from edms_backup.conf import Notify, Webhook
from edms_backup.errors import ConfigurationError, EdmsBackupError, Interrupted
from edms_backup.findings import Finding, Severity

logger = logging.getLogger(__name__)

_PAUSES = (0.5, 2.0, 5.0)
"""Seconds before the second, third … attempt; the last one counts for all that follow."""
_AGAIN = {408, 425, 429, 500, 502, 503, 504}
"""What a server answers that may do better in a moment."""
_UNEXPECTED = "Something failed that nobody expected."


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One thing worth telling."""

    occasion: str
    """``failure``, ``missing`` or ``success``."""
    title: str
    facts: dict[str, Any] = field(default_factory=dict)

    def to_dict(self, site: str, now: datetime.datetime) -> dict[str, Any]:
        """Return what a webhook gets."""
        return {
            "occasion": self.occasion,
            "title": self.title,
            "site": site,
            "host": socket.gethostname(),
            "at": now.astimezone(datetime.UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
            "facts": self.facts,
        }


def failure(call: Call, error: BaseException) -> Notice:
    """Return the notice for a call that failed: its code and what that code means, never the error's own words."""
    ours = error if isinstance(error, EdmsBackupError) else None
    if isinstance(error, KeyboardInterrupt):
        ours = Interrupted("")
    meaning = (type(ours).__doc__ or "").strip().splitlines()[0] if ours else _UNEXPECTED
    facts = {
        "what": call.what,
        "package": _bare(call.subject),
        "call": call.id,
        "code": ours.code if ours else type(error).__name__,
        "exit_code": ours.exit_code if ours else EdmsBackupError.exit_code,
        "meaning": meaning,
        "asked_by": call.actor.name,
    }
    return Notice(occasion="failure", title=f"{call.what} failed: {facts['code']}", facts=facts)


def process_died(entry: Entry) -> Notice:
    """Return the notice for a call whose process died, found by a later one."""
    facts = {"what": entry.what, "package": _bare(entry.subject), "call": entry.call, "begun": entry.at}
    return Notice(occasion="failure", title=f"{entry.what} never ended: its process died", facts=facts)


def success(call: Call) -> Notice:
    """Return the notice for a package that was made."""
    kept = ("bytes", "rows", "files", "defects", "seconds", "sha256")
    facts = {name: call.details[name] for name in kept if name in call.details}
    return Notice(
        occasion="success",
        title="a package was made",
        facts={"what": call.what, "package": _bare(call.subject), "call": call.id, **facts},
    )


class Worry(Protocol):
    """What a notice needs of a check that is not in order."""

    @property
    def name(self) -> str:
        """Its name."""

    @property
    def message(self) -> str:
        """What is not in order."""


def missing(checks: Sequence[Worry]) -> Notice:
    """Return the notice that backups are not in order: a success is missing, space runs out, a run is stuck."""
    facts = {check.name: check.message for check in checks}
    return Notice(occasion="missing", title=f"backups are not in order: {', '.join(facts)}", facts=facts)


def tell(settings: Notify, notices: Iterable[Notice], *, site: str, now: datetime.datetime) -> list[Finding]:
    """Send the notices that settings ask for; what cannot be sent is a finding."""
    findings = []
    for notice in notices:
        if notice.occasion not in settings.on:
            continue
        document = notice.to_dict(site, now)
        if settings.mail:
            findings += _attempt("mail", partial(_mail, settings.mail, document))
        if settings.webhook is not None:
            findings += _attempt("webhook", partial(post, settings.webhook, document))
    return findings


def _attempt(way: str, send: Callable[[], None]) -> list[Finding]:
    """Send one notice; whatever the host's mail backend or the network do, the run is not harmed."""
    try:
        send()
    except Exception as error:
        logger.exception("a notice could not be sent by %s", way)
        return [
            Finding(
                code="notification_failed",
                severity=Severity.WARNING,
                message=f"A notice could not be sent by {way}: {_why(error)}.",
                hint="The run itself is not touched by this. docs/monitoring.md says how notices are sent.",
            )
        ]
    return []


def _why(error: Exception) -> str:
    """Return why, without addresses or secrets that texts of other people's code may hold."""
    if isinstance(error, ConfigurationError):
        return error.message.rstrip(".")
    if isinstance(error, urllib.error.HTTPError):
        return f"the server answered {error.code}"
    return type(error).__name__


def _mail(addresses: tuple[str, ...], document: dict[str, Any]) -> None:
    """Send a mail by the site's own means: ``EMAIL_*``, or ``MAILERS`` from Django 6.1 on."""
    where = _one_line(document["site"] or document["host"])
    lines = [f"{document['title']}.", ""]
    lines += [
        f"{name}: {_one_line(value)}" for name, value in {**_heading(document), **document["facts"]}.items()
    ]
    message = EmailMessage(
        subject=f"[{where}] backup: {_one_line(document['title'])}",
        body="\n".join(lines) + "\n",
        to=list(addresses),
    )
    message.send()


def _heading(document: dict[str, Any]) -> dict[str, Any]:
    return {name: document[name] for name in ("site", "host", "at") if document[name]}


def _one_line(value: Any) -> str:
    """Return a value without line ends: names come from people, and a subject must not gain headers."""
    return " ".join(str(value).split())


def _bare(subject: str) -> str:
    """Return the name of a package without the directory that it lies in."""
    return subject.replace("\\", "/").rpartition("/")[2]


# -- webhook ---------------------------------------------------------------------------------------


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """What settings name is where a notice goes, and nowhere else."""

    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        """Follow nothing; the answer then counts as the failure that it is."""


def post(hook: Webhook, document: dict[str, Any], pause: Callable[[float], None] = time.sleep) -> None:
    """Post a notice as JSON; raises what the last attempt met, or ``ConfigurationError`` without its secret.

    With a secret, ``X-EDMS-Backup-Signature`` is ``sha256=`` and the HMAC-SHA256 of time stamp, full stop and body.
    """
    body = json.dumps(document, sort_keys=True).encode()
    key = hook.secret.read().encode() if hook.secret is not None else None
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler,
        urllib.request.HTTPHandler,
        urllib.request.HTTPSHandler,
        urllib.request.HTTPDefaultErrorHandler,
        urllib.request.HTTPErrorProcessor,
        _NoRedirects,
    ):
        opener.add_handler(handler())
    for attempt in range(1, hook.attempts + 1):
        try:
            opener.open(_request(hook.url, body, key), timeout=hook.timeout).close()
        except (OSError, HTTPException) as error:  # URLError, HTTPError, timeouts, TLS
            hopeless = isinstance(error, urllib.error.HTTPError) and error.code not in _AGAIN
            if hopeless or attempt == hook.attempts:
                raise
            logger.warning("attempt %d to post a notice failed: %s", attempt, type(error).__name__)
            pause(_PAUSES[min(attempt, len(_PAUSES)) - 1])
        else:
            return


def _request(url: str, body: bytes, key: bytes | None) -> urllib.request.Request:
    headers = {"Content-Type": "application/json", "User-Agent": f"edms_backup/{__version__}"}
    if key is not None:
        stamp = str(int(time.time()))
        digest = hmac.new(key, stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
        headers |= {"X-EDMS-Backup-Timestamp": stamp, "X-EDMS-Backup-Signature": f"sha256={digest}"}
    return urllib.request.Request(url, data=body, headers=headers, method="POST")
