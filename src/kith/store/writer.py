"""The one writer: requests that wait together share one COMMIT (rows S3 to S8).

Actions run one after another on the event loop, each in its own savepoint, reads in between; BEGIN
may wait and COMMIT does, so they run on a thread. Nothing is answered before the COMMIT, refusals
included. A command that writes much (`is_bulk`) has each transaction for one action alone.
"""

import asyncio
import threading
from collections import deque
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar, cast

import apsw
import msgspec
import structlog

from kith.errors import Unavailable
from kith.store.checkpoints import UNSYNCED, stand_back
from kith.store.database import Tx, Work, at_once

T = TypeVar("T")

BATCH_MAX = 256
BATCH_S_MAX = 0.020
"""How much work goes into a batch before it commits what it has."""
HOLD_S_MAX = 0.001
"""How long a batch may hold the event loop: then whoever only reads has a turn."""
NICE = 5
QUEUE_MAX = 1_000
QUEUE_WAIT_S_MAX = 10.0
LOCK_WAIT_S = 2.0
LOOK_EVERY_S = 0.0005
"""How often whoever waits for another process looks whether it has ended. SQLite's own wait looks
every 100 ms in the end, and would hardly ever meet the moment between two batches of an import."""
GIVE_WAY_S = 0.0015
"""What a command that writes much leaves other processes between two batches."""

STORAGE_TROUBLE = (
    apsw.IOError,
    apsw.FullError,
    apsw.CorruptError,
    apsw.NotADBError,
    apsw.NoMemError,
    apsw.BusyError,
    apsw.ReadOnlyError,
    apsw.CantOpenError,
)
log = structlog.get_logger("kith.store")


def unavailable(error: Exception) -> Unavailable:
    """What the operator is told at the command line; a caller learns no more than that it is so."""
    if isinstance(error, apsw.ReadOnlyError):
        return Unavailable(told="The database may not be written: look whose the file is.")
    if isinstance(error, apsw.CorruptError | apsw.NotADBError):
        return Unavailable(told="The database is damaged: stop Kith and restore a backup.")
    return Unavailable()


class _Request(msgspec.Struct, eq=False):
    work: Work[Any]
    answer: asyncio.Future[Any]
    deadline: float
    result: Any = None
    error: BaseException | None = None

    def settle(self) -> None:
        if self.answer.done():  # the caller has gone
            return
        if self.error is not None:
            self.answer.set_exception(self.error)
        else:
            self.answer.set_result(self.result)


class Writer:
    def __init__(
        self,
        connection: apsw.Connection,
        tx: Tx,
        *,
        before_commit: Callable[[apsw.Connection], None],
        after_answers: Callable[[], Awaitable[None]],
        is_bulk: bool = False,
        on_broken: Callable[[], None] | None = None,
    ) -> None:
        """`before_commit` finishes each batch, on the thread and in its transaction.

        `after_answers` is awaited when the batch has been answered, before the next begins.
        """
        self._connection = connection
        self._tx = tx
        self._before_commit = before_commit
        self._after_answers = after_answers
        self._on_broken = on_broken
        self._is_bulk = is_bulk
        self._batch_max = 1 if is_bulk else BATCH_MAX
        self._queue: deque[_Request] = deque()
        self._working: asyncio.Task[None] | None = None
        self._thread = ThreadPoolExecutor(
            max_workers=1,
            thread_name_prefix="kith-commit",
            initializer=None if is_bulk else partial(stand_back, NICE),
        )
        self.is_broken = self._closed = False
        self.turn = asyncio.Lock()
        """Whoever holds it is alone: no batch begins meanwhile."""

    async def write(self, work: Work[T]) -> T:
        """Run `work`; returns after its COMMIT. Raises what it raised, or Unavailable."""
        if self.is_broken or self._closed or len(self._queue) >= QUEUE_MAX:
            raise Unavailable()
        loop = asyncio.get_running_loop()
        request = _Request(work, loop.create_future(), loop.time() + QUEUE_WAIT_S_MAX)
        self._queue.append(request)
        if self._working is None:
            self._working = loop.create_task(self._work())
        try:
            return cast(T, await request.answer)
        except asyncio.CancelledError:  # the server stops and does not wait any longer
            if request in self._queue:
                self._queue.remove(request)
            else:
                log.critical("storage.commit_unknown", code="storage")
            raise

    async def close(self) -> None:
        """Finish what is queued, then close."""
        self._closed = True
        if self._working is not None:
            await self._working
        if not self.is_broken:  # closing could sync the file again (row S8)
            self._connection.close()
        self._thread.shutdown()

    async def _work(self) -> None:
        """Write batches until nothing waits."""
        while self._queue:
            async with self.turn:
                await self._write_batch()
                if not self.is_broken:
                    await self._after_answers()
            if self._is_bulk:
                await asyncio.sleep(GIVE_WAY_S)
        self._working = None

    async def _write_batch(self) -> None:
        batch: list[_Request] = []
        try:
            await self._write_together(batch)
        except Exception as error:  # a bug, yet the writer must go on
            log.exception("storage.writer_bug", code="writer_bug")
            self._roll_back()
            _fail(batch, error)
        for request in batch:
            request.settle()

    async def _write_together(self, batch: list[_Request]) -> None:
        trouble = Unavailable() if self.is_broken else await self._begin()
        if trouble is not None:
            batch += [self._queue.popleft() for _ in range(min(len(self._queue), BATCH_MAX))]
            _fail(batch, trouble)
        elif not await self._run_all(batch):
            _fail(batch, Unavailable())
        elif self._connection.in_transaction:
            await self._commit(batch)

    async def _run_all(self, batch: list[_Request]) -> bool:
        """Run what waits, and what comes meanwhile, for as long as a batch may take.

        Nobody else uses the connection while others have their turn: every savepoint is closed.
        """
        clock = asyncio.get_running_loop().time
        worked_s, began = 0.0, clock()
        while self._queue and len(batch) < self._batch_max:
            request = self._queue.popleft()
            batch.append(request)
            if request.deadline < began:
                request.error = Unavailable()
            elif not self._run(request):
                return False
            held_s = clock() - began
            if worked_s + held_s > BATCH_S_MAX:
                break
            if held_s > HOLD_S_MAX:
                await asyncio.sleep(0)
                worked_s, began = worked_s + held_s, clock()
        return not self.is_broken  # the disk may have failed while others had their turn

    async def _begin(self) -> Unavailable | None:
        """What keeps a transaction from beginning."""
        try:
            self._connection.set_busy_timeout(0)
            self._connection.execute("BEGIN IMMEDIATE")
            return None
        except apsw.BusyError:
            pass  # another process writes: wait for it, off the loop
        except STORAGE_TROUBLE as error:
            log.error("storage.begin_failed", code="storage", reason=str(error))
            return unavailable(error)
        try:
            self._connection.set_busy_handler(_patience())
            await self._blocking("BEGIN IMMEDIATE")
            return None
        except STORAGE_TROUBLE as error:
            log.error("storage.busy", code="storage", reason=str(error))
            return unavailable(error)

    def _run(self, request: _Request) -> bool:
        """Run one request in its savepoint; False when SQLite has ended the whole transaction.

        Where it is alone there is none: SQLite would keep every page as it was before.
        """
        execute = self._connection.execute
        if not self._is_bulk:
            execute("SAVEPOINT request")
        try:
            request.result = at_once(request.work(self._tx))
            if not self._is_bulk:
                execute("RELEASE request")
            return self._connection.in_transaction
        except Exception as error:
            if getattr(error, "extendedresult", 0) in UNSYNCED:
                self.break_off(error)
                return False
            if not self._connection.in_transaction:
                log.error("storage.transaction_lost", code="storage", reason=str(error))
                return False
            self._undo()
            request.error = error
            if isinstance(error, STORAGE_TROUBLE):
                log.error("storage.statement_failed", code="storage", reason=str(error))
                request.error = unavailable(error)
            return True

    def _undo(self) -> None:
        if self._is_bulk:
            self._roll_back()
        else:
            self._connection.execute("ROLLBACK TO request")
            self._connection.execute("RELEASE request")

    async def _commit(self, batch: list[_Request]) -> None:
        loop = asyncio.get_running_loop()
        try:
            await loop.run_in_executor(self._thread, self._finish)
        except apsw.Error as error:
            # What is on disk is unknown now; the next start finds out. Never a second fsync.
            if isinstance(error, apsw.IOError):
                self.break_off(error)
            else:
                log.error("storage.commit_failed", code="storage", reason=str(error))
                self._roll_back()
            _fail(batch, unavailable(error))

    def _finish(self) -> None:
        self._before_commit(self._connection)
        self._connection.execute("COMMIT")

    def _roll_back(self) -> None:
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")

    def break_off(self, error: Exception) -> None:
        """The disk failed: what is on it is unknown until a restart (row S8)."""
        self.is_broken = True
        log.critical("storage.fsync_failed", code="storage", reason=str(error))
        log.critical("storage.commit_unknown", code="storage")
        if self._on_broken is not None:
            self._on_broken()

    async def _blocking(self, sql: str) -> None:
        await asyncio.get_running_loop().run_in_executor(
            self._thread, _to_its_end, self._connection.execute, sql
        )


def _patience() -> Callable[[int], bool]:
    """SQLite's busy handler, called on the thread that waits."""
    clock, nothing = asyncio.get_running_loop().time, threading.Event()
    deadline = clock() + LOCK_WAIT_S

    def goes_on(_: int) -> bool:
        nothing.wait(LOOK_EVERY_S)
        return clock() < deadline

    return goes_on


def _to_its_end(run: Callable[[str], apsw.Cursor], sql: str) -> None:
    """What is left unread counts as a statement that still runs."""
    run(sql).fetchall()


def _fail(batch: list[_Request], error: BaseException) -> None:
    """Refusals too: one may rest on a neighbour's row that never commits (row S4)."""
    for request in batch:
        request.error = error
