"""What the code can say, read from its source: finding codes with their severities, ids of system checks.

Nothing has to happen for a code to be known here, so that documents can be compared with all of them.
"""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

PRODUCT = Path(__file__).resolve().parent.parent / "edms_backup"

Names = dict[str, set[str]]
"""Names of variables and parameters to the texts that they may hold."""


def modules() -> Iterator[tuple[str, ast.Module]]:
    """Yield path and syntax tree of every module of the product, but for the one that stands alone."""
    for path in sorted(PRODUCT.rglob("*.py")):
        if path.name != "unpack.py":
            yield path.relative_to(PRODUCT.parent).as_posix(), ast.parse(path.read_text(encoding="utf-8"))


def findings() -> dict[str, set[str]]:
    """Return every finding code with the severities that it is raised with."""
    found: dict[str, set[str]] = defaultdict(set)
    for path, tree in modules():
        names = _assigned(tree)
        makers = _makers(tree)
        inner = {id(call) for maker in makers.values() for call in _made(maker)}
        for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
            if not isinstance(call.func, ast.Name) or id(call) in inner:
                continue
            if call.func.id == "Finding":
                code, severity = _keyword(call, "code"), _keyword(call, "severity")
            elif call.func.id in makers:
                code, severity = _of_maker(call, makers[call.func.id])
            else:
                continue
            together = dict(_together(tree, code, severity))
            if together:
                found.update({text: found[text] | severities for text, severities in together.items()})
                continue
            for text in sorted(_texts(code, names, tree)):
                severities = _severities(severity, names)
                assert severities, f"{path}: the severity of {text} cannot be read"
                found[text] |= severities
    return dict(found)


def check_ids() -> set[str]:
    """Return every id of a system check."""
    sources = [path.read_text(encoding="utf-8") for path in sorted(PRODUCT.rglob("*.py"))]
    return {found for source in sources for found in re.findall(r'"(edms_backup\.[EWI]\d{3})"', source)}


def _makers(tree: ast.Module) -> dict[str, ast.FunctionDef]:
    """Return the functions of a module that are given a code and make a finding of it."""
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    with_code = [node for node in functions if "code" in [argument.arg for argument in node.args.args]]
    return {node.name: node for node in with_code if list(_made(node))}


def _made(node: ast.AST) -> Iterator[ast.Call]:
    """Yield the calls below a node that make a finding."""
    for call in ast.walk(node):
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "Finding":
            yield call


def _of_maker(call: ast.Call, maker: ast.FunctionDef) -> tuple[ast.expr | None, ast.expr | None]:
    """Return code and severity that a call hands over, or that the maker itself gives."""
    names = [argument.arg for argument in maker.args.args]
    given = dict(zip(names, call.args, strict=False)) | {k.arg: k.value for k in call.keywords if k.arg}
    return given.get("code"), given.get("severity", _keyword(next(_made(maker)), "severity"))


def _keyword(call: ast.Call, name: str) -> ast.expr | None:
    return next((keyword.value for keyword in call.keywords if keyword.arg == name), None)


def _assigned(tree: ast.Module) -> Names:
    """Return what is assigned to names in a module: texts, and severities as ``Severity.X``."""
    found: Names = defaultdict(set)
    for node in ast.walk(tree):
        if not isinstance(node, ast.Assign):
            continue
        for target in node.targets:
            if isinstance(target, ast.Name):
                found[target.id] |= _plain(node.value)
            elif isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
                for one, value in zip(target.elts, node.value.elts, strict=True):
                    if isinstance(one, ast.Name):
                        found[one.id] |= _plain(value)
    return found


def _together(
    tree: ast.Module, code: ast.expr | None, severity: ast.expr | None
) -> Iterator[tuple[str, set[str]]]:
    """Yield code and severities where both are names that are assigned in one statement."""
    if not isinstance(code, ast.Name) or not isinstance(severity, ast.Name):
        return
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Tuple)):
            continue
        names = [ast.unparse(one) for one in node.targets[0].elts]
        if {code.id, severity.id} <= set(names) and isinstance(node.value, ast.Tuple):
            values = dict(zip(names, node.value.elts, strict=True))
            for text in _plain(values[code.id]):
                yield text, _severities(values[severity.id], {})


def _plain(value: ast.expr) -> set[str]:
    """Return the texts of an expression that may be its value, and the severities in it."""
    if isinstance(value, ast.IfExp):
        return _plain(value.body) | _plain(value.orelse)
    if isinstance(value, ast.Constant) and isinstance(value.value, str):
        return {value.value}
    if isinstance(value, ast.Attribute) and ast.unparse(value.value) == "Severity":
        return {ast.unparse(value)}
    return set()


def _texts(value: ast.expr | None, names: Names, tree: ast.Module) -> set[str]:
    if isinstance(value, ast.Name):
        return {text for text in names[value.id] if not text.startswith("Severity.")}
    if isinstance(value, ast.JoinedStr):
        head = value.values[0]
        assert isinstance(head, ast.Constant)
        return {f"{head.value}{key}" for key in _said(tree)}
    return set() if value is None else _plain(value)


def _said(tree: ast.Module) -> Iterator[str]:
    """Yield the keys of the table ``_SAY``, the one place where codes are put together."""
    for node in tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "_SAY":
            assert isinstance(node.value, ast.Dict)
            yield from (key.value for key in node.value.keys if isinstance(key, ast.Constant))


def _severities(value: ast.expr | None, names: Names) -> set[str]:
    plain = names[value.id] if isinstance(value, ast.Name) else set() if value is None else _plain(value)
    return {text.removeprefix("Severity.").lower() for text in plain if text.startswith("Severity.")}
