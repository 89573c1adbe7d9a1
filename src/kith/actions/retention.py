"""What is kept for a time only: it goes also where nobody calls any more."""

from kith.actions.run import Context
from kith.domain import idempotency, inbox
from kith.store import idempotency as kept_answers
from kith.store import inbox as inbox_rows
from kith.store import messages, tenants

WORKSPACES_AT_ONCE = 500


async def workspaces(ctx: Context, after: int) -> list[int]:
    """The next workspaces by their numbers; none when there are no more. For the worker only."""
    return await tenants.ids_after(ctx.tx, after=after, rows_max=WORKSPACES_AT_ONCE)


async def sweep(ctx: Context, _: None) -> bool:
    """Forget what a workspace has kept for long enough; whether there may be more of it.

    Answers to calls with an Idempotency-Key (24 hours), what came in and was read, and hashes of
    messages that were erased (10 days: for as long as the other side may send them again).
    """
    tx, tenant_id = ctx.tx, ctx.tenant_id
    before = ctx.now - inbox.KEPT
    await kept_answers.forget_older(tx, tenant_id=tenant_id, than=ctx.now - idempotency.KEPT)
    await messages.forget_erased(tx, tenant_id=tenant_id, before=before)
    return (
        await inbox_rows.forget_older(tx, tenant_id=tenant_id, than=before)
        == inbox_rows.FORGOTTEN_AT_ONCE_MAX
    )
