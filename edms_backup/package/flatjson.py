"""The JSON that most JSON columns hold: one object of a few scalars. Its normal form is told without decoding it."""

from __future__ import annotations

import re

__all__ = ["normal_flat"]

# Names whose order, quotation marks included, is that of the names: no character before the mark itself.
_NAME = r'"[A-Za-z_][A-Za-z0-9_.-]*+"'
_VALUE = r'(?:"[^"\\\x00-\x1f]*+"|(?:0|-?[1-9][0-9]{0,17})(?![0-9.eE])|true|false|null)'
_flat = re.compile(rf"\{{{_NAME}:{_VALUE}(?:,{_NAME}:{_VALUE})*+\}}")
_member = re.compile(f"({_NAME}):({_VALUE})")


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
    return f"{{{','.join([f'{name}:{value}' for name, value in ordered])}}}"
