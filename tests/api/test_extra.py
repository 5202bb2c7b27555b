"""Without the extra, the interface says which one is missing; a host's own settings of REST framework open nothing."""

import subprocess
import sys
from typing import Any

import pytest

from tests.api.conftest import Caller

WITHOUT = "import sys; sys.modules[{name!r}] = None\nimport edms_backup.api"


@pytest.mark.parametrize("name", ["rest_framework", "drf_spectacular"])
def test_a_missing_extra_is_named(name: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT.format(name=name)], capture_output=True, text=True, check=False
    )
    assert done.returncode != 0
    assert "pip install 'edms-backup[api]'" in done.stderr
    assert name in done.stderr


def test_settings_of_the_host_open_nothing(caller: Any, settings: Any) -> None:
    settings.REST_FRAMEWORK = {
        "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.AllowAny"],
        "DEFAULT_THROTTLE_CLASSES": [],
        "EXCEPTION_HANDLER": "rest_framework.views.exception_handler",
        "DEFAULT_PAGINATION_CLASS": None,
    }
    plain: Caller = caller(name="plain")
    answer = plain.get("packages/")
    assert (answer.status_code, answer.json()["code"]) == (403, "permission_denied")
