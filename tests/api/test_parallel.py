"""Fifty posts at one moment to a real server process: one run that writes begins, and nothing is half done.

On SQLite in a normal run; on the servers with ``EDMS_FAULTS=1``, or where ``DATABASE_URL`` names one.
"""

import json
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.api.serving import UNLIMITED, Server, serve
from tests.databases import default_vendor
from tests.faults.sampling import EVERYTHING
from tests.faults.states import leftovers, packages, state_of
from tests.sites import ROOT

__all__ = ["serve"]

pytestmark = [pytest.mark.slow, pytest.mark.fault]

MANY = 50
Answer = tuple[int, dict[str, str], Any]
Call = tuple[str, Any, dict[str, str]]
"""Path, body, and headers of a post."""


@pytest.fixture
def server(serve: Callable[..., Server], vendor: str) -> Server:
    """Give a server with a package, whose worker takes nothing until ``carried_out`` says so."""
    if vendor != default_vendor() and not EVERYTHING:
        pytest.skip("the lock of all runs is a file, not of the database; EDMS_FAULTS=1 runs it there too")
    server = serve(
        vendor, EDMS_API_RATES=UNLIMITED, EDMS_JOBS="tests.api.unhurried.told", PYTHONPATH=str(ROOT)
    )
    server.site.manage("edms_backup", "create")
    return server


@pytest.fixture
def session(server: Server) -> dict[str, str]:
    """Sign in, before anything is planned: that changes the site. A password with each call would take longer."""
    return server.session()


def at_once(server: Server, session: dict[str, str], calls: list[Call]) -> list[Answer]:
    """Post all of these, each in a thread of its own that waits for the others; return the answers in order."""
    ready = threading.Barrier(len(calls))

    def post(call: Call) -> Answer:
        path, body, headers = call
        ready.wait()
        return server.call("POST", path, body, **session, **headers)

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(post, calls))


def carried_out(server: Server, run: str, expected: int = 0) -> dict[str, Any]:
    """Be the worker of a run; return it once it has ended."""
    done = server.site.manage("edms_backup", "run", run, check=False)
    assert done.returncode == expected, done.stdout + done.stderr
    return server.ended(run)


def planned(server: Server, package: str) -> dict[str, str]:
    """Return the body of a restore in the mode replace, with its plan."""
    plan = server.call("POST", f"packages/{package}/plan/", {"mode": "replace"})[2]["id"]
    carried_out(server, plan)
    report = server.call("GET", f"runs/{plan}/report/")[2]["report"]
    return {"plan": plan, "plan_digest": report["plan_digest"]}


def only(answers: list[Answer]) -> dict[str, Any]:
    """Return the one run that began; see that all others were refused, by its name."""
    assert Counter(status for status, _, _ in answers) == {202: 1, 409: len(answers) - 1}
    (begun,) = (body for status, _, body in answers if status == 202)
    for status, headers, body in answers:
        if status == 409:
            assert headers["Content-Type"] == "application/problem+json"
            assert body["code"] == "run_locked"
            assert body["holder"] == {
                "run": begun["id"],
                "kind": begun["kind"],
                "state": "queued",
                "actor": "admin",
            }
    return dict(begun)


def sound(server: Server, runs: int) -> None:
    """See that so many runs were written down, on disk and in the database, that none is open, and no trace is left."""
    folders = server.site.data_dir / "backups" / ".state" / "runs"
    written = [json.loads(file.read_text()) for file in folders.glob("*/run.json")]
    assert len(written) == runs
    assert {run["state"] for run in written} == {"succeeded"}
    assert server.site.query("SELECT count(*) FROM edms_backup_run") == [(runs,)]
    assert list(folders.glob("*/.*")) == []
    assert leftovers(server.site) == []
    assert server.call("POST", "audit/verify/")[2]["ok"] is True
    log = (server.site.data_dir / "server.log").read_text()
    assert "Traceback" not in log, log[-3000:]


def test_of_fifty_creates_one_begins(server: Server, session: dict[str, str]) -> None:
    begun = only(at_once(server, session, [("packages/", {"label": f"number {n}"}, {}) for n in range(MANY)]))
    assert carried_out(server, begun["id"])["state"] == "succeeded"
    assert len(packages(server.site)) == 2
    assert server.call("GET", "packages/")[2]["total"] == 2
    sound(server, runs=2)


def test_of_fifty_applies_of_one_plan_one_restores(server: Server, session: dict[str, str]) -> None:
    package = server.call("GET", "packages/")[2]["results"][0]["id"]
    known = state_of(server.site).tables["roles"]
    server.site.query("UPDATE roles SET description = 'changed'")
    body = planned(server, package)
    changed = state_of(server.site).tables["roles"]
    begun = only(at_once(server, session, [(f"packages/{package}/restore/", body, {})] * MANY))
    assert state_of(server.site).tables["roles"] == changed != known
    assert carried_out(server, begun["id"])["state"] == "succeeded"
    assert state_of(server.site).tables["roles"] == known
    sound(server, runs=3)


def test_of_fifty_calls_of_every_kind_one_begins(server: Server, session: dict[str, str]) -> None:
    """Creates, restores, and verifications between them, which write nothing and are all let through."""
    package = server.call("GET", "packages/")[2]["results"][0]["id"]
    body = planned(server, package)
    calls: list[Call] = []
    for number in range(MANY // 2):
        calls += [
            ("packages/", {"label": str(number)}, {}),
            (f"packages/{package}/restore/", body, {}),
        ]
    looking: list[Call] = [(f"packages/{package}/verify/", {}, {})] * 5
    answers = at_once(server, session, [*calls, *looking])
    begun = only(answers[:MANY])
    assert {status for status, _, _ in answers[MANY:]} == {202}
    verifications = {body["id"] for _, _, body in answers[MANY:]}
    assert len(verifications) == 5
    for run in (begun["id"], *verifications):
        assert carried_out(server, run)["state"] == "succeeded"
    sound(server, runs=8)


def test_fifty_posts_with_one_key_are_one_run(server: Server, session: dict[str, str]) -> None:
    key = {"Idempotency_Key": "nightly"}
    answers = at_once(server, session, [("packages/", {"label": "nightly"}, key)] * MANY)
    assert {status for status, _, _ in answers} == {202}
    (run,) = {body["id"] for _, _, body in answers}
    mixed = at_once(
        server,
        session,
        [("packages/", {"label": "nightly" if n % 2 else "another"}, key) for n in range(MANY)],
    )
    assert Counter((status, body.get("code")) for status, _, body in mixed) == {
        (202, None): MANY // 2,
        (422, "idempotency_key_reused"): MANY // 2,
    }
    assert {body["id"] for status, _, body in mixed if status == 202} == {run}
    assert carried_out(server, run)["state"] == "succeeded"
    again = at_once(server, session, [("packages/", {"label": "nightly"}, key)] * 5)
    assert {(status, body["id"], body["state"]) for status, _, body in again} == {(202, run, "succeeded")}
    sound(server, runs=2)


def test_posts_while_workers_work(serve: Callable[..., Server], vendor: str) -> None:
    """With workers that begin at once, more than one post may have its turn; never two at a time."""
    if vendor != default_vendor() and not EVERYTHING:
        pytest.skip("EDMS_FAULTS=1 runs it on the servers too")
    server = serve(vendor, EDMS_API_RATES=UNLIMITED)
    answers = at_once(
        server, server.session(), [("packages/", {"label": str(number)}, {}) for number in range(MANY)]
    )
    assert {status for status, _, _ in answers} == {202, 409}
    begun = {body["id"] for status, _, body in answers if status == 202}
    assert {body["holder"]["run"] for status, _, body in answers if status == 409} <= begun
    ended = [server.ended(run) for run in begun]
    assert {run["state"] for run in ended} == {"succeeded"}
    times = sorted((run["created_at"], run["ended_at"]) for run in ended)
    assert all(one[1] <= other[0] for one, other in zip(times, times[1:], strict=False)), times
    assert len(packages(server.site)) == len(begun)
    sound(server, runs=len(begun))
