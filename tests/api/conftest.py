"""The REST interface on the tests' own database, called as browsers and programs call it."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.core.cache import cache
from django.test import Client

from edms_backup.tasks import run_job
from tests.unit.conftest import Zoo, pristine, transactional_db, zoo
from tests.zoo import models as zoo_models

__all__ = ["pristine", "transactional_db", "zoo"]

ROOT = "/api/backups/v1/"
SECRET = "correct horse"


def at_once(run_id: str) -> None:
    """Be a worker that is there before the answer is."""
    run_job(run_id)


def never(run_id: str) -> None:
    """Be a queue that takes a run and delivers it to nobody."""


@dataclass
class Caller:
    """One signed-in user, in a session with CSRF checks."""

    client: Client
    user: Any

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """Call, with the CSRF token as a page of the site would send it."""
        sent: dict[str, Any] = {}
        if isinstance(body, bytes):
            sent = {"data": body, "content_type": "application/octet-stream"}
        elif body is not None:
            sent = {"data": json.dumps(body), "content_type": "application/json"}
        self.client.cookies["csrftoken"] = "t" * 32
        given = {"X-CSRFToken": "t" * 32}
        # A header is bytes, and WSGI shows them as Latin-1.
        given |= {name.replace("_", "-"): value.encode().decode("latin-1") for name, value in headers.items()}
        answer: Any = self.client.generic(
            method, path if path.startswith("/") else ROOT + path, headers=given, **sent
        )
        return answer

    def get(self, path: str, **headers: str) -> Any:
        return self.call("GET", path, **headers)

    def post(self, path: str, body: Any = None, **headers: str) -> Any:
        return self.call("POST", path, body, **headers)

    def confirm(self) -> "Caller":
        """Type the password again."""
        assert self.post("reauthenticate/", {"password": SECRET}).status_code == 204
        return self

    def again(self) -> "Caller":
        """Sign in again: a restore ends all sessions."""
        self.client.force_login(self.user)
        return self.confirm()


CallerFactory = Callable[..., Caller]


@pytest.fixture
def site(zoo: Zoo) -> Zoo:
    """Give a site with three tags, and a worker that is there at once."""
    cache.clear()
    zoo.configure(JOBS="tests.api.conftest.at_once")
    for code in "abc":
        zoo_models.Tag.objects.create(code=code)
    return zoo


@pytest.fixture
def caller(site: Zoo) -> CallerFactory:
    """Give a function that makes a user with these permissions, signed in."""

    def make(*permissions: str, name: str = "ann", **fields: Any) -> Caller:
        user = get_user_model().objects.create_user(name, f"{name}@example.com", SECRET, **fields)
        for permission in permissions:
            user.user_permissions.add(
                Permission.objects.get(content_type__app_label="edms_backup", codename=permission)
            )
        client = Client(enforce_csrf_checks=True)
        client.force_login(user)
        return Caller(client, user)

    return make


@pytest.fixture
def boss(caller: CallerFactory) -> Caller:
    """Give a superuser."""
    return caller(name="boss", is_superuser=True, is_staff=True)


def read(answer: Any) -> bytes:
    """Return the body of an answer, streamed or not."""
    return b"".join(answer.streaming_content) if answer.streaming else answer.content


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
