"""The verdict on one contact: may they be written to, with what, until when."""

import msgspec

from kith.actions.run import Context
from kith.domain.reachability import Facts, Judgement, judge
from kith.store import reachability


class Reached(msgspec.Struct, frozen=True, gc=False):
    """`phones` are those of the business numbers, by the id of each."""

    contact_id: str
    judgement: Judgement
    phones: dict[str, str | None]


async def of_contact(ctx: Context, contact_id: str) -> Reached | None:
    """By the clock of this call. None when there is no such contact."""
    facts = await reachability.of_contact(ctx.tx, tenant_id=ctx.tenant_id, contact_uuid=contact_id)
    return judged(ctx, facts) if facts is not None else None


def judged(ctx: Context, facts: Facts) -> Reached:
    judgement = judge(facts.standing, facts.numbers, now=ctx.now, margin=facts.margin)
    return Reached(facts.contact_id, judgement, facts.phones)
