"""Tries of one create that goes wrong at a chosen point, and what came of them."""

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.faults.arena import Arena, Attempt, Rehearsal, rehearsal
from tests.faults.states import STORE, leftovers, packages, scratch, state_of
from tests.faults.trials import ALL_KINDS, CODES, DONE, NO_SIGNAL
from tests.sites import Site

CREATE = ("create", "--json", "--no-progress", "--models", "documents")
LONG_AGO = 7200
"""Seconds after which nobody takes an unfinished package for one that is being written."""


@dataclass(frozen=True)
class CreateTry:
    """One try: how the command ended, and whether a package is there now."""

    attempt: Attempt
    settled: str
    """``before`` without a new package, ``after`` with a whole one, or what is wrong with it."""
    problems: list[str] = field(default_factory=list)
    recovered: bool = False


class CreateTrials:
    """Tries in one copy of the changed site: a create never changes it."""

    def __init__(self, arena: Arena, site: Site, stage: Rehearsal) -> None:
        """Prepare tries in ``site``, the changed site of ``arena``."""
        self.arena = arena
        self.site = site
        self._stage = stage
        self._known = packages(site)
        self._tmp = site.data_dir.with_suffix(".tmp")
        self._tmp.mkdir()

    def run(self, *command: str, **request: object) -> Attempt:
        """Run a command, with a directory of its own for temporary files."""
        return self._stage.run(*command, **{"env": {"TMPDIR": str(self._tmp)}, **request})

    def points(self, kinds: Sequence[str] = ALL_KINDS) -> list[str]:
        """Let a create run undisturbed and return the points that it passes."""
        found = self.run(*CREATE, kinds=kinds)
        assert found.code in DONE, found.said
        self._tidy()
        return found.points

    def attempt(self, strike: str, at: int, point: str, kinds: Sequence[str] = ALL_KINDS) -> CreateTry:
        """Let a fault happen at one point and look at what is there."""
        attempt = self.run(*CREATE, strike=strike, at=at, kinds=kinds)
        new = sorted(set(packages(self.site)) - set(self._known))
        settled = self._settled(new)
        problems = list(self._wrong(strike, attempt, new, settled))
        self._tidy()
        where = f"create: {strike} at {at} ({point})"
        return CreateTry(attempt, settled, [f"{where}: {text}" for text in problems])

    def _settled(self, new: list[str]) -> str:
        if state_of(self.site) != self.arena.before:
            return "the site is not as before"
        for name in new:
            verified = self.run("verify", name, "--json")
            if verified.code not in DONE:
                return f"package {name} is torn: {verified.said}"
        return {0: "before", 1: "after"}.get(len(new), f"several packages: {new}")

    def _wrong(self, strike: str, attempt: Attempt, new: list[str], settled: str) -> Iterator[str]:
        if settled not in ("before", "after"):
            yield settled
        if strike == "kill":
            if attempt.code not in CODES["kill"]:
                yield f"was not killed but exited {attempt.code}"
            yield from self._after_a_kill()
            return
        litter = [*leftovers(self.site), *(scratch(self._tmp) if strike in NO_SIGNAL else [])]
        if litter:
            yield f"left behind: {litter}"
        if not new and attempt.code not in CODES[strike]:
            yield f"ends {attempt.said}"
        # Who was stopped after the package was made says so.
        stopped = (
            attempt.code in CODES[strike] and strike not in NO_SIGNAL and new and new[0] in attempt.stdout
        )
        if new and attempt.code not in DONE and not stopped:
            yield f"there is a package, and it ends {attempt.said}"

    def _after_a_kill(self) -> Iterator[str]:
        """Unfinished packages go with the first create after a while."""
        partials = list((self.site.data_dir / STORE).glob(".*.partial"))
        for path in partials:
            os.utime(path, (time.time() - LONG_AGO,) * 2)
        following = self.run(*CREATE)
        if following.code not in DONE:
            yield f"the next create exits {following.code}: {following.said}"
        if litter := leftovers(self.site):
            yield f"left behind: {litter}"

    def _tidy(self) -> None:
        for name in set(packages(self.site)) - set(self._known):
            (self.site.data_dir / STORE / name).unlink()


@contextmanager
def create_trials(arena: Arena) -> Iterator[CreateTrials]:
    """Give tries in a copy of the changed site, which goes with the block."""
    site = arena.copy(arena.changed)
    with rehearsal(site) as stage:
        yield CreateTrials(arena, site, stage)
    arena.discard(site)
