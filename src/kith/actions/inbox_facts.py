"""A fact that a message in the inbox tells, written down while the message may still be read."""

from typing import Any

import msgspec

from kith.actions import facts
from kith.actions.run import Context
from kith.store import inbox


class Told(msgspec.Struct, frozen=True, gc=False):
    """`message_id` is that of the message in the inbox."""

    message_id: str
    fact: Any


async def apply(ctx: Context, told: Told) -> None:
    """Unless the message was blanked while it was read: an erasure wants it forgotten.

    Raises what the fact's action refuses.
    """
    if await inbox.hold(ctx.tx, tenant_id=ctx.tenant_id, uuid=told.message_id):
        await facts.apply(ctx, told.fact)
