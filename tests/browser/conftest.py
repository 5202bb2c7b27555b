"""A site behind a real server with a real worker, and a real browser that looks at it."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.browsers import chromium, missing
from tests.databases import default_vendor
from tests.sites import ROOT, Site, SiteFactory

SHOTS_VARIABLE = "EDMS_SCREENSHOTS"
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
WIDE, NARROW = {"width": 1280, "height": 900}, {"width": 375, "height": 800}
PASSWORD = "demo-admin-2025"
PATIENCE = 30_000.0
"""Milliseconds; a run of the demo site takes two seconds."""


@dataclass
class Served:
    """A site with its server."""

    site: Site
    url: str
    env: dict[str, str]

    @property
    def home(self) -> str:
        return f"{self.url}/admin/edms_backup/package/"

    def manage(self, *args: str) -> "subprocess.CompletedProcess[str]":
        return self.site.manage(*args, env=self.env)


@contextmanager
def serving(site: Site) -> Iterator[Served]:
    """Let a server answer for the site for as long as the block lasts."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    env = {
        "DJANGO_SETTINGS_MODULE": "tests.browser.site_settings",
        "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'example_project'}",
    }
    command = [sys.executable, str(ROOT / "example_project" / "manage.py"), "runserver"]
    with (site.data_dir / "server.log").open("wb") as log:
        process = subprocess.Popen(
            [*command, f"127.0.0.1:{port}", "--noreload", "--insecure"],
            env={**site.env, **env},
            cwd=site.data_dir,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            url = f"http://127.0.0.1:{port}"
            _wait(url, process)
            yield Served(site, url, env)
        finally:
            process.terminate()
            process.wait(10)


def _wait(url: str, process: "subprocess.Popen[bytes]") -> None:
    for _ in range(200):
        assert process.poll() is None, "the server ended"
        try:
            urllib.request.urlopen(f"{url}/admin/login/", timeout=5).close()
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
        else:
            return
    pytest.fail("the server does not answer")


@pytest.fixture
def served(make_site: SiteFactory) -> Iterator[Served]:
    """Give the demo site with its server."""
    with serving(make_site(default_vendor(), seeded=True)) as found:
        yield found


@pytest.fixture(scope="module")  # Playwright's event loop must not run while other tests ask a database
def browser() -> Iterator[Any]:
    """Give the browser."""
    if reason := missing():
        pytest.skip(reason)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=chromium(), args=list(FLAGS))
        yield opened
        opened.close()


@dataclass
class Visitor:
    """Somebody in front of the browser."""

    page: Any
    served: Served
    shots: Path
    scripted: bool = True
    seen: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    judging: bool = False
    """Whether axe and the camera are at work: they put styles of their own into the page."""

    def heard(self, text: str) -> None:
        """Note what the browser says of a page."""
        if not self.judging and ("Content Security Policy" in text or "Error:" in text):
            self.complaints.append(f"{self.page.url}: {text}")

    def sign_in(self, name: str = "admin", password: str = PASSWORD) -> None:
        """Fill in the form of Django's admin, which is shown now."""
        self.page.fill("#id_username", name)
        self.page.fill("#id_password", password)
        self.page.click("input[type=submit]")

    def come(self, path: str = "") -> None:
        """Open a page of the section, and sign in when that is asked for."""
        self.page.goto(self.served.home + path)
        if "/login/" in self.page.url:
            self.sign_in()

    def press(self, name: str) -> None:
        """Press a button."""
        self.page.get_by_role("button", name=name, exact=True).click()

    def until(self, text: str) -> None:
        """Wait until the page shows a text in its content; sign in again when a restore ended the session."""
        until = time.monotonic() + PATIENCE / 1000
        while time.monotonic() < until:
            if "/login/" in self.page.url:
                self.sign_in()
            if text in self.text():
                return
            self.page.wait_for_timeout(200)
        pytest.fail(f"{text!r} never came: {self.text()}")

    def text(self) -> str:
        """Return what the page says, between two loads of it too."""
        from playwright.sync_api import Error

        try:
            return str(self.page.inner_text("#container", timeout=3000))
        except Error:
            return ""

    def look(self, name: str) -> None:
        """Take pictures of the page: light, dark, narrow. Let axe judge it in both colours."""
        self.seen.append(name)
        self.page.wait_for_load_state()
        self.judging = True
        for scheme, size in (("light", WIDE), ("dark", WIDE), ("light", NARROW)):
            self.page.set_viewport_size(size)
            self.page.emulate_media(color_scheme=scheme)
            self.page.evaluate("document.getAnimations().forEach((one) => one.finish())")
            shown = "narrow" if size is NARROW else scheme
            self.page.screenshot(path=str(self.shots / f"{name}-{shown}.png"), full_page=True)
            if size is NARROW:
                wide = self.page.evaluate("document.documentElement.scrollWidth")
                if wide > NARROW["width"]:
                    self.complaints.append(f"{name} is {wide} pixels wide")
            elif self.scripted:
                self.complaints += [f"{name} {shown}: {found}" for found in _judged(self.page, scheme)]
        self.page.set_viewport_size(WIDE)
        self.page.emulate_media(color_scheme="light")
        self.judging = False


def _judged(page: Any, scheme: str) -> list[str]:
    """Return whatever axe finds. Between light and dark only the contrast can differ."""
    from axe_playwright_python.sync_playwright import Axe

    options: dict[str, Any] = {"resultTypes": ["violations"], "preload": False}
    if scheme == "dark":
        options["runOnly"] = ["color-contrast"]
    context = {"exclude": [[".eb-tall tbody tr:nth-child(n + 8)"]]}  # the same again, sixty times
    results = Axe().run(page, context=context, options=options)
    return [
        f"{found['id']} ({found['impact']}): {json.dumps([node['html'][:160] for node in found['nodes']][:3])}"
        for found in results.response["violations"]
    ]


@pytest.fixture
def visit(browser: Any, served: Served) -> Iterator[Any]:
    """Give a function that opens a window, ``visit(script=True, language="en")``; nobody may complain."""
    shots = Path(os.environ.get(SHOTS_VARIABLE) or ROOT / ".screenshots")
    shots.mkdir(parents=True, exist_ok=True)
    opened: list[tuple[Any, Visitor]] = []

    def visit(*, script: bool = True, language: str = "en") -> Visitor:
        context = browser.new_context(java_script_enabled=script, locale=language, viewport=WIDE)
        context.set_default_timeout(PATIENCE)
        page = context.new_page()
        visitor = Visitor(page, served, shots, scripted=script)
        page.on("console", lambda message: visitor.heard(message.text))
        page.on("pageerror", lambda error: visitor.heard(f"Error: {error}"))
        opened.append((context, visitor))
        return visitor

    yield visit
    for context, visitor in opened:
        context.close()
        assert visitor.complaints == []
