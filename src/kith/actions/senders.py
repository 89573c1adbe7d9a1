"""Whom WhatsApp means: a contact by its WhatsApp names, made when there is none, and kept one.

The order is the field's: business-scoped id, number, its other spelling, id in a group of
businesses. What WhatsApp reports is learned; a name that another contact holds is not moved: the
two may be one person, which is noted (`duplicates.suspect`). Digits are one name, as a phone or as
a WhatsApp id, in either spelling.
"""

from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise

import msgspec

from kith.actions import audit, contacts, duplicates, opt_outs, origins, shells
from kith.actions.run import Context
from kith.domain.contacts import Contact, Particulars
from kith.domain.identities import Kind
from kith.domain.matches import number_of, phone_of
from kith.domain.whatsapp_facts import Who, is_of_group
from kith.store import blocks, identities, identity_changes, reported_names, sides
from kith.store import contacts as contact_rows
from kith.store.reported_names import Held, Key

CHANGES_MAX = 20
"""Of one name that are followed; nobody moves so often."""

Names = dict[Key, Held]
Holders = tuple[Held | None, Held | None, Held | None]
"""Of a business-scoped id, of a number, and of an id in a group of businesses."""


async def sender(ctx: Context, who: Who, *, at: datetime) -> Contact:
    """The contact of whoever had these names then; what is new of them is learned."""
    now, since = await today(ctx, who, at=at)
    held = await _held(ctx, now)
    by_bsuid, by_number, by_parent = await _holders(ctx, who, now, held, at=at)
    found = by_bsuid or by_number or by_parent
    if found is None:
        known = await _create(ctx, now)
    else:
        known = await _contact(ctx, found)
        if by_bsuid is not None and by_number is not None:
            if by_bsuid.contact_row_id != by_number.contact_row_id:
                known = await _same(ctx, known, await _contact(ctx, by_number))
                held = {}  # names may have moved
        elif by_bsuid is None and by_number is not None and now.bsuid is not None:
            await _suspect(ctx, known, by_number, at=at)
    known = await learn(ctx, known, now, held=held, at=since)
    if now is not who:
        known = await _retire_former(ctx, known, who, now, at=at)
    return known


async def holders(ctx: Context, who: Who, *, at: datetime) -> Holders:
    """Who had these names then."""
    now, _ = await today(ctx, who, at=at)
    return await _holders(ctx, who, now, await _held(ctx, now), at=at)


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

    A name without a phone gets the number; without a name, the one on the person's profile.
    `beside` are names of theirs by which they were reached, or went before.
    """
    held = held or await _held(ctx, who, beside)
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
    steps = await chain(ctx, kind, old, at=at)
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


async def _held(ctx: Context, who: Who, beside: Sequence[Key] = ()) -> Names:
    names = {*origins.names(who), *beside}
    if who.username is not None:
        names.add(("username", who.username))
    return await reported_names.held(ctx.tx, tenant_id=ctx.tenant_id, names=sorted(names))


def _reported(who: Who) -> list[Key]:
    names = [_bsuid(who.bsuid), _bsuid(who.parent_bsuid)]
    if who.wa_id is not None:
        names.append(("wa_id", who.wa_id))
    return [name for name in names if name is not None]


def _bsuid(value: str | None) -> Key | None:
    return ("bsuid", value) if value is not None else None


def numbers(wa_id: str | None) -> list[Key]:
    """As what a number may be held: as it stands, phone or WhatsApp id; or spelled otherwise."""
    return origins.numbers(phone_of(wa_id)) if wa_id is not None else []


def _same_names(kind: Kind, value: str) -> list[Key]:
    """Under which a name may be held: but for a number it is one."""
    return numbers(value) if kind == "wa_id" else [(kind, value)]


def _live(held: Names, name: Key | None) -> Held | None:
    """A name that was given up never matches what comes in: carriers sell numbers again."""
    found = held.get(name) if name is not None else None
    return found if found is not None and found.retired_at is None else None


def _first(held: Names, names: Sequence[Key]) -> Held | None:
    return next((found for name in names if (found := _live(held, name)) is not None), None)


async def _holders(ctx: Context, who: Who, now: Who, held: Names, *, at: datetime) -> Holders:
    """`held` are the names of `now`."""
    by_number = _first(held, numbers(now.wa_id))
    if now is not who:  # a new number may be known as another contact's
        by_number = await _former(ctx, who, at=at) or by_number
    return _live(held, _bsuid(now.bsuid)), by_number, _live(held, _bsuid(now.parent_bsuid))


async def _contact(ctx: Context, held: Held) -> Contact:
    known = await contact_rows.by_id(ctx.tx, tenant_id=ctx.tenant_id, uuid=held.contact_id)
    assert known is not None, "the name hangs on it"
    return known


async def _create(ctx: Context, who: Who) -> Contact:
    phone = phone_of(who.wa_id) if who.wa_id is not None else None
    for name in (who.bsuid, who.parent_bsuid):  # a phone takes its turn when it is noted
        if name is not None:
            await identities.take_turn(ctx.tx, tenant_id=ctx.tenant_id, of=name)
    if phone is not None:
        await _let_go(ctx, ("phone", phone))
    return await contacts.create(ctx, phone, Particulars(name=who.name))


async def _let_go(ctx: Context, name: Key) -> None:
    """A number that was given up is somebody else's now."""
    held = await reported_names.held(ctx.tx, tenant_id=ctx.tenant_id, names=[name])
    if (found := held.get(name)) is not None:
        await _drop(ctx, name, found)


async def _drop(ctx: Context, name: Key, held: Held) -> None:
    await identities.remove(
        ctx.tx,
        tenant_id=ctx.tenant_id,
        kind=name[0],
        value=name[1],
        contact_row_id=held.contact_row_id,
    )
    await contact_rows.count_up(ctx.tx, tenant_id=ctx.tenant_id, uuid=held.contact_id)


async def _retire_former(
    ctx: Context, known: Contact, who: Who, now: Who, *, at: datetime
) -> Contact:
    """They were called so then, and are not any more."""
    origin = origins.of(known, await _held(ctx, now), origins.names(now))
    if who.wa_id is not None:
        known = await retire(ctx, known, "wa_id", who.wa_id, at=at, origin=origin)
    if who.bsuid is not None:
        known = await retire(ctx, known, "bsuid", who.bsuid, at=at, origin=origin)
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


def elsewhere(known: Contact, name: Key, names: Names) -> Held | None:
    """Another contact that has the name now, of whoever is found by `names`.

    Digits that are this contact's own are no other's for being the second spelling of theirs.
    """
    same = _same_names(*name)
    exact, others = same[:2], same[2:]
    holders = [found for one in exact if (found := _live(names, one)) is not None]
    if not holders:
        holders = [found for one in others if (found := _live(names, one)) is not None]
    return next((one for one in holders if one.contact_row_id != known.row_id), None)


def _is_before(at: datetime, held: Held) -> bool:
    """Whether the name was given up since: what is told of that time gives it back to nobody."""
    return held.retired_at is not None and at < held.retired_at


async def _former(ctx: Context, who: Who, *, at: datetime) -> Held | None:
    """Whose a number was then that is somebody else's, or nobody's, by now."""
    names = numbers(who.wa_id)[:2]
    held = await reported_names.held(ctx.tx, tenant_id=ctx.tenant_id, names=names)
    for one in held.values():
        if _is_before(at, one):
            return one
    return None


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
        if _is_before(at, held):
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
        other = await _contact(ctx, held)
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
    if was is not None and was.contact_row_id == known.row_id and _is_before(at, was):
        return known
    if ("phone", phone) not in held or held["phone", phone].retired_at is not None:
        await _let_go(ctx, ("phone", phone))
        known = await _add(ctx, known, ("phone", phone), origin)
    wanted = msgspec.structs.replace(
        known, phone=phone, updated_at=ctx.now, version=known.version + 1
    )
    await contact_rows.rewrite(ctx.tx, tenant_id=ctx.tenant_id, contact=wanted)
    await audit.record(
        ctx, "contact.updated", known.id, before={"phone": None}, after={"phone": phone}
    )
    return wanted


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
