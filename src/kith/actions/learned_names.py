"""Learns the names that WhatsApp reports of a contact, and retires those that it gave up.

A name that another contact holds is not moved: the two may be one person, which is noted
(`duplicates.suspect`). Digits are one name, as a phone or as a WhatsApp id, in either spelling.
"""

from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise

import msgspec

from kith.actions import contacts, duplicates, name_history, opt_outs, origins
from kith.actions.run import Context
from kith.domain.contacts import Contact
from kith.domain.identities import Kind
from kith.domain.matches import number_of, phone_of
from kith.domain.whatsapp_facts import Who
from kith.store import contacts as contact_rows
from kith.store import identities, identity_changes, reported_names
from kith.store.reported_names import Held, Key

Names = dict[Key, Held]


async def learn(
    ctx: Context,
    known: Contact,
    who: Who,
    *,
    held: Names | None = None,
    at: datetime,
    beside: Sequence[Key] = (),
) -> Contact:
    """Know the contact by every name that WhatsApp reports of it and that nobody else has.

    Without a phone, it gets the number; without a name, the one on the person's profile.
    `beside` are names of theirs by which they were reached, or went before.
    """
    held = held or await names_of(ctx, who, beside)
    origin = origins.of(known, held, [*origins.names(who), *beside])
    for name in _reported(who):
        known = await _learn_name(ctx, known, name, held, at=at, origin=origin)
    if who.username is not None:
        name = ("username", who.username)
        known = await _learn_username(ctx, known, name, held.get(name), at=at, origin=origin)
    if known.phone is None and who.wa_id is not None:
        known = await _learn_phone(ctx, known, who.wa_id, held, at=at, origin=origin)
    if known.name is None and who.name is not None:
        wanted = msgspec.structs.replace(known, name=who.name)
        known = await contacts.write(ctx, "contact.updated", known, wanted)
    return known


async def retire(
    ctx: Context,
    known: Contact,
    kind: identity_changes.Kind,
    old: str,
    *,
    at: datetime,
    origin: str | None = None,
) -> Contact:
    """A name that changed after that time, and whatever it became in between, is a former one.

    So is a number's other spelling: the carrier sells both with it.
    """
    steps = await name_history.chain(ctx, kind, old, at=at)
    current = _same_names(kind, steps[-1][0])[:2]
    for (value, since), (_, until) in pairwise(steps):
        names = [name for name in _same_names(kind, value) if name not in current]
        held = await reported_names.held(ctx.tx, tenant_id=ctx.tenant_id, names=names)
        for name in names:
            if name == (kind, value) or name in held:  # what was told is enough to be found by
                known = await _retire_name(
                    ctx, known, name, held.get(name), since=since, at=until, origin=origin
                )
    return known


async def names_of(ctx: Context, who: Who, beside: Sequence[Key] = ()) -> Names:
    """Those of somebody's names that anybody has."""
    names = {*origins.names(who), *beside}
    if who.username is not None:
        names.add(("username", who.username))
    return await reported_names.held(ctx.tx, tenant_id=ctx.tenant_id, names=sorted(names))


def elsewhere(known: Contact, name: Key, names: Names) -> Held | None:
    """Another contact that has the name now, of whoever is found by `names`.

    Digits that are this contact's own are no other's for being the second spelling of theirs.
    """
    same = _same_names(*name)
    exact, others = same[:2], same[2:]
    holders = [found for one in exact if (found := live(names, one)) is not None]
    if not holders:
        holders = [found for one in others if (found := live(names, one)) is not None]
    return next((one for one in holders if one.contact_row_id != known.row_id), None)


def numbers(wa_id: str | None) -> list[Key]:
    """As what a number may be held: as it stands, phone or WhatsApp id; or spelled otherwise."""
    return origins.numbers(phone_of(wa_id)) if wa_id is not None else []


def live(held: Names, name: Key | None) -> Held | None:
    """A name that was given up never matches what comes in: carriers sell numbers again."""
    found = held.get(name) if name is not None else None
    return found if found is not None and found.retired_at is None else None


def given_up_since(at: datetime, held: Held) -> bool:
    """Whether the name was given up since: what is told of that time gives it back to nobody."""
    return held.retired_at is not None and at < held.retired_at


async def holder(ctx: Context, held: Held) -> Contact:
    """The contact that holds a name."""
    known = await contact_rows.by_id(ctx.tx, tenant_id=ctx.tenant_id, uuid=held.contact_id)
    assert known is not None, "the name hangs on it"
    return known


async def let_go(ctx: Context, name: Key) -> None:
    """A number that was given up is somebody else's now."""
    held = await reported_names.held(ctx.tx, tenant_id=ctx.tenant_id, names=[name])
    if (found := held.get(name)) is not None:
        await _drop(ctx, name, found)


def _reported(who: Who) -> list[Key]:
    names = [bsuid(who.bsuid), bsuid(who.parent_bsuid)]
    if who.wa_id is not None:
        names.append(("wa_id", who.wa_id))
    return [name for name in names if name is not None]


def bsuid(value: str | None) -> Key | None:
    return ("bsuid", value) if value is not None else None


def _same_names(kind: Kind, value: str) -> list[Key]:
    """Under which a name may be held: but for a number it is one."""
    return numbers(value) if kind == "wa_id" else [(kind, value)]


async def _learn_name(
    ctx: Context, known: Contact, name: Key, names: Names, *, at: datetime, origin: str | None
) -> Contact:
    if (other := elsewhere(known, name, names)) is not None:
        return await duplicates.suspect(ctx, known, other.contact_id)
    held = names.get(name)
    for one in _same_names(*name)[:2]:
        was = names.get(one)
        if was is not None and was.retired_at is not None and was.contact_row_id != known.row_id:
            await _drop(ctx, one, was)
            held = None if one == name else held
    if held is None:
        known = await _add(ctx, known, name, origin)
    elif held.retired_at is not None:
        if given_up_since(at, held):
            return known
        await reported_names.give(
            ctx.tx, tenant_id=ctx.tenant_id, name=name, contact_row_id=known.row_id
        )
    if held is None or held.seen_at is None or at < held.seen_at:
        await reported_names.see(ctx.tx, tenant_id=ctx.tenant_id, name=name, at=at)
    return known


async def _learn_username(
    ctx: Context, known: Contact, name: Key, held: Held | None, *, at: datetime, origin: str | None
) -> Contact:
    """Usernames change hands: whoever was heard of last has it."""
    if held is not None and held.contact_row_id != known.row_id:
        other = await holder(ctx, held)
        if other.last_message_at is not None and at <= other.last_message_at:
            return known
        await _drop(ctx, name, held)
        held = None
    return await _add(ctx, known, name, origin) if held is None else known


async def _learn_phone(
    ctx: Context, known: Contact, wa_id: str, held: Names, *, at: datetime, origin: str | None
) -> Contact:
    """The number of somebody who was known by another name only."""
    phone = phone_of(wa_id)
    if elsewhere(known, ("wa_id", wa_id), held) is not None:
        return known
    was = held.get(("wa_id", wa_id)) or held.get(("phone", phone))
    if was is not None and was.contact_row_id == known.row_id and given_up_since(at, was):
        return known
    if ("phone", phone) not in held or held["phone", phone].retired_at is not None:
        await let_go(ctx, ("phone", phone))
        known = await _add(ctx, known, ("phone", phone), origin)
    return await contacts.give_phone(ctx, known, phone)


async def _add(ctx: Context, known: Contact, name: Key, origin: str | None) -> Contact:
    kind, value = name
    await _note(ctx, known, name, origin)
    named = {"identity": {"kind": kind, "value": value}}
    known = await contacts.note(ctx, "contact.identity_added", known, before=None, after=named)
    if known.phone is not None and number_of(kind, value) == known.phone:
        return known  # what was withdrawn under its own phone it tells already
    return await opt_outs.renew(ctx, known, kind, value)


async def _note(ctx: Context, known: Contact, name: Key, origin: str | None) -> None:
    await identities.add(
        ctx.tx,
        tenant_id=ctx.tenant_id,
        kind=name[0],
        value=name[1],
        contact_row_id=known.row_id,
        at=ctx.now,
        confidence="reported",
        origin_uuid=origin,
    )


async def _drop(ctx: Context, name: Key, held: Held) -> None:
    await identities.remove(
        ctx.tx,
        tenant_id=ctx.tenant_id,
        kind=name[0],
        value=name[1],
        contact_row_id=held.contact_row_id,
    )
    await contact_rows.count_up(ctx.tx, tenant_id=ctx.tenant_id, uuid=held.contact_id)


async def _retire_name(
    ctx: Context,
    known: Contact,
    name: Key,
    held: Held | None,
    *,
    since: datetime,
    at: datetime,
    origin: str | None,
) -> Contact:
    tx, tenant_id = ctx.tx, ctx.tenant_id
    if held is None:
        await _note(ctx, known, name, origin)
        await contact_rows.count_up(tx, tenant_id=tenant_id, uuid=known.id)
        known = await opt_outs.renew(ctx, known, *name)
    elif held.contact_row_id != known.row_id:
        return known
    await reported_names.give(
        tx, tenant_id=tenant_id, name=name, contact_row_id=known.row_id, retired_at=at
    )
    if name[0] != "phone":
        await reported_names.see(tx, tenant_id=tenant_id, name=name, at=since)
    return known
