"""PostgreSQL through asyncpg: the same statements and actions as on SQLite.

A write runs at REPEATABLE READ and is repeated when another one won a race, so an action may read,
decide and write as if it were alone; what is read is of one moment too (docs/decisions/0004).
"""

import asyncio
import contextlib
import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any, TypeVar

import asyncpg
import structlog

from kith.errors import CannotStart, TookTooLong, Unavailable
from kith.store.database import Engine, Row, Work

T = TypeVar("T")

POOL_MAX = 10
POOL_WAIT_S = 0.5
STATEMENT_S_MAX = 6
IDLE_S_MAX = 10
"""How long a server that hangs, or that nobody reaches, may hold up what others write (row S12)."""
RACES_MAX = 20
RACES_IN_THE_OPEN = 5
"""Who loses more holds off whoever adds a number: a long transaction, such as a batch of an import
beside a busy server, would lose them all."""
MIGRATION_WAIT_S = 600
_FOR_A_SCAN = "SET LOCAL statement_timeout = 5000; SET LOCAL plan_cache_mode = force_custom_plan"
_NO_HURRY = "SET LOCAL idle_in_transaction_session_timeout = 0"
_ALONE = "SELECT pg_advisory_xact_lock(1802073192)"  # "kith" in ASCII

# Before the transaction's snapshot, which LOCK does not take: what it waited for is seen.
_FIRST_IN_LINE = "LOCK TABLE number_turns IN SHARE ROW EXCLUSIVE MODE"

_LOST_A_RACE = (
    asyncpg.SerializationError,
    asyncpg.DeadlockDetectedError,
    asyncpg.UniqueViolationError,
    asyncpg.ForeignKeyViolationError,  # what the new row belongs to was erased meanwhile
)
_AWAY = (
    OSError,
    TimeoutError,
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # it went away while asyncpg was about to use it
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.TooManyConnectionsError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.QueryCanceledError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.DiskFullError,
)
_NAME = re.compile(r"(?<![:\w]):([a-z_]\w*)")
log = structlog.get_logger("kith.store")


class PostgresTx:
    engine: Engine = "postgres"

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    async def one(self, sql: str, **values: Any) -> Row | None:
        text, names = numbered(sql)
        row: Row | None = await self._connection.fetchrow(text, *[values[n] for n in names])
        return row

    async def all(self, sql: str, **values: Any) -> Sequence[Row]:
        text, names = numbered(sql)
        rows: Sequence[Row] = await self._connection.fetch(text, *[values[n] for n in names])
        return rows

    async def run(self, sql: str, **values: Any) -> None:
        text, names = numbered(sql)
        await self._connection.execute(text, *[values[n] for n in names])

    async def copy(self, table: str, columns: Sequence[str], rows: Iterable[Row]) -> None:
        await self._connection.copy_records_to_table(table, columns=columns, records=rows)

    async def script(self, sql: str) -> None:
        await self._connection.execute(sql, timeout=MIGRATION_WAIT_S)


class _OneStatementTx(PostgresTx):
    """Outside of a transaction: one statement sees one moment, two may see two."""

    def __init__(self, connection: Any) -> None:
        super().__init__(connection)
        self._is_used = False

    async def one(self, sql: str, **values: Any) -> Row | None:
        self._use()
        return await super().one(sql, **values)

    async def all(self, sql: str, **values: Any) -> Sequence[Row]:
        self._use()
        return await super().all(sql, **values)

    def _use(self) -> None:
        if self._is_used:
            raise _NeedsTransaction
        self._is_used = True


class _NeedsTransaction(Exception): ...


@lru_cache(maxsize=1_000)
def numbered(sql: str) -> tuple[str, tuple[str, ...]]:
    """The statement with `$1`, `$2` for its `:names`, and the names in that order."""
    names: dict[str, int] = {}

    def number(match: re.Match[str]) -> str:
        return f"${names.setdefault(match[1], len(names) + 1)}"

    return _NAME.sub(number, sql), tuple(names)


class Postgres:
    engine: Engine = "postgres"

    def __init__(self, pool: Any) -> None:
        self._pool = pool

    @classmethod
    async def open(cls, url: str) -> "Postgres":
        """Raises CannotStart when the server cannot be reached."""
        try:
            pool = await asyncpg.create_pool(
                url,
                min_size=1,
                max_size=POOL_MAX,
                command_timeout=STATEMENT_S_MAX,
                # Connections carry no state, and the usual reset is a round trip of its own.
                reset=_keep,
                server_settings={
                    "application_name": "kith",
                    "synchronous_commit": "on",
                    "idle_in_transaction_session_timeout": str(IDLE_S_MAX * 1_000),
                },
            )
        except ValueError as error:  # its text holds a piece of the password
            raise CannotStart(
                "KITH_DATABASE_URL is not an address: write odd characters of user and password"
                " as %XX, such as %2F for a slash."
            ) from error
        except (*_AWAY, asyncpg.PostgresError) as error:
            raise CannotStart(f"PostgreSQL cannot be reached: {error}") from error
        return cls(pool)

    def snapshot(self) -> None:
        return None

    async def read(self, work: Work[T]) -> T:
        """Most work is one statement; other work begins again, in a transaction, at its second."""
        try:
            async with self._pool.acquire(timeout=POOL_WAIT_S) as connection:
                with contextlib.suppress(_NeedsTransaction):
                    return await work(_OneStatementTx(connection))
                async with connection.transaction(isolation="repeatable_read", readonly=True):
                    return await work(PostgresTx(connection))
        except _AWAY as error:
            raise _away(error) from error

    async def scan(self, work: Work[T]) -> T:
        """Planned anew each time: which filters are set decides what index serves."""
        try:
            async with (
                self._pool.acquire(timeout=POOL_WAIT_S) as connection,
                connection.transaction(isolation="repeatable_read", readonly=True),
            ):
                await connection.execute(_FOR_A_SCAN)
                return await work(PostgresTx(connection))
        except asyncpg.QueryCanceledError:
            raise TookTooLong() from None
        except _AWAY as error:
            raise _away(error) from error

    async def write(self, work: Work[T]) -> T:
        for race in range(RACES_MAX):
            try:
                return await self._write_once(work, race)
            except _LOST_A_RACE as error:
                lost = error
                await asyncio.sleep(0.001 * race)
        raise Unavailable() from lost

    async def _write_once(self, work: Work[T], race: int) -> T:
        try:
            async with self._pool.acquire(timeout=POOL_WAIT_S) as connection:
                transaction = connection.transaction(isolation="repeatable_read")
                await transaction.start()
                try:
                    if race >= RACES_IN_THE_OPEN:
                        await connection.execute(_FIRST_IN_LINE)
                    result = await work(PostgresTx(connection))
                except BaseException:
                    await transaction.rollback()
                    raise
                await _commit(transaction)
                return result
        except _AWAY as error:
            raise _away(error) from error

    async def alter(self, work: Work[T]) -> T:
        """At READ COMMITTED: what the lock waited for must be seen."""
        try:
            async with self._pool.acquire() as connection, connection.transaction():
                await connection.execute(_NO_HURRY)
                await connection.execute(_ALONE, timeout=MIGRATION_WAIT_S)
                return await work(PostgresTx(connection))
        except asyncpg.InsufficientPrivilegeError as error:
            raise CannotStart(f"PostgreSQL does not let this user make tables: {error}") from error
        except _AWAY as error:
            raise CannotStart(f"PostgreSQL went away: {type(error).__name__}.") from error

    async def check(self) -> list[str]:
        """PostgreSQL checks its own pages; what can be told from here is that it answers."""
        await self.read(lambda tx: tx.one("SELECT 1"))
        return []

    async def tidy(self) -> None:
        """PostgreSQL's autovacuum does."""

    async def close(self) -> None:
        await self._pool.close()


async def _commit(transaction: Any) -> None:
    try:
        await transaction.commit()
    except (*_AWAY, asyncio.CancelledError):
        # It may have been carried out: the one 503 that says nothing about what is stored.
        log.critical("storage.commit_unknown", code="storage")
        raise


async def _keep(connection: object) -> None: ...


def _away(error: BaseException) -> Unavailable:
    log.error("storage.away", code="storage", reason=type(error).__name__)
    return Unavailable()
