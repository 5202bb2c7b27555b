"""The interface of a real server process, with real workers: the schema, whole cycles, a worker that is killed."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.api.serving import UNLIMITED, Server, serve
from tests.sites import ROOT

__all__ = ["serve"]

LONG = "EDMS_API_EXAMPLES" in os.environ
EXAMPLES = int(os.environ.get("EDMS_API_EXAMPLES", "8"))
"""How many calls the schema test draws for each operation. The long form tries every edge of the schema as well."""

pytestmark = pytest.mark.slow


SCHEMATHESIS = """
[checks]
# Twenty announced uploads may wait; the next one is told that there is no place for it.
not_a_server_error.expected-statuses = ["2xx", "3xx", "4xx", 507]
positive_data_acceptance.expected-statuses = [
    "2xx", 401, 403, 404, 409, 413, 415, 416, 422, 429, 503, 507
]
"""


def known_ids(schema: dict[str, Any], **ids: str) -> dict[str, Any]:
    """Let half of the calls name what is there. What is deleted is never named."""
    for methods in schema["paths"].values():
        for method, operation in methods.items():
            for parameter in operation.get("parameters", ()):
                if parameter["in"] == "path" and method != "delete":
                    parameter["schema"]["enum"] = [ids[parameter["name"]], str(uuid.uuid4())]
    return schema


def test_the_schema_is_what_the_server_does(serve: Callable[..., Server], tmp_path: Path) -> None:
    """Schemathesis calls everything that the schema describes, with what fits it and with what does not."""
    server = serve(EDMS_API_RATES=UNLIMITED)
    run = server.call("POST", "packages/", {"models": ["users"]})[2]["id"]
    server.ended(run)
    session = server.session()
    upload = server.call("POST", "uploads/", {"bytes": 9, "sha256": "0" * 64}, **session)[2]["id"]
    schema = known_ids(server.call("GET", "schema/")[2], package=run, run=run, upload=upload)
    (tmp_path / "schema.json").write_text(json.dumps(schema))
    (tmp_path / "schemathesis.toml").write_text(SCHEMATHESIS)
    done = subprocess.run(
        [
            str(Path(sys.executable).with_name("schemathesis")),
            "run",
            str(tmp_path / "schema.json"),
            f"--url={server.address.removesuffix('/v1/')}",
            *(f"--header={name}: {value}" for name, value in session.items()),
            "--checks=all",
            # Who may is told by the matrix: here a session is sent with every call.
            "--exclude-checks=ignored_auth",
            f"--max-examples={EXAMPLES}",
            f"--phases={'coverage,fuzzing' if LONG else 'fuzzing'}",
            "--generation-database=none",
            "--no-color",
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=7200,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert "25/25" in done.stdout
    log = (server.site.data_dir / "server.log").read_text()
    assert "Traceback" not in log, log[-3000:]


def test_a_whole_cycle(serve: Callable[..., Server]) -> None:
    server = serve()
    status, headers, run = server.call("POST", "packages/", {"label": "before"}, Idempotency_Key="one")
    assert status == 202
    package = run["id"]
    assert (
        server.call("GET", "http://" + server.address.split("/")[2] + headers["Location"])[2]["id"] == package
    )
    assert server.ended(package)["state"] in ("succeeded", "defects")
    server.site.query("UPDATE roles SET description = 'changed'")
    plan = server.call("POST", f"packages/{package}/plan/", {"mode": "replace"})[2]["id"]
    assert server.ended(plan)["state"] in ("succeeded", "defects")
    report = server.call("GET", f"runs/{plan}/report/")[2]["report"]
    assert report["models"]["users.Role"]["updated"] > 0
    body = {"plan": plan, "plan_digest": report["plan_digest"], "reason": "drill"}
    restore = server.call("POST", f"packages/{package}/restore/", body)[2]["id"]
    assert server.ended(restore)["state"] in ("succeeded", "defects")
    assert server.site.query("SELECT COUNT(*) FROM roles WHERE description = 'changed'") == [(0,)]
    plan = server.call("POST", f"runs/{restore}/undo/plan/")[2]["id"]
    server.ended(plan)
    digest = server.call("GET", f"runs/{plan}/report/")[2]["report"]["plan_digest"]
    undo = server.call("POST", f"runs/{restore}/undo/", {"plan": plan, "plan_digest": digest})[2]["id"]
    assert server.ended(undo)["state"] in ("succeeded", "defects")
    assert server.site.query("SELECT COUNT(*) FROM roles WHERE description <> 'changed'") == [(0,)]


def test_a_worker_that_is_killed(serve: Callable[..., Server]) -> None:
    server = serve()
    package = server.call("POST", "packages/", {})[2]["id"]
    server.ended(package)
    server.site.query("UPDATE roles SET description = 'changed'")
    before = server.site.query("SELECT * FROM roles ORDER BY 1")
    plan = server.call("POST", f"packages/{package}/plan/", {"mode": "replace"})[2]["id"]
    server.ended(plan)
    digest = server.call("GET", f"runs/{plan}/report/")[2]["report"]["plan_digest"]
    run = server.call("POST", f"packages/{package}/restore/", {"plan": plan, "plan_digest": digest})[2]["id"]
    folder = server.site.data_dir / "backups/.state/runs" / run
    until = time.monotonic() + 60
    while True:
        document = json.loads((folder / "run.json").read_text())
        if document["step"]:
            break
        assert time.monotonic() < until
        time.sleep(0.02)
    os.kill(int(document["worker"].split()[1]), signal.SIGKILL)
    found = server.ended(run)
    assert (found["state"], found["error"]["code"]) == ("lost", "worker_lost")
    assert "nothing had been committed" in found["error"]["message"]
    assert server.site.query("SELECT * FROM roles ORDER BY 1") == before
    assert server.call("POST", "packages/", {})[0] == 202


def test_the_examples_of_the_page(serve: Callable[..., Server], tmp_path: Path) -> None:
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    server = serve()
    page = (ROOT / "docs/rest.md").read_text(encoding="utf-8")
    script = "".join(re.findall(r"^```sh\n(.*?)^```$", page, re.MULTILINE | re.DOTALL))
    done = subprocess.run(
        ["bash", "-c", f"set -euo pipefail\n{script}"],
        env={**os.environ, "API": server.address.rstrip("/")},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    said = done.stdout.split()
    assert "failed" not in said
    assert "lost" not in said
    assert any(word.startswith("received-") for word in said)


def test_every_call_of_the_page_is_one_of_the_schema() -> None:
    from edms_backup.api.site import document

    page = (ROOT / "docs/rest.md").read_text(encoding="utf-8")
    there = {
        f"{method.upper()} {re.sub(r'{[a-z]+}', 'ID', path.removeprefix('/v1/'))}"
        for path, methods in document("/")["paths"].items()
        for method in methods
    } | {"GET schema/"}
    calls = page.partition("## Calls")[2].partition("##")[0]
    table = set(re.findall(r"`((?:GET|POST|PUT|DELETE) [a-zA-Z/]+)`", calls))
    assert table == there
    old = page.partition("## Coming from the old EDMS")[2]
    replacements = set(
        re.findall(
            r"`((?:GET|POST|PUT|DELETE) [a-zA-Z/]+)[^`]*`",
            "".join(line.split("|")[2] for line in old.splitlines() if line.startswith("| ")),
        )
    )
    assert replacements <= there
