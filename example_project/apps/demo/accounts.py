"""The accounts that a person who tries the demo site signs in with. Never use them on a site that matters."""

from django.contrib.auth.hashers import UNUSABLE_PASSWORD_PREFIX, make_password

DEMO_PASSWORDS = {
    "admin": "demo-admin-2025",
    "reviewer": "demo-reviewer-2025",
    "author": "demo-author-2025",
}
"""Passwords by username. Everybody else on the demo site has the author's password, or none."""

UNUSABLE_PASSWORD = UNUSABLE_PASSWORD_PREFIX + "demoaccountwithoutausablepasswordxxxxxxx"
"""What Django calls an unusable password; its own random one would differ from run to run."""

SALT = "edmsdemosaltedmsdemosalt"
"""One salt, so that hashes are the same each time; long enough that Django keeps them at sign-in."""


def password_hashes() -> dict[str, str]:
    """Return the hashes of the demo passwords by username."""
    return {username: make_password(password, salt=SALT) for username, password in DEMO_PASSWORDS.items()}
