"""What WhatsApp tells of people, each fact in one transaction: once, whatever the order."""

from typing import Any

import msgspec

from kith.actions import (
    blocks,
    consent,
    contacts,
    learned_names,
    media,
    messages,
    name_history,
    opt_ins,
    origins,
    senders,
    sends,
    undelivered,
    words,
)
from kith.actions.consent import SetConsent
from kith.actions.run import Context
from kith.domain import consent_words, failures, json
from kith.domain.contacts import Contact
from kith.domain.messages import AMENDING, WINDOWLESS, Delivery, Message
from kith.domain.whatsapp_facts import (
    AccountRestricted,
    MessageEchoed,
    MessageReceived,
    MessageTold,
    OffersRestricted,
    PreferenceTold,
    Who,
)
from kith.errors import Refused
from kith.store import blocks as block_rows
from kith.store import business_numbers, identities
from kith.store import messages as message_rows

_NOTHING = msgspec.Raw(b"{}")


class _Stored(msgspec.Struct, frozen=True):
    """A new message and whose it is. `is_amended`: an edit or a deletion of it came before it."""

    contact: Contact
    message: Message
    is_amended: bool


async def receive(ctx: Context, fact: MessageReceived) -> None:
    """Somebody wrote: the contact, the message, the window, the count, and what it asks for."""
    stored = await _store(ctx, fact, Delivery(status="received"))
    if stored is None:
        return
    known, message = stored.contact, stored.message
    if fact.shared is not None:
        known = await _learn_shared(ctx, known, fact.shared, message)
    tx, tenant_id = ctx.tx, ctx.tenant_id
    await media.plan(ctx, message)
    if message.type not in WINDOWLESS:
        await business_numbers.heard(
            tx,
            tenant_id=tenant_id,
            contact_row_id=known.row_id,
            number_id=message.number_id,
            at=message.at,
        )
        held = await block_rows.of_contact(tx, tenant_id=tenant_id, contact_row_id=known.row_id)
        if any(one.reason == "not_on_whatsapp" for one in held):
            await undelivered.judge_reach(ctx, known)
    await _amend(ctx, stored)
    await _heed(ctx, known, message, fact)


async def echo(ctx: Context, fact: MessageEchoed) -> None:
    """The business wrote from its phone: shown and counted, but it opens nothing."""
    at = min(fact.at, ctx.now)
    stored = await _store(ctx, fact, Delivery(status="sent", sent_at=at))
    if stored is None:
        return
    message = stored.message
    await business_numbers.work(
        ctx.tx, tenant_id=ctx.tenant_id, number_id=message.number_id, at=message.at
    )
    told = await message_rows.unpark(ctx.tx, tenant_id=ctx.tenant_id, wamid=fact.wamid)
    await messages.advance(ctx, message, told)
    await _amend(ctx, stored)


async def prefer(ctx: Context, fact: PreferenceTold) -> None:
    """Somebody stopped marketing in WhatsApp itself, or resumed: Meta's word, and only that."""
    at = min(fact.at, ctx.now)
    known = await senders.sender(ctx, fact.who, at=at)
    given = SetConsent(
        channel="whatsapp",
        purpose="marketing",
        state="withdrawn" if fact.is_stop else "granted",
        source="meta",
        method="platform",
        evidence={"user_preference": "stop" if fact.is_stop else "resume"},
        occurred_at=at,
    )
    for one, address in await _concerned(ctx, known, fact.who, given):
        await undelivered.tell_meta(ctx, one, given, by=address)


async def restrict(ctx: Context, fact: AccountRestricted) -> None:
    """WhatsApp lets none of the account's numbers send, or lets them again.

    A restriction that ends by itself is as a message refused for it: whether it is over, the next
    message tells.
    """
    if fact.until is not None and fact.until <= ctx.now:
        return
    tx, tenant_id, at = ctx.tx, ctx.tenant_id, min(fact.at, ctx.now)
    for number_id in fact.number_ids:
        if not fact.is_restricted:
            await business_numbers.work(tx, tenant_id=tenant_id, number_id=number_id, at=at)
            await business_numbers.allow_offers(tx, tenant_id=tenant_id, number_id=number_id, at=at)
        elif fact.until is None:
            await business_numbers.restrict(tx, tenant_id=tenant_id, number_id=number_id, at=at)
        else:
            await business_numbers.fail(
                tx, tenant_id=tenant_id, number_id=number_id, at=at, code=failures.LOCKED
            )


async def restrict_offers(ctx: Context, fact: OffersRestricted) -> None:
    """What is over when it is read changes nothing: the verdict looks at the time."""
    at = min(fact.at, ctx.now)
    until = fact.until or at + failures.PAUSE
    for number_id in fact.number_ids:
        await business_numbers.restrict_offers(
            ctx.tx, tenant_id=ctx.tenant_id, number_id=number_id, at=at, until=until
        )


async def _store(ctx: Context, fact: MessageTold, delivery: Delivery) -> _Stored | None:
    """None when the message is known, or was erased with its contact."""
    tx, tenant_id, at = ctx.tx, ctx.tenant_id, min(fact.at, ctx.now)
    # Of a message and what edits or deletes it, one sees the other, though they come at once.
    is_amending = fact.type in AMENDING and fact.about_wamid is not None
    await identities.take_turn(
        tx, tenant_id=tenant_id, of=(fact.about_wamid if is_amending else None) or fact.wamid
    )
    heard = await message_rows.heard_of(tx, tenant_id=tenant_id, wamid=fact.wamid)
    if heard.is_known:
        return None
    known = await senders.sender(ctx, fact.who, at=at)
    await business_numbers.ensure(
        tx, tenant_id=tenant_id, number_id=fact.number.id, phone=fact.number.phone, at=ctx.now
    )
    message = Message(
        id=fact.id or ctx.new_id(),
        contact_id=known.id,
        number_id=fact.number.id,
        direction="inbound" if isinstance(fact, MessageReceived) else "outbound",
        type=fact.type,
        at=at,
        created_at=ctx.now,
        delivery=delivery,
        content=msgspec.Raw(json.encode(fact.content)),
        wamid=fact.wamid,
        about_wamid=fact.about_wamid,
        address=fact.who.address,
        is_echo=isinstance(fact, MessageEchoed),
        contact_row_id=known.row_id,
    )
    if message.counts:
        known = await messages.count(ctx, known, at)
        message = msgspec.structs.replace(message, is_counted=True)
    row_id = await message_rows.add(
        tx, tenant_id=tenant_id, message=message, contact_row_id=known.row_id, contact_uuid=known.id
    )
    assert row_id is not None, "nobody else writes in this transaction"
    message = msgspec.structs.replace(message, row_id=row_id)
    return _Stored(known, message, is_amended=heard.is_amended)


async def _learn_shared(ctx: Context, known: Contact, wa_id: str, message: Message) -> Contact:
    """Their own number, or what it became since; whoever else has it keeps it."""
    now, since = await name_history.today(ctx, Who(wa_id=wa_id), at=message.at)
    beside = origins.names_at(message.address)
    return await learned_names.learn(ctx, known, now, at=since, beside=beside)


async def _heed(ctx: Context, known: Contact, message: Message, fact: MessageReceived) -> None:
    """A message that is one word of consent, whole, is the person's own act; so is one with the
    code that a web page gave them."""
    if not any(fact.said):
        return
    more = await words.get(ctx, None)
    found = {
        consent_words.word(text, more_stop=more.stop, more_start=more.start) for text in fact.said
    } - {None}
    if not found:
        for text in fact.said:
            agreed = await opt_ins.confirm(
                ctx, known, text, fact.wamid, message.at, address=message.address
            )
            if agreed is not None:
                await blocks.trust(ctx, agreed, message.at)
        return
    given = SetConsent(
        channel="whatsapp",
        purpose="marketing",
        state="withdrawn" if "stop" in found else "granted",
        source="inbound",
        method="button" if fact.is_button else "keyword",
        evidence={"wamid": fact.wamid, "number_id": fact.number.id, "said": list(fact.said)},
        occurred_at=message.at,
    )
    was_free, after = False, []
    for one, address in await _concerned(ctx, known, fact.who, given):
        try:
            told = await consent.tell(ctx, one, given, by=address)
        except Refused:  # the ledger of this contact is full of opt-ins
            return
        was_free |= one.withdrawn_at is None and told.contact.withdrawn_at is not None
        after.append(told.contact)
    if given.state == "granted":
        await blocks.trust(ctx, after[0], message.at)
    if was_free and after[0].withdrawn_at is not None:
        await sends.confirm_opt_out(
            ctx,
            after[0],
            number_id=fact.number.id,
            said=fact.said[0],
            to=message.address,
        )


async def _concerned(
    ctx: Context, known: Contact, who: Who, given: SetConsent
) -> list[tuple[Contact, str | None]]:
    """Whose consent it is, each with the address by which they are meant: the sender, and of a stop
    also whoever else has a name that was told. The two may be one person, and offers go by name."""
    found = {known.id: (known, who.address)}
    if given.state == "withdrawn" and given.occurred_at is not None:
        held = await senders.holders(ctx, who, at=given.occurred_at)
        for one, address in zip(held, (who.bsuid, who.address, who.parent_bsuid), strict=True):
            other = await contacts.of_id(ctx, one.contact_id) if one is not None else None
            if other is not None:
                found.setdefault(other.id, (other, address))
    return list(found.values())


async def _amend(ctx: Context, stored: _Stored) -> None:
    """An edit or a deletion changes the message it is about, whichever of the two came first."""
    tx, tenant_id, message = ctx.tx, ctx.tenant_id, stored.message
    if message.type in AMENDING:
        if message.about_wamid is None:
            return
        target = await message_rows.by_wamid(tx, tenant_id=tenant_id, wamid=message.about_wamid)
    elif stored.is_amended:
        target = message
    else:
        return
    if target is None or target.wamid is None:
        return
    told = [
        one
        for one in await message_rows.amendments(tx, tenant_id=tenant_id, wamid=target.wamid)
        if (one.contact_row_id, one.direction) == (target.contact_row_id, target.direction)
    ]
    if not told:
        return
    edits = [one for one in told if one.type == "edit"]
    amended = target
    if edits:
        new: Any = json.decode_object(bytes(edits[-1].content)).get("content", {})
        if (url := json.decode_object(bytes(target.content)).get("url")) is not None:
            new = {**new, "url": url}  # the file is the same, whatever is said about it now
        amended = msgspec.structs.replace(
            amended, content=msgspec.Raw(json.encode(new)), edited_at=edits[-1].at
        )
    if gone := next((one for one in told if one.type == "revoke"), None):
        amended = msgspec.structs.replace(amended, content=_NOTHING, deleted_at=gone.at)
        await media.forget_one(ctx, target)
        for one in edits:
            blank = msgspec.structs.replace(one, content=_NOTHING)
            await message_rows.set_content(tx, tenant_id=tenant_id, message=blank)
    await message_rows.set_content(tx, tenant_id=tenant_id, message=amended)
