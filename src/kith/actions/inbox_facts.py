"""A fact that a message in the inbox tells, written down while the message may still be read."""

from collections.abc import Sequence
from typing import Any

import msgspec

from kith.actions import facts
from kith.actions.inbox import Read, settle, settle_all
from kith.actions.run import Context
from kith.store import inbox


class Told(msgspec.Struct, frozen=True, gc=False):
    """`message_id` is that of the message in the inbox; with `read` it tells nothing else."""

    message_id: str
    fact: Any
    read: Read | None = None


async def apply_all(ctx: Context, told: Sequence[Told]) -> Sequence[None]:
    """As `apply`, of messages each of which tells one thing."""
    for one in told:  # one of them may erase whom another is about
        if await inbox.hold(ctx.tx, tenant_id=ctx.tenant_id, uuid=one.message_id):
            await facts.apply(ctx, one.fact)
    await settle_all(ctx, [one.read for one in told if one.read is not None])
    return [None] * len(told)


async def apply(ctx: Context, told: Told) -> None:
    """Unless the message was blanked while it was read: an erasure wants it forgotten.

    Most messages tell one thing, and are read in the transaction that writes it.
    Raises what the fact's action refuses.
    """
    if await inbox.hold(ctx.tx, tenant_id=ctx.tenant_id, uuid=told.message_id):
        await facts.apply(ctx, told.fact)
    if told.read is not None:
        await settle(ctx, told.read)
