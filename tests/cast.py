"""The fixed cast: Ana owns the workspace, Ben on her team may only read, Mallory is elsewhere.

They are made through the product's own actions, on a second handle on the server's database.
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID, uuid4

import httpx
import msgspec

from kith.actions import tokens, workspaces
from kith.actions.run import Runner
from kith.actions.workspaces import Workspace
from kith.domain.contacts import Contact
from kith.domain.times import to_us
from kith.domain.tokens import Caller
from kith.domain.users import User
from kith.store.database import Tx
from tests.digests import Digests, digest
from tests.serving import Client, Serving

T = TypeVar("T")

UNDER_WAY_S_MAX = 5
_UNDER_WAY = "SELECT 1 FROM jobs WHERE tries > 0 AND problem IS NULL LIMIT 1"
"""Taken, and neither done nor put off."""


class Person(Client):
    """Somebody with a token."""

    def __init__(self, client: Client, user: User, workspace: Workspace | None, token_id: int):
        super().__init__(client.url, client.token, client.http)
        self.user = user
        self.workspace = workspace
        self.token_id = token_id

    @property
    def caller(self) -> Caller:
        """As the runner knows them, for what is run without the server."""
        return Caller(
            token_id=self.token_id,
            user_id=self.user.id,
            tenant_id=self.user.tenant_id,
            scopes=("read", "write"),
            rate_limit_per_minute=None,
        )


class Bed:
    """A running server and a second handle on its database."""

    def __init__(
        self,
        serving: Serving,
        runner: Runner,
        http: httpx.Client,
        digests: Digests | None = None,
    ) -> None:
        self.serving = serving
        self.runner = runner
        self.http = http
        self._digests = digests
        self.tokens: list[str] = []
        """Every token made: none may ever stand in the log."""

    @property
    def engine(self) -> str:
        return self.runner.database.engine

    @property
    def nobody(self) -> Client:
        """A caller without a token."""
        return Client(self.serving.url, None, self.http)

    def holding(self, token: str) -> Client:
        return Client(self.serving.url, token, self.http)

    async def owner(self, name: str, *, scope: str = "write", **token: Any) -> Person:
        """The owner of a new workspace."""
        given = workspaces.NewWorkspace(
            name=f"{name}'s shop", email=f"{name}-{uuid4().hex[:8]}@example.com", user_name=name
        )
        workspace, user = await self.runner.write(workspaces.create, given)
        return await self.person(user, workspace, scope=scope, **token)

    async def colleague(self, of: Person, name: str, *, scope: str = "read") -> Person:
        """Another user of the same workspace."""
        assert of.workspace is not None
        given = workspaces.NewUser(
            email=f"{name}@example.com", name=name, workspace=of.workspace.id
        )
        user = await self.runner.write(workspaces.add_user, given)
        return await self.person(user, of.workspace, scope=scope)

    async def person(
        self, user: User, workspace: Workspace | None, *, scope: str = "write", **token: Any
    ) -> Person:
        """`user` with a new token; more of the token by its field's name."""
        given = tokens.NewToken(email=user.email, name="tests", scope=scope, **token)  # type: ignore[arg-type]
        issued = await self.runner.write(lambda ctx, _: tokens.issue(ctx, user, given), None)
        self.tokens.append(issued.token)
        return Person(self.holding(issued.token), user, workspace, issued.id)

    async def read(self, work: Callable[[Tx], Awaitable[T]]) -> T:
        """Read the database as it is now."""
        result = await self.runner.database.read(work)
        # SQLite keeps its snapshot until the loop turns, and a blocking client never lets it.
        await asyncio.sleep(0)
        return result

    async def change(self, sql: str, **values: Any) -> None:
        """Set up what no action can do yet."""
        await self.runner.database.write(lambda tx: tx.run(sql, **values))

    async def forget_jobs(self) -> None:
        """What a test left to be done must not be done while another looks at the database."""
        if not await self.rows("SELECT 1 FROM jobs LIMIT 1"):
            return
        await self.change("DELETE FROM jobs WHERE tries = 0")
        deadline = time.monotonic() + UNDER_WAY_S_MAX
        while await self.rows(_UNDER_WAY) and time.monotonic() < deadline:
            await asyncio.sleep(0.01)
        await self.change("DELETE FROM jobs")

    async def rows(self, sql: str, **values: Any) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in await self.read(lambda tx: tx.all(sql, **values))]

    async def digest(self) -> object:
        """Of all logical rows: equal before and after a refusal (oracle O2)."""
        return await self._digests.now() if self._digests else await self.read(digest)

    async def forget_digests(self) -> None:
        """They are compared no more; whoever wants a table alone waits for them."""
        if self._digests:
            await self._digests.end()


def id_of(at: datetime, bits: int | None = None) -> str:
    """An id as the product makes them: a UUIDv7 of that millisecond, with 74 bits of your own."""
    bits = random.getrandbits(74) if bits is None else bits
    of_time = to_us(at) // 1_000 << 80 | 0x7 << 76
    return str(UUID(int=of_time | bits >> 62 << 64 | 0b10 << 62 | bits & (1 << 62) - 1))


def bare_contact(uuid: str, *, at: datetime) -> Contact:
    """Somebody of whom nothing is known; the store takes it as it is."""
    return Contact(
        id=uuid,
        phone=None,
        name=None,
        email=None,
        source="api",
        locale=None,
        metadata=msgspec.Raw(b"{}"),
        tags=msgspec.Raw(b"[]"),
        opted_in_at=None,
        opted_out_at=None,
        last_message_at=None,
        total_messages=0,
        created_at=at,
        updated_at=at,
        row_id=0,
    )


async def tag_rows(tx: Tx, contact_row_id: int) -> list[str]:
    """A contact's tags as its rows have them, in their order: what `contacts.tags` must equal."""
    rows = await tx.all(
        "SELECT t.name FROM contact_tags x JOIN tags t ON t.id = x.tag_id"
        " WHERE x.contact_id = :contact_id ORDER BY x.position",
        contact_id=contact_row_id,
    )
    return [row[0] for row in rows]
