"""Whom a message of ours is meant for: by phone, as the contract has it, by id, or by BSUID."""

import msgspec

from kith.actions import contacts, who
from kith.actions.contacts import ContactNotFound
from kith.actions.run import Context
from kith.domain.contacts import Contact, ContactKey, GetContact, Particulars, SaveContact
from kith.domain.phone import Phone, Typed
from kith.store import identities


class Whom(msgspec.Struct, frozen=True, kw_only=True):
    """Exactly one is set, beside `number_id`: the business number that sends; None: the best."""

    phone: Phone | Typed | None = None
    contact_id: str | None = None
    bsuid: str | None = None
    number_id: str | None = None


async def check(ctx: Context, whom: Whom) -> None:
    """What is wrong with a field goes first. Raises Invalid, ContactNotFound for an id."""
    if whom.phone is not None:
        await who.kept(ctx, whom.phone)
    elif whom.contact_id is not None:
        await known(ctx, whom)


async def known(ctx: Context, whom: Whom) -> Contact | None:
    """None for a phone or a BSUID that nobody has. Raises ContactNotFound for an id, Conflict."""
    if whom.bsuid is not None:
        held = await who.one(ctx, GetContact(bsuid=whom.bsuid))
        return await contacts.of_id(ctx, held.contact_id) if held is not None else None
    try:
        return await contacts.find(ctx, ContactKey(contact_id=whom.contact_id, phone=whom.phone))
    except ContactNotFound:
        if whom.contact_id is not None:
            raise
        return None


async def number(ctx: Context, whom: Whom) -> Phone | None:
    """Which number was asked for, where one was."""
    if whom.phone is None or isinstance(whom.phone, str):
        return whom.phone
    held = await who.one(ctx, GetContact(phone=whom.phone))
    return held.number if held is not None else None


async def saved(ctx: Context, whom: Whom) -> Contact:
    """The contact, made when nobody has the phone or the BSUID. Raises what `known` raises."""
    if whom.phone is not None:
        return await contacts.save(ctx, SaveContact(phone=whom.phone))
    if (found := await known(ctx, whom)) is not None:
        return found
    assert whom.bsuid is not None, "an id leads to somebody"
    await identities.take_turn(ctx.tx, tenant_id=ctx.tenant_id, of=whom.bsuid)
    made = await contacts.create(ctx, None, Particulars())
    return await contacts.name_too(ctx, made, "bsuid", whom.bsuid)
