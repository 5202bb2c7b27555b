"""The zoo, with somebody at its admin; what is submitted is carried out at once."""

from collections.abc import Iterable
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.test import Client

from edms_backup.tasks import run_job
from tests.unit.conftest import Zoo, pristine, transactional_db, zoo

__all__ = ["office", "pristine", "transactional_db", "zoo"]

PASSWORD = "correct horse"
ALL = (
    "view_package",
    "create_package",
    "upload_package",
    "download_package",
    "verify_package",
    "restore_package",
    "delete_package",
    "view_run",
    "view_auditevent",
)


def carry_out(run_id: str) -> None:
    """Be the worker, in place."""
    run_job(run_id)


class Office:
    """Who may what, and the clients of them."""

    def __init__(self, zoo: Zoo) -> None:
        self.zoo = zoo

    def client(
        self, permissions: Iterable[str] = ALL, *, superuser: bool = False, csrf: bool = False
    ) -> Client:
        """Return the client of a new member of the staff who is signed in."""
        people: Any = get_user_model()
        name = f"staff{people.objects.count()}"
        user = people.objects.create_user(
            username=name,
            email=f"{name}@example.com",
            password=PASSWORD,
            is_staff=True,
            is_superuser=superuser,
        )
        user.user_permissions.set(
            Permission.objects.filter(content_type__app_label="edms_backup", codename__in=permissions)
        )
        client = Client(enforce_csrf_checks=csrf)
        client.force_login(user)
        return client


@pytest.fixture
def office(zoo: Zoo) -> Office:
    """Give the office of a zoo whose name is Archive."""
    zoo.configure(JOBS="tests.admin.conftest.carry_out", SITE_NAME="Archive")
    return Office(zoo)
