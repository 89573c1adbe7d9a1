"""When templates are asked of Meta: as an account is connected, every few hours, when Meta tells of
a change, and on demand."""

import msgspec

from kith.actions import connections, jobs, sending_numbers, workspaces
from kith.actions.run import Context
from kith.domain.graph import Account
from kith.domain.jobs import Job
from kith.domain.tokens import Caller
from kith.domain.whatsapp_facts import TemplatesChanged
from kith.store import connections as connection_rows


class Asked(msgspec.Struct, frozen=True):
    """An account that is asked for its templates, and as whom they are written."""

    account: Account
    caller: Caller


async def begin(ctx: Context, job: Job) -> Account | None:
    """With what to ask; None when the account is connected no more. Raises Refused when its secrets
    cannot be read."""
    connection = await connections.by_id(ctx, job.subject)
    if connection is None:
        return None
    await jobs.plan(ctx, job)
    return await sending_numbers.sender_of(ctx, connection)


async def ask_anew(ctx: Context, _: TemplatesChanged) -> None:
    """Let Meta be asked now: its list says what became of them, in whatever order that was told."""
    await jobs.hurry(ctx, jobs.SYNC_TEMPLATES, ctx.connection_id)


async def accounts(ctx: Context, workspace: str | None) -> list[Asked]:
    """Of one workspace. Raises NotFound, Refused; NoAccount when there is none."""
    tenant_id = (await workspaces.find_or_only(ctx, workspace)).row_id
    own = msgspec.structs.replace(ctx, tenant_id=tenant_id)
    found = [
        Asked(await sending_numbers.sender_of(own, one), connections.caller(one))
        for one in await connection_rows.all_of(ctx.tx, tenant_id=tenant_id)
        if one.system == "whatsapp"
    ]
    if not found:
        raise sending_numbers.NoAccount()
    return found
