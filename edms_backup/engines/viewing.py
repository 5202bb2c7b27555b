"""The connection of an engine, and its views: one that begins, and others that join it in threads of their own."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from django.db import Error, connections, transaction

from edms_backup.engines.base import Engine
from edms_backup.engines.errors import mapped, one_line
from edms_backup.schema.spec import ModelSpec

logger = logging.getLogger(__name__)


class Viewing(Engine):
    """Views as transactions of Django's connection, of which each thread has one of its own."""

    @property
    def connection(self) -> Any:
        """Return Django's connection of this alias."""
        return connections[self.alias]

    @contextmanager
    def freeze(self, specs: Sequence[ModelSpec]) -> Iterator[None]:
        """Hold a transaction; whether that is one view of all tables depends on the backend."""
        with self._atomic(durable=False):
            self._begin_snapshot(specs)
            yield

    @contextmanager
    def _atomic(self, *, durable: bool) -> Iterator[None]:
        """Hold Django's ``atomic``; a connection whose driver was interrupted is not used again."""
        try:
            with mapped(self.alias), transaction.atomic(using=self.alias, durable=durable):
                yield
        except KeyboardInterrupt:
            # It may be in the middle of an answer, or still inside of the transaction.
            self.disconnect()
            raise

    def _begin_snapshot(self, specs: Sequence[ModelSpec]) -> None:
        """Say what makes the open transaction one consistent view; nothing on an unknown backend."""

    @contextmanager
    def join(self, specs: Sequence[ModelSpec], snapshot: str) -> Iterator[Callable[[], None]]:
        """Hold a transaction with the other thread's view, and close the connection after it."""
        try:
            with self._atomic(durable=True):
                self._begin_joined(specs, snapshot)
                yield self._breaker()
        finally:
            self.disconnect()

    def _begin_joined(self, specs: Sequence[ModelSpec], snapshot: str) -> None:
        """Say what gives the open transaction the view of another one."""
        self._begin_snapshot(specs)

    def _breaker(self) -> Callable[[], None]:
        """Return what breaks off the statement under way on this connection, from any thread."""
        session, refused = self.connection.connection, self.connection.Database.Error

        def break_off() -> None:
            with suppress(refused):  # it has been closed meanwhile
                self._interrupt(session)

        return break_off

    def _interrupt(self, session: Any) -> None:
        """Break off what a driver's connection does; on an unknown backend, let it come to its end."""

    def disconnect(self) -> None:
        """Close the connection; one that the server has dropped already is closed as well."""
        try:
            self.connection.close()
        except Error as error:
            logger.info("closing the connection to %s: %s", self.alias, one_line(error))
            self.connection.connection = None

    def begin_anew(self) -> None:
        """Close the connection, and have Django know that no block is open: an interrupt may have kept it from that."""
        self.disconnect()
        connection = self.connection
        if connection.closed_in_transaction:  # it believes so until the end of a block that has ended already
            connection.connection = None
            connection.closed_in_transaction = connection.in_atomic_block = connection.needs_rollback = False
            connection.savepoint_ids, connection.atomic_blocks = [], []
