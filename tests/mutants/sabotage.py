"""Mistakes made on purpose: for every entry of ``docs/pitfalls.md`` the code as it would be without the answer to
it, and the tests that must then fail. ``make mutants ARGS=--sabotage`` makes them one at a time, on a copy.

The table stands in ``sabotages/*.toml``. A mistake replaces a text that occurs once in its file; ``entries``
are numbers of the page, ``tests`` all have to fail. What cannot be shown so is listed there with the reason.
"""

import ast
import dataclasses
import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from tests.mutants.changes import Function, Mutant
from tests.mutants.plugin import NAMED
from tests.mutants.trial import ROOT, answered, copied, say

TABLE = Path(__file__).resolve().parent / "sabotages"


@dataclass(frozen=True)
class Sabotage:
    """One mistake."""

    entries: tuple[str, ...]
    """Numbers of the entries of ``docs/pitfalls.md`` that it belongs to."""

    mistake: str
    """What the code does with it, for people."""

    file: str
    old: str
    new: str
    tests: tuple[str, ...]
    """Each of them must fail."""

    vendor: str = "sqlite"
    """The database on which they must fail."""

    def mutant(self, root: Path = ROOT) -> Mutant:
        """Return the change; raises ``ValueError`` unless its text occurs exactly once in the file."""
        source = (root / self.file).read_text(encoding="utf-8")
        if source.count(self.old) != 1:
            raise ValueError(f"{self.file} holds this {source.count(self.old)} times:\n{self.old}")
        start = source.index(self.old)
        first, last = (source.count("\n", 0, place) + 1 for place in (start, start + len(self.old.rstrip())))
        changed = source.replace(self.old, self.new)
        function = function_around(source, first, last)
        return Mutant(self.file, first, self.mistake, self.old, self.new, changed, function, ())


@dataclass(frozen=True)
class Without:
    """Entries, or tests, that no mistake of ours can show."""

    why: str
    entries: tuple[str, ...] = ()
    tests: tuple[str, ...] = ()


@cache
def table() -> tuple[tuple[Sabotage, ...], tuple[Without, ...]]:
    """Return the whole table: mistakes in the order of their files, and what has none."""
    mistakes, without = [], []
    for path in sorted(TABLE.glob("*.toml")):
        document = tomllib.loads(path.read_text(encoding="utf-8"))
        mistakes += [Sabotage(**_frozen(record)) for record in document.pop("sabotage", [])]
        without += [Without(**_frozen(record)) for record in document.pop("without", [])]
        if document:
            raise ValueError(f"{path.name} holds {min(document)!r}, which is neither")
    return tuple(mistakes), tuple(without)


def _frozen(record: dict[str, object]) -> dict[str, object]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in record.items()}


def function_around(source: str, first: int, last: int) -> str:
    """Return the outermost function or method whose body holds these lines; empty for what runs on import."""
    return next((name for name, node in _functions(ast.parse(source), "") if _holds(node, first, last)), "")


def _functions(scope: ast.AST, prefix: str) -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    for node in ast.iter_child_nodes(scope):
        if isinstance(node, Function):
            yield prefix + node.name, node
        elif isinstance(node, ast.ClassDef):
            yield from _functions(node, f"{prefix}{node.name}.")


def _holds(node: ast.FunctionDef | ast.AsyncFunctionDef, first: int, last: int) -> bool:
    return node.body[0].lineno <= first and last <= (node.end_lineno or 0)


# -- making them ---------------------------------------------------------------------------------------

BROKEN = ("NameError", "UnboundLocalError", "SyntaxError", "ImportError", "ModuleNotFoundError")
"""What a mistake fails with that is none: it was written down wrongly."""
UNCHANGED = "edms_backup/__init__.py"
Outcome = tuple[str, str]
"""``failed``, ``passed``, ``skipped`` or ``error``, and what was said."""


def sabotage(entries: Sequence[str]) -> int:
    """Make the mistakes of these entries (none: of all), one at a time; return the exit code.

    Before, all tests run without a change: one that fails then is not seen failing for any mistake, and one that
    is skipped, because its database is not there, is left out.
    """
    chosen = [mistake for mistake in table()[0] if not entries or set(mistake.entries) & set(entries)]
    if unknown := set(entries) - {entry for mistake in chosen for entry in mistake.entries}:
        raise SystemExit(f"There is no mistake for {', '.join(sorted(unknown))}.")
    counted: Counter[str] = Counter()
    seen: dict[str, bool] = {}
    with copied() as copy:
        tests = sorted({test for mistake in chosen for test in mistake.tests})
        answers = answered(copy, [*_rehearsals(chosen), *map(_order, chosen)], tests, {NAMED: "1"})
        before = {}
        for vendor, _ in _by_vendor(chosen):
            before[vendor] = _outcomes(next(answers))
        for mistake, answer in zip(chosen, answers, strict=True):
            results = list(_judged(mistake, before[mistake.vendor], answer))
            counted.update(what for what, _, _ in results)
            for entry in mistake.entries:
                seen[entry] = seen.get(entry, True) and all(what != UNSEEN for what, _, _ in results)
            _tell(mistake, results)
    unseen = [entry for entry, good in seen.items() if not good]
    figures = ", ".join(f"{number} {what}" for what, number in sorted(counted.items()))
    say(f"{len(chosen)} mistakes for {len(seen)} entries; tests: {figures}.")
    if unseen:
        say(f"{UNSEEN}: {', '.join(unseen)}")
    return 1 if unseen else 0


SEEN, UNSEEN, LEFT_OUT = "seen failing", "NOT SEEN", "left out"


def _tell(mistake: Sabotage, results: Iterable[tuple[str, str, str]]) -> None:
    where = "" if mistake.vendor == "sqlite" else f" [{mistake.vendor}]"
    say(f"{', '.join(mistake.entries)}: {mistake.mistake} ({mistake.file}){where}")
    for what, test, said in results:
        say(f"    {what}: {test}" + (f"  {said[:160]}" if said else ""))


def _judged(mistake: Sabotage, before: dict[str, Outcome], answer: Any) -> Iterator[tuple[str, str, str]]:
    """Yield (what became of it, test, what was said) for every test of a mistake."""
    after = _outcomes(answer)
    for test in mistake.tests:
        own = {item: outcome for item, outcome in before.items() if item.partition("[")[0] == test}
        sick = [said for what, said in own.values() if what not in ("passed", "skipped")]
        if sick or not own:
            yield UNSEEN, test, f"it fails without any change: {sick[0]}" if sick else "it was not run"
            continue
        if all(what == "skipped" for what, _ in own.values()):
            yield LEFT_OUT, test, next(iter(own.values()))[1]
            continue
        results = [after.get(item, ("error", f"it ended with {answer['ended']}")) for item in own]
        said = next(
            (said for what, said in results if what == "failed" and not said.startswith(BROKEN)), None
        )
        if said is None:
            yield UNSEEN, test, next((said for what, said in results if what != "passed"), "it passes")
        else:
            yield SEEN, test, said


def _outcomes(answer: Any) -> dict[str, Outcome]:
    return {item: (what, said) for item, what, said in answer["outcomes"]}


def _by_vendor(chosen: Sequence[Sabotage]) -> list[tuple[str, list[str]]]:
    """Return the vendors with all tests that mistakes name for them."""
    vendors = sorted({mistake.vendor for mistake in chosen})
    return [
        (vendor, sorted({test for m in chosen if m.vendor == vendor for test in m.tests}))
        for vendor in vendors
    ]


def _rehearsals(chosen: Sequence[Sabotage]) -> list[dict[str, Any]]:
    """Return the orders to run all tests without a change, one for each vendor."""
    source = (ROOT / UNCHANGED).read_text(encoding="utf-8")
    nothing = dataclasses.asdict(Mutant(UNCHANGED, 1, "none", "", "", source, "", ()))
    return [{"mutant": nothing, "tests": tests, "vendor": vendor} for vendor, tests in _by_vendor(chosen)]


def _order(mistake: Sabotage) -> dict[str, Any]:
    mutant = dataclasses.asdict(mistake.mutant())
    return {"mutant": mutant, "tests": list(mistake.tests), "vendor": mistake.vendor}
