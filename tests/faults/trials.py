"""Tries of one restore that goes wrong at a chosen point, each from the same state, and what came of them."""

import signal
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from tests.faults.arena import QUICK, Arena, Attempt, Rehearsal, rehearsal
from tests.faults.states import leftovers, scratch, state_of
from tests.sites import Site

ALL_KINDS = ("statement", "commit", "file")
CODES = {
    "kill": {-signal.SIGKILL},
    "interrupt": {130},
    "terminate": {143},
    "sever": {24},
    "fill": {17, 26},  # 26: of the audit trail, so nothing was begun
    "break": {23, 26},
}
"""How a command may end that a fault hits before its commit."""
NO_SIGNAL = ("sever", "fill", "break")
KINDS = {"sever": ("statement", "commit"), "fill": ("space",), "break": ("space",)}
"""The points where a strike makes sense, if not all."""
UNFINISHED = 19
DONE = {0, 3}


def commit_of_the_restore(points: Sequence[str]) -> int:
    """Return the number of the point before the commit that ends a restore: the one after its marker is written.

    The commits after it write the run's row.
    """
    marked = max(at for at, point in enumerate(points) if "INSERT" in point and "restoremarker" in point)
    return points.index("commit before", marked) + 1


@dataclass(frozen=True)
class Try:
    """One try: where the fault struck, how the command ended, what the site was right after it and later."""

    at: int
    point: str
    attempt: Attempt
    right_after: str
    """``before``, ``after``, or the names of what is neither."""
    settled: str
    """The same, after the next command."""
    next_command: Attempt
    litter: list[str]

    @property
    def recovered(self) -> bool:
        """Return whether the next command says that it settled an interrupted restore."""
        found = self.next_command.document.get("findings", [])
        return any(finding["code"] == "restore_recovered" for finding in found)

    def problems(self, strike: str) -> list[str]:
        """Return what a fault of this kind must not come to."""
        found = []
        if self.settled not in ("before", "after"):
            found.append(f"is neither before nor after: {self.settled}")
        if strike != "kill":
            found.extend(self._survived(strike))
        elif self.attempt.code not in CODES[strike]:
            found.append(f"was not killed but exited {self.attempt.code}")
        elif self.right_after not in ("before", "after") and not self.recovered:
            found.append("the next command does not say that it settled the restore")
        if self.next_command.code not in DONE:
            found.append(f"the next command exits {self.next_command.code}: {self.next_command.said}")
        if self.litter:
            found.append(f"left behind: {self.litter}")
        return [f"{strike} at {self.at} ({self.point}): {text}" for text in found]

    def _survived(self, strike: str) -> Iterator[str]:
        """A process that lives must itself bring everything in order, and tell the truth about it.

        Or say with 19 that the rows are committed and that the next command goes on.
        """
        if self.attempt.code == UNFINISHED and self.settled == "after":
            return
        if self.right_after not in ("before", "after"):
            yield f"left a mixture: {self.right_after}"
        expected = CODES[strike]
        if self.right_after == "after" and strike in NO_SIGNAL:
            expected = DONE
        elif self.right_after == "after":
            expected = expected | DONE
        if self.attempt.code not in expected:
            yield f"ends {self.attempt.said}"
        said = self.attempt.stdout + self.attempt.stderr
        if self.right_after == "after" and ("as before" in said or "othing was changed" in said):
            yield f"says that nothing was changed: {said}"
        if self.recovered:
            yield "the next command had to settle it"


class Trials:
    """Tries in copies of the changed site of an arena."""

    def __init__(self, arena: Arena, command: Sequence[str] = QUICK) -> None:
        """Prepare tries of ``command``, a restore of the latest package."""
        self.arena = arena
        self.command = tuple(command)
        self._site: Site | None = None
        self._stage: Any = None
        self._running: Rehearsal | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._leave()

    def site(self) -> Site:
        """Return the site that the next try happens in."""
        if self._site is None:
            self._site = self.arena.copy(self.arena.changed)
            self._stage = rehearsal(self._site)
            self._running = self._stage.__enter__()
        return self._site

    def run(self, *command: str, **request: Any) -> Attempt:
        """Run a command in the site, with a directory of its own for temporary files."""
        place = self.site().data_dir.with_suffix(".tmp")
        place.mkdir(exist_ok=True)
        assert self._running is not None
        return self._running.run(*command, **{"env": {"TMPDIR": str(place)}, **request})

    def points(self, kinds: Sequence[str] = ALL_KINDS) -> list[str]:
        """Let the command run undisturbed and return the points that it passes."""
        found = self.run(*self.command, kinds=kinds)
        assert found.code in DONE, found.said
        self._leave()
        return found.points

    def attempt(self, strike: str, at: int, point: str, kinds: Sequence[str] = ALL_KINDS) -> Try:
        """Let a fault happen at one point; look at the site, run the next command and look again."""
        return self._judged(at, point, self._try(strike=strike, at=at, kinds=kinds), strike)

    def signalled(self, number: int, after: float) -> Try:
        """Send a signal some seconds after the start."""
        return self._judged(0, f"after {after:.3f} s", self._try(signal=number, after=after), "")

    def _try(self, **request: Any) -> Attempt:
        return self.run(*self.command, **request)

    def _judged(self, at: int, point: str, attempt: Attempt, strike: str) -> Try:
        site = self.site()
        right_after = self._looks_like()
        litter = [] if strike == "kill" or attempt.code == UNFINISHED else leftovers(site)
        if strike in NO_SIGNAL:
            litter += scratch(site.data_dir.with_suffix(".tmp"))
        following = self.run(*self.command, "--dry-run")
        litter = sorted({*litter, *leftovers(site)})
        settled = self._looks_like() if strike == "kill" or attempt.code == UNFINISHED else right_after
        if settled != "before" or litter:
            self._leave()
        if 0 < at <= len(attempt.points):
            point = attempt.points[at - 1]
        return Try(at, point, attempt, right_after, settled, following, litter)

    def _looks_like(self) -> str:
        state = state_of(self.site())
        if state == self.arena.before:
            return "before"
        if state == self.arena.after:
            return "after"
        only_since = set(self.arena.before.differences(state))
        only_until = set(self.arena.after.differences(state))
        return f"unlike before in {sorted(only_since)}, unlike after in {sorted(only_until)}"

    def _leave(self) -> None:
        if self._site is not None:
            self._stage.__exit__(None, None, None)
            self.arena.discard(self._site)
            self._site = None
