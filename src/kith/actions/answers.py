"""The answer to a call with an Idempotency-Key whose outcome came after its own transaction."""

import msgspec

from kith.actions.run import Context
from kith.domain.idempotency import Kept
from kith.store import idempotency


class Final(msgspec.Struct, frozen=True):
    name: str
    key: str
    kept: Kept


async def finish(ctx: Context, given: Final) -> None:
    """Keep what the call was answered in the end; nothing if it was erased meanwhile."""
    await idempotency.finish(
        ctx.tx, tenant_id=ctx.tenant_id, action=given.name, key=given.key, kept=given.kept
    )
