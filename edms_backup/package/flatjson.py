"""The JSON that most JSON columns hold: one object of a few scalars. Its normal form is told without decoding it."""

from __future__ import annotations

import re

__all__ = ["flat_pair", "normal_flat"]

# Names whose order, quotation marks included, is that of the names: no character before the mark itself.
_NAME = r'"[A-Za-z_][A-Za-z0-9_.-]*+"'
_VALUE = r'(?:"[^"\\\x00-\x1f]*+"|(?:0|-?[1-9][0-9]{0,17})(?![0-9.eE])|true|false|null)'
_flat = re.compile(rf"\{{{_NAME}:{_VALUE}(?:,{_NAME}:{_VALUE})*+\}}")
_member = re.compile(f"({_NAME}):({_VALUE})")
# As ``json.dumps`` writes it: what is not in ASCII by its number, which two of make where 16 bits are not enough.
_ESCAPED = r"\\u(?:00(?:7f|[89a-f][0-9a-f])|0[1-9a-f][0-9a-f]{2}|[1-9abcef][0-9a-f]{3}|d[0-7][0-9a-f]{2})"
_PLAIN = r'[^"\\\x00-\x1f]*+'
_STORED = _VALUE.replace(_PLAIN, f"{_PLAIN}(?:{_ESCAPED}{_PLAIN})*+")
_stored = re.compile(rf"\{{{_NAME}: ?{_STORED}(?:, ?{_NAME}: ?{_STORED})*+\}}")
_stored_member = re.compile(f"({_NAME}): ?({_VALUE})")


def normal_flat(written: str) -> str | None:
    """Return a flat object in compact JSON with its members in the order of their names: itself if they are.

    ``None`` stands for everything that is not certain to be such an object: it may be
    another value, have blanks, escapes, numbers with a fraction or of 19 digits, or name a member twice.
    """
    if _flat.fullmatch(written) is None:
        return None
    members = _member.findall(written)
    if len(dict(members)) != len(members):
        return None
    ordered = sorted(members)
    if ordered == members:
        return written
    return _object(ordered)


def flat_pair(stored: str) -> tuple[str, str] | None:
    """Return a flat object as databases hold it, which may have a blank after each mark, in compact and in normal form.

    ``None`` as ``normal_flat`` does.
    """
    if _stored.fullmatch(stored) is None:
        return None
    if "\\" in stored:
        if not stored.isascii():
            return None
        stored = stored.encode("ascii").decode("unicode_escape")
    members = _stored_member.findall(stored)
    if len(dict(members)) != len(members):
        return None
    written = _object(members)
    ordered = sorted(members)
    return written, written if ordered == members else _object(ordered)


def _object(members: list[tuple[str, str]]) -> str:
    return f"{{{','.join([f'{name}:{value}' for name, value in members])}}}"
