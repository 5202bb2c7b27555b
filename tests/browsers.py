"""The browser of the tests in ``tests/browser``: Debian's chromium, or the one that an environment variable names."""

import os
import shutil

CHROMIUM_VARIABLE, REQUIRE_VARIABLE = "EDMS_TEST_CHROMIUM", "EDMS_REQUIRE_BROWSER"


def required() -> bool:
    """Return whether a run without a browser is a failed run."""
    return os.environ.get(REQUIRE_VARIABLE, "") not in ("", "0")


def missing() -> str:
    """Return why there is no browser here; empty when there is one."""
    try:
        import axe_playwright_python  # noqa: F401
        import playwright  # noqa: F401
    except ImportError as error:
        return f"{error.name} is not installed"
    return "" if chromium() else f"no chromium: none is installed, and {CHROMIUM_VARIABLE} names none"


def chromium() -> str | None:
    """Return the path of the browser."""
    return os.environ.get(CHROMIUM_VARIABLE) or shutil.which("chromium")
