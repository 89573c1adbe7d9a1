"""Whether anything in a database changed: a text for each table's rows, read only where needed.

Thousands of tests prove that a refusal changed nothing, on a database that grows all the while.
So the moment is held in a transaction: while the engine itself says that nobody committed since,
there is nothing to read; else the rows of both moments are read and compared.
"""

import contextlib
import hashlib
import weakref
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Protocol

import apsw
import asyncpg

from kith.store.database import Tx, sqlite_path
from kith.store.postgres import PostgresTx
from kith.store.sqlite import SQLiteTx

NOT_STATE = {"tokens.last_used_at"}
"""Counters that a refused call may change (rule R2)."""
FOLLOWS = ("unswept_erasures", "contact_search")
"""Tables that follow the others by themselves, within a minute."""


class Digest:
    """Of all rows at one moment. Two of them are equal where the rows are."""

    def __init__(self) -> None:
        self.tables: dict[str, str] = {}
        """Empty as long as no other moment stands beside it."""

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        assert isinstance(other, Digest)
        assert self.tables
        assert other.tables
        return self.tables == other.tables

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        """Short, so that a failed comparison shows which tables differ."""
        return " ".join(f"{table}={text[:4]}" for table, text in self.tables.items())


class Held(Protocol):
    """A moment of a database that can still be read when others have written."""

    async def hold(self) -> object:
        """Let go of the moment before; the new one's version."""

    async def version(self) -> object:
        """Of now: the same as that of the moment as long as nobody commits."""

    async def read(self) -> dict[str, str]:
        """The digest of the moment."""

    def let_go(self) -> None:
        """Nobody compares the moment any more."""

    async def end(self) -> None:
        """Let go of the moment, and of what others may wait for."""


class Digests:
    def __init__(self, held: Held) -> None:
        self._held = held
        self._version: object = None
        self._last: weakref.ref[Digest] | None = None
        self._others: list[weakref.ref[Digest]] = []

    async def now(self) -> Digest:
        last = self._last() if self._last else None
        if last is not None:
            if await self._held.version() == self._version:
                return last
            last.tables = last.tables or await self._held.read()
        digest = Digest()
        self._version = await self._held.hold()
        if self._last:
            self._others.append(self._last)
        self._others = [other for other in self._others if other() is not None]
        if self._others:
            digest.tables = await self._held.read()
        self._last = weakref.ref(digest, lambda _: self._held.let_go())
        return digest

    async def end(self) -> None:
        """Nobody compares what there was so far."""
        self._last, self._others = None, []
        await self._held.end()


@asynccontextmanager
async def digests(url: str) -> AsyncIterator[Digests]:
    """Of the database at that address."""
    if path := sqlite_path(url):
        with contextlib.ExitStack() as closing:
            lite = [apsw.Connection(path, flags=apsw.SQLITE_OPEN_READONLY) for _ in range(2)]
            for one in lite:
                one.set_busy_timeout(30_000)
                closing.callback(one.close)
            yield Digests(_InSQLite(*lite))
        return
    held, looking = await asyncpg.connect(url), await asyncpg.connect(url)
    try:
        yield Digests(_InPostgres(held, looking))
    finally:
        await held.close()
        await looking.close()


class _InSQLite:
    """`PRAGMA data_version` changes with every commit of another connection, and only then."""

    def __init__(self, held: apsw.Connection, looking: apsw.Connection) -> None:
        self._held = held
        self._looking = looking

    async def hold(self) -> object:
        while True:
            self.let_go()
            before = await self.version()
            self._held.execute("BEGIN")
            self._held.execute("SELECT COUNT(*) FROM sqlite_master").fetchall()
            if await self.version() == before:
                return before

    async def version(self) -> object:
        return self._looking.pragma("data_version")

    async def read(self) -> dict[str, str]:
        return await digest(SQLiteTx(self._held))

    def let_go(self) -> None:
        with contextlib.suppress(apsw.ConnectionClosedError):  # a digest may outlive it
            if self._held.in_transaction:
                self._held.execute("ROLLBACK")

    async def end(self) -> None:
        self.let_go()


class _InPostgres:
    """What a transaction sees follows from its snapshot, which names all that were not done."""

    def __init__(self, held: asyncpg.Connection, looking: asyncpg.Connection) -> None:
        self._held = held
        self._looking = looking

    async def hold(self) -> object:
        await self.end()
        await self._held.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        return await self._held.fetchval(_SNAPSHOT)

    async def version(self) -> object:
        return await self._looking.fetchval(_SNAPSHOT)

    async def read(self) -> dict[str, str]:
        return await digest(PostgresTx(self._held))

    def let_go(self) -> None:
        """Nearly nobody waits for who only looks; the next one ends it."""

    async def end(self) -> None:
        """Whoever only looks holds up a TRUNCATE all the same."""
        if self._held.is_in_transaction():
            await self._held.execute("ROLLBACK")


_SNAPSHOT = "SELECT CAST(pg_current_snapshot() AS TEXT)"


async def digest(tx: Tx) -> dict[str, str]:
    """One text for the rows of each table, whatever their order, without counters."""
    sums = {}
    for table, columns in (await tables_of(tx)).items():
        listed = ", ".join(c for c in columns if f"{table}.{c}" not in NOT_STATE)
        if tx.engine == "postgres":  # where the rows are: a late test finds 100,000 of them
            found = await tx.one(
                "SELECT COUNT(*), SUM(hashtextextended(r, 0)), SUM(hashtextextended(r, 1))"
                f" FROM (SELECT CAST(ROW({listed}) AS TEXT) AS r FROM {table}) x"
            )
            rows = [repr(tuple(found or ()))]
        else:
            rows = sorted(repr(tuple(row)) for row in await tx.all(f"SELECT {listed} FROM {table}"))
        sums[table] = hashlib.sha256(repr(rows).encode()).hexdigest()
    return sums


async def tables_of(tx: Tx) -> dict[str, list[str]]:
    rows = await tx.all(
        "SELECT m.name, c.name FROM sqlite_master m, pragma_table_info(m.name) c"
        " WHERE m.name IN (SELECT name FROM pragma_table_list WHERE type IN ('table', 'shadow'))"
        " AND m.name NOT LIKE 'sqlite_%' ORDER BY 1, 2"
        if tx.engine == "sqlite"
        else "SELECT table_name, column_name FROM information_schema.columns"
        " WHERE table_schema = current_schema() ORDER BY 1, 2"
    )
    tables: dict[str, list[str]] = {}
    for table, column in rows:
        if not table.startswith(FOLLOWS):
            tables.setdefault(table, []).append(column)
    return tables
