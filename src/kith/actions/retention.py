"""What is kept for a time only: it goes also where nobody calls any more."""

from kith.actions.run import Context
from kith.domain import idempotency, inbox, opt_ins
from kith.store import idempotency as kept_answers
from kith.store import inbox as inbox_rows
from kith.store import messages, tenants
from kith.store import opt_ins as opt_in_rows

WORKSPACES_AT_ONCE = 500


async def workspaces(ctx: Context, after: int) -> list[int]:
    """The next workspaces by their numbers; none when there are no more. For the worker only."""
    return await tenants.ids_after(ctx.tx, after=after, rows_max=WORKSPACES_AT_ONCE)


async def sweep(ctx: Context, _: None) -> bool:
    """Forget what a workspace has kept for long enough; whether there may be more of it.

    Answers to calls with an Idempotency-Key (24 hours); what came in and was read, what was typed
    on a web page, and hashes of messages that were erased (10 days: for as long as the other side
    may send them again).
    """
    tx, tenant_id = ctx.tx, ctx.tenant_id
    before = ctx.now - inbox.KEPT
    await kept_answers.forget_older(tx, tenant_id=tenant_id, than=ctx.now - idempotency.KEPT)
    await messages.forget_erased(tx, tenant_id=tenant_id, before=before)
    read = await inbox_rows.forget_older(tx, tenant_id=tenant_id, than=before)
    typed = await opt_in_rows.forget_older(tx, tenant_id=tenant_id, than=ctx.now - opt_ins.KEPT)
    return read == inbox_rows.FORGOTTEN_AT_ONCE_MAX or typed == opt_in_rows.FORGOTTEN_AT_ONCE_MAX
