"""How a door runs an action: the one way in to the database."""

import copy
import secrets
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any, TypeVar

import msgspec
import uuid_utils

from kith.domain import idempotency
from kith.domain.contacts import Source
from kith.domain.idempotency import Kept
from kith.domain.tokens import SCOPES, SECRET_BYTES, Caller, Scope
from kith.errors import KeyReused, Refused
from kith.store import idempotency as kept_answers
from kith.store.database import Database, Tx
from kith.store.files import NO_FILES, Files
from kith.store.gate import Gate

Given = TypeVar("Given")
T = TypeVar("T")


class Terms(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What a caller ties a call to: entity tags, as `domain.etags.listed` gives them."""

    if_match: tuple[str, ...] | None = None
    if_none_match: tuple[str, ...] = ()


NO_TERMS = Terms()


class Context(msgspec.Struct, frozen=True, gc=False):
    """What an action knows beside its input: its transaction, who asks, what time it is.

    `tenant_id` is 0 for the operator's own commands, which no request can reach; `user_id` and
    `token_id` are 0 for whatever the command line does. `scopes` are those of the token; `source`
    is what new contacts say; `connection_id` is blank but for what came in by a connection.
    """

    tx: Tx
    tenant_id: int
    user_id: int
    token_id: int
    now: datetime
    new_id: Callable[[], str]
    new_secret: Callable[[], bytes]
    secret_key: Callable[[], str]
    sealing_key: Callable[[], str]
    terms: Terms
    scopes: tuple[Scope, ...]
    source: Source
    connection_id: str
    import_id: str | None = None
    """The import as part of which it is done; the audit log says so."""
    opts_in_new: bool = False
    """Whether the workspace counts contacts that its tokens make as opted in."""


Action = Callable[[Context, Given], Awaitable[T]]


class Once(msgspec.Struct, frozen=True, kw_only=True):
    """A call with an Idempotency-Key. `answer` renders its result inside the transaction."""

    name: str
    key: str
    body_digest: str
    answer: Callable[[Any], Kept]


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
        secret_key: str = "",
        sealing_key: Callable[[], str] = str,
        files: Files = NO_FILES,
    ) -> None:
        """`secret_key` goes into hashes that must not be guessed from the database alone;
        `sealing_key` gives what secrets are encrypted with, blank when there is nothing;
        `files` is where those that people send are kept, outside of every transaction."""
        self.database = database
        self.now = now
        self.new_id = new_id
        self.new_secret = new_secret
        self.secret_key: Callable[[], str] = lambda: secret_key
        self.sealing_key = sealing_key
        self.files = files

    @property
    def writes_in_turn(self) -> bool:
        """Whether one write is done after the other, so that none waits for another's locks."""
        return self.database.engine == "sqlite"

    def refuse_keys(self, why: str) -> None:
        """Whatever needs the operator's key is refused: it would be lost under another."""

        def refuse() -> str:
            raise Refused(why)

        self.secret_key = self.sealing_key = refuse

    def sharing(self, connections_max: int) -> "Runner":
        """The same runner, for who does much at once: other callers must not wait behind it."""
        if self.writes_in_turn:
            return self
        shared = copy.copy(self)
        shared.database = Gate(self.database, connections_max)
        return shared

    def read(
        self,
        action: Action[Given, T],
        given: Given,
        caller: Caller | None = None,
        terms: Terms = NO_TERMS,
    ) -> Awaitable[T]:
        """Run an action that writes nothing and looks things up by key."""
        tx = self.database.snapshot()
        if tx is not None:
            return action(self._context(tx, caller, terms), given)
        return self.database.read(lambda tx: action(self._context(tx, caller, terms), given))

    async def scan(
        self,
        action: Action[Given, T],
        given: Given,
        caller: Caller | None = None,
    ) -> T:
        """Run an action that writes nothing and may look through much. Raises TookTooLong."""
        return await self.database.scan(
            lambda tx: action(self._context(tx, caller, NO_TERMS), given)
        )

    async def write(
        self,
        action: Action[Given, T],
        given: Given,
        caller: Caller | None = None,
        terms: Terms = NO_TERMS,
    ) -> T:
        """Run an action; returns when what it did is on disk."""
        return await self.database.write(lambda tx: action(self._context(tx, caller, terms), given))

    async def write_once(
        self,
        action: Action[Given, Any],
        given: Given,
        caller: Caller,
        once: Once,
        terms: Terms = NO_TERMS,
    ) -> tuple[Kept, bool]:
        """Run an action unless a call with this key did; its answer, and whether it is a repeat.

        Raises KeyReused. What the action refuses is not kept: it changed nothing.
        """
        return await self.database.write(
            lambda tx: _once(self._context(tx, caller, terms), action, given, once)
        )

    def _context(self, tx: Tx, caller: Caller | None, terms: Terms) -> Context:
        if caller is None:
            tenant_id = user_id = token_id = 0
            scopes = SCOPES
            source: Source = "api"
            connection_id, opts_in_new = "", False
        else:
            tenant_id, user_id = caller.tenant_id or 0, caller.user_id
            token_id, scopes = caller.token_id, caller.scopes
            source, connection_id = caller.source, caller.connection_id
            opts_in_new = caller.opts_in_new
        return Context(
            tx,
            tenant_id,
            user_id,
            token_id,
            self.now(),
            self.new_id,
            self.new_secret,
            self.secret_key,
            self.sealing_key,
            terms,
            scopes,
            source,
            connection_id,
            None,
            opts_in_new,
        )


async def _once(
    ctx: Context, action: Action[Given, Any], given: Given, once: Once
) -> tuple[Kept, bool]:
    tx, tenant_id, since = ctx.tx, ctx.tenant_id, ctx.now - idempotency.KEPT
    known = await kept_answers.find(
        tx, tenant_id=tenant_id, action=once.name, key=once.key, since=since
    )
    if known is not None:
        digest, kept = known
        if digest != once.body_digest:
            raise KeyReused()
        return kept, True
    kept = once.answer(await action(ctx, given))
    await kept_answers.forget_older(tx, tenant_id=tenant_id, than=since)
    await kept_answers.add(
        tx,
        tenant_id=tenant_id,
        action=once.name,
        key=once.key,
        body_digest=once.body_digest,
        kept=kept,
        at=ctx.now,
    )
    return kept, False
