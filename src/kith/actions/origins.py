"""With which contact a name came, where that lives on in another: so that an unmerge splits them.

Whatever is learned or told by such a name is of that contact: further names, messages, consent.
"""

from collections.abc import Mapping, Sequence

from kith.actions.run import Context
from kith.domain import whatsapp
from kith.domain.contacts import Contact
from kith.domain.matches import phone_of
from kith.domain.phone import Phone
from kith.domain.whatsapp_facts import Who
from kith.store import merges, reported_names
from kith.store.reported_names import Held, Key


def numbers(phone: Phone) -> list[Key]:
    """As it stands, as a phone and as a WhatsApp id, then in the other spelling."""
    found: list[Key] = [("phone", phone), ("wa_id", phone[1:])]
    if (other := whatsapp.variant(phone)) is not None:
        found += [("phone", other), ("wa_id", other[1:])]
    return found


def names(who: Who) -> list[Key]:
    """By which somebody is told from others, the surest first."""
    found: list[Key] = [("bsuid", who.bsuid)] if who.bsuid is not None else []
    if who.wa_id is not None:
        found += numbers(phone_of(who.wa_id))
    if who.parent_bsuid is not None:
        found.append(("bsuid", who.parent_bsuid))
    return found


def names_at(address: str | None) -> list[Key]:
    """Of whoever is reached there."""
    if address is None:
        return []
    return numbers(Phone(address)) if address.startswith("+") else [("bsuid", address)]


def of(known: Contact, held: Mapping[Key, Held], names: Sequence[Key]) -> str | None:
    """That of the first name that the contact has; None for its own, or when it has none."""
    for name in names:
        if (one := held.get(name)) is not None and one.contact_row_id == known.row_id:
            return one.origin_id
    return None


async def of_number(ctx: Context, known: Contact, phone: Phone) -> str | None:
    sought = numbers(phone)
    held = await reported_names.held(ctx.tx, tenant_id=ctx.tenant_id, names=sought)
    return of(known, held, sought)


async def of_address(ctx: Context, known: Contact, address: str | None) -> str:
    """Of which contact somebody is who was reached there: one that lives on in this one, or this.

    What the ledger says counts for a contact by its origin, so this must be one that it has.
    """
    sought = names_at(address)
    held = await reported_names.held(ctx.tx, tenant_id=ctx.tenant_id, names=sought)
    if (origin := of(known, held, sought)) is None:
        return known.id
    followers = await merges.ids_into(ctx.tx, tenant_id=ctx.tenant_id, uuid=known.id)
    return origin if origin in followers else known.id
