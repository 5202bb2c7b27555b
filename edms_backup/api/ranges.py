"""Parts of a file: what the header ``Range`` asks for (RFC 9110)."""

from __future__ import annotations

import re

from rest_framework.exceptions import APIException

_ONE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")


class Unsatisfiable(APIException):
    """The part that is asked for lies beyond the end."""

    status_code = 416
    default_code = "range_not_satisfiable"
    default_detail = "The file ends before the part that is asked for."


def wanted(header: str, length: int) -> tuple[int, int] | None:
    """Return first and last byte of the part that is asked for; ``None``: the whole file.

    What is no range, or is several, asks for the whole file. Raises ``Unsatisfiable``.
    """
    found = _ONE.fullmatch(header.replace(" ", "").lower())
    if found is None or not (found[1] or found[2]):
        return None
    if not found[1]:
        last = int(found[2])
        if last == 0:
            raise Unsatisfiable
        return max(0, length - last), length - 1
    first = int(found[1])
    last = min(int(found[2]), length - 1) if found[2] else length - 1
    if found[2] and int(found[2]) < first:
        return None
    if first >= length:
        raise Unsatisfiable
    return first, last
