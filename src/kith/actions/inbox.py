"""What other systems send: stored before it is answered, read by a job, replayed by people."""

from collections.abc import Callable, Iterable, Mapping, Sequence

import msgspec

from kith.actions import jobs, workspaces
from kith.actions.run import Context
from kith.domain import ids
from kith.domain.connections import Connection
from kith.domain.inbox import Message
from kith.domain.traces import Traces
from kith.errors import BadValue, NotFound, Refused
from kith.store import inbox

BODIES_AT_ONCE = 100
SHOWN_MAX = 100
SHOWN_BYTES_MAX = 16_777_216


class Received(msgspec.Struct, frozen=True, kw_only=True):
    """A body that is proven to be the other system's. `event_key` is the same on every repeat."""

    connection: Connection
    event_key: str
    headers: Mapping[str, str]
    body: bytes


class Read(msgspec.Struct, frozen=True, kw_only=True):
    """A message of which everything is written, and the job that was to do so."""

    message_id: str
    job_id: int
    is_sanitized: bool = False


class Waiting(msgspec.Struct, frozen=True, kw_only=True):
    """Of a connection, from behind a message."""

    connection_id: str
    after: str = ids.BEFORE_ANY


class InWorkspace(msgspec.Struct, frozen=True, kw_only=True):
    """A message of the workspace; the workspace by id or name, not needed where there is one."""

    message_id: str
    workspace: str | None = None


async def receive(ctx: Context, given: Received) -> bool:
    """Store it and let it be read; False when it is a repeat, which has no effect."""
    return await receive_all(ctx, [given]) == [True]


async def receive_all(ctx: Context, given: Iterable[Received]) -> list[bool]:
    """As `receive`, of each."""
    stored = [await _store(ctx, one) for one in given]
    await jobs.add_all(ctx, jobs.READ_INBOUND, [uuid for uuid in stored if uuid is not None])
    return [uuid is not None for uuid in stored]


async def _store(ctx: Context, given: Received) -> str | None:
    """Its id; None when it is a repeat."""
    uuid = ctx.new_id()
    is_new = await inbox.add(
        ctx.tx,
        tenant_id=ctx.tenant_id,
        uuid=uuid,
        connection_row_id=given.connection.row_id,
        event_key=given.event_key,
        headers=given.headers,
        body=given.body,
        at=ctx.now,
    )
    return uuid if is_new else None


async def get(ctx: Context, message_id: str) -> Message | None:
    return await inbox.by_uuid(ctx.tx, tenant_id=ctx.tenant_id, uuid=message_id)


async def settle(ctx: Context, read: Read) -> None:
    """All that it said is written, and there is nothing left to do about it."""
    await inbox.settle(
        ctx.tx, tenant_id=ctx.tenant_id, uuid=read.message_id, is_sanitized=read.is_sanitized
    )
    await jobs.drop(ctx, read.job_id)


async def settle_all(ctx: Context, read: Sequence[Read]) -> None:
    """As `settle`, of several of which nothing was repaired."""
    tx, tenant_id = ctx.tx, ctx.tenant_id
    await inbox.settle_all(tx, tenant_id=tenant_id, uuids=[one.message_id for one in read])
    await jobs.drop_all(ctx, [one.job_id for one in read])


async def forget(ctx: Context, traces: Traces) -> None:
    """Blank every body that names somebody and was not read yet: it would make them anew."""
    last = ids.BEFORE_ANY
    while bodies := await inbox.unread_bodies(
        ctx.tx, tenant_id=ctx.tenant_id, after_uuid=last, rows_max=BODIES_AT_ONCE
    ):
        for uuid, body in bodies:
            last = uuid
            if traces.are_in(body):
                await inbox.settle(ctx.tx, tenant_id=ctx.tenant_id, uuid=uuid)


async def naming(ctx: Context, traces: Traces) -> tuple[list[Message], bool]:
    """What names somebody and was not read yet, oldest first; and whether that is all of it."""
    found: list[Message] = []
    last, size = ids.BEFORE_ANY, 0
    while bodies := await inbox.unread_bodies(
        ctx.tx, tenant_id=ctx.tenant_id, after_uuid=last, rows_max=BODIES_AT_ONCE
    ):
        for uuid, body in bodies:
            last = uuid
            if traces.are_in(body):
                size += len(body)
                if len(found) == SHOWN_MAX or size > SHOWN_BYTES_MAX:
                    return found, False
                message = await get(ctx, uuid)
                assert message is not None
                found.append(message)
    return found, True


async def forget_of(
    ctx: Context, connection_id: str, is_meant: Callable[[Mapping[str, str]], bool]
) -> None:
    """Blank what a connection sent and nobody read yet, where its headers say that it is meant."""
    last = ids.BEFORE_ANY
    while found := await inbox.unread_headers(
        ctx.tx,
        tenant_id=ctx.tenant_id,
        connection_uuid=connection_id,
        after_uuid=last,
        rows_max=BODIES_AT_ONCE,
    ):
        for uuid, headers in found:
            last = uuid
            if is_meant(headers):
                await inbox.settle(ctx.tx, tenant_id=ctx.tenant_id, uuid=uuid)


async def list_waiting(ctx: Context, given: Waiting) -> list[str]:
    """Ids of some that a connection sent and nobody read yet, oldest first."""
    return await inbox.waiting(
        ctx.tx,
        tenant_id=ctx.tenant_id,
        connection_uuid=given.connection_id,
        after_uuid=given.after,
        rows_max=BODIES_AT_ONCE,
    )


async def list_unread(ctx: Context, workspace: str | None) -> list[Message]:
    """Those in quarantine, then those that wait, each oldest first. Raises NotFound, Refused."""
    tenant_id = (await workspaces.find_or_only(ctx, workspace)).row_id
    quarantined = await inbox.unread(ctx.tx, tenant_id=tenant_id, state="quarantined")
    return quarantined + await inbox.unread(ctx.tx, tenant_id=tenant_id, state="waiting")


async def show(ctx: Context, given: InWorkspace) -> Message:
    """Raises NotFound, Refused."""
    return await _found(await _inside(ctx, given), given)


async def replay(ctx: Context, given: InWorkspace) -> Message:
    """Let a message in quarantine be read once more. Raises NotFound, Refused."""
    inside = await _inside(ctx, given)
    found = await _found(inside, given)
    if found.state != "quarantined":
        raise Refused("This message was read." if found.state == "read" else "It waits already.")
    await inbox.wait_again(ctx.tx, tenant_id=inside.tenant_id, uuid=found.id)
    await jobs.add(inside, jobs.READ_INBOUND, found.id)
    return msgspec.structs.replace(found, state="waiting", reason=None)


async def _inside(ctx: Context, given: InWorkspace) -> Context:
    """The operator's command, as if it came from the workspace. Raises NotFound, Refused."""
    tenant_id = (await workspaces.find_or_only(ctx, given.workspace)).row_id
    return msgspec.structs.replace(ctx, tenant_id=tenant_id)


async def _found(ctx: Context, given: InWorkspace) -> Message:
    try:
        uuid = ids.parse(given.message_id)
    except BadValue:
        uuid = ""
    found = await get(ctx, uuid)
    if found is None:
        raise NotFound(
            f"There is no message {given.message_id}; `kith inbox list` shows those that wait."
        )
    return found
