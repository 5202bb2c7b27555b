"""What can be changed at one place of a source file, so that it still compiles and means something else."""

import ast
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

COMPARISONS: dict[type[ast.cmpop], str] = {
    ast.Eq: "!=",
    ast.NotEq: "==",
    ast.Lt: "<=",
    ast.LtE: "<",
    ast.Gt: ">=",
    ast.GtE: ">",
    ast.Is: "is not",
    ast.IsNot: "is",
    ast.In: "not in",
    ast.NotIn: "in",
}
OPERATORS: dict[type[ast.operator], str] = {
    ast.Add: "-",
    ast.Sub: "+",
    ast.Mult: "+",
    ast.FloorDiv: "*",
    ast.BitAnd: "|",
    ast.BitOr: "&",
    ast.LShift: ">>",
    ast.RShift: "<<",
}
OTHER_CALLS = {"min": "max", "max": "min", "any": "all", "all": "any", "sorted": "list", "reversed": "list"}
OTHER_METHODS = {"startswith": "endswith", "endswith": "startswith", "update": "copy", "add": "discard"}
UNSWAPPED = {"isinstance", "issubclass", "hasattr", "getattr", "setattr"}
"""With swapped arguments these fail at once, whatever the tests are like."""

SPOKEN = re.compile(r"\s")
"""A string with a blank in it is for people; its wording is nothing that a test should hold on to."""

Function = ast.FunctionDef | ast.AsyncFunctionDef
Place = ast.expr | ast.stmt
Replacement = tuple[str, Place, str]


@dataclass(frozen=True)
class Mutant:
    """One change of one file."""

    path: str
    line: int
    kind: str
    before: str
    after: str
    source: str
    """The whole file as changed."""

    function: str
    """The outermost function or method around the change; empty for what runs on import."""

    lines: tuple[int, ...]
    """The lines that a test must have executed to be able to notice."""


class Finder(ast.NodeVisitor):
    """Collects every change of a module, with the function and the statement around it."""

    def __init__(self) -> None:
        self.found: list[tuple[Replacement, str, ast.stmt]] = []
        self.names: list[str] = []
        self.function = ""
        self.statement: ast.stmt | None = None

    def visit(self, node: ast.AST) -> None:
        """Offer the changes of a node, then those of what is in it; leave out what cannot matter."""
        if isinstance(node, ast.JoinedStr) or is_no_behaviour(node):
            return
        around = self.statement
        if isinstance(node, ast.stmt):
            self.statement = node
        if self.statement is not None and isinstance(node, Place):
            self.found += [(change, self.function, self.statement) for change in changes(node)]
        if isinstance(node, Function | ast.ClassDef):
            self.definition(node)
        else:
            for name, value in ast.iter_fields(node):
                if name not in ("annotation", "returns"):
                    self.inside(value)
        self.statement = around

    def definition(self, node: Function | ast.ClassDef) -> None:
        """Visit a function or a class; a function's defaults belong to what is around it."""
        if isinstance(node, Function):
            self.inside([*node.args.defaults, *(d for d in node.args.kw_defaults if d is not None)])
        else:
            self.inside(node.bases)
        outermost = self.function
        self.names.append(node.name)
        if isinstance(node, Function) and not outermost:
            self.function = ".".join(self.names)
        self.inside(node.body)
        self.names.pop()
        self.function = outermost

    def inside(self, value: object) -> None:
        """Visit whatever a field holds."""
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, ast.AST) and not is_text(item):
                self.visit(item)


def mutants(path: str, source: str) -> Iterator[Mutant]:
    """Return every change of a file, in the order of its lines."""
    finder = Finder()
    finder.visit(ast.parse(source))
    rows = source.encode().splitlines(keepends=True)
    starts = [sum(map(len, rows[:number])) for number in range(len(rows) + 1)]
    whole = source.encode()
    seen = set()
    for (kind, place, after), function, statement in sorted(
        finder.found, key=lambda found: found[0][1].lineno
    ):
        first = starts[place.lineno - 1] + place.col_offset
        last = starts[(place.end_lineno or place.lineno) - 1] + (place.end_col_offset or 0)
        text = after if isinstance(place, ast.stmt) else f"({after})"
        changed = (whole[:first] + text.encode() + whole[last:]).decode()
        if changed in seen or changed == source:
            continue
        seen.add(changed)
        before = whole[first:last].decode()
        if compiles(changed):
            yield Mutant(path, place.lineno, kind, before, after, changed, function, header(statement))


def changes(node: Place) -> Iterator[Replacement]:
    """Return the changes of one node: what kind, which node is replaced, by what text."""
    for kind, change in CHANGES.items():
        if isinstance(node, kind):
            yield from change(node)
    for test in conditions(node):
        yield ("condition always true", test, "True")
        if not isinstance(test, ast.Compare | ast.BoolOp | ast.UnaryOp):
            yield ("condition turned", test, f"not ({ast.unparse(test)})")


def conditions(node: ast.AST) -> list[ast.expr]:
    """Return what a node decides by."""
    if isinstance(node, ast.If | ast.IfExp | ast.While):
        return [node.test]
    if isinstance(node, ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp):
        return [test for generator in node.generators for test in generator.ifs]
    return []


def comparison(node: ast.Compare) -> Iterator[Replacement]:
    """Turn each operator of a comparison."""
    sides = [ast.unparse(side) for side in (node.left, *node.comparators)]
    for number, operator in enumerate(node.ops):
        words = [COMPARISONS[type(operator)] if i == number else sign(op) for i, op in enumerate(node.ops)]
        tail = " ".join(f"{word} ({side})" for word, side in zip(words, sides[1:], strict=True))
        yield ("comparison", node, f"({sides[0]}) {tail}")


def sign(operator: ast.cmpop) -> str:
    """Return how a comparison is written."""
    return ast.unparse(ast.Compare(ast.Name("a"), [operator], [ast.Name("b")]))[2:-2]


def logic(node: ast.BoolOp) -> Iterator[Replacement]:
    """Exchange ``and`` and ``or``; leave out one operand."""
    sides = [f"({ast.unparse(value)})" for value in node.values]
    word, other = (" and ", " or ") if isinstance(node.op, ast.And) else (" or ", " and ")
    yield ("and/or", node, other.join(sides))
    for number in range(len(sides)):
        yield ("operand left out", node, word.join(sides[:number] + sides[number + 1 :]))


def unary(node: ast.UnaryOp) -> Iterator[Replacement]:
    """Leave out ``not`` and minus."""
    yield ("sign left out", node, ast.unparse(node.operand))


def arithmetic(node: ast.BinOp) -> Iterator[Replacement]:
    """Exchange an operator for its opposite."""
    if other := OPERATORS.get(type(node.op)):
        yield ("arithmetic", node, f"({ast.unparse(node.left)}) {other} ({ast.unparse(node.right)})")


def constant(node: ast.Constant) -> Iterator[Replacement]:
    """Change a value by as little as possible."""
    if isinstance(node.value, bool):
        yield ("constant", node, str(not node.value))
    elif isinstance(node.value, int):
        yield ("constant", node, str(node.value + 1))
    elif isinstance(node.value, str | bytes) and not SPOKEN.search(ascii(node.value)):
        letters = "XX" if isinstance(node.value, str) else b"XX"
        yield ("constant", node, repr(node.value + letters))  # type: ignore[operator]


def call(node: ast.Call) -> Iterator[Replacement]:
    """Swap arguments, leave one out, call what is nearly the same."""
    function = ast.unparse(node.func)
    given = [ast.unparse(argument) for argument in node.args]
    named = [
        f"{k.arg}={ast.unparse(k.value)}" if k.arg else f"**{ast.unparse(k.value)}" for k in node.keywords
    ]
    starred = any(isinstance(argument, ast.Starred) for argument in node.args[:2])
    if len(given) >= 2 and not starred and function not in UNSWAPPED:
        swapped = ", ".join([given[1], given[0], *given[2:], *named])
        yield ("arguments swapped", node, f"{function}({swapped})")
    for number, keyword in enumerate(node.keywords):
        if keyword.arg != "strict":
            fewer = ", ".join([*given, *named[:number], *named[number + 1 :]])
            yield ("argument left out", node, f"{function}({fewer})")
    if isinstance(node.func, ast.Name) and (other := OTHER_CALLS.get(node.func.id)):
        yield ("other call", node, f"{other}({', '.join([*given, *(named if other != 'list' else [])])})")
    if isinstance(node.func, ast.Attribute) and (other := OTHER_METHODS.get(node.func.attr)):
        yield ("other call", node, f"{ast.unparse(node.func.value)}.{other}({', '.join([*given, *named])})")


def returned(node: ast.Return) -> Iterator[Replacement]:
    """Return nothing."""
    if node.value is not None and not (isinstance(node.value, ast.Constant) and node.value.value is None):
        yield ("return value", node, "return None")


def jump(node: ast.Break | ast.Continue) -> Iterator[Replacement]:
    """Go on where it ends, and the other way round."""
    yield ("break/continue", node, "continue" if isinstance(node, ast.Break) else "break")


def expression(node: ast.Expr) -> Iterator[Replacement]:
    """Leave out what is done for its effect."""
    if isinstance(node.value, ast.Yield | ast.YieldFrom):
        yield ("statement left out", node, "yield from ()")
    elif not isinstance(node.value, ast.Constant):
        yield ("statement left out", node, "pass")


def assignment(node: ast.Assign) -> Iterator[Replacement]:
    """Leave out what is stored somewhere; a name without a value would fail for another reason."""
    if not any(isinstance(target, ast.Name | ast.Tuple) for target in node.targets):
        yield ("statement left out", node, "pass")


def left_out(node: ast.stmt) -> Iterator[Replacement]:
    """Leave out a statement."""
    yield ("statement left out", node, "pass")


CHANGES: dict[type[ast.AST], Callable[..., Iterator[Replacement]]] = {
    ast.Compare: comparison,
    ast.BoolOp: logic,
    ast.UnaryOp: unary,
    ast.BinOp: arithmetic,
    ast.Constant: constant,
    ast.Call: call,
    ast.Return: returned,
    ast.Break: jump,
    ast.Continue: jump,
    ast.Expr: expression,
    ast.Assign: assignment,
    ast.AugAssign: left_out,
    ast.Raise: left_out,
    ast.Delete: left_out,
}


def header(statement: ast.stmt) -> tuple[int, ...]:
    """Return the lines of a statement, without those of a body."""
    last = statement.end_lineno or statement.lineno
    body = getattr(statement, "body", None)
    if body:
        last = max(statement.lineno, body[0].lineno - 1)
    return tuple(range(statement.lineno, last + 1))


def is_text(node: ast.AST) -> bool:
    """Tell whether a node is a docstring, or the like below an attribute."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def is_no_behaviour(node: ast.AST) -> bool:
    """Tell whether a node is for readers and type checkers only."""
    if isinstance(node, ast.Assign):
        return ast.unparse(node.targets[0]) == "__all__"
    return isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"


def compiles(source: str) -> bool:
    """Tell whether Python takes the file."""
    try:
        compile(source, "mutant", "exec", dont_inherit=True)
    except SyntaxError:
        return False
    return True
