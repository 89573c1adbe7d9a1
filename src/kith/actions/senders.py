"""Whom WhatsApp means: a contact by its WhatsApp names, made when there is none, and kept one.

The order is the field's: business-scoped id, number, its other spelling, id in a group of
businesses. What WhatsApp reports is learned (`learned_names`).
"""

from collections.abc import Sequence
from datetime import datetime

from kith.actions import contacts, learned_names, name_history, origins, shells
from kith.actions.learned_names import Names
from kith.actions.run import Context
from kith.domain.contacts import Contact, Particulars
from kith.domain.matches import phone_of
from kith.domain.whatsapp_facts import Who, is_of_group
from kith.store import blocks, identities, reported_names, sides
from kith.store.reported_names import Held, Key

Holders = tuple[Held | None, Held | None, Held | None]
"""Of a business-scoped id, of a number, and of an id in a group of businesses."""


async def sender(ctx: Context, who: Who, *, at: datetime) -> Contact:
    """The contact of whoever had these names then; what is new of them is learned."""
    now, since = await name_history.today(ctx, who, at=at)
    held = await learned_names.names_of(ctx, now)
    by_bsuid, by_number, by_parent = await _holders(ctx, who, now, held, at=at)
    found = by_bsuid or by_number or by_parent
    if found is None:
        known = await _create(ctx, now)
    else:
        known = await learned_names.holder(ctx, found)
        if by_bsuid is not None and by_number is not None:
            if by_bsuid.contact_row_id != by_number.contact_row_id:
                known = await _same(ctx, known, await learned_names.holder(ctx, by_number))
                held = {}  # names may have moved
        elif by_bsuid is None and by_number is not None and now.bsuid is not None:
            await _suspect(ctx, known, by_number, at=at)
    known = await learned_names.learn(ctx, known, now, held=held, at=since)
    if now is not who:
        known = await _retire_former(ctx, known, who, now, at=at)
    return known


async def holders(ctx: Context, who: Who, *, at: datetime) -> Holders:
    """Who had these names then."""
    now, _ = await name_history.today(ctx, who, at=at)
    return await _holders(ctx, who, now, await learned_names.names_of(ctx, now), at=at)


async def _holders(ctx: Context, who: Who, now: Who, held: Names, *, at: datetime) -> Holders:
    """`held` are the names of `now`."""
    by_number = _first(held, learned_names.numbers(now.wa_id))
    if now is not who:  # a new number may be known as another contact's
        by_number = await _former(ctx, who, at=at) or by_number
    bsuid, parent_bsuid = learned_names.bsuid(now.bsuid), learned_names.bsuid(now.parent_bsuid)
    return learned_names.live(held, bsuid), by_number, learned_names.live(held, parent_bsuid)


def _first(held: Names, names: Sequence[Key]) -> Held | None:
    live = (learned_names.live(held, name) for name in names)
    return next((found for found in live if found is not None), None)


async def _create(ctx: Context, who: Who) -> Contact:
    phone = phone_of(who.wa_id) if who.wa_id is not None else None
    for name in (who.bsuid, who.parent_bsuid):  # a phone takes its turn when it is noted
        if name is not None:
            await identities.take_turn(ctx.tx, tenant_id=ctx.tenant_id, of=name)
    if phone is not None:
        await learned_names.let_go(ctx, ("phone", phone))
    return await contacts.create(ctx, phone, Particulars(name=who.name))


async def _retire_former(
    ctx: Context, known: Contact, who: Who, now: Who, *, at: datetime
) -> Contact:
    """They were called so then, and are not any more."""
    origin = origins.of(known, await learned_names.names_of(ctx, now), origins.names(now))
    if who.wa_id is not None:
        known = await learned_names.retire(ctx, known, "wa_id", who.wa_id, at=at, origin=origin)
    if who.bsuid is not None:
        known = await learned_names.retire(ctx, known, "bsuid", who.bsuid, at=at, origin=origin)
    return known


async def _same(ctx: Context, by_bsuid: Contact, by_number: Contact) -> Contact:
    """One payload named both: the same person."""
    if by_bsuid.phone is None and await shells.is_one(ctx, by_bsuid):
        return await shells.absorb(ctx, by_bsuid, by_number)
    return by_bsuid


async def _suspect(ctx: Context, known: Contact, by_number: Held, *, at: datetime) -> None:
    """A known number with another id than before: perhaps another person's now.

    The ids of those who were merged with whom the number came with say nothing about it.
    """
    names = await sides.names(ctx.tx, tenant_id=ctx.tenant_id, contact_row_id=known.row_id)
    if any(
        one.kind == "bsuid" and not is_of_group(one.value) and one.origin_id == by_number.origin_id
        for one in names
    ):
        await blocks.add(
            ctx.tx,
            tenant_id=ctx.tenant_id,
            contact_row_id=known.row_id,
            reason="identity_changed",
            at=at,
        )


async def _former(ctx: Context, who: Who, *, at: datetime) -> Held | None:
    """Whose a number was then that is somebody else's, or nobody's, by now."""
    names = learned_names.numbers(who.wa_id)[:2]
    held = await reported_names.held(ctx.tx, tenant_id=ctx.tenant_id, names=names)
    for one in held.values():
        if learned_names.given_up_since(at, one):
            return one
    return None
