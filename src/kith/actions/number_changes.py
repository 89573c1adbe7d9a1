"""A person's number, or their id at this business, has changed: WhatsApp says so.

Told in any order: a change that came too early is followed when somebody has the old name at last,
and messages of before are the person's by whatever name they have since (`name_history.today`).
"""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from kith.actions import (
    contacts,
    learned_names,
    name_history,
    opt_outs,
    origins,
    shells,
    undelivered,
)
from kith.actions.run import Context
from kith.domain import consent, json
from kith.domain.contacts import Contact
from kith.domain.matches import phone_of
from kith.domain.phone import Phone
from kith.domain.times import MICROSECOND
from kith.domain.whatsapp_facts import IdentityChanged, Who
from kith.store import blocks, identities, identity_changes, reported_names
from kith.store import consent as ledger
from kith.store import contacts as contact_rows
from kith.store import sends as send_rows
from kith.store.identity_changes import Kind
from kith.store.reported_names import Held, Key


async def change(ctx: Context, fact: IdentityChanged) -> None:
    """Let the contact go by its new names; the old ones still lead API look-ups to it."""
    at = min(fact.at, ctx.now)
    pairs = _pairs(fact)
    held = await reported_names.held(
        ctx.tx, tenant_id=ctx.tenant_id, names=origins.names(fact.before)
    )
    new = [await _note(ctx, kind, old, name, at=at) for kind, old, name in pairs]
    if pairs and not any(new):
        return
    known = await _whose(ctx, fact.before, held, at=at)
    if known is None:  # nobody had the old name yet, or somebody has it since, or was erased
        for kind, old, _ in pairs:
            await _pass_on(ctx, kind, old, at=at)
        return
    now, since = await name_history.today(ctx, fact.after, at=at)
    known = await _with_whoever_has(ctx, known, now, at=at)
    origin = origins.of(known, held, origins.names(fact.before))
    for kind, old, _ in pairs:
        known = await learned_names.retire(ctx, known, kind, old, at=_before(at), origin=origin)
    known = await learned_names.learn(ctx, known, now, at=since, beside=origins.names(fact.before))
    if now.wa_id is not None:
        known = await _renumber(ctx, known, now.wa_id, origin=origin)
    await blocks.remove(
        ctx.tx, tenant_id=ctx.tenant_id, contact_row_id=known.row_id, reason="identity_changed"
    )
    await undelivered.judge_reach(ctx, known)


def _pairs(fact: IdentityChanged) -> list[tuple[Kind, str, str]]:
    """Of each kind of name, the old one and the new, where both are told."""
    before, after = fact.before, fact.after
    each: list[tuple[Kind, str | None, str | None]] = [
        ("wa_id", before.wa_id, after.wa_id),
        ("bsuid", before.bsuid, after.bsuid),
    ]
    return [(kind, old, new) for kind, old, new in each if old and new and old != new]


async def _note(ctx: Context, kind: Kind, old: str, new: str, *, at: datetime) -> bool:
    """Whoever makes a contact of the old name at the same time sees it, or is seen."""
    await _take_turn(ctx, kind, old)
    return await identity_changes.add(
        ctx.tx, tenant_id=ctx.tenant_id, kind=kind, old=old, new=new, at=at
    )


async def _take_turn(ctx: Context, kind: Kind, name: str) -> None:
    if kind == "wa_id":
        await identities.take_turns(ctx.tx, tenant_id=ctx.tenant_id, numbers=[phone_of(name)])
    else:
        await identities.take_turn(ctx.tx, tenant_id=ctx.tenant_id, of=name)


async def _whose(
    ctx: Context, before: Who, held: dict[Key, Held], *, at: datetime
) -> Contact | None:
    """Who had the old names before the change: not somebody who was first heard of since."""
    for name in origins.names(before):
        found = held.get(name)
        if found is not None and found.known_at < at:
            return await contact_rows.by_id(ctx.tx, tenant_id=ctx.tenant_id, uuid=found.contact_id)
    return None


async def _pass_on(ctx: Context, kind: Kind, old: str, *, at: datetime) -> None:
    """Whoever was erased after an opt-out has it under their new names, too, known or not yet."""
    for name, since in (await name_history.chain(ctx, kind, old, at=_before(at)))[1:]:
        if not await opt_outs.pass_on(ctx, kind, old, name, at=at):
            return
        await _take_turn(ctx, kind, name)  # whoever makes a contact of it now sees this, or is seen
        names = learned_names.numbers(name) if kind == "wa_id" else [(kind, name)]
        held = await reported_names.held(ctx.tx, tenant_id=ctx.tenant_id, names=names)
        for uuid in {found.contact_id for found in held.values() if found.known_at >= since}:
            if (known := await contacts.of_id(ctx, uuid)) is not None:
                await opt_outs.renew(ctx, known, kind, name)


async def _with_whoever_has(ctx: Context, known: Contact, now: Who, *, at: datetime) -> Contact:
    """With whoever already wrote under the new names, where WhatsApp alone told of them.

    Anybody else who has one keeps it: the two may be one person, for people to say.
    """
    held = await reported_names.held(ctx.tx, tenant_id=ctx.tenant_id, names=origins.names(now))
    for found in held.values():
        if found.contact_row_id == known.row_id or found.known_at < at:
            continue
        other = await contact_rows.by_id(ctx.tx, tenant_id=ctx.tenant_id, uuid=found.contact_id)
        if other is None or other.id == known.id:
            continue
        if await shells.is_one(ctx, other):
            known = await shells.absorb(ctx, other, known)
    return known


async def _renumber(ctx: Context, known: Contact, wa_id: str, *, origin: str | None) -> Contact:
    """Show the new number in place of the old one, and carry consent over with a row saying so.

    Is it another contact's, then the old one goes all the same: it may be sold to anybody.
    """
    phone = phone_of(wa_id)
    names = learned_names.numbers(wa_id)
    held = await reported_names.held(ctx.tx, tenant_id=ctx.tenant_id, names=names)
    if learned_names.elsewhere(known, ("wa_id", wa_id), held) is not None:
        return await _without_former(ctx, known)
    if (former := held.get(("phone", phone))) is not None:
        await reported_names.give(
            ctx.tx, tenant_id=ctx.tenant_id, name=("phone", phone), contact_row_id=known.row_id
        )
        await contact_rows.count_up(ctx.tx, tenant_id=ctx.tenant_id, uuid=former.contact_id)
    else:
        await identities.add(
            ctx.tx,
            tenant_id=ctx.tenant_id,
            kind="phone",
            value=phone,
            contact_row_id=known.row_id,
            at=ctx.now,
            confidence="reported",
            origin_uuid=origin,
        )
    if known.phone == phone:
        return known
    wanted = await contacts.give_phone(ctx, known, phone)
    await _carry_over(ctx, wanted, phone)
    return await contacts.of_id(ctx, known.id) or wanted


async def _without_former(ctx: Context, known: Contact) -> Contact:
    """Of a contact whose phone was given up: with another of its numbers in its place, or none."""
    if known.phone is None:
        return known
    names = await send_rows.names(ctx.tx, tenant_id=ctx.tenant_id, contact_row_id=known.row_id)
    phones = [value for kind, value in names if kind == "phone"]
    if known.phone in phones:
        return known
    return await contacts.give_phone(ctx, known, Phone(phones[0]) if phones else None)


async def _carry_over(ctx: Context, known: Contact, phone: Phone) -> None:
    """What was agreed to counts for the new number, since when it did: nothing is widened."""
    rows = await ledger.of_contact(ctx.tx, tenant_id=ctx.tenant_id, contact_uuid=known.id)
    carried: Sequence[consent.Record] = [
        msgspec.structs.replace(
            one.row,
            id=ctx.new_id(),
            contact_id=known.id,
            recorded_at=ctx.now,
            address=phone,
            evidence=msgspec.Raw(json.encode({"repeats": one.row.id})),
            note="The person's number changed, as WhatsApp confirmed; the consent went along.",
        )
        for one in consent.all_in_force(rows)
        if one.channel == "whatsapp" and one.row is not None and one.row.state == "granted"
    ]
    for row in carried:
        await ledger.add(ctx.tx, tenant_id=ctx.tenant_id, record=row)


def _before(at: datetime) -> datetime:
    """So that a change at that very moment is one that comes after."""
    return at - MICROSECOND
