"""When templates are asked of Meta: as an account is connected, every few hours, and on demand."""

from datetime import timedelta

import msgspec

from kith.actions import connections, jobs, sending_numbers, workspaces
from kith.actions.run import Context
from kith.actions.sending_numbers import Sender
from kith.domain.jobs import Job
from kith.domain.tokens import Caller
from kith.store import connections as connection_rows
from kith.store import jobs as job_rows

EVERY = timedelta(hours=6)


class Account(msgspec.Struct, frozen=True):
    """With what an account's templates are asked for, and as whom they are written."""

    connection_id: str
    sender: Sender
    caller: Caller


async def begin(ctx: Context, job: Job) -> Sender | None:
    """Let the next run come in its time, whatever becomes of this one; None when the account is
    connected no more. Raises Refused when its secrets cannot be read."""
    connection = await connections.by_id(ctx, job.subject)
    if connection is None:
        return None
    is_planned = await job_rows.is_waiting(
        ctx.tx, tenant_id=ctx.tenant_id, kind=job.kind, subject=job.subject, beside=job.id
    )
    if not is_planned:
        await jobs.add(ctx, job.kind, job.subject, due_at=ctx.now + EVERY)
    return await sending_numbers.sender_of(ctx, connection)


async def accounts(ctx: Context, workspace: str | None) -> list[Account]:
    """Of one workspace. Raises NotFound, Refused; NoAccount when there is none."""
    tenant_id = (await workspaces.find_or_only(ctx, workspace)).row_id
    own = msgspec.structs.replace(ctx, tenant_id=tenant_id)
    found = [
        Account(one.id, await sending_numbers.sender_of(own, one), connections.caller(one))
        for one in await connection_rows.all_of(ctx.tx, tenant_id=tenant_id)
        if one.system == "whatsapp"
    ]
    if not found:
        raise sending_numbers.NoAccount()
    return found
