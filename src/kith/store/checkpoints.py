"""Moving the write-ahead log into the file, beside the writer (docs/decisions/0010).

On a connection and a thread of its own: no answer waits for it. It is the only one that does, so
the writer's connection and the readers' never check a WAL in.
"""

import asyncio
import os
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TypeVar

import apsw
import structlog

from kith.store import contact_search, gaps

T = TypeVar("T")

WAL_PAGES = 4_000
"""From this size on the log is moved: 16 MB."""
BULK_WAL_PAGES = 16_000
"""As long where much is written: what changes again and again is moved once."""
MOVES_MAX = 5
"""As often the log is moved while others write, at most; then they wait for what is left."""
WAITED_SHARE = 16
"""What they should wait for: one part in so many of a log that is due."""
LOOK_BYTES = 2**20
"""How much of the file a sweep looks at before it rests, for the threads that answer."""
REST_S = 0.001
WAIT_MS = 200
"""How long emptying the log may wait for those who read or write."""
NICE = 10
UNSYNCED = (apsw.SQLITE_IOERR_FSYNC, apsw.SQLITE_IOERR_DIR_FSYNC)
_sync = getattr(os, "fdatasync", os.fsync)  # the former is not on every system
log = structlog.get_logger("kith.store")


class Checkpoints:
    def __init__(
        self,
        connection: apsw.Connection,
        path: Path,
        *,
        is_bulk: bool = False,
        on_unsynced: Callable[[Exception], None],
    ) -> None:
        """`on_unsynced` is told on the event loop that the disk failed (row S8)."""
        self._connection = connection
        self._path = path
        self._wal = path.with_name(f"{path.name}-wal")
        self._file = os.open(path, os.O_RDONLY)  # to be closed last: it takes SQLite's locks along
        self._on_unsynced = on_unsynced
        self._thread = ThreadPoolExecutor(
            max_workers=1,
            thread_name_prefix="kith-checkpoint",
            initializer=None if is_bulk else partial(stand_back, NICE),
        )
        self._is_bulk = is_bulk
        self._moving: asyncio.Task[int] | None = None
        self._moves = 0
        """How often in a row, with `_moving`."""
        self._wal_pages = 0
        self._has_failed = False
        connection.set_busy_timeout(WAIT_MS)
        connection.set_wal_hook(self.committed)

    def committed(self, _: apsw.Connection, __: str, wal_pages: int) -> int:
        """SQLite's hook, on the writer's connection as well, called after each COMMIT."""
        self._wal_pages = wal_pages
        return apsw.SQLITE_OK

    async def follow(self) -> None:
        """Between two batches: begin to move a long log, or end it.

        SQLite begins the log anew once all of it has been moved. Most is moved while others write;
        the little that they add meanwhile is moved when they wait.
        """
        pages_max = BULK_WAL_PAGES if self._is_bulk else WAL_PAGES
        if self._moving is None:
            if self._wal_pages >= pages_max:
                self._begin_to_move()
        elif self._moving.done():
            left = self._wal_pages - self._moving.result()
            may_grow = self._moves < MOVES_MAX and self._wal_pages < 2 * pages_max
            if may_grow and left > pages_max // WAITED_SHARE:
                self._begin_to_move()
            else:
                self._moving, self._moves = None, 0
                await self._move()

    def _begin_to_move(self) -> None:
        self._moves += 1
        self._moving = asyncio.get_running_loop().create_task(self._move_beside())

    async def empty(self) -> None:
        """Move all of the log and cut it to nothing; nobody writes meanwhile (rows T18.1, L11).

        An empty one is left alone: cutting it makes every reader forget what it holds in memory.
        """
        if self._wal.exists() and self._wal.stat().st_size:
            await self._guarded(self._move_all)

    async def sweep(self, turn: asyncio.Lock) -> None:
        """Clear what erasures left behind, a few pages in each `turn` of the writer's lock."""
        erased = await self._guarded(gaps.unswept, self._connection)
        if not erased or not await self._merge_the_index(turn):
            return
        async with turn:
            await self.empty()
        offsets: list[int] = []
        for start in range(0, self._path.stat().st_size, LOOK_BYTES):
            found = await self._guarded(gaps.found, self._path, start, LOOK_BYTES)
            if found is None:
                return
            offsets += found
            await asyncio.sleep(REST_S)
        is_cleared = True
        while is_cleared:
            now, offsets = offsets[: gaps.PAGES_AT_ONCE], offsets[gaps.PAGES_AT_ONCE :]
            async with turn:
                swept = 0 if offsets else erased
                is_cleared = bool(await self._guarded(self._clear, now, swept))
            if not offsets:
                return

    async def _merge_the_index(self, turn: asyncio.Lock) -> bool:
        """Whether nothing is left in it of contacts that are gone."""
        is_first = True
        while True:
            async with turn:
                merge = partial(contact_search.merge, is_first=is_first)
                is_more = await self._guarded(merge, self._connection)
            if not is_more:
                return is_more is not None
            is_first = False
            if self._wal_pages >= WAL_PAGES:  # all of it would be as long as the index
                await self._move()
            await asyncio.sleep(REST_S)

    async def close(self, turn: asyncio.Lock) -> None:
        """Empty the log and take it away; nobody else here has the file open any longer."""
        if self._moving is not None:
            await self._moving
        await self.sweep(turn)
        await self._guarded(self._connection.close)
        self._thread.shutdown()
        os.close(self._file)

    def _move_all(self) -> None:
        self._connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)

    def _clear(self, offsets: list[int], swept: int) -> bool:
        self._move_all()
        is_done = gaps.clear(self._connection, self._path, offsets, swept=swept)
        self._move_all()  # what it committed itself
        return is_done

    async def _move_beside(self) -> int:
        """While others write; synced already, so that those who wait for the rest wait less."""
        moved = await self._move()
        await self._guarded(_sync, self._file)
        return moved

    async def _move(self) -> int:
        """How many pages of the log are in the file now."""
        move = self._connection.wal_checkpoint
        found = await self._guarded(move, None, apsw.SQLITE_CHECKPOINT_PASSIVE)
        return found[1] if found else 0

    def give_up(self) -> None:
        """The disk failed: nothing touches the file any more, nor what is queued (row S8)."""
        self._has_failed = True

    async def _guarded(self, work: Callable[..., T], *given: object) -> T | None:
        """Run on the thread; None when the file is in use or the disk has failed."""
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._thread, self._run, work, *given)
        except apsw.BusyError:
            return None
        except (apsw.Error, OSError) as error:
            log.error("storage.checkpoint_failed", code="storage", reason=str(error))
            if self._has_failed:
                self._on_unsynced(error)
            return None

    def _run(self, work: Callable[..., T], *given: object) -> T | None:
        """On the thread, where the next piece of work may be waiting already."""
        if self._has_failed:
            return None
        try:
            return work(*given)
        except (apsw.Error, OSError) as error:
            if isinstance(error, OSError) or getattr(error, "extendedresult", 0) in UNSYNCED:
                self.give_up()
            raise


def stand_back(nice: int) -> None:
    """Of two threads that want a processor, the one that answers goes first."""
    if sys.platform == "linux":  # elsewhere it would be said of the whole process
        os.nice(nice)
