"""All runs of a site: putting one into the queue, claiming it, asking it to stop, closing what was lost."""

from __future__ import annotations

import datetime
import logging
import os
import socket
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edms_backup.audit import Actor
from edms_backup.errors import (
    EdmsBackupError,
    Interrupted,
    KeyReused,
    RunEnded,
    RunLocked,
    RunNotFound,
    WorkerLost,
)
from edms_backup.history import rows
from edms_backup.history.folder import RunFolder, all_folders, register_lock
from edms_backup.history.recording import Recording
from edms_backup.history.request import Request, encode_request
from edms_backup.models import Run, RunKind, RunState

logger = logging.getLogger(__name__)

HERE, PROCESS = "here", "process"
"""Who carries a run out: the process that asks for it; a detached process. Others are queues."""
STALE = datetime.timedelta(seconds=60)
"""Without a sign of life for so long, and without its lock, a worker on another machine counts as gone."""
BEGINS_WITHIN = datetime.timedelta(seconds=120)
"""A detached process that has not begun by then never will."""

Verdict = Callable[[Run], tuple[str, bool]]
"""What became of a run whose worker is gone: one sentence, and whether that is the last word."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRegister:
    """The runs of one site."""

    state_directory: Path
    clock: Callable[[], datetime.datetime]

    # -- beginning ---------------------------------------------------------------------------------

    def queue(
        self, kind: RunKind, request: Request, actor: Actor, *, backend: str, idempotency_key: str = ""
    ) -> tuple[Run, bool]:
        """Write a new run down for somebody else to carry out; return it, and whether it is new.

        With an ``idempotency_key`` that the actor used before, the earlier run is returned. Raises
        ``RunLocked`` while another writing run is queued or running, ``KeyReused`` for a key that stands
        for another request, ``StoreFull`` or ``StoreUnavailable``.
        """
        run = self._new(kind, request, actor, backend)
        run.idempotency_key = idempotency_key[:128]
        with register_lock(self.state_directory):
            earlier = self._same_key(run) if idempotency_key else None
            if earlier is not None:
                return earlier, False
            if run.writes:
                self._refuse_second()
            RunFolder(self.state_directory, run.pk).write(run, durable=True)
        rows.mirror(run)
        return run, True

    @contextmanager
    def begun(self, kind: RunKind, request: Request, actor: Actor) -> Iterator[Recording]:
        """Record a run that this process carries out at once; what cannot be written down hinders nothing."""
        run = self._new(kind, request, actor, HERE)
        self._starts(run)
        recording = self._recording(run)
        with ExitStack() as stack:
            try:
                stack.enter_context(recording.held())
                recording.folder.write(run)
            except (EdmsBackupError, OSError) as error:
                logger.warning("run %s is not recorded: %s", run.pk, error)
            with recording.noting_the_end():
                yield recording

    @contextmanager
    def claimed(self, run_id: uuid.UUID) -> Iterator[Recording | None]:
        """Carry a queued run out, for as long as the block lasts.

        Yields ``None`` when there is nothing left to do: it was cancelled, or a queue delivered it twice.
        Raises ``RunNotFound``.
        """
        with ExitStack() as stack:
            with register_lock(self.state_directory):
                run = self.read(run_id)
                recording = self._recording(run)
                mine = run.state == RunState.QUEUED
                if mine:
                    stack.enter_context(recording.held())
                    self._starts(run)
                    recording.folder.write(run, durable=True)
            if not mine:
                logger.warning("run %s is %s already; nothing is done", run.pk, run.state)
                yield None
                return
            rows.mirror(run)
            with recording.noting_the_end():
                yield recording

    # -- looking -----------------------------------------------------------------------------------

    def read(self, run_id: uuid.UUID) -> Run:
        """Return one run, as its folder or else its row knows it; raises ``RunNotFound``."""
        folder = RunFolder(self.state_directory, run_id)
        if folder.exists:
            return folder.read()
        found = rows.select({"pk": run_id}, 0, 1)
        if not found:
            raise RunNotFound(f"There is no run {run_id}.", hint="`edms_backup runs` lists them.")
        return _without_folder(found[0])

    def page(self, where: Mapping[str, Any], offset: int, limit: int | None) -> tuple[int, list[Run]]:
        """Return how many runs there are, and some of them, the newest first."""
        folders = all_folders(self.state_directory)
        live = _open_runs(folders)
        states = rows.known()
        unseen = self._unmirrored(folders, live, states)
        if (
            states is not None
            and not unseen
            and set(live) <= set(states)
            and (not live or "state" not in where)
        ):
            some = rows.select(where, offset, limit)
            total = rows.count(where)
            if some is not None and total is not None:
                return total, [
                    live.get(run.pk, run) if run.pk in folders else _without_folder(run) for run in some
                ]
        found = {run.pk: run for run in rows.select(where, 0, None) or ()}
        found.update({run_id: folders[run_id].read() for run_id in unseen})
        found.update(live)
        fitting = [
            run if run.pk in folders else _without_folder(run)
            for run in found.values()
            if all(getattr(run, name) == value for name, value in where.items())
        ]
        fitting.sort(key=lambda run: (run.created_at, str(run.pk)), reverse=True)
        return len(fitting), fitting[offset : None if limit is None else offset + limit]

    def _unmirrored(
        self,
        folders: Mapping[uuid.UUID, RunFolder],
        live: Mapping[uuid.UUID, Run],
        states: Mapping[uuid.UUID, str] | None,
    ) -> list[uuid.UUID]:
        """Make the rows that are missing or behind; return the ended runs that have none all the same."""
        behind = [
            run_id
            for run_id in folders
            if run_id not in live and (states is None or not RunState(states.get(run_id, "queued")).ended)
        ]
        # While something runs, the database may be locked for long: then reading has to do.
        if states is None or any(run.state == RunState.RUNNING for run in live.values()):
            return behind
        return [run_id for run_id in behind if not rows.mirror(folders[run_id].read())]

    # -- ending ------------------------------------------------------------------------------------

    def cancel(self, run_id: uuid.UUID, who: str) -> Run:
        """Cancel a queued run at once, or ask a running one to stop; return it.

        Raises ``RunNotFound``, and ``RunEnded`` when it is too late.
        """
        with register_lock(self.state_directory):
            run = self.read(run_id)
            folder = RunFolder(self.state_directory, run_id)
            if run.ended:
                raise RunEnded(
                    f"The run has ended already ({run.get_state_display()}); it cannot be cancelled any more.",
                    hint="`edms_backup undo` takes a restore back." if run.kind == RunKind.RESTORE else "",
                )
            folder.ask_to_cancel(who, self.clock())
            if run.state == RunState.QUEUED:
                text = f"Cancelled by {who or 'somebody'} before it began; nothing was changed."
                self._close(folder, run, RunState.CANCELLED, Interrupted(text))
        return self.read(run_id)

    def fail(self, run: Run, error: EdmsBackupError) -> None:
        """Close a queued run that nobody can be told of."""
        with register_lock(self.state_directory):
            self._close(RunFolder(self.state_directory, run.pk), run, RunState.FAILED, error)

    def suspects(self) -> bool:
        """Return whether a run is open whose worker may be gone."""
        return any(not folder.closed for folder in all_folders(self.state_directory).values())

    def close_lost(self, verdict: Verdict) -> list[Run]:
        """Close every run whose worker is gone, and return them."""
        closed = []
        with register_lock(self.state_directory):
            for folder in all_folders(self.state_directory).values():
                if folder.closed:
                    continue
                # Asked before it is read: a worker writes down how its run ended, and lets go of it then.
                held = folder.is_held
                run = folder.read()
                if run.state == RunState.LOST or (
                    run.state == RunState.RUNNING and not held and self._is_gone(run)
                ):
                    said, final = verdict(run)
                    self._close(folder, run, RunState.LOST, WorkerLost(said), final=final)
                    closed.append(run)
                elif run.ended:
                    folder.close()  # its worker ended between the last two things that it had to write
                elif (
                    run.backend == PROCESS
                    and self.clock() - run.created_at > BEGINS_WITHIN
                    and not run.started_at
                ):
                    text = "The process that should carry it out never began; nothing was changed."
                    hint = f"What it said stands in {folder.path.name}/output.log of the state directory."
                    self._close(folder, run, RunState.LOST, WorkerLost(text, hint=hint))
                    closed.append(run)
        return closed

    def _is_gone(self, run: Run) -> bool:
        """Return whether nobody works on a running run whose lock is free: not for lack of a common one."""
        here = run.worker.endswith(f" on {socket.gethostname()}")
        return here or self.clock() - (run.heartbeat_at or run.created_at) > STALE

    def _close(
        self, folder: RunFolder, run: Run, state: RunState, error: EdmsBackupError, *, final: bool = True
    ) -> None:
        run.state, run.error = state, error.to_dict()
        run.ended_at = run.ended_at or self.clock()
        folder.write(run, durable=True)
        if final:
            folder.close()
        rows.mirror(run)

    # -- parts -------------------------------------------------------------------------------------

    def _new(self, kind: RunKind, request: Request, actor: Actor, backend: str) -> Run:
        return Run(
            id=uuid.uuid4(),
            kind=kind.value,
            request=encode_request(kind, request),
            state=RunState.QUEUED.value,
            backend=backend,
            actor_id=actor.user_id[:64],
            actor_name=actor.name[:150],
            origin=actor.whence[:255],
            reason=actor.reason,
            created_at=self.clock(),
        )

    def _starts(self, run: Run) -> None:
        run.state = RunState.RUNNING.value
        run.started_at = run.heartbeat_at = self.clock()
        run.worker = f"process {os.getpid()} on {socket.gethostname()}"

    def _recording(self, run: Run) -> Recording:
        return Recording(run=run, folder=RunFolder(self.state_directory, run.pk), clock=self.clock)

    def _open(self) -> Iterator[Run]:
        for folder in all_folders(self.state_directory).values():
            if not folder.closed:
                run = folder.read()
                if not run.ended:
                    yield run

    def _refuse_second(self) -> None:
        for run in self._open():
            if run.writes:
                who = f" by {run.actor_name}" if run.actor_name else ""
                raise RunLocked(
                    f"Another run ({run.get_kind_display()}) is {run.get_state_display()} since"
                    f" {run.created_at:%Y-%m-%d %H:%M:%SZ}, asked for{who}.",
                    hint="Wait until it has ended, or cancel it.",
                    holder={
                        "run": str(run.pk),
                        "kind": run.kind,
                        "state": run.state,
                        "actor": run.actor_name,
                    },
                )

    def _same_key(self, run: Run) -> Run | None:
        """Return the earlier run with the same key, by the same actor; raises ``KeyReused`` if it asked for more."""
        where = {"idempotency_key": run.idempotency_key, "actor_id": run.actor_id}
        total, found = self.page(where, 0, 1)
        if not total:
            return None
        if (found[0].kind, found[0].request) != (run.kind, run.request):
            raise KeyReused(
                "The idempotency key stands for another request already.",
                hint="Use a new key for a new request.",
            )
        return found[0]


def _open_runs(folders: dict[uuid.UUID, RunFolder]) -> dict[uuid.UUID, Run]:
    """Return the runs that have not been closed; leaves out of ``folders`` what is removed at this moment."""
    found = {}
    for run_id, folder in list(folders.items()):
        if not folder.closed:
            try:
                found[run_id] = folder.read()
            except FileNotFoundError:
                del folders[run_id]
    return found


def _without_folder(run: Run) -> Run:
    """Return a row whose folder is gone; what had not ended then never will."""
    if not run.ended:
        run.state = RunState.LOST.value
        run.error = WorkerLost("The state directory no longer knows this run.").to_dict()
    return run
