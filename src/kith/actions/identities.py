"""Further names of a contact: its WhatsApp id, its username, its id in other systems."""

import msgspec

from kith.actions import contacts, opt_outs, who
from kith.actions.run import Context
from kith.domain import matches
from kith.domain.contacts import Contact, Identity, NameContact
from kith.domain.matches import Rank
from kith.domain.phone import Phone, Typed
from kith.errors import Conflict, Invalid
from kith.store import identities, reported_names


class Renamed(msgspec.Struct, frozen=True):
    contact: Contact
    identities: list[Identity]


async def add(ctx: Context, given: NameContact) -> Renamed:
    """Know a contact by a further name. Raises ContactNotFound, Invalid, Changed; Conflict when
    another contact has it, or the same number in another spelling.

    A number becomes the phone of a contact that has none."""
    known = await contacts.find(ctx, given)
    value, ranks = await _name(ctx, given)
    names = [name for rank in ranks for name in rank]
    holders = await identities.holders(
        ctx.tx, tenant_id=ctx.tenant_id, names=[name.key for name in names]
    )
    others = sorted({uuid for uuid in holders.values() if uuid != known.id})
    if others:
        raise Conflict(
            "Another contact holds this value.", field="value", value=value, contact_ids=others
        )
    if (given.kind, value) not in holders:
        known = await contacts.name_too(ctx, known, given.kind, value)
    return await _renamed(ctx, known)


async def remove(ctx: Context, given: NameContact) -> Renamed:
    """Know a contact by this name no more; what they withdrew stays with it, too.

    Raises ContactNotFound, Invalid, Conflict, Changed.
    """
    known = await contacts.find(ctx, given)
    value, _ = await _name(ctx, given)
    if given.kind == "phone" and value == known.phone:
        raise Invalid({"value": ["The value is the contact's own phone, which stays."]})
    name = (given.kind, value)
    held = (await reported_names.held(ctx.tx, tenant_id=ctx.tenant_id, names=[name])).get(name)
    had_it = await identities.remove(
        ctx.tx,
        tenant_id=ctx.tenant_id,
        kind=given.kind,
        value=value,
        contact_row_id=known.row_id,
    )
    if had_it:
        if held is not None and held.retired_at is None:  # a number given up is another's by now
            await opt_outs.keep_removed(ctx, known, *name)
        known = await contacts.note(
            ctx, "contact.identity_removed", known, before=_noted(given, value), after={}
        )
    return await _renamed(ctx, known)


async def _name(ctx: Context, given: NameContact) -> tuple[str, list[Rank]]:
    """The name as it is kept, and everything that would be the same name."""
    if isinstance(given.value, Typed):
        number = await who.kept(ctx, given.value, field="value")
        return number, matches.of_phones([[number]])
    if given.kind == "phone":
        return given.value, matches.of_phones([[Phone(given.value)]])
    if given.kind == "wa_id":
        return given.value, matches.of_wa_id(given.value)
    return given.value, matches.of_name(given.kind, given.value)


def _noted(given: NameContact, value: str) -> dict[str, object]:
    return {"identity": {"kind": given.kind, "value": value}}


async def _renamed(ctx: Context, known: Contact) -> Renamed:
    names = await identities.of_contact(ctx.tx, tenant_id=ctx.tenant_id, contact_uuid=known.id)
    return Renamed(known, names)
