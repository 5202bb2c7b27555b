"""JSON as the format uses it: one way to write a value, and a strict way to read it back.

Writing is exact (``docs/format.md``, *JSON*): compact, UTF-8, no NaN or infinity. Reading refuses
what Python's ``json`` accepts silently: a member named twice, NaN, infinities, numbers too great for
a float, integers of absurd length, and nesting so deep that it exhausts the stack.
"""

from __future__ import annotations

import contextlib
import json
import math
import re
from typing import Any, NoReturn

from edms_backup.package.longtexts import set_apart

__all__ = [
    "MAX_DEPTH",
    "MAX_DIGITS",
    "canonical",
    "compact",
    "loads_again",
    "nested_deeper",
    "pretty",
    "strict_loads",
]

MAX_DEPTH = 200
"""How deep arrays and objects may nest. Rows need about 5; JSON fields that people make stay below 20."""
MAX_DIGITS = 4300
"""Digits of an integer: Python's own limit, which keeps the quadratic conversion harmless."""

_exact = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))
_escaped = json.JSONEncoder(ensure_ascii=True, allow_nan=False, separators=(",", ":"))
_pretty = json.JSONEncoder(ensure_ascii=False, allow_nan=False, sort_keys=True, indent=1)
_pretty_escaped = json.JSONEncoder(ensure_ascii=True, allow_nan=False, sort_keys=True, indent=1)
# The arguments that JSONEncoder.iterencode hands to it: markers, default, text encoder, indent, separators,
# sort_keys, skipkeys, allow_nan. Cycles are not looked for: rows come from flat records.
_make_encoder: Any = getattr(json.encoder, "c_make_encoder", None)
_c_encoder = _make_encoder and _make_encoder(
    None, _exact.default, json.encoder.encode_basestring, None, ":", ",", False, False, False
)
_long_integer = re.compile(rb"[0-9]{%d}" % (MAX_DIGITS + 1))


def canonical(value: Any) -> bytes:
    """Return ``value`` as compact JSON in UTF-8, members in the order in which they are given.

    A value that holds lone surrogates, which UTF-8 cannot express, is written with ``\\u`` escapes
    instead. Raises ``ValueError`` for NaN, infinities and integers of more than 4300 digits, and
    ``TypeError`` for what JSON does not know.
    """
    return _encode(_exact, _escaped, value)


def pretty(value: Any) -> bytes:
    """Return ``value`` as indented JSON in UTF-8 with sorted members and a final line feed."""
    return _encode(_pretty, _pretty_escaped, value) + b"\n"


def compact(value: Any) -> str:
    """Return ``value`` as ``canonical`` writes it, before it becomes UTF-8; raises what the standard library raises.

    The encoder is made once: ``JSONEncoder.encode`` makes a new one for every call.
    """
    if _c_encoder is None:  # an interpreter without the C accelerator
        return _exact.encode(value)
    return "".join(_c_encoder(value, 0))


def _encode(exact: json.JSONEncoder, escaped: json.JSONEncoder, value: Any) -> bytes:
    try:
        text = compact(value) if exact is _exact else exact.encode(value)
    except ValueError as error:
        if "digits" in str(error):
            raise ValueError(f"an integer has more than {MAX_DIGITS} digits") from error
        if "JSON compliant" in str(error):
            raise ValueError("NaN and infinities are no JSON numbers") from error
        raise
    try:
        return text.encode()
    except UnicodeEncodeError:
        return escaped.encode(value).encode("ascii")


def strict_loads(data: bytes, *, max_depth: int = MAX_DEPTH) -> Any:
    """Return the value in ``data``; raise ``ValueError`` with a plain reason if it is no strict JSON."""
    apart = set_apart(data)
    if apart is not None:
        with contextlib.suppress(ValueError):  # then it is read as a whole, to say what and where it is
            value = _strict_loads(apart.rest, max_depth)
            if apart.together(value):
                return value
    return _strict_loads(data, max_depth)


def _strict_loads(data: bytes, max_depth: int) -> Any:
    try:
        # A line's end is left out here: to cut it off would be one more copy of a line that may be long.
        text = data.decode("utf-8") if data[-1:] != b"\n" else str(memoryview(data)[:-1], "utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"not UTF-8 at byte {error.start}") from error
    # A custom parse_int is called for every integer; most texts cannot hold one that is too long.
    suspicious = len(data) > MAX_DIGITS and _long_integer.search(data) is not None
    try:
        value = _scanned(_careful_decoder if suspicious else _decoder, text)
        if not _names_every_member_once(value, data):
            value = (_careful_pairs_decoder if suspicious else _pairs_decoder).decode(text)
    except json.JSONDecodeError as error:
        raise ValueError(f"not JSON: {error.msg} at character {error.pos}") from error
    except RecursionError as error:
        raise ValueError(f"nested deeper than {max_depth} levels") from error
    if nested_deeper(value, max_depth, data):
        raise ValueError(f"nested deeper than {max_depth} levels")
    return value


def nested_deeper(value: Any, limit: int, written: bytes | None = None) -> bool:
    """Return whether objects and arrays in ``value`` nest more than ``limit`` levels deep.

    ``written`` is the value as JSON, where it is at hand: counting its brackets is far cheaper than walking
    the value, and is nearly always enough.
    """
    if written is not None and written.count(b"{") + written.count(b"[") <= limit:
        return False
    level = [value]
    for _ in range(limit):
        level = [
            child
            for parent in level
            if isinstance(parent, dict | list)
            for child in (parent.values() if isinstance(parent, dict) else parent)
            if isinstance(child, dict | list)
        ]
        if not level:
            return False
    return True


def loads_again(data: bytes) -> Any:
    """Return the value in ``data``, which ``strict_loads`` has accepted before: nothing is asked of it again."""
    apart = set_apart(data)
    if apart is not None:
        value = _decoder.scan_once(apart.rest.decode("utf-8"), 0)[0]  # type: ignore[attr-defined]
        if apart.together(value):
            return value
    return _decoder.scan_once(data.decode("utf-8"), 0)[0]  # type: ignore[attr-defined]


def _scanned(decoder: json.JSONDecoder, text: str) -> Any:
    """Return ``decoder.decode(text)``, which looks for blanks around the value, with less ado where there are none."""
    try:
        value, end = decoder.scan_once(text, 0)  # type: ignore[attr-defined]
    except StopIteration:
        return decoder.decode(text)
    return value if end == len(text) else decoder.decode(text)


def _names_every_member_once(value: Any, written: bytes) -> bool:
    """Return ``True`` when it is certain that no object in ``value`` had two members of one name.

    In compact JSON each member has exactly one ``":`` of its own, so as many members as there are such marks
    means that none took another's place. Where a text holds the same mark, or blanks stand before a colon, the
    numbers differ, or tell nothing: then the reader that looks at every pair has to decide.
    """
    if b" :" in written or b"\t:" in written or b"\n:" in written or b"\r:" in written:
        return False
    members, objects = 0, written.count(b"{")
    open_objects, lists = [value], []
    while open_objects:
        item = open_objects.pop()
        if type(item) is dict:
            objects -= 1
            members += len(item)
            if objects <= 0:  # no list has to be gone through, unless an object may be in it
                break
            item = item.values()
        elif type(item) is not list:
            continue  # a scalar on the outside
        for child in item:
            if type(child) is dict:
                open_objects.append(child)
            elif type(child) is list:
                lists.append(child)
        if not open_objects:
            open_objects, lists = lists, []
    return members == written.count(b'":')


def _unique_members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        seen: set[str] = set()
        twice = next(name for name, _ in pairs if name in seen or seen.add(name))  # type: ignore[func-returns-value]
        raise ValueError(f"member {twice[:80]!r} is named twice")
    return members


def _finite(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise ValueError("a number is too great")
    return value


def _short_integer(text: str) -> int:
    if len(text.lstrip("-")) > MAX_DIGITS:
        raise ValueError(f"an integer has more than {MAX_DIGITS} digits")
    return int(text)


def _refuse_constant(text: str) -> NoReturn:
    raise ValueError(f"{text} is no JSON number")


_numbers: dict[str, Any] = {"parse_float": _finite, "parse_constant": _refuse_constant}
_decoder = json.JSONDecoder(**_numbers)
_careful_decoder = json.JSONDecoder(**_numbers, parse_int=_short_integer)
_pairs_decoder = json.JSONDecoder(**_numbers, object_pairs_hook=_unique_members)
_careful_pairs_decoder = json.JSONDecoder(
    **_numbers, parse_int=_short_integer, object_pairs_hook=_unique_members
)
