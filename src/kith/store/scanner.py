"""Reads that may look through much: in threads, each with a connection and a deadline (row S9)."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from queue import LifoQueue
from typing import TypeVar

import apsw

from kith.errors import TookTooLong, Unavailable
from kith.store.database import Tx, Work, at_once

T = TypeVar("T")

SCANS_AT_ONCE = 2
SCAN_S_MAX = 5.0
STEPS_BETWEEN_LOOKS = 10_000
"""Of SQLite's machine, about a millisecond: how often a scan asks whether it may go on."""


class _Deadline:
    has_passed = False

    def passes(self) -> None:
        self.has_passed = True


class Scanner:
    def __init__(
        self, connect: Callable[[], apsw.Connection], tx_of: Callable[[apsw.Connection], Tx]
    ) -> None:
        """`connect` opens a read-only connection; each is made when it is first needed."""
        self._connect = connect
        self._tx_of = tx_of
        self._threads = ThreadPoolExecutor(SCANS_AT_ONCE, thread_name_prefix="kith-scan")
        self._idle: LifoQueue[apsw.Connection] = LifoQueue()
        """The last used first: it has the most of the file in memory."""
        self._all: list[apsw.Connection] = []
        self._closed = False

    async def scan(self, work: Work[T]) -> T:
        """Raises TookTooLong, Unavailable, and what `work` raises."""
        if self._closed:
            raise Unavailable()
        loop = asyncio.get_running_loop()
        deadline = _Deadline()
        timer = loop.call_later(SCAN_S_MAX, deadline.passes)
        try:
            return await loop.run_in_executor(self._threads, self._run, work, deadline)
        finally:
            timer.cancel()
            deadline.passes()  # a scan that nobody waits for ends too

    def close(self) -> None:
        """Give up what runs, then close."""
        self._closed = True
        self._threads.shutdown()
        for connection in self._all:
            connection.close()

    def _run(self, work: Work[T], deadline: _Deadline) -> T:
        connection = self._taken()
        connection.set_progress_handler(
            lambda: self._closed or deadline.has_passed, STEPS_BETWEEN_LOOKS
        )
        try:
            connection.execute("BEGIN")
            return at_once(work(self._tx_of(connection)))
        except apsw.InterruptError:
            raise TookTooLong() from None
        finally:
            connection.set_progress_handler(None)
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            self._idle.put(connection)

    def _taken(self) -> apsw.Connection:
        if self._idle.empty():  # no more than one for each thread
            connection = self._connect()
            self._all.append(connection)
            return connection
        return self._idle.get()
