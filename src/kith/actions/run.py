"""How a door runs an action: the one way in to the database."""

import secrets
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import TypeVar

import msgspec
import uuid_utils

from kith.domain.tokens import SECRET_BYTES, Caller
from kith.store.database import Database, Tx

Given = TypeVar("Given")
T = TypeVar("T")


class Context(msgspec.Struct, frozen=True, gc=False):
    """What an action knows beside its input: its transaction, who asks, what time it is.

    `tenant_id` is 0 for the operator's own commands, which no request can reach.
    """

    tx: Tx
    tenant_id: int
    user_id: int
    now: datetime
    new_id: Callable[[], str]
    new_secret: Callable[[], bytes]


Action = Callable[[Context, Given], Awaitable[T]]


def utc_now() -> datetime:
    return datetime.now(UTC)


def new_id() -> str:
    """A UUIDv7: it sorts by the time it was made."""
    return str(uuid_utils.uuid7())


def new_secret() -> bytes:
    return secrets.token_bytes(SECRET_BYTES)


class Runner:
    """Begins and commits for actions; the clock and the ids come from here (invariant 5)."""

    def __init__(
        self,
        database: Database,
        *,
        now: Callable[[], datetime] = utc_now,
        new_id: Callable[[], str] = new_id,
        new_secret: Callable[[], bytes] = new_secret,
    ) -> None:
        self.database = database
        self.now = now
        self.new_id = new_id
        self.new_secret = new_secret

    def read(
        self, action: Action[Given, T], given: Given, caller: Caller | None = None
    ) -> Awaitable[T]:
        """Run an action that writes nothing."""
        tx = self.database.snapshot()
        if tx is not None:
            return action(self._context(tx, caller), given)
        return self.database.read(lambda tx: action(self._context(tx, caller), given))

    async def write(
        self, action: Action[Given, T], given: Given, caller: Caller | None = None
    ) -> T:
        """Run an action; returns when what it did is on disk."""
        return await self.database.write(lambda tx: action(self._context(tx, caller), given))

    def _context(self, tx: Tx, caller: Caller | None) -> Context:
        if caller is None:
            return Context(tx, 0, 0, self.now(), self.new_id, self.new_secret)
        tenant_id = caller.tenant_id or 0
        return Context(tx, tenant_id, caller.user_id, self.now(), self.new_id, self.new_secret)
