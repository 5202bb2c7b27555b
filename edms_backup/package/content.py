"""A row's line and its content: what is written, and what its digest covers (``docs/format.md``, *Rows*).

Members of a line, in this order; those in brackets only where they apply::

    model, [pk], fields, [_json_null], [_refs], [_key], [pk], _pk

``pk`` stands before ``fields`` when the primary key is part of the natural key, and directly before
``_pk`` when the model has no natural key; stock ``loaddata`` reads it at either place. The *content* is
the line without ``_pk`` and without a ``pk`` that stands directly before it; every value that a reference of
``_refs`` resolves (a column, or the place at ``path`` inside it) is written as ``null``, because ids are not
content, what they stand for is; and the members of every object inside a value stand in the order of their
names, because databases may reorder them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from edms_backup.package.canonical import MAX_DEPTH, canonical, nested_deeper, strict_loads

__all__ = ["compose", "content_of_line", "normal_value"]

_PK = b',"_pk":'
_PLAIN_PK = b',"pk":'
_REFS = b'"_refs":{'
_LONG = 1_000_000  # bytes of a line that are not copied
_OUTER = 2  # objects that every line has: itself and its fields


def compose(
    model: str,
    fields: dict[str, Any],
    pk: Any,
    *,
    pk_in_key: bool = False,
    keyless: bool = False,
    refs: dict[str, dict[str, Any]] | None = None,
    json_null: list[str] | None = None,
    key: list[Any] | None = None,
) -> tuple[bytes, bytes]:
    """Return the line (line feed included) and the content of one row.

    ``model`` is the lower-case label; ``key`` is given only where the fields do not tell the natural key.
    Raises ``ValueError`` or ``TypeError`` for values that JSON cannot hold.
    """
    body: dict[str, Any] = {"model": model}
    if pk_in_key:
        body["pk"] = pk
    body["fields"] = fields
    if json_null:
        body["_json_null"] = json_null
    if refs:
        body["_refs"] = refs
    if key is not None:
        body["_key"] = key
    written = canonical(body)[:-1]
    if nested_deeper(body, MAX_DEPTH, written):
        raise ValueError(f"nested deeper than {MAX_DEPTH} levels")
    pk_text = b"%d" % pk if type(pk) is int else canonical(pk)
    tail = (_PLAIN_PK + pk_text if keyless else b"") + _PK + pk_text + b"}\n"
    content = written if _is_plain(written) else _normal(body, written)
    return written + tail, content


def _is_plain(content: bytes) -> bool:
    """Return whether a content holds neither references nor objects inside its values.

    A brace before a quotation mark opens an object that has members; inside a text the mark is escaped. The
    line itself and its ``fields`` are two such objects.
    """
    return _REFS not in content and content.count(b'{"') <= _OUTER


def _normal(body: dict[str, Any], written: bytes) -> bytes:
    """Return the content of a row: ids that references resolve as ``null``, objects inside values sorted.

    ``written`` is the row as it stands in the line; it is returned where nothing has to change.
    """
    fields = body["fields"]
    references = body.get("_refs", {}).values()
    changed: dict[str, Any] = {}
    # Two objects are the row and its fields; references are one, and one each.
    if written.count(b'{"') > _OUTER + (1 + len(references) if references else 0):
        changed = {
            name: _sorted(value)
            for name, value in fields.items()
            if (type(value) is dict or type(value) is list) and not _in_order(value)
        }
    if not changed:
        content = _spliced(fields, references, written)
        if content is not None:
            return content
    for reference in references:
        name = reference["field"]
        current = changed[name] if name in changed else fields.get(name)
        changed[name] = _without(current, reference.get("path", []))
    return canonical({**body, "fields": {**fields, **changed}})[:-1] if changed else written


def _spliced(fields: dict[str, Any], references: Iterable[dict[str, Any]], written: bytes) -> bytes | None:
    """Return ``written`` with ``null`` for the columns that references resolve, without writing all of it anew.

    ``None`` where a column cannot be found by its name alone, or holds more than a number or a text.
    """
    content = written
    for reference in references:
        name = reference["field"]
        value = fields.get(name)
        if reference.get("path") or type(value) not in (int, str):
            return None
        mark = canonical(name) + b":"  # inside of a text its quotation marks would be escaped
        found = canonical(value)
        start = content.find(mark) + len(mark)
        if content.count(mark) != 1 or not content.startswith(found, start):
            return None
        content = b"%bnull%b" % (content[:start], content[start + len(found) :])
    return content


def normal_value(value: Any) -> Any:
    """Return the value of a field as it stands in the content, references left aside: itself, or its members sorted."""
    return _sorted(value) if type(value) in (dict, list) and not _in_order(value) else value


def _in_order(value: Any) -> bool:
    """Return whether the members of every object in ``value`` stand in the order of their names."""
    kind = type(value)
    if kind is dict:
        names = list(value)
        if names != sorted(names):
            return False
        value = value.values()
    elif kind is not list:
        return True
    return all([_in_order(child) for child in value if type(child) is dict or type(child) is list])


def _sorted(value: Any) -> Any:
    """Return ``value`` with the members of every object in the order of their names.

    A database may reorder them (PostgreSQL does), so their order cannot be content.
    """
    if isinstance(value, dict):
        return {name: _sorted(value[name]) for name in sorted(value)}
    if isinstance(value, list):
        return [_sorted(item) for item in value]
    return value


def _without(value: Any, path: list[str | int]) -> Any:
    """Return ``value`` with ``null`` at ``path`` (itself, for an empty path); only what lies on the way is copied."""
    if not path:
        return None
    changed = dict(value) if isinstance(value, dict) else list(value)
    changed[path[0]] = _without(changed[path[0]], path[1:])  # type: ignore[index]
    return changed


def content_of_line(line: bytes, row: dict[str, Any] | None = None) -> bytes | memoryview:
    """Return the content of a line that ``compose`` wrote; raises ``ValueError`` when it is none.

    ``row``: the line decoded, where it is at hand, so that it is not taken apart once more.
    """
    # A text cannot hold the separator, because JSON escapes its quotation marks, and a primary key is
    # never an object: so the last occurrence is the right one.
    end = line.rfind(_PK)
    if end < 0:
        raise ValueError("the row has no _pk")
    doubled = _PLAIN_PK + line[end + len(_PK) : -2]
    keyless = line.endswith(b"}\n") and line.endswith(doubled, 0, end)
    end -= len(doubled) if keyless else 0
    if len(line) > _LONG and _is_plain(line):  # what is cut off has neither references nor objects
        return memoryview(line)[:end]
    content = line[:end]
    if _is_plain(content):
        return content
    if row is None:
        body = strict_loads(content + b"}")
    else:
        body = {name: v for name, v in row.items() if name != "_pk" and not (keyless and name == "pk")}
    try:
        return _normal(body, content)
    except (KeyError, TypeError, AttributeError, IndexError) as error:
        raise ValueError("_refs does not name fields, or places in them") from error
