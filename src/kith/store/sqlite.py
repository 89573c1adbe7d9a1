"""SQLite through APSW: one file, one writer with group commit, reads beside it (rows S1 to S8)."""

import asyncio
import contextlib
import os
from collections.abc import Callable, Iterable, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import Any, TypeVar

import apsw
import structlog

from kith.errors import CannotStart, Unavailable
from kith.store import contact_search
from kith.store.checkpoints import Checkpoints
from kith.store.database import Engine, Row, Tx, Work
from kith.store.scanner import Scanner
from kith.store.writer import STORAGE_TROUBLE, Writer, unavailable

T = TypeVar("T")

log = structlog.get_logger("kith.store")

SCAN_CACHE_MB = 8
"""For each connection that scans. More is no quicker once it is full, and slower until then: memory
that is new to the process costs more than to read a page from the system again."""
OLDEST_SAFE = (3, 51, 3)  # before it, two connections could corrupt a WAL file

ROWS_AT_ONCE = 50
"""In one statement: the next row's place is looked for beside the last one's, not from the root of
each tree. SQLite keeps pages as they were until a statement ends, so it has no more of them."""


class SQLiteTx:
    """Every await completes at once, so an action is atomic without locks."""

    engine: Engine = "sqlite"

    def __init__(self, connection: apsw.Connection) -> None:
        # One cursor for all: each statement is read to its end at once, and making a cursor costs
        # more than most look-ups.
        self._cursor = connection.cursor()

    async def one(self, sql: str, **values: Any) -> Row | None:
        rows = self._cursor.execute(sql, values).fetchall()
        return rows[0] if rows else None

    async def all(self, sql: str, **values: Any) -> Sequence[Row]:
        return self._cursor.execute(sql, values).fetchall()

    async def run(self, sql: str, **values: Any) -> None:
        self._cursor.execute(sql, values)

    async def copy(self, table: str, columns: Sequence[str], rows: Iterable[Row]) -> None:
        insert = f"INSERT INTO {table} ({', '.join(columns)}) VALUES "
        row = f"({', '.join('?' * len(columns))})"
        several = ", ".join([row] * ROWS_AT_ONCE)
        rest = iter(rows)
        while len(some := [*islice(rest, ROWS_AT_ONCE)]) == ROWS_AT_ONCE:
            self._cursor.execute(insert + several, tuple(chain.from_iterable(some)))
        self._cursor.executemany(insert + row, some)

    async def script(self, sql: str) -> None:
        self._cursor.execute(sql)


class _ReadTx(SQLiteTx):
    """The writer asks SQLite itself what an error left behind; a read just cannot be answered."""

    async def one(self, sql: str, **values: Any) -> Row | None:
        try:
            rows = self._cursor.execute(sql, values).fetchall()
        except STORAGE_TROUBLE as error:
            raise _unreadable(error) from error
        return rows[0] if rows else None

    async def all(self, sql: str, **values: Any) -> Sequence[Row]:
        try:
            return self._cursor.execute(sql, values).fetchall()
        except STORAGE_TROUBLE as error:
            raise _unreadable(error) from error


class SQLite:
    engine: Engine = "sqlite"

    def __init__(
        self,
        path: str,
        *,
        cache_mb: int = 16,
        writer_cache_mb: int = 32,
        is_bulk: bool = False,
        on_broken: Callable[[], None] | None = None,
    ) -> None:
        require_safe_version(apsw.sqlite_lib_version())
        self.path = Path(path)
        _make_private(self.path)
        try:
            flags = apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE
            writer = _open(path, flags, cache_mb=writer_cache_mb)
            moving = _open(path, flags, cache_mb=1)
            self.reading_connection = _open(path, apsw.SQLITE_OPEN_READONLY, cache_mb=cache_mb)
        except apsw.Error as error:
            raise CannotStart(f"The database {path} cannot be opened: {error}") from error
        self.writing_connection = writer
        self._checkpoints = Checkpoints(
            moving, self.path, is_bulk=is_bulk, on_unsynced=self._broken
        )
        writer.set_wal_hook(self._checkpoints.committed)

        def broken() -> None:
            self._checkpoints.give_up()
            if on_broken is not None:
                on_broken()

        self._writer = Writer(
            writer,
            SQLiteTx(writer),
            before_commit=self._follow,
            after_answers=self._checkpoints.follow,
            is_bulk=is_bulk,
            on_broken=broken,
        )
        self._scanner = Scanner(
            lambda: _open(path, apsw.SQLITE_OPEN_READONLY, cache_mb=SCAN_CACHE_MB),
            _ReadTx,
        )
        self._read_tx = _ReadTx(self.reading_connection)
        self._holds_snapshot = self._nobody_waits = False
        self._checking: list[apsw.Connection] = []

    def snapshot(self) -> SQLiteTx:
        """Reads of one turn of the event loop share a snapshot: its locks cost more than a look-up.

        A write is answered in a later turn than its COMMIT, so whoever was answered reads it.
        """
        if not self._holds_snapshot:
            try:
                self.reading_connection.execute("BEGIN")
            except STORAGE_TROUBLE as error:
                raise _unreadable(error) from error
            self._holds_snapshot = True
            asyncio.get_running_loop().call_soon(self._let_go)
        return self._read_tx

    async def read(self, work: Work[T]) -> T:
        return await work(self.snapshot())

    async def scan(self, work: Work[T]) -> T:
        return await self._scanner.scan(work)

    def _let_go(self) -> None:
        if self._holds_snapshot:
            self._holds_snapshot = False
            with contextlib.suppress(apsw.Error):  # told already by the read that met it
                self.reading_connection.execute("ROLLBACK")

    async def write(self, work: Work[T]) -> T:
        return await self._writer.write(work)

    async def alter(self, work: Work[T]) -> T:
        return await self._writer.write(work)

    async def check(self) -> list[str]:
        return await asyncio.to_thread(self._check)

    def _check(self) -> list[str]:
        """On a connection of its own, which closing the database interrupts."""
        checking = _open(str(self.path), apsw.SQLITE_OPEN_READONLY, cache_mb=1)
        self._checking.append(checking)
        try:
            found = [str(row[0]) for row in checking.execute("PRAGMA quick_check")]
        except (apsw.CorruptError, apsw.InterruptError) as error:
            found = [str(error)]
        finally:
            self._checking.remove(checking)
            checking.close()
        return [] if found == ["ok"] else found

    async def tidy(self) -> None:
        if not self._writer.is_broken:
            await self._end_waiting_for_the_index()
            async with self._writer.turn:
                await self._checkpoints.empty()
            await self._checkpoints.sweep(self._writer.turn)

    async def _end_waiting_for_the_index(self) -> None:
        """What contacts were called before they changed is kept for a minute, while one serves."""

        async def nothing(_: Tx) -> None: ...

        with contextlib.suppress(Unavailable):  # then in a minute
            if await self.read(lambda tx: tx.one("SELECT 1 FROM contact_search_pending LIMIT 1")):
                self._nobody_waits = True
                try:
                    await self.write(nothing)
                finally:
                    self._nobody_waits = False

    def _follow(self, connection: apsw.Connection) -> None:
        contact_search.follow(connection, nobody_waits=self._nobody_waits)

    async def close(self) -> None:
        self._scanner.close()
        for checking in self._checking:
            checking.interrupt()
        self._let_go()
        self.reading_connection.close()
        await self._writer.close()
        if not self._writer.is_broken:
            await self._checkpoints.close(self._writer.turn)

    def _broken(self, error: Exception) -> None:
        self._writer.break_off(error)


def _unreadable(error: apsw.Error) -> Unavailable:
    log.error("storage.read_failed", code="storage", reason=str(error))
    return unavailable(error)


def require_safe_version(version: str) -> None:
    """Raises CannotStart when this SQLite may corrupt a WAL file."""
    if tuple(int(part) for part in version.split(".")) < OLDEST_SAFE:
        oldest = ".".join(map(str, OLDEST_SAFE))
        raise CannotStart(f"SQLite {version} can corrupt data; Kith needs {oldest} or newer.")


def _make_private(path: Path) -> None:
    """For nobody else's eyes, where it is not there yet; SQLite gives what is beside it the same
    mode. That it cannot be made, SQLite says itself."""
    with contextlib.suppress(OSError):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))


def _open(path: str, flags: int, *, cache_mb: int) -> apsw.Connection:
    is_writer = flags & apsw.SQLITE_OPEN_READWRITE
    connection = apsw.Connection(path, flags=flags)
    if is_writer and connection.readonly("main"):
        raise CannotStart(f"The database {path} may not be written: give it to Kith's user.")
    connection.set_busy_timeout(2_000)
    # Without it every statement is prepared anew when a bound value changes, once ANALYZE has run.
    connection.config(apsw.SQLITE_DBCONFIG_ENABLE_QPSG, 1)
    wanted: dict[str, object] = {
        "synchronous": 2,
        "foreign_keys": 1,
        "mmap_size": 0,
        "wal_autocheckpoint": 0,  # store/checkpoints.py does it
    }
    if is_writer:
        # Erased bytes are overwritten with zeros (row T18.1); a REPLACE fires DELETE's triggers, or
        # it would get round the audit log's. What savepoints keep to go back to stays in memory:
        # else it goes through a file, for every batch anew.
        wanted = {
            "journal_mode": "wal",
            "secure_delete": 1,
            "recursive_triggers": 1,
            "temp_store": 2,
            **wanted,
        }
    else:
        wanted = {**wanted, "query_only": 1}
    for name, value in {**wanted, "cache_size": -1024 * cache_mb}.items():
        connection.pragma(name, value)
        if (found := connection.pragma(name)) != value and found is not None:
            raise CannotStart(f"The database {path} does not take PRAGMA {name}={value}.")
    return connection
