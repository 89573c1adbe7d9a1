"""A share of a database: who does much at once leaves connections to others.

On SQLite there is nothing to share: reads are immediate, and writes that come together commit
together.
"""

import asyncio
from typing import TypeVar

from kith.store.database import Database, Engine, Tx, Work

T = TypeVar("T")


class Gate:
    """The same database, by at most so many connections at once."""

    def __init__(self, database: Database, at_once_max: int) -> None:
        self.engine: Engine = database.engine
        self._database = database
        self._turns = asyncio.Semaphore(at_once_max)

    def snapshot(self) -> Tx | None:
        return self._database.snapshot()

    async def read(self, work: Work[T]) -> T:
        async with self._turns:
            return await self._database.read(work)

    async def scan(self, work: Work[T]) -> T:
        async with self._turns:
            return await self._database.scan(work)

    async def write(self, work: Work[T]) -> T:
        async with self._turns:
            return await self._database.write(work)

    async def alter(self, work: Work[T]) -> T:
        return await self._database.alter(work)

    async def check(self) -> list[str]:
        return await self._database.check()

    async def tidy(self) -> None:
        await self._database.tidy()

    async def close(self) -> None:
        await self._database.close()
