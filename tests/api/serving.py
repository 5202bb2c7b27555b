"""A real server process of an example site, with the workers that its settings name, and calls to it."""

import base64
import http.cookiejar
import json
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.databases import default_vendor
from tests.sites import Site, SiteFactory

USER, PASSWORD = "admin", "demo-admin-2025"  # as seed_demo makes it
UNLIMITED = json.dumps(dict.fromkeys(("read", "write", "costly", "transfer", "password"), "100000/minute"))
"""``EDMS_API_RATES`` for tests that call more often than anybody may."""


@dataclass(frozen=True)
class Server:
    """A site with its server, called with the demo administrator's password."""

    site: Site
    address: str

    def call(
        self, method: str, path: str, body: Any = None, **headers: str
    ) -> tuple[int, dict[str, str], Any]:
        """Return status, headers and body; JSON is read. The caller is who ``session`` says, or sends the password."""
        url = path if path.startswith("http") else self.address + path
        request = urllib.request.Request(url, method=method)
        if "Cookie" not in headers:
            token = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
            request.add_header("Authorization", f"Basic {token}")
            request.add_header("Edms-Backup-Password", PASSWORD)
        for name, value in headers.items():
            request.add_header(name.replace("_", "-"), value)
        data = None
        if body is not None:
            data = body if isinstance(body, bytes) else json.dumps(body).encode()
            kind = "application/octet-stream" if isinstance(body, bytes) else "application/json"
            request.add_header("Content-Type", kind)
        try:
            with urllib.request.urlopen(request, data, timeout=60) as answer:
                return answer.status, dict(answer.headers), _read(answer)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, dict(error.headers), _read(error)

    def session(self) -> dict[str, str]:
        """Sign in as a browser does, confirm the password, and return the headers of the session."""
        jar = http.cookiejar.CookieJar()
        browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(jar))
        login = self.address.replace("api/backups/v1/", "admin/login/")
        browser.open(login).close()
        form = {
            "username": USER,
            "password": PASSWORD,
            "next": "/admin/",
            "csrfmiddlewaretoken": _cookie(jar, "csrftoken"),
        }
        browser.open(login, urllib.parse.urlencode(form).encode()).close()
        confirmation = urllib.request.Request(
            self.address + "reauthenticate/",
            json.dumps({"password": PASSWORD}).encode(),
            {"Content-Type": "application/json", "X-CSRFToken": _cookie(jar, "csrftoken")},
        )
        browser.open(confirmation).close()
        return {
            "Cookie": "; ".join(f"{cookie.name}={cookie.value}" for cookie in jar),
            "X-CSRFToken": _cookie(jar, "csrftoken"),
        }

    def ended(self, run: str, wait: float = 90) -> dict[str, Any]:
        """Return a run once it has ended."""
        until = time.monotonic() + wait
        while True:
            _, _, found = self.call("GET", f"runs/{run}/")
            if found["state"] not in ("queued", "running"):
                return dict(found)
            assert time.monotonic() < until, found
            time.sleep(0.2)


def _cookie(jar: http.cookiejar.CookieJar, name: str) -> str:
    return next(str(cookie.value) for cookie in jar if cookie.name == name)


def _read(answer: Any) -> Any:
    data = answer.read()
    return json.loads(data) if "json" in answer.headers.get("Content-Type", "") else data


@pytest.fixture
def serve(make_site: SiteFactory) -> Iterator[Callable[..., Server]]:
    """Give a function that starts the server of a seeded site, on the default vendor unless it is told another."""
    processes = []

    def start(vendor: str = "", **settings: str) -> Server:
        site = make_site(vendor or default_vendor(), seeded=True)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        log = (site.data_dir / "server.log").open("wb")
        process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("server.py")), str(port)],
            env={**site.env, **settings},
            cwd=site.data_dir,
            stdout=log,
            stderr=log,
        )
        log.close()
        processes.append(process)
        server = Server(site, f"http://127.0.0.1:{port}/api/backups/v1/")
        until = time.monotonic() + 60
        while True:
            try:
                assert server.call("GET", "status/")[0] == 200
                return server
            except OSError:
                assert process.poll() is None, (site.data_dir / "server.log").read_text()
                assert time.monotonic() < until
                time.sleep(0.2)

    yield start
    for process in processes:
        process.terminate()
        process.wait(timeout=30)
