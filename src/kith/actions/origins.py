"""With which contact a name came, where that lives on in another: so that an unmerge splits them.

Whatever is learned or told by such a name is of that contact: further names, messages, consent.
"""

from collections.abc import Mapping, Sequence

import msgspec

from kith.actions.run import Context
from kith.domain import merging, whatsapp
from kith.domain.contacts import Contact
from kith.domain.matches import phone_of
from kith.domain.merging import Facets
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


async def of_name(ctx: Context, known: Contact, name: Key) -> str | None:
    """One that lives on in the contact, as it is now."""
    held = await reported_names.held(ctx.tx, tenant_id=ctx.tenant_id, names=[name])
    if (origin := of(known, held, [name])) is None:
        return None
    followers = await merges.ids_into(ctx.tx, tenant_id=ctx.tenant_id, uuid=known.id)
    return origin if origin in followers else None


async def tell(ctx: Context, was: Contact, origin_id: str, told: Facets) -> None:
    """Note what another system told of one who lives on in a contact, which was as `was` before.

    An unmerge gives it to whom it is of, and takes it back from the survivor.
    """
    host, before = was.id, merging.own_facets(was)
    while host != origin_id:
        all_ = await merges.of_contact(ctx.tx, tenant_id=ctx.tenant_id, uuids=[host])
        live = [(one, one.journal) for one in reversed(all_) if one.journal is not None]
        journals = [journal for _, journal in live]
        at = next(
            (
                at
                for at, (one, journal) in enumerate(live)
                if origin_id in (one.from_id, *journal.followers)
            ),
            None,
        )
        if at is None:
            return
        for (one, journal), new in zip(
            live, merging.told_of(journals, at, before, told), strict=True
        ):
            if new != journal:
                done = msgspec.structs.replace(one, journal=new)
                await merges.keep(ctx.tx, tenant_id=ctx.tenant_id, merge=done)
        host, before = live[at][0].from_id, merging.facets(journals[at].merged)


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
