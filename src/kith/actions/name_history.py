"""What somebody's WhatsApp names became since, as changes of numbers and ids were told."""

from datetime import datetime

import msgspec

from kith.actions.run import Context
from kith.domain.whatsapp_facts import Who
from kith.store import identity_changes

CHANGES_MAX = 20
"""Of one name that are followed; nobody moves so often."""


async def today(ctx: Context, who: Who, *, at: datetime) -> tuple[Who, datetime]:
    """What somebody who had these names then is called since, and since when."""
    if not await identity_changes.any_after(
        ctx.tx, tenant_id=ctx.tenant_id, wa_id=who.wa_id, bsuid=who.bsuid, at=at
    ):
        return who, at
    wa_id, bsuid, since = who.wa_id, who.bsuid, [at]
    if wa_id is not None:
        wa_id, changed_at = (await chain(ctx, "wa_id", wa_id, at=at))[-1]
        since.append(changed_at)
    if bsuid is not None:
        bsuid, changed_at = (await chain(ctx, "bsuid", bsuid, at=at))[-1]
        since.append(changed_at)
    return msgspec.structs.replace(who, wa_id=wa_id, bsuid=bsuid), max(since)


async def chain(
    ctx: Context, kind: identity_changes.Kind, value: str, *, at: datetime
) -> list[tuple[str, datetime]]:
    """The name and whatever it became, each with the time from which it counts."""
    steps = [(value, at)]
    while len(steps) <= CHANGES_MAX:
        step = await identity_changes.after(
            ctx.tx, tenant_id=ctx.tenant_id, kind=kind, value=steps[-1][0], at=steps[-1][1]
        )
        if step is None:
            break
        steps.append(step)
    return steps
